#!/usr/bin/env python3
"""Measures the MySQL sink against raw array binding over one connection, interleaved in one
run on one MariaDB: fresh rows, then the same rows changed. Leat's time is that of a whole
snapshot, reading included; CPU is each program's own.

usage: mysql_sink.py [--rows 300000] [--repeat 3] [--workers 1 2]
"""

import argparse
import os
import re
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import measure  # noqa: E402
import workloads  # noqa: E402
from harness import database, leat  # noqa: E402

RAW = ROOT / "build" / "leat_raw_upsert"
COMMIT_ROWS = 50_000


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder, self.projects = options, folder, 0
        self.server = database.MariaDb(folder / "server", [
            "--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M"])
        self.server.execute("CREATE DATABASE copy", "GRANT ALL ON copy.* TO leat@'%'")
        workloads.prepare(self.server)
        workloads.multi_row(self.server, 0, options.rows, "orders", 50_000)
        # What a run costs that has nothing to write.
        self.server.query(workloads.ORDERS.format(name="empty"))
        self.start_seconds = [self.leat("empty", 1)[0] for _ in range(3)]

    def raw(self):
        text = measure.run([RAW, self.server.port, "leat", database.PASSWORD, "shop.orders",
                            "copy.orders", COMMIT_ROWS]).output
        return tuple(float(re.search(rf"{name}=([\d.]+)", text)[1]) for name in ("seconds", "cpu"))

    def leat(self, table, workers):
        self.projects += 1
        project = leat.Project(self.folder / f"project{self.projects}")
        project.write("pipelines/p.yaml", {
            "name": f"p{self.projects}", "commit": {"every": "1h", "rows": COMMIT_ROWS},
            "from": {"mysql": {"url": self.server.url(), "tables": [table],
                               "snapshot": "only"}},
            "to": {"mysql": {"url": self.server.url("copy"), "workers": workers}}})
        run = measure.run([leat.PROGRAM, "run", "."], cwd=project.folder,
                          env={"SHOP_PASSWORD": database.PASSWORD})
        return run.seconds, run.cpu

    def target(self):
        self.server.query("DROP TABLE IF EXISTS orders", "copy")
        self.server.query(workloads.ORDERS.format(name="orders"), "copy")

    def run(self):
        rows = self.options.rows
        programs = {"raw array binding": self.raw,
                    **{f"leat, {n} worker{'s' * (n > 1)}": (lambda n=n: self.leat("orders", n))
                       for n in self.options.workers}}
        found = {(name, title): [] for name in programs for title in ("fresh", "changed")}
        for _ in range(self.options.repeat):
            for name, program in programs.items():
                self.target()
                found[name, "fresh"].append(program())
                self.server.query("UPDATE orders SET amount = amount + 1, status = 'changed'")
                found[name, "changed"].append(program())
                same = self.server.query("CHECKSUM TABLE shop.orders, copy.orders")
                assert same[0][1] == same[1][1], f"{name}: the tables differ"
        start = statistics.median(self.start_seconds)
        print(f"a run with nothing to write: {start * 1e3:.0f} ms; "
              f"load average {os.getloadavg()[0]:.1f}")
        for title in ("fresh", "changed"):
            base = statistics.median(s for s, _ in found["raw array binding", title])
            print(f"\n{rows:,} {title} rows | rows/s | CPU s per 1M | of the raw rate")
            for name in programs:
                runs = found[name, title]
                seconds = statistics.median(s for s, _ in runs)
                seconds -= start if name.startswith("leat") else 0
                cpu = statistics.median(c for _, c in runs)
                print(f"{name} | {rows / seconds:,.0f} | {cpu * 1e6 / rows:.2f} | "
                      f"{base / seconds:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="leat-bench-"))
    bench = None
    try:
        bench = Bench(options, folder)
        bench.run()
    finally:
        if bench:
            bench.server.stop()
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
