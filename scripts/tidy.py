#!/usr/bin/env python3
"""Runs clang-tidy over the project's own files, and not twice over the same text.

A file that passed leaves a stamp in the cache, named by a hash of the file, of every header
of ours it includes, and of .clang-tidy; so a run after a small change is short. --budget
bounds a first run: what it did not come to is counted, and comes first the next time.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ["LEAT_CACHE"]) / "tidy"
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def closure(file, seen):
    """The file and every header of ours below it."""
    if file in seen or not file.is_file():
        return
    seen.add(file)
    for name in INCLUDE.findall(file.read_text()):
        closure(ROOT / "src" / name, seen)


def stamp(file):
    seen = set()
    closure(file, seen)
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
    for part in sorted(seen):
        digest.update(str(part.relative_to(ROOT)).encode() + part.read_bytes())
    return CACHE / digest.hexdigest()[:32]


def arguments(command):
    """Compiler arguments without g++'s precompiled header, output and launcher."""
    words = iter(shlex.split(command))
    kept = []
    for word in words:
        if word in ("-o", "-MF", "-MT", "-c"):
            next(words)
        elif word == "-include":
            next(words)
        elif word.startswith(("-I", "-D", "-std", "-march", "-W")) and word != "-Werror":
            kept.append(word)
        elif word == "-isystem":
            kept += [word, next(words)]
    return [word for word in kept if word not in ("-Winvalid-pch", "-Wno-maybe-uninitialized",
                                                  "-Wno-stringop-overread", "-Wno-restrict",
                                                  "-Wno-stringop-overflow")]


def check(file, command):
    result = subprocess.run(["clang-tidy", "--quiet", str(file), "--", *arguments(command)],
                            capture_output=True, text=True)
    return file, result.returncode, result.stdout + (result.stderr if result.returncode else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=float, default=300, help="seconds")
    options = parser.parse_args()
    commands = json.loads((ROOT / "build/compile_commands.json").read_text())
    CACHE.mkdir(parents=True, exist_ok=True)
    todo = {Path(c["file"]): c["command"] for c in commands
            if Path(c["file"]).is_relative_to(ROOT / "src")}
    total = len(todo)
    todo = {file: command for file, command in sorted(todo.items()) if not stamp(file).exists()}
    deadline = time.monotonic() + options.budget
    failed = checked = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        queue = iter(todo.items())
        running = set()
        while True:
            while len(running) < os.cpu_count() and time.monotonic() < deadline:
                if (item := next(queue, None)) is None:
                    break
                running.add(pool.submit(check, *item))
            if not running:
                break
            done, running = concurrent.futures.wait(
                running, return_when=concurrent.futures.FIRST_COMPLETED)
            for file, code, output in (future.result() for future in done):
                checked += 1
                if code:
                    failed += 1
                    print(output, end="")
                else:
                    stamp(file).touch()
    left = len(todo) - checked
    print(f"clang-tidy: {total} files, {checked} checked, {total - len(todo)} unchanged since "
          f"they passed, {left} not reached in {options.budget:.0f} s, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
