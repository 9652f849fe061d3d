#!/usr/bin/env python3
"""Kills the program with signal 9 at random moments under a random workload, again and again,
and compares every table with its source, row for row, on the way and at the end.

The workload: an int key, a composite key, a string key, a table without a key (appended),
changes of keys, transactions over several tables, rolled back ones, truncates, and columns
that are added, dropped, renamed, moved and widened all the time, whether the program runs or
not. A failure prints the seed; the same seed gives the same workload. With --kafka a broker
is between source and target, and it and the database are killed as well (torture_kafka.py).
With --day many pipelines run in a daemon while servers come and go (torture_day.py).
usage: torture.py [--kafka] [--kills N] [--seed S] [--server mariadb|mysql] [--keep FOLDER]
       torture.py --day [--minutes 60] [--seed S] [--keep FOLDER]
"""

import argparse
import collections
import random
import shutil
import string
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import torture_day
import torture_kafka
from harness import compare, database, kafka, leat, load, minio

SETTLE_EVERY = 25  # kills between two comparisons
KEYS = 3000
TABLES = {
    "by_int": "id INT PRIMARY KEY, v INT, note VARCHAR(40)",
    "by_two": "a INT, b VARCHAR(10), v INT, PRIMARY KEY (a, b)",
    "by_text": "k VARCHAR(30) PRIMARY KEY, v DECIMAL(12,3), t TIMESTAMP(6) NULL",
    "no_key": "n BIGINT, word VARCHAR(20)",
}
# Columns the tables begin with that grow, once each. Extra columns grow to WIDER.
BASE_WIDER = [
    ("by_int", "id BIGINT NOT NULL"), ("by_int", "v BIGINT"), ("by_int", "note VARCHAR(300)"),
    ("by_two", "a BIGINT NOT NULL"), ("by_two", "b VARCHAR(60) NOT NULL"),
    ("by_text", "k VARCHAR(90) NOT NULL"), ("by_text", "v DECIMAL(20,3)"),
    ("no_key", "word VARCHAR(90)"),
]
WIDER = {"INT": "BIGINT", "DECIMAL(8,2)": "DECIMAL(16,2)", "VARCHAR(10)": "VARCHAR(300)"}
EXTRA_COLUMNS = 6  # of a table, before one is dropped
SCHEMA_CHANGES = 0.01  # of the steps of one worker


class SchemaChanges:
    """The extra columns of each table, and statements that change or fill them. A change is
    known here only once the server has made it. One worker has it: nobody else alters."""

    def __init__(self, choose):
        self.choose = choose
        self.columns = {name: {} for name in TABLES}  # table -> column -> type
        self.to_widen = list(BASE_WIDER)
        self.made = 0
        self.counts = collections.Counter()

    def add(self, table, columns):
        name, kind = f"x{self.made}", self.choose.choice(list(WIDER))
        # no_key is appended: its old rows stay as they were written, without the default.
        default = f" DEFAULT {self.made}" if table != "no_key" else ""
        place = self.choose.choice(["", " FIRST", *(f" AFTER {other}" for other in columns)])
        columns[name] = kind
        return f"ADD COLUMN {name} {kind}{default}{place}"

    def drop(self, table, columns):
        name = self.choose.choice(list(columns))
        del columns[name]
        return f"DROP COLUMN {name}"

    def rename(self, table, columns):
        old, new = self.choose.choice(list(columns)), f"x{self.made}"
        columns[new] = columns.pop(old)
        return f"CHANGE COLUMN {old} {new} {columns[new]}"

    def move(self, table, columns):
        name = self.choose.choice(list(columns))
        return f"MODIFY COLUMN {name} {columns[name]} FIRST"

    def widen(self, table, columns):
        name = self.choose.choice(list(columns))
        columns[name] = WIDER.get(columns[name], columns[name])
        return f"MODIFY COLUMN {name} {columns[name]}"

    def next(self, cursor):
        if self.to_widen and self.choose.random() < 0.2:
            at = self.choose.randrange(len(self.to_widen))
            table, column = self.to_widen[at]
            cursor.execute(f"ALTER TABLE {table} MODIFY COLUMN {column}")
            self.to_widen.pop(at)
            self.counts["widen"] += 1
            return
        table = self.choose.choice(list(TABLES))
        columns = dict(self.columns[table])
        change = (self.add if not columns else self.drop if len(columns) >= EXTRA_COLUMNS else
                  self.choose.choice([self.add, self.add, self.drop, self.rename, self.move,
                                      self.widen]))
        cursor.execute(f"ALTER TABLE {table} {change(table, columns)}")
        self.columns[table] = columns
        self.made += 1
        self.counts[change.__name__] += 1

    def fill(self):
        """A statement that writes into extra columns, or none while there are none."""
        table = self.choose.choice([name for name in TABLES if name != "no_key"])
        if not self.columns[table]:
            return None
        name, kind = self.choose.choice(list(self.columns[table].items()))
        value = self.choose.randrange({"BIGINT": 1 << 62, "DECIMAL(16,2)": 1 << 40,
                                       "VARCHAR(300)": 1 << 60}.get(kind, 1 << 19))
        return (f"UPDATE {table} SET {name} = {self.choose.choice([value, 'NULL'])} "
                f"ORDER BY {TABLES[table].split()[0]} LIMIT {self.choose.randrange(1, 40)}")

    def summary(self):
        return ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()))


