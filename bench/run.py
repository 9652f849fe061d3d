#!/usr/bin/env python3
"""Measures Leat against raw programs, interleaved in one run on one machine, and prints the
ratios. Absolute figures differ between machines; ratios within one run are what counts. The
sizes are such that what a run costs whatever it reads (part `start`) is a few per cent of it.

usage: run.py [--rows 10000000] [--small 1000000] [--keys 10000000] [--large 10000000]
              [--freshness 60] [--repeat 3] [--only PART...] [--write docs/performance.md]
--small: rows where each is a statement of its own, and changes of `upsert`.
Parts: log snapshot upsert start idle transaction freshness
"""

import argparse
import datetime
import os
import platform
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import latency  # noqa: E402
import measure  # noqa: E402
import workloads  # noqa: E402
from harness import database, leat, readers  # noqa: E402

RAW = ROOT / "build" / "leat_raw"
COMMIT = {"every": "1s", "rows": 50_000, "bytes": "64MiB"}
SINKS = {"discard": {"discard": {}},
         "append": {"iceberg": {"warehouse": "./lake", "mode": "append"}},
         "upsert": {"iceberg": {"warehouse": "./lake", "mode": "upsert"}}}


class Bench:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.lines = []
        self.projects = 0
        self.server = database.MariaDb(folder / "server", [
            "--innodb-buffer-pool-size=2G", "--innodb-log-file-size=1G",
            "--max-binlog-size=1G", "--binlog-cache-size=4M"])
        workloads.prepare(self.server)

    def say(self, text=""):
        print(text, flush=True)
        self.lines.append(text)

    def project(self, sink, tables=("orders",), **mysql):
        self.projects += 1
        project = leat.Project(self.folder / f"project{self.projects}")
        project.write("pipelines/bench.yaml", {
            "name": "bench", "commit": COMMIT, "to": SINKS[sink],
            "from": {"mysql": {"url": self.server.url(), "tables": list(tables),
                               "read": "cdc", **mysql}}})
        return project

    def leat(self, project, *arguments):
        return measure.run([leat.PROGRAM, "run", ".", "--until-caught-up", *arguments],
                           env={"SHOP_PASSWORD": database.PASSWORD}, cwd=project.folder)

    def raw(self, mode, name):
        return measure.run([RAW, mode, self.server.port, "leat", database.PASSWORD, "shop", name])

    def stock(self, file):
        """The stock tool that copies a log: the peer of a plain read."""
        if not shutil.which("mariadb-binlog"):
            return None
        target = self.folder / "stock"
        target.mkdir(exist_ok=True)
        return measure.run(["mariadb-binlog", "--read-from-remote-server", "--raw",
                            "--host=127.0.0.1", f"--port={self.server.port}", "--user=leat",
                            f"--password={database.PASSWORD}", f"--result-file={target}/", file])

    def next_log(self):
        self.server.query("FLUSH BINARY LOGS")
        return self.server.query("SHOW BINARY LOGS")[-1][0]

    def table(self, rows, measures, baseline):
        """One line a program: medians of its runs, and its rate against the baseline's."""
        base = statistics.median(m.rate(rows) for m in measures[baseline])
        for name, runs in measures.items():
            rate = statistics.median(m.rate(rows) for m in runs)
            cpu = statistics.median(m.cpu_per_million(rows) for m in runs)
            self.say(f"| {name} | {rate:,.0f} | {cpu:.2f} | {1e6 / cpu / 1e6:.2f}M | "
                     f"{max(m.peak for m in runs) / 1e6:.0f} MB | {rate / base:.2f} |")

    def header(self, title):
        self.say(f"\n### {title}\n")
        self.say("| program | rows/s | CPU s per 1M | rows per CPU s | memory | of the raw rate |")
        self.say("|---|---|---|---|---|---|")

    # The parts.
    def log(self):
        """The log, by kind of statement, into each sink."""
        count = self.options.rows
        few = self.options.small
        for title, rows, write in (
                (f"Log: {count:,} rows in statements of 1,000", count,
                 lambda low: workloads.multi_row(self.server, low, low + count)),
                (f"Log: {few:,} single-row statements, 1,000 a transaction", few,
                 lambda low: workloads.single_rows(self.server, low, low + few)),
                (f"Log: {few:,} single-row updates, each a transaction", few,
                 lambda low: workloads.single_updates(self.server, low - few, low))):
            names = list(SINKS)
            waiting = {name: [self.project(name, snapshot="never")
                              for _ in range(self.options.repeat)] for name in names}
            for projects in waiting.values():
                for project in projects:
                    self.leat(project)
            file = self.next_log()
            write(self.rows_in("orders"))
            self.next_log()
            measures = {"raw drain": [], "mariadb-binlog --raw": [],
                        **{f"leat → {name}": [] for name in names}}
            for repeat in range(self.options.repeat):
                measures["raw drain"].append(self.raw("binlog", file))
                if stock := self.stock(file):
                    measures["mariadb-binlog --raw"].append(stock)
                for name in names:
                    measures[f"leat → {name}"].append(self.leat(waiting[name][repeat]))
            self.header(title)
            self.table(rows, {k: v for k, v in measures.items() if v}, "raw drain")

    def rows_in(self, table):
        return self.server.query(f"SELECT COALESCE(MAX(id) + 1, 0) FROM {table}")[0][0]

    def snapshot(self):
        rows = 3 * self.options.small
        self.server.query(workloads.ORDERS.format(name="snap"))
        workloads.multi_row(self.server, 0, rows, "snap", 50_000)
        measures = {"raw SELECT": [], "leat → append, 1 worker": [], "leat → append": []}
        for _ in range(self.options.repeat):
            measures["raw SELECT"].append(self.raw("snapshot", "snap"))
            one = self.project("append", ["snap"], snapshot="only", snapshot_workers=1)
            measures["leat → append, 1 worker"].append(self.leat(one))
            measures["leat → append"].append(
                self.leat(self.project("append", ["snap"], snapshot="only")))
        self.header(f"Snapshot: {rows:,} rows into Iceberg")
        self.table(rows, measures, "raw SELECT")

    def upsert(self):
        """A million changes, half of them random updates, on a table of many keys."""
        keys, changes = self.options.keys, self.options.small
        self.server.query("TRUNCATE TABLE orders")
        workloads.multi_row(self.server, 0, keys, statement_rows=50_000)
        project = self.project("upsert")
        first = self.leat(project)
        raw_file = self.next_log()
        workloads.mixed(self.server, keys, keys + changes // 2, keys)
        self.next_log()
        measures = {"raw drain": [self.raw("binlog", raw_file)],
                    "leat → upsert": [self.leat(project)]}
        self.header(f"Upsert: {changes:,} changes, half random updates, on {keys:,} keys")
        self.table(changes, measures, "raw drain")
        self.say(f"\nThe snapshot of the {keys:,} keys before it: {first.rate(keys):,.0f} rows/s, "
                 f"{first.cpu_per_million(keys):.2f} CPU s per 1M, {first.peak / 1e6:.0f} MB.")
        same = readers.count(project, "shop.orders") == self.server.query(
            "SELECT COUNT(*) FROM orders")[0][0]
        self.say(f"Afterwards the table {'equals' if same else 'DIFFERS FROM'} its source in rows.")

    def transaction(self):
        """One statement, one transaction, many rows: memory stays flat."""
        rows = self.options.large
        projects = {name: self.project(name, snapshot="never") for name in ("discard", "append")}
        for project in projects.values():
            self.leat(project)
        low = self.rows_in("orders")
        workloads.one_transaction(self.server, low, low + rows)
        measures = {f"leat → {name}": [self.leat(p)] for name, p in projects.items()}
        self.header(f"One transaction of {rows:,} rows")
        self.table(rows, measures, "leat → discard")

    def start(self):
        self.say("\n### Start\n")
        found = [latency.first_row(self) for _ in range(self.options.repeat * 3)]
        self.say(f"Start to first row (`stdout` sink): median {statistics.median(found) * 1e3:.0f}"
                 f" ms, slowest {max(found) * 1e3:.0f} ms of {len(found)}.")
        # What every run of the tables pays whatever it reads: small tables are mostly this.
        project = self.project("discard", snapshot="never")
        self.leat(project)
        empty = [self.leat(project) for _ in range(self.options.repeat * 3)]
        self.say(f"\nA whole run with nothing to read: median "
                 f"{statistics.median(m.seconds for m in empty) * 1e3:.0f} ms, "
                 f"{statistics.median(m.cpu for m in empty) * 1e3:.0f} ms of CPU.")

    def idle(self):
        memory, share = latency.idle(self)
        self.say(f"\nIdle pipeline: {memory / 1e6:.1f} MB of anonymous memory, "
                 f"{share * 100:.1f} % of a core.")

    def freshness(self):
        self.say("\n### Freshness\n")
        self.say(latency.freshness(self, self.options.freshness))

    def close(self):
        self.server.stop()


PARTS = ["log", "snapshot", "start", "idle", "freshness", "transaction", "upsert"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--small", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=10_000_000)
    parser.add_argument("--large", type=int, default=10_000_000)
    parser.add_argument("--freshness", type=int, default=60, help="seconds; 3600 for an hour")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--write", help="puts the tables into this file, below its first mark")
    options = parser.parse_args()
    options.load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="leat-bench-"))
    bench = Bench(options, folder)
    try:
        for part in options.only:
            getattr(bench, part)()
    finally:
        bench.close()
        shutil.rmtree(folder)
    if options.write:
        write(Path(options.write), options, bench.lines)
    return 0


def write(file, options, lines):
    mark = "<!-- measured -->"
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text()
                .splitlines() if line.startswith("model name")), platform.machine())
    facts = (f"{datetime.date.today()}, {cpu}, {len(os.sched_getaffinity(0))} cores"
             f" shared by server and client, load average {options.load:.1f} at the start and"
             f" {os.getloadavg()[0]:.1f} at the end,"
             f" `make bench ARGS=\"{' '.join(sys.argv[1:])}\"`")
    head = file.read_text().split(mark)[0]
    file.write_text("\n".join([head + mark, facts, *lines]) + "\n")


if __name__ == "__main__":
    sys.exit(main())
