#!/usr/bin/env python3
"""What `make test` and CI run: stages one after the other, all of them whatever fails, and
at the end the summary each runner printed. A skipped test is counted with its reason.
usage: test.py [STAGE...]   (default: those of DEFAULT)
"""

import collections
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from harness import database, kafka  # noqa: E402

PYTHON = sys.executable
LOGS = ROOT / "build" / "test-logs"
# Arrow and RocksDB are not instrumented: containers that cross into them look overflown.
ASAN = {"ASAN_OPTIONS": "detect_container_overflow=0:detect_odr_violation=0:"
                        "malloc_context_size=12",
        "LEAT_CONFORMANCE_EVERY": "8",
        "LSAN_OPTIONS": f"suppressions={ROOT}/cmake/lsan.supp:print_suppressions=0",
        "UBSAN_OPTIONS": "print_stacktrace=1"}
TSAN = {"TSAN_OPTIONS": f"suppressions={ROOT}/cmake/tsan.supp:second_deadlock_stack=1",
        "LEAT_CONFORMANCE_EVERY": "8"}
PYTEST = [PYTHON, "-m", "pytest", "-q", "-rs", "--color=no", "-p", "no:cacheprovider"]
# Tests against servers mostly wait: more of them at a time than there are processors.
BESIDE = ["-n", "4", "--dist", "worksteal"]

# `servers`: the step's tests find real servers in LEAT_TEST_MARIADB_URL, _MYSQL_URL and
# _KAFKA_URL.
Step = collections.namedtuple("Step", "command env servers", defaults=({}, False))


def ctest(folder, env, *arguments):
    return Step(["ctest", "--test-dir", folder, "-j3", "--timeout", "900", "--output-on-failure",
                 "--no-tests=error", *arguments], env, servers=True)


# trials, tsan, fuzz and tidy are to follow once they have been seen with unity builds.
DEFAULT = ("lint", "checks", "e2e", "torture", "asan")


def stages():
    """In the order they run. Unit tests are built once, with AddressSanitizer; what needs the
    program's speed, or waits for servers, takes the release build."""
    build = ["scripts/build.sh"]
    model = ROOT / "tests/model/epoch_model.py"
    return {
        "lint": [Step(["scripts/lint.sh"])],
        "checks": [Step([*PYTEST, "scripts"])]
                  + ([Step([PYTHON, str(model), "--quick"])] if model.exists() else []),
        "trials": [Step([*build, "release", "leat", "leat_trial_test", "leat_conformance_test"]),
                   ctest("build", {}, "-R", "^(conformance|trial|trial_kafka)$")],
        "e2e": [Step([*build, "release", "leat"]),
                Step([*PYTEST, *BESIDE, "--durations=10", "tests/e2e"])],
        "torture": [Step([*build, "release", "leat"]),
                    Step([PYTHON, "tests/torture.py", "--kills", "10"]),
                    Step([PYTHON, "tests/torture.py", "--kafka", "--kills", "8"]),
                    Step([PYTHON, "tests/torture.py", "--day", "--minutes", "1"])],
        "asan": [Step([*build, "asan"]), ctest("build-asan", ASAN),
                 Step([*PYTEST, "tests/iceberg"],
                      {**ASAN, "LEAT_ICEBERG_TEST": str(ROOT / "build-asan/leat_iceberg_test")})],
        "tsan": [Step([*build, "tsan", "leat_base_test", "leat_store_test",
                       "leat_runtime_test", "leat_conformance_test"]),
                 ctest("build-tsan", TSAN, "-R", "^(base|store|runtime|conformance)$")],
        "fuzz": [Step([PYTHON, "scripts/fuzz.py", "--seconds", "20"])],
        "tidy": [Step([*build, "tidy", "leat_pch", "leat_test_pch"]),
                 Step([PYTHON, "scripts/tidy.py", "--budget", "120"])],
    }


