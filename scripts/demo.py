#!/usr/bin/env python3
"""The demo: a private MariaDB with a shop of a million customers flows into Iceberg tables,
keeps changing, and the tables follow; then PyIceberg and DuckDB, which share no code with
Leat, judge whether the lake equals the database. Ends with 1 if it does not.

Everything lies in build/demo and is made anew each time; the server listens on loopback only
and is stopped at the end. usage: demo.py [--seconds 20] [--rate 500]
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from harness import database, leat, process, readers  # noqa: E402
from showing import (Clock, command, last_word, note, paint, progress,  # noqa: E402
                     progress_ends, title, verdict)

FOLDER = ROOT / "build" / "demo"
DATABASE = "shop"
TABLES = ["customers", "orders", "order_details", "payment_method"]
QUERY = """
  SELECT CONCAT(p.method_name, ', ', p.bank) AS method, COUNT(DISTINCT o.id) AS orders,
         SUM(d.quantity) AS products
  FROM orders o JOIN order_details d ON d.order_id = o.id
                JOIN payment_method p ON p.id = o.payment_method_id
  GROUP BY p.id, p.method_name, p.bank ORDER BY p.id"""
PYTHON = process.CACHE / "clients" / "bin" / "python"


class Demo:
    def __init__(self, options):
        self.options = options
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        self.project = Path("examples/shop-to-lake")
        self.warehouse = FOLDER / "lake"
        self.data = FOLDER / "data"
        self.server = None
        self.children = []

    def environment(self):
        return {"SHOP_URL": self.url(), "SHOP_DATA": str(self.data),
                "SHOP_WAREHOUSE": str(self.warehouse)}

    def leat(self, *arguments, log):
        child = process.Process([leat.PROGRAM, *arguments], FOLDER / log,
                                env=self.environment(), cwd=ROOT)
        self.children.append(child)
        return child

    def finish(self, child, what):
        if child.wait(600):
            raise SystemExit(f"{what} failed:\n{process.tail(child.log)}")

    def start_server(self):
        title("A private MariaDB")
        clock = Clock()
        self.server = database.MariaDb(FOLDER / "mariadb")
        self.server.execute(f"GRANT ALL ON {DATABASE}.* TO leat@'%'")
        version = self.server.execute("SELECT VERSION()")[0][0]
        note(f"{version} on 127.0.0.1:{self.server.port} {clock}")

    def url(self):
        return self.server.url(DATABASE, password=database.PASSWORD)

    def fill(self):
        title("leat generate shop")
        clock = Clock()
        self.finish(self.leat("generate", "shop", "--to", self.url(), log="generate.log"),
                    "leat generate shop")
        for name, rows in self.source_counts().items():
            note(f"{name:<16}{rows:>11,} rows")
        note(str(clock))

    def source_counts(self):
        return {name: self.server.query(f"SELECT COUNT(*) FROM {name}", DATABASE)[0][0]
                for name in TABLES}

    def lake_counts(self):
        return {name: readers.count(self, f"{DATABASE}.{name}") for name in TABLES}

    def snapshot(self):
        title("leat run examples/shop-to-lake")
        note(f"{self.project}/pipelines/shop.yaml: a snapshot, then the log")
        clock = Clock()
        run = self.leat("run", self.project, log="run.log")
        total = sum(self.source_counts().values())
        while True:
            done = sum(self.lake_counts().values())
            if not run.alive():
                raise SystemExit(f"leat ended:\n{process.tail(run.log)}")
            progress(f"snapshot {done:>11,} of {total:,} rows {clock}")
            if done >= total:
                break
            time.sleep(0.5)
        progress_ends()
        return run

    def live(self, run):
        title(f"Live changes for {self.options.seconds} s, about {self.options.rate} a second")
        writer = self.leat("generate", "shop", "--to", self.url(), "--live",
                           str(self.options.rate), log="live.log")
        end = time.monotonic() + self.options.seconds
        note(f"{'':<9}{'orders':>22}{'order_details':>22}{'customers':>26}")
        note(f"{'':<9}" + f"{'MariaDB':>11}{'lake':>11}" * 2 + f"{'MariaDB':>13}{'lake':>13}")
        while time.monotonic() < end:
            lake, source = self.lake_counts(), self.source_counts()
            left = end - time.monotonic()
            text = f"{self.options.seconds - left:>5.0f} s  " + "".join(
                f"{source[name]:>{width},}{lake[name]:>{width},}"
                for name, width in (("orders", 11), ("order_details", 11), ("customers", 13)))
            note(text)
            for child, what in ((run, "leat run"), (writer, "leat generate --live")):
                if not child.alive():
                    raise SystemExit(f"\n{what} ended:\n{process.tail(child.log)}")
            time.sleep(min(2, max(0, left)))
        writer.stop()

    def stop_and_catch_up(self, run):
        title("Stop, and go on where it stopped")
        clock = Clock()
        run.signal(signal.SIGTERM)
        self.finish(run, "leat run")
        note(f"SIGTERM: the open epoch is committed {clock}")
        clock = Clock()
        self.finish(self.leat("run", self.project, "--until-caught-up", log="again.log"),
                    "leat run --until-caught-up")
        note(f"started again: everything up to now is committed {clock}")

    def prove(self):
        title("Judged by PyIceberg and DuckDB")
        names = [f"{DATABASE}.{name}" for name in TABLES]
        same = True
        source = self.source_counts()
        for name in TABLES:
            lake = readers.count(self, f"{DATABASE}.{name}")
            same &= verdict(f"{name:<28}{source[name]:>18,}{lake:>18,}", lake == source[name])
        note("")
        note(paint("2", "orders and products by payment method"))
        mine = [tuple(map(plain, row)) for row in self.server.query(QUERY, DATABASE)]
        theirs = [tuple(map(plain, row)) for row in readers.duck(self, QUERY, *names)]
        note(paint("2", f"{'':<28}{'MariaDB':>18}{'Iceberg':>18}"))
        for (method, *a), (other, *b) in zip(mine, theirs):
            same &= verdict(f"{method:<28}{a[0]:>9,}{a[1]:>9,}{b[0]:>9,}{b[1]:>9,}",
                            method == other and a == b)
        return same and len(mine) == len(theirs) and bool(mine)

    def where(self):
        title("What lies where")
        size = subprocess.run(["du", "-sh", self.warehouse], capture_output=True,
                              text=True).stdout.split()[0]
        note(f"{self.warehouse.relative_to(ROOT)}   the Iceberg tables ({size}), catalog.db")
        note(f"{FOLDER.relative_to(ROOT)}/run.log   what Leat said, as JSON lines")
        note(f"{self.project}   the project: leat.yaml, pipelines/shop.yaml")
        title("Try next")
        python = str(PYTHON).replace(str(Path.home()), "~")
        note("read a table from Python:")
        command(f"  {python} - <<'EOF'")
        command("  from pyiceberg.catalog.sql import SqlCatalog")
        command(f"  c = SqlCatalog('leat', uri='sqlite:///{self.warehouse.relative_to(ROOT)}/catalog.db')")
        command(f"  print(c.load_table('{DATABASE}.orders').scan(limit=5).to_arrow())")
        command("  EOF")
        note("your own database: copy examples/shop-to-lake, change the url, then")
        command("  build/leat check my-project && build/leat run my-project")
        note("every field there is: " + paint("33", "build/leat describe mysql"))

    def close(self):
        for child in self.children:
            child.stop(20)
        if self.server:
            self.server.stop()


def plain(value):
    return value if isinstance(value, str) else int(value)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rate", type=int, default=500)
    demo = Demo(parser.parse_args())
    clock = Clock()
    try:
        demo.start_server()
        demo.fill()
        run = demo.snapshot()
        demo.live(run)
        demo.stop_and_catch_up(run)
        same = demo.prove()
        demo.where()
    finally:
        demo.close()
    return last_word(same, "the lake equals the database",
                     "the lake DIFFERS from the database", clock)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
