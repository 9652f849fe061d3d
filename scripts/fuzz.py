#!/usr/bin/env python3
"""Builds every fuzz target with clang and runs each for some seconds on its corpus, as many at
a time as there are processors.

The corpus of x_fuzz is its library's testdata/x_fuzz; what a run finds new goes to a scratch
folder, so the kept corpus stays small. A finding is left in build-asan/findings.
usage: fuzz.py [--seconds N] [NAME...]
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build-asan"


def run(target, seconds):
    corpus = next((c for p in target.parents if (c := p / "testdata" / target.stem).is_dir()),
                  None)
    scratch = BUILD / "corpus" / target.stem
    findings = BUILD / "findings"
    for folder in (scratch, findings):
        folder.mkdir(parents=True, exist_ok=True)
    seeds = [str(corpus)] if corpus else []
    result = subprocess.run(
        [str(BUILD / target.stem), str(scratch), *seeds, f"-max_total_time={seconds}",
         f"-artifact_prefix={findings}/{target.stem}-", "-rss_limit_mb=2048", "-timeout=20",
         # The power schedule of entropies costs more than half of the time here.
         "-entropic=0", "-print_final_stats=1", "-verbosity=0"],
        env={**os.environ, "ASAN_OPTIONS": "detect_container_overflow=0"},
        capture_output=True, text=True)
    runs = re.search(r"number_of_executed_units:\s*(\d+)", result.stderr)
    if result.returncode:
        print(result.stderr[-6000:])
    return result.returncode == 0, int(runs[1]) if runs else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    targets = [t for t in sorted((ROOT / "src").rglob("*_fuzz.cc"))
               if not options.names or t.stem in options.names]
    if targets and subprocess.run(["scripts/build.sh", "asan", *(t.stem for t in targets)],
                                  cwd=ROOT).returncode:
        print("fuzz: the build failed")
        return 1
    bad = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda target: run(target, options.seconds), targets)
        for target, (clean, runs) in zip(targets, results):
            print(f"fuzz: {target.stem}: {runs} inputs, {'clean' if clean else 'A FINDING'}",
                  flush=True)
            if not clean:
                bad.append(target.stem)
    print(f"fuzz: {len(targets)} targets, {options.seconds} s each, {len(bad)} with findings"
          + (f": {', '.join(bad)} (inputs in build-asan/findings)" if bad else ""))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
