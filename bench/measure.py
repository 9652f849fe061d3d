"""Runs a program and measures it from outside: wall time, CPU seconds of it and its children
by the kernel's count, and the peak of its anonymous memory, sampled."""

import dataclasses
import os
import subprocess
import threading
import time


@dataclasses.dataclass
class Measure:
    seconds: float
    cpu: float
    peak: int  # bytes of anonymous memory
    output: str

    def rate(self, rows):
        return rows / self.seconds

    def cpu_per_million(self, rows):
        return self.cpu * 1e6 / rows


def anonymous(pid):
    """Anonymous resident bytes of a process; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status
                        if line.startswith("RssAnon"))
    except (OSError, StopIteration):
        return 0


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(command, env=None, cwd=None):
    """Runs to the end; a failure raises with what the program said."""
    start = time.monotonic()
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, cwd=cwd,
                          env={**os.environ, **(env or {})}) as child:
        text, peak, ended = [], [0], threading.Event()

        def sample():
            while not ended.wait(0.01):
                peak[0] = max(peak[0], anonymous(child.pid))

        reader = threading.Thread(target=lambda: text.append(child.stdout.read()))
        sampler = threading.Thread(target=sample)
        reader.start()
        sampler.start()
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        ended.set()
        reader.join()
        sampler.join()
    if child.returncode:
        raise RuntimeError(f"{command} ended with {child.returncode}:\n{text[0][-3000:]}")
    return Measure(seconds, usage.ru_utime + usage.ru_stime, peak[0], text[0])


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