class Servers:
    """One server of each kind for the unit tests, started when first asked for."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="leat-test-")
        self.running = {}

    def environment(self):
        for kind, server in database.SERVERS.items():
            if kind not in self.running and not server.reason_missing():
                started = server(Path(self.folder.name) / kind)
                started.execute("CREATE USER tester@'%' IDENTIFIED BY 'tester'",
                                "GRANT ALL ON *.* TO tester@'%' WITH GRANT OPTION")
                self.running[kind] = started
        if "kafka" not in self.running and not kafka.Kafka.reason_missing():
            self.running["kafka"] = kafka.Kafka(Path(self.folder.name) / "kafka")
        return {f"LEAT_TEST_{kind.upper()}_URL": server.url() if kind == "kafka"
                else f"mysql://tester:tester@127.0.0.1:{server.port}"
                for kind, server in self.running.items()}

    def stop(self):
        for server in self.running.values():
            server.stop()
        self.folder.cleanup()


def run(step, log, servers):
    """Runs a step, shows its output as it comes and keeps it."""
    env = {**os.environ, **step.env, **(servers.environment() if step.servers else {})}
    process = subprocess.Popen(step.command, cwd=ROOT, env=env, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace")
    for line in process.stdout:
        print(line, end="", flush=True)
        log.write(line)
    return process.wait()


def gtest_summary(folder):
    """The tests inside the programs ctest ran, which ctest itself does not count."""
    log = ROOT / folder / "Testing/Temporary/LastTest.log"
    text = log.read_text(errors="replace") if log.exists() else ""
    passed = sum(map(int, re.findall(r"^\[  PASSED  \] (\d+) test", text, re.M)))
    failed = sorted(set(re.findall(r"^\[  FAILED  \] ([\w/]+\.[\w/]+)", text, re.M)))
    skipped = sorted(set(re.findall(r"^\[  SKIPPED \] ([\w/]+\.[\w/]+)", text, re.M)))
    lines = [f"  {folder}: {passed} passed, {len(failed)} failed, {len(skipped)} skipped"]
    for name in skipped:
        reason = re.search(rf"RUN      \] {re.escape(name)}\n(?:.*\n)?(.*)\n", text)
        lines.append(f"    skipped {name}: {reason[1].strip() if reason else 'no reason'}")
    return lines + [f"    FAILED {name}" for name in failed]


# The last such lines of a stage's output are its runner's own summary.
SUMMARY = re.compile(r"^(=*\s?\d+ (passed|failed|skipped|error).*|SKIPPED .*|FAILED .*|ERROR .*|"
                     r"\d+% tests passed.*|check_tree: .*|clang-tidy: .*|clang-format: .*|"
                     r"fuzz: \d+ targets.*|torture: \d+ kills.*|model: .*)$")


def summarise(name, text):
    lines = [f"  {line}" for line in text.splitlines() if SUMMARY.match(line)]
    folder = {"trials": "build", "asan": "build-asan", "tsan": "build-tsan"}.get(name)
    return lines + (gtest_summary(folder) if folder else [])


def run_stage(name, steps, servers):
    """(name, whether all its steps passed, seconds, its summary's lines)"""
    print(f"\n==== {name}", flush=True)
    start = time.monotonic()
    with open(LOGS / f"{name}.log", "w+") as log:
        good = all(run(step, log, servers) == 0 for step in steps)
        log.seek(0)
        lines = summarise(name, log.read())
    return name, good, time.monotonic() - start, lines


def main():
    known = stages()
    unknown = set(sys.argv[1:]) - set(known)
    if unknown:
        print(f"test.py: no stage {', '.join(unknown)}; there are {', '.join(known)}")
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    servers = Servers()
    try:
        results = [run_stage(name, known[name], servers) for name in sys.argv[1:] or DEFAULT]
    finally:
        servers.stop()
    print("\n==== summary")
    for name, good, seconds, lines in results:
        print(f"{name}: {'passed' if good else 'FAILED'} in {seconds:.0f} s", *lines, sep="\n")
    bad = [name for name, good, _, _ in results if not good]
    print(f"make test: {len(results) - len(bad)} of {len(results)} stages passed"
          + (f"; FAILED: {', '.join(bad)}" if bad else ""))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
