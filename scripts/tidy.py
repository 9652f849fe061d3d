#!/usr/bin/env python3
"""Runs clang-tidy over the project's own files, and not twice over the same text.

It takes the compiler's arguments, and the precompiled header with them, from a clang build
that nothing else uses (build-tidy), which makes a file a matter of seconds. A file that passed
leaves a stamp in the cache, named by a hash of the file, of every header of ours it includes,
and of .clang-tidy; so a run after a small change is short. --budget bounds a first run: what it
did not come to is counted, and comes first the next time. What changed last is checked first,
so that a run on a new machine spends its budget on what no run before it has seen.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Without CMAKE_UNITY_BUILD: a unity build has no command for a single file.
BUILD = ROOT / "build-tidy"
FOLDERS = (ROOT / "src", ROOT / "tests")
CACHE = Path(os.environ["LEAT_CACHE"]) / "tidy"
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def closure(file, seen):
    """The file and every header of ours below it."""
    if file in seen or not file.is_file():
        return
    seen.add(file)
    for name in INCLUDE.findall(file.read_text()):
        for folder in FOLDERS:
            closure(folder / name, seen)


def stamp(file):
    seen = set()
    closure(file, seen)
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
    for part in sorted(seen):
        digest.update(str(part.relative_to(ROOT)).encode() + part.read_bytes())
    return CACHE / digest.hexdigest()[:32]


def by_age(files):
    """Those changed last first; those that git has not told of at the end."""
    told = subprocess.run(["git", "log", "-n", "300", "--format=", "--name-only"], cwd=ROOT,
                          capture_output=True, text=True).stdout.split()
    edited = subprocess.run(["git", "diff", "--name-only", "HEAD"], cwd=ROOT,
                            capture_output=True, text=True).stdout.split()
    age = {}
    for name in edited + told:
        age.setdefault(ROOT / name, len(age))
    return sorted(files, key=lambda file: (age.get(file, len(age)), file))


def check(file, deadline):
    """Whether it passed, or None where there was no time for it."""
    if time.monotonic() > deadline:
        return None
    result = subprocess.run(["clang-tidy", "--quiet", "-p", str(BUILD), str(file)],
                            capture_output=True, text=True)
    if result.returncode:
        print(result.stdout + result.stderr, end="")
        return False
    stamp(file).touch()
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=float, default=300, help="seconds")
    options = parser.parse_args()
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    CACHE.mkdir(parents=True, exist_ok=True)
    files = sorted({Path(c["file"]) for c in commands
                    if any(Path(c["file"]).is_relative_to(folder) for folder in FOLDERS)})
    todo = by_age(file for file in files if not stamp(file).exists())
    deadline = time.monotonic() + options.budget
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        passed = list(pool.map(lambda file: check(file, deadline), todo))
    print(f"clang-tidy: {len(files)} files, {len(todo)} to check, {passed.count(None)} not reached "
          f"in {options.budget:.0f} s, {passed.count(False)} failed")
    return 1 if False in passed else 0


if __name__ == "__main__":
    sys.exit(main())
