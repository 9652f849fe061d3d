#!/usr/bin/env python3
"""A daemon with many pipelines that have nothing to do: its anonymous memory and CPU, and how
quickly its HTTP API answers while one more pipeline reads at full rate. --threads says where
CPU goes, thread by thread.

Requests are due at fixed moments, whether or not the ones before were answered, and the time of
one counts from the moment that it was due. The client is a few lines of asyncio on connections
that stay open; what it costs itself is measured with it, by /health alone of an idle daemon.

usage: idle.py [--pipelines 200] [--seconds 60] [--rate 200] [--rows 2000000] [--threads]
"""

import argparse
import asyncio
import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import measure  # noqa: E402
from harness import leat, process  # noqa: E402
from harness.api import Client  # noqa: E402

BUSY = "busy"
CONNECTIONS = 4  # the server has 8 threads, and one is a connection's as long as it is open
SETTLED = 10  # seconds after the last pipeline runs
MEMORY, CPU, P99 = 1e9, 0.02, 0.020  # the goals


class Http:
    """Requests of one connection, one after the other."""

    def __init__(self, port):
        self.port = port
        self.reader = self.writer = None

    async def get(self, path):
        if not self.writer:
            self.reader, self.writer = await asyncio.open_connection(
                "127.0.0.1", self.port, limit=1 << 24)
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 200"), head
        size = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        await self.reader.readexactly(size)
        if b"connection: close" in head:
            self.writer.close()
            self.writer = None
        return size


async def load(port, paths, rate, seconds):
    """Seconds that each answer took, by path; and the size of the newest."""
    free = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(Http(port))
    took, sizes = collections.defaultdict(list), {}

    async def ask(kind, path, due):
        connection = await free.get()
        try:
            sizes[kind] = await connection.get(path)
        finally:
            free.put_nowait(connection)
        took[kind].append(time.monotonic() - due)

    start, tasks = time.monotonic(), []
    for number in range(int(rate * seconds)):
        due = start + number / rate
        await asyncio.sleep(max(0, due - time.monotonic()))
        kind, path = paths[number % len(paths)]
        tasks.append(asyncio.create_task(ask(kind, path(number), due)))
    await asyncio.gather(*tasks)
    return took, sizes