class Workload(load.Load):
    """Changes rows, and if told so, columns."""

    def __init__(self, server, seed, alters):
        super().__init__(server, seed)
        self.schema = SchemaChanges(self.choose) if alters else None

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
        return f"INSERT INTO no_key (n, word) VALUES {rows}"

    def step(self, cursor):
        roll = self.choose.random()
        if roll < 0.003:
            cursor.execute("TRUNCATE TABLE by_two")
            return
        if self.schema and self.choose.random() < SCHEMA_CHANGES:
            self.schema.next(cursor)
            return
        cursor.execute("BEGIN")
        for _ in range(self.choose.choice([1, 1, 1, 3, 10])):
            cursor.execute(self.choose.choice(
                [self.by_int, self.by_two, self.by_text, self.no_key])())
        if self.schema and (fill := self.schema.fill()):
            cursor.execute(fill)
        cursor.execute("ROLLBACK" if roll > 0.95 else "COMMIT")
        self.transactions += 1


def project_for(server, folder):
    project = leat.Project(folder)
    project.pipeline(server, ["by_*"], name="keyed", commit={"every": "100ms"})
    project.pipeline(server, ["no_key"], name="log", mode="append",
                     commit={"every": "150ms"})
    return project


def settle(project, server, workers):
    """Pauses the workload, catches up, compares. Returns the rows compared."""
    with load.paused(workers):
        project.catch_up(600)
        compare.assert_equal(project, server, *(f"shop.{name}" for name in TABLES))
        return sum(server.query(f"SELECT COUNT(*) FROM {name}")[0][0] for name in TABLES)


def torture(options, server, folder):
    choose = random.Random(options.seed)
    for name, columns in TABLES.items():
        server.query(f"CREATE TABLE {name} ({columns})")
    server.query("INSERT INTO by_int SELECT n.a, n.a, 'start' FROM (WITH RECURSIVE s(a) AS "
                 "(SELECT 1 UNION ALL SELECT a + 1 FROM s WHERE a < 900) SELECT a FROM s) n")
    project = project_for(server, folder / "project")
    workers = [Workload(server, options.seed * 1000 + i, alters=i == 0) for i in range(2)]
    for worker in workers:
        worker.start()
    killed = 0
    while killed < options.kills:
        run = project.start()
        try:
            code = run.process.wait(choose.choice([0.05, 0.2, 0.5, 1.5]) * choose.random() + 0.02)
            raise AssertionError(f"leat ended by itself with {code}:\n{run.text[-4000:]}")
        except subprocess.TimeoutExpired:
            run.kill9()
        killed += 1
        if killed % SETTLE_EVERY == 0:
            rows = settle(project, server, workers)
            print(f"torture: {killed} kills, {rows} rows equal", flush=True)
    rows = settle(project, server, workers)
    for worker in workers:
        worker.stop()
    return (f"torture: {killed} kills, {sum(w.transactions for w in workers)} transactions, "
            f"{rows} rows equal in {len(TABLES)} tables; columns: {workers[0].schema.summary()}")


def options_of(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kafka", action="store_true",
                        help="through a broker, which is killed too, as is the database")
    parser.add_argument("--day", action="store_true",
                        help="twenty pipelines in a daemon, and servers that come and go")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=60, help="of --day")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--server", choices=database.SERVERS, default="mariadb")
    parser.add_argument("--keep", help="leave everything in this folder")
    return parser.parse_args(arguments)


def run(options, folder):
    """What it has to say in the end."""
    if options.day:
        return torture_day.torture(options, folder)
    server = database.SERVERS[options.server](folder / "server")
    broker = None
    try:
        if not options.kafka:
            return torture(options, server, folder)
        broker = kafka.Kafka(folder / "kafka")
        return torture_kafka.torture(options, server, broker, folder)
    finally:
        server.stop()
        if broker:
            broker.stop()


def main():
    options = options_of()
    needs = {kafka.Kafka: options.kafka or options.day, minio.Minio: options.day}
    for server, needed in needs.items():
        if needed and (reason := server.reason_missing()):
            print(f"SKIPPED torture {'--day' if options.day else '--kafka'}: {reason}")
            return 0
    folder = Path(options.keep or tempfile.mkdtemp(prefix="leat-torture-"))
    print(f"torture: seed {options.seed}, {options.server}, in {folder}", flush=True)
    try:
        print(run(options, folder))
    except Exception as error:
        traceback.print_exc()
        print(f"torture: FAILED with seed {options.seed}; everything is left in {folder}: {error}")
        return 1
    if not options.keep:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
