"""Kafka's JSON into tables: MySQL by upsert, beside raw array binding of rows that are in
memory already (raw_upsert.cc), and Iceberg by append. Parts of debezium.py, which has the
servers. Leat's time and CPU are those of a whole run less one with nothing to read; it parses
the JSON as well, which the raw program does not."""

import re
import statistics
from pathlib import Path

import measure
import workloads
from harness import database, leat

RAW = Path(leat.PROGRAM).parent / "leat_raw_upsert"
COMMIT = {"every": "1h", "rows": 50_000, "bytes": "64MiB"}
COLUMNS = ("id bigint not null, customer_id int, status string, amount decimal(10,2), "
           "note string, created_at timestamp, updated_at timestamptz")
PARTITIONS = 4
ENV = {"SHOP_PASSWORD": database.PASSWORD}


class FromKafka:
    """`bench`: a server with table shop.orders, a broker, a folder, rows and repeats."""

    def __init__(self, bench):
        self.bench, self.projects = bench, 0
        self.server, self.rows = bench.server, bench.options.rows
        self.server.execute("CREATE DATABASE IF NOT EXISTS copy", "GRANT ALL ON copy.* TO leat@'%'")
        self.server.execute(
            *(workloads.ORDERS.format(name=name) for name in ("fresh", "changed")),
            f"INSERT INTO fresh SELECT * FROM orders ORDER BY id LIMIT {self.rows}",
            "INSERT INTO changed SELECT * FROM fresh",
            "UPDATE changed SET amount = amount + 1, status = 'changed'", database="shop")
        bench.broker.create_topic("json.nothing", PARTITIONS)
        self.run(self.project({"mysql": {"url": self.server.url(), "tables": ["fresh", "changed"],
                                         "snapshot": "only"}},
                              {"topic": {"name": "json.{table}", "format": "json",
                                         "partitions": PARTITIONS}}))

    def project(self, source, sink):
        self.projects += 1
        project = leat.Project(self.bench.folder / f"from-kafka{self.projects}")
        project.write("leat.yaml", {"data": "./data", "broker": self.bench.broker.url()})
        project.write("pipelines/p.yaml", {"name": f"from-kafka{self.projects}", "from": source,
                                           "to": sink, "commit": COMMIT})
        return project

    @staticmethod
    def run(project):
        return measure.run([leat.PROGRAM, "run", ".", "--until-caught-up"], ENV, project.folder)

    def leat(self, topic, sink, workers=1):
        """Seconds and CPU seconds of a topic into a sink."""
        source = {"name": f"json.{topic}", "format": "json", "columns": COLUMNS, "key": ["id"],
                  "workers": workers, "assignment": "static"}
        found = self.run(self.project({"topic": source}, sink))
        return found.seconds, found.cpu

    def raw(self, table):
        text = measure.run([RAW, self.server.port, "leat", database.PASSWORD, f"shop.{table}",
                            "copy.orders", COMMIT["rows"]]).output
        return tuple(float(re.search(rf"{name}=([\d.]+)", text)[1]) for name in ("seconds", "cpu"))

    def start(self, sink):
        """Seconds and CPU seconds of a run that has nothing to read."""
        return [statistics.median(each)
                for each in zip(*(self.leat("nothing", sink) for _ in range(3)))]

    def table(self, title, runs, start):
        """Medians; `start` is taken off Leat's. Rates are held against the first program's."""
        self.bench.say(f"\n### {title}\n")
        self.bench.say("| program | rows/s | CPU s per 1M | of the first's rate |")
        self.bench.say("|---|---|---|---|")
        base = None
        for name, found in runs.items():
            seconds, cpu = (statistics.median(each) for each in zip(*found))
            if name.startswith("leat"):
                seconds, cpu = seconds - start[0], cpu - start[1]
            base = base or seconds
            self.bench.say(f"| {name} | {self.rows / seconds:,.0f} | {cpu * 1e6 / self.rows:.2f} | "
                           f"{base / seconds:.2f} |")

    def mysql(self):
        def sink(connections):
            return {"mysql": {"url": self.server.url("copy"), "table": "orders",
                              "workers": connections}}
        programs = {"raw array binding": self.raw,
                    "leat, 1 worker": lambda t: self.leat(t, sink(1)),
                    "leat, 2 workers": lambda t: self.leat(t, sink(1), workers=2),
                    "leat, 1 worker, 2 connections": lambda t: self.leat(t, sink(2))}
        runs = {table: {name: [] for name in programs} for table in ("fresh", "changed")}
        for _ in range(self.bench.options.repeat):
            for name, program in programs.items():
                self.server.query("DROP TABLE IF EXISTS orders", "copy")
                self.server.query(workloads.ORDERS.format(name="orders"), "copy")
                for table, found in runs.items():
                    found[name].append(program(table))
                    same = self.server.query(f"CHECKSUM TABLE shop.{table}, copy.orders")
                    assert same[0][1] == same[1][1], f"{name}: the tables differ"
        start = self.start(sink(1))
        for table, found in runs.items():
            self.table(f"Kafka's JSON into MariaDB: {self.rows:,} {table} rows", found, start)

    def parquet(self):
        sink = {"iceberg": {"warehouse": "./lake", "table": "shop.orders", "mode": "append"}}
        runs = {f"leat, {n} worker{'s' * (n > 1)}": [] for n in (1, 2)}
        for _ in range(self.bench.options.repeat):
            for workers, found in enumerate(runs.values(), 1):
                found.append(self.leat("fresh", sink, workers))
        self.table(f"Kafka's JSON into Parquet (Iceberg, append): {self.rows:,} rows", runs,
                   self.start(sink))