def threads(pid):
    """CPU seconds of each thread, by the scheduler's count, with its name."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            found[task.name] = name, int((task / "schedstat").read_text().split()[0]) / 1e9
        except OSError:
            continue  # it has ended
    return found


class Idle:
    def __init__(self, options, folder):
        self.options = options
        self.port = process.free_port()
        self.project = leat.Project(folder)
        self.names = [f"p{i:03}" for i in range(options.pipelines)]
        self.client = Client(self.port)
        self.project.write("leat.yaml", {
            "data": "./data", "api": f"127.0.0.1:{self.port}",
            "topics": {name: {"partitions": 1}
                       for topic in [*self.names, BUSY] for name in [f"in-{topic}"]}})
        for number, name in enumerate(self.names):
            to = ({"topic": {"name": f"out-{name}"}} if number % 2 else {"discard": {}})
            self.pipeline(name, "id bigint not null, note string", to)
        self.run = self.daemon()

    def pipeline(self, name, columns, to):
        self.project.write(f"pipelines/{name}.yaml", {
            "name": name, "from": {"topic": {"name": f"in-{name}", "columns": columns,
                                             "key": ["id"]}}, "to": to})

    def daemon(self):
        run = self.project.command("start", "--foreground", ".")
        self.wait(run)
        return run

    def wait(self, run):
        def all_run():
            try:
                return self.client.get("/ready").json()["ready"]
            except (AssertionError, OSError):
                assert run.alive(), run.text[-3000:]
                return False
        process.wait_until(all_run, 300, "all pipelines run")

    def usage(self, seconds):
        """The share of a core over some seconds, overall and by threads."""
        before, each = measure.cpu_seconds(self.run.pid), threads(self.run.pid)
        time.sleep(seconds)
        share = (measure.cpu_seconds(self.run.pid) - before) / seconds
        return share, {f"{name} {task}": (used - each.get(task, (name, 0))[1]) / seconds
                       for task, (name, used) in threads(self.run.pid).items()}

    def show_threads(self, shares):
        if self.options.threads:
            ordered = sorted(shares.values())
            print(f"    median of {len(ordered)} threads: {ordered[len(ordered) // 2] * 100:.3f} %")
            for name, share in sorted(shares.items(), key=lambda s: -s[1])[:8]:
                print(f"    {name:24} {share * 100:7.2f} %")

    def idle(self):
        time.sleep(SETTLED)
        share, shares = self.usage(self.options.seconds)
        memory = measure.anonymous(self.run.pid)
        self.show_threads(shares)
        print(f"\n| {self.options.pipelines} idle pipelines | | goal |\n|---|---|---|")
        print(f"| anonymous memory | {memory / 1e6:.0f} MB | {MEMORY / 1e6:.0f} MB |")
        print(f"| CPU over {self.options.seconds} s | {share * 100:.1f} % | {CPU * 100:.0f} % |")
        print(f"| threads | {len(shares)} | |", flush=True)

    def paths(self):
        return [("/api/pipelines", lambda n: "/api/pipelines"),
                ("/api/pipelines/NAME",
                 lambda n: f"/api/pipelines/{self.names[n % len(self.names)]}"),
                ("/metrics", lambda n: "/metrics"), ("/health", lambda n: "/health")]

    def cost(self, path, times=20):
        """CPU seconds of the daemon for one answer, beyond what it needs anyway."""
        idle, _ = self.usage(2)
        start, before = time.monotonic(), measure.cpu_seconds(self.run.pid)
        for number in range(times):
            self.client.get(path(number))
        return (measure.cpu_seconds(self.run.pid) - before
                - idle * (time.monotonic() - start)) / times

    def costs(self):
        print("\n| answer | CPU of the daemon |\n|---|---|")
        for name, path in self.paths():
            print(f"| {name} | {self.cost(path, 500 if name == '/health' else 20) * 1e3:.1f} ms |",
                  flush=True)

    def measure(self, title, paths):
        took, sizes = asyncio.run(load(self.port, paths, self.options.rate,
                                       self.options.seconds / 2))
        took = {**took, "all": [t for times in took.values() for t in times]}
        for kind, times in took.items() if len(paths) > 1 else list(took.items())[:1]:
            size = f"{sizes[kind] / 1e3:.1f} kB" if kind in sizes else ""
            print(f"| {title} | {kind} | {size} | {measure.percentile(times, 0.5) * 1e3:.1f} | "
                  f"{measure.percentile(times, 0.99) * 1e3:.1f} | {max(times) * 1e3:.1f} |",
                  flush=True)

    def api(self):
        print(f"\n| {self.options.rate} requests/s | path | answer | p50 ms | p99 ms | slowest ms |"
              "\n|---|---|---|---|---|---|")
        self.measure("the client itself", [self.paths()[-1]])
        self.measure("idle", self.paths())
        self.fill()
        before, start = self.read(), time.monotonic()
        again = self.keep_busy()
        try:
            self.measure("one more at full rate", self.paths())
            rate = (self.read() - before) / (time.monotonic() - start)
            self.show_threads(self.usage(2)[1])
        finally:
            again.kill()
            again.wait()
        print(f"\nGoal: p99 of all at most {P99 * 1e3:.0f} ms. Meanwhile {rate:,.0f} rows a second "
              "were read, from JSON.", flush=True)

    def fill(self):
        """A backlog of records as bytes, and the pipeline that reads it."""
        lines = "".join(json.dumps({"id": i, "note": f"note {i}", "amount": i / 4,
                                    "text": "x" * 40}) + "\n" for i in range(100_000))
        for _ in range(max(1, self.options.rows // 100_000)):
            subprocess.run([leat.PROGRAM, "topics", "produce", f"in-{BUSY}"], input=lines, text=True,
                           cwd=self.project.folder, check=True, capture_output=True)
        self.pipeline(BUSY, "id bigint not null, note string, amount double, text string",
                      {"discard": {}})
        self.client.post("/api/reload")
        self.wait(self.run)

    def keep_busy(self):
        """Lets it read everything again as soon as it is through."""
        script = ("while :; do "
                  f"{leat.PROGRAM} lag {BUSY} --output json | grep -q '\"lag\": *0' && "
                  f"{leat.PROGRAM} offsets {BUSY} --reset earliest >/dev/null; sleep 0.5; done")
        return subprocess.Popen(["sh", "-c", script], cwd=self.project.folder,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def read(self):
        return self.client.pipelines()[BUSY]["rows_read"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipelines", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--threads", action="store_true", help="say where CPU goes")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="leat-idle-"))
    print(f"{len(os.sched_getaffinity(0))} cores, load average {os.getloadavg()[0]:.1f}", flush=True)
    idle = Idle(options, folder / "project")
    try:
        idle.idle()
        idle.costs()
        idle.api()
    finally:
        idle.project.stop_all()
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
