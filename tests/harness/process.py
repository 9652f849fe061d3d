"""Child processes that never outlive the tests, and free ports."""

import ctypes
import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

CACHE = Path(os.environ.get("LEAT_CACHE") or Path(
    os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leat")
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def missing(name):
    """Why scripts/deps.sh could not install a server; None when it is there."""
    note = CACHE / f"{name}.missing"
    if note.exists():
        return f"no {name}: {note.read_text().strip()}"
    if not (CACHE / name).exists():
        return f"no {name}: run scripts/deps.sh test"
    return None


def free_port():
    """One that no outgoing connection is given, so that a server that was killed gets it again
    however many clients knock meanwhile. Of every 16 one belongs to each process of tests that
    runs beside others, so that no two pick the same one."""
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    lane = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 16
    while True:
        port = random.randrange(low // 32, low // 16) * 16 + lane
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_until(condition, seconds, what):
    """Polls; its bound is generous, for a hang only: no test is about time."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def tail(path, lines=30):
    path = Path(path)
    if not path.exists():
        return f"(no {path})"
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


class Process:
    """One child. `log` gets its output when given, else stdout and stderr are its own."""

    def __init__(self, command, log, env=None, cwd=None):
        self.log = Path(log)
        with open(self.log, "ab") as output:
            self.child = subprocess.Popen(
                [str(part) for part in command], stdout=output, stderr=output,
                stdin=subprocess.DEVNULL, cwd=cwd, env={**os.environ, **(env or {})},
                preexec_fn=lambda: _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))

    @property
    def pid(self):
        return self.child.pid

    def alive(self):
        return self.child.poll() is None

    def stopped(self):
        """Whether SIGSTOP holds it."""
        stat = Path(f"/proc/{self.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    def signal(self, number):
        if self.alive():
            self.child.send_signal(number)

    def kill9(self):
        self.signal(signal.SIGKILL)
        return self.child.wait()

    def wait(self, seconds):
        return self.child.wait(seconds)

    def stop(self, seconds=30):
        """SIGTERM, then SIGKILL for one that hangs. Returns the exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            return self.kill9()
