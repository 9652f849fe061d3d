#!/usr/bin/env python3
"""Kills the program with signal 9 at random moments under a random workload, again and again,
and compares every table with its source, row for row, on the way and at the end.

The workload: an int key, a composite key, a string key, a table without a key (appended),
changes of keys, transactions over several tables, rolled back ones, truncates, and now and
then a new column. A failure prints the seed; the same seed gives the same workload.
usage: torture.py [--kills N] [--seed S] [--server mariadb|mysql] [--keep FOLDER]
"""

import argparse
import random
import shutil
import string
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pymysql
from harness import compare, database, leat

SETTLE_EVERY = 25  # kills between two comparisons
KEYS = 3000
TABLES = {
    "by_int": "id INT PRIMARY KEY, v INT, note VARCHAR(40)",
    "by_two": "a INT, b VARCHAR(10), v INT, PRIMARY KEY (a, b)",
    "by_text": "k VARCHAR(30) PRIMARY KEY, v DECIMAL(12,3), t TIMESTAMP(6) NULL",
    "no_key": "n BIGINT, word VARCHAR(20)",
}


class Workload(threading.Thread):
    """One connection that changes rows until told to pause or end."""

    def __init__(self, server, seed):
        super().__init__(daemon=True)
        self.server = server
        self.choose = random.Random(seed)
        self.ended = threading.Event()
        self.gate = threading.Lock()  # held by whoever wants it to pause
        self.transactions = 0
        self.error = None

    def text(self, length):
        return "".join(self.choose.choices(string.ascii_letters, k=length))

    def by_int(self):
        key, value = self.choose.randrange(KEYS), self.choose.randrange(1 << 20)
        return self.choose.choice([
            f"REPLACE INTO by_int (id, v, note) VALUES ({key}, {value}, '{self.text(12)}')",
            f"UPDATE by_int SET v = v + 1 WHERE id BETWEEN {key} AND {key + 20}",
            f"UPDATE IGNORE by_int SET id = id + 1 WHERE id BETWEEN {key} AND {key + 3} "
            "ORDER BY id DESC",
            f"DELETE FROM by_int WHERE id BETWEEN {key} AND {key + 5}"])

    def by_two(self):
        a, b = self.choose.randrange(60), self.choose.randrange(60)
        return self.choose.choice([
            f"REPLACE INTO by_two (a, b, v) VALUES ({a}, 'k{b}', {a * b})",
            f"UPDATE IGNORE by_two SET a = {b} WHERE b = 'k{a}' LIMIT 2",
            f"DELETE FROM by_two WHERE a = {a} LIMIT 3"])

    def by_text(self):
        key = f"{self.choose.choice(['é', 'Z', ''])}{self.choose.randrange(KEYS)}"
        return self.choose.choice([
            f"REPLACE INTO by_text (k, v, t) VALUES ('{key}', {self.choose.random() * 1e6:.3f}, "
            "NOW(6))",
            f"UPDATE by_text SET v = -v WHERE k LIKE '{key[:2]}%' LIMIT 10",
            f"DELETE FROM by_text WHERE k = '{key}'"])

    def no_key(self):
        rows = ", ".join(f"({self.choose.randrange(100)}, '{self.text(5)}')"
                         for _ in range(self.choose.randrange(1, 30)))
        return f"INSERT INTO no_key VALUES {rows}"

    def step(self, cursor):
        roll = self.choose.random()
        if roll < 0.003:
            cursor.execute("TRUNCATE TABLE by_two")
            return
        cursor.execute("BEGIN")
        for _ in range(self.choose.choice([1, 1, 1, 3, 10])):
            cursor.execute(self.choose.choice(
                [self.by_int, self.by_two, self.by_text, self.no_key])())
        cursor.execute("ROLLBACK" if roll > 0.95 else "COMMIT")
        self.transactions += 1

    def run(self):
        connection = self.server.connect()
        try:
            with connection.cursor() as cursor:
                while not self.ended.is_set():
                    with self.gate:
                        try:
                            self.step(cursor)
                        except pymysql.err.OperationalError as error:
                            if error.args[0] not in (1205, 1213):  # lock wait, deadlock
                                raise
                            cursor.execute("ROLLBACK")
                    time.sleep(0.001)
        except Exception as error:  # shown by the main thread
            self.error = error


def project_for(server, folder):
    project = leat.Project(folder)
    project.pipeline(server, ["by_*"], name="keyed", commit={"every": "100ms"})
    project.pipeline(server, ["no_key"], name="log", mode="append",
                     commit={"every": "150ms"})
    return project


def settle(project, server, workers):
    """Pauses the workload, catches up, compares. Returns the rows compared."""
    for worker in workers:
        worker.gate.acquire()
        if worker.error:
            raise worker.error
    try:
        project.catch_up(600)
        compare.assert_equal(project, server, *(f"shop.{name}" for name in TABLES))
        return sum(server.query(f"SELECT COUNT(*) FROM {name}")[0][0] for name in TABLES)
    finally:
        for worker in workers:
            worker.gate.release()


def torture(options, server, folder):
    choose = random.Random(options.seed)
    for name, columns in TABLES.items():
        server.query(f"CREATE TABLE {name} ({columns})")
    server.query("INSERT INTO by_int SELECT n.a, n.a, 'start' FROM (WITH RECURSIVE s(a) AS "
                 "(SELECT 1 UNION ALL SELECT a + 1 FROM s WHERE a < 900) SELECT a FROM s) n")
    project = project_for(server, folder / "project")
    workers = [Workload(server, options.seed * 1000 + i) for i in range(2)]
    for worker in workers:
        worker.start()
    killed = early = added = 0
    while killed < options.kills:
        run = project.start()
        try:
            code = run.process.wait(choose.choice([0.05, 0.2, 0.5, 1.5]) * choose.random() + 0.02)
            raise AssertionError(f"leat ended by itself with {code}:\n{run.text[-4000:]}")
        except subprocess.TimeoutExpired:
            early += not run.text
            run.kill9()
        killed += 1
        if choose.random() < 0.02:
            server.query(f"ALTER TABLE by_int ADD COLUMN extra{added} INT DEFAULT {added}")
            added += 1
        if killed % SETTLE_EVERY == 0:
            rows = settle(project, server, workers)
            print(f"torture: {killed} kills, {rows} rows equal", flush=True)
    rows = settle(project, server, workers)
    for worker in workers:
        worker.ended.set()
        worker.join()
    return (f"torture: {killed} kills, {sum(w.transactions for w in workers)} transactions, "
            f"{added} new columns, {rows} rows equal in {len(TABLES)} tables")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--server", choices=database.SERVERS, default="mariadb")
    parser.add_argument("--keep", help="leave everything in this folder")
    options = parser.parse_args()
    folder = Path(options.keep or tempfile.mkdtemp(prefix="leat-torture-"))
    print(f"torture: seed {options.seed}, {options.server}, in {folder}", flush=True)
    server = database.SERVERS[options.server](folder / "server")
    try:
        print(torture(options, server, folder))
    except Exception as error:
        print(f"torture: FAILED with seed {options.seed}; everything is left in {folder}: {error}")
        return 1
    finally:
        server.stop()
    if not options.keep:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
