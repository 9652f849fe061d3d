#!/usr/bin/env python3
"""Measures Leat beside Debezium 3.5 on Kafka Connect: one MariaDB into one Kafka, the same
envelope (JSON without schemas), one after the other in one run. Debezium is tuned: large
batches and queues, poll.interval.ms=20. CPU is each program's own, from its first row to its
last; memory its peak of resident pages. The broker is shared and on the same cores.

Parts mysql and parquet measure what reads Kafka (from_kafka.py); part kills counts what is
doubled and missing after a kill -9 (kills.py).

usage: debezium.py [--rows 500000] [--rates 500 2000] [--seconds 20] [--repeat 1]
                   [--only snapshot log latency mysql parquet kills]
"""

import argparse
import collections
import functools
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import confluent_kafka

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import from_kafka  # noqa: E402
import kills  # noqa: E402
import measure  # noqa: E402
import workloads  # noqa: E402
from harness import connect, database, kafka, leat, process  # noqa: E402

TUNED = {"max_batch_size": 20480, "max_queue_size": 81920, "snapshot_fetch_size": 20000,
         "key_converter": "org.apache.kafka.connect.json.JsonConverter",
         "value_converter": "org.apache.kafka.connect.json.JsonConverter",
         "key_converter_schemas_enable": "false", "value_converter_schemas_enable": "false",
         "producer_override_batch_size": 524288, "producer_override_linger_ms": 20,
         "producer_override_compression_type": "lz4"}
# For latency nothing may linger.
QUICK = {**TUNED, "producer_override_linger_ms": 0}

Run = collections.namedtuple("Run", "seconds cpu memory first_row")


class Topic:
    """What has come into a topic, by its consumer."""

    def __init__(self, broker, name, committed=True):
        self.consumer = confluent_kafka.Consumer(broker.client(
            group_id=f"bench-{name}", enable_auto_commit=False, auto_offset_reset="earliest",
            isolation_level="read_committed" if committed else "read_uncommitted",
            fetch_wait_max_ms=5))
        self.consumer.assign([confluent_kafka.TopicPartition(name, 0, 0)])
        self.seen = 0

    def wait(self, rows, alive, seconds=300):
        """When the first that is new and the last of so many rows came, of all there are."""
        first = None
        before = self.seen
        deadline = time.monotonic() + seconds
        while self.seen < rows:
            if time.monotonic() > deadline or not alive():
                raise RuntimeError(f"{self.seen} of {rows} rows")
            # It waits for all of them, or for this long.
            for message in self.consumer.consume(10_000, timeout=0.01):
                if message.error():
                    raise confluent_kafka.KafkaException(message.error())
                self.seen += message.value() is not None
            if self.seen > before and first is None:
                first = time.monotonic()
        return first, time.monotonic()

    def close(self):
        self.consumer.close()


class Program:
    """What is measured while it runs: CPU by the kernel's count, the peak of its memory."""

    def __init__(self, child):
        self.child = child
        self.peak, self.ended = 0, threading.Event()
        self.sampler = threading.Thread(target=self.sample)
        self.sampler.start()

    def sample(self):
        while not self.ended.wait(0.05):
            self.peak = max(self.peak, resident(self.child.pid))

    def cpu(self):
        return measure.cpu_seconds(self.child.pid)

    def close(self):
        self.ended.set()
        self.sampler.join()


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        return next((int(line.split()[1]) * 1024 for line in status
                     if line.startswith("VmRSS")), 0)


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder, self.count, self.lines = options, folder, 0, []
        self.server = database.MariaDb(folder / "server", [
            "--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M",
            "--max-binlog-size=1G"])
        self.server.execute(f"CREATE USER dbz@'%' IDENTIFIED BY '{database.PASSWORD}'",
                            "GRANT ALL ON *.* TO dbz@'%'")
        workloads.prepare(self.server)
        workloads.multi_row(self.server, 0, options.rows)
        self.broker = kafka.Kafka(folder / "kafka")

    def say(self, text=""):
        print(text, flush=True)
        self.lines.append(text)

    def topic(self):
        self.count += 1
        self.broker.create_topic(f"b{self.count}.shop.orders")
        return f"b{self.count}"

    # The two programs: each answers what it took for `rows` rows that `write` makes, or
    # that are there.
    def leat(self, rows, snapshot, write=None):
        prefix = self.topic()
        project = self.project(prefix, snapshot, "exactly_once", "1s")
        env = {"SHOP_PASSWORD": database.PASSWORD}
        if write:
            measure.run([leat.PROGRAM, "run", ".", "--until-caught-up"], env, project.folder)
            write()
        topic = Topic(self.broker, f"{prefix}.shop.orders")
        start = time.monotonic()
        child = process.Process([leat.PROGRAM, "run", "."], project.folder / "log", env,
                                project.folder)
        program = Program(child)
        before = program.cpu()
        first, last = topic.wait(rows, child.alive)
        run = Run(last - first, program.cpu() - before, program.peak, first - start)
        program.close()
        topic.close()
        child.stop()
        return run

    def project(self, prefix, snapshot, delivery, every):
        project = leat.Project(self.folder / prefix)
        project.write("leat.yaml", {"data": "./data", "broker": self.broker.url()})
        project.write("pipelines/p.yaml", {
            "name": prefix, "commit": {"every": every},
            "from": {"mysql": {"url": self.server.url(), "tables": ["orders"],
                               "snapshot": snapshot}},
            "to": {"topic": {"name": prefix + ".{database}.{table}", "format": "debezium",
                             "delivery": delivery}}})
        return project

    def debezium(self, rows, snapshot, write=None):
        prefix = self.topic()
        worker = connect.Connect(self.folder / f"connect-{prefix}", self.broker)
        mode = {"initial": "initial", "never": "no_data"}[snapshot]
        settings = {**TUNED, "snapshot_mode": mode, "table_include_list": "shop.orders"}
        program = Program(worker.process)
        try:
            if write:
                worker.debezium("d", self.server, prefix, 7000 + self.count, **settings)
                self.marker(prefix)
                worker.call("PUT", "/connectors/d/stop")
                write()
            topic = Topic(self.broker, f"{prefix}.shop.orders")
            skip = self.seen(prefix)
            start = time.monotonic()
            if write:
                worker.call("PUT", "/connectors/d/resume")
            else:
                worker.debezium("d", self.server, prefix, 7000 + self.count, **settings)
            topic.wait(skip, worker.process.alive)
            first, _ = topic.wait(skip + 1, worker.process.alive)
            before = program.cpu()
            _, last = topic.wait(skip + rows, worker.process.alive)
            topic.close()
            return Run(last - first, program.cpu() - before, program.peak, first - start)
        finally:
            program.close()
            worker.stop()

    def marker(self, prefix):
        """Changes a row until that shows that the connector follows the log: it is there
        before it has chosen where to begin."""
        def follows():
            self.server.query("UPDATE orders SET amount = amount + 1 ORDER BY id LIMIT 1")
            time.sleep(1)
            return self.seen(prefix) > 0
        process.wait_until(follows, 120, "Debezium follows the log")

    def seen(self, prefix):
        name = f"{prefix}.shop.orders"
        client = confluent_kafka.Consumer(self.broker.client(group_id="ends"))
        low, high = client.get_watermark_offsets(confluent_kafka.TopicPartition(name, 0), 30)
        client.close()
        return high

    def compare(self, title, rows, measure_both):
        self.say(f"\n### {title}\n")
        self.say("| program | rows/s | CPU s per 1M | memory | start to first row | rate | CPU |")
        self.say("|---|---|---|---|---|---|---|")
        runs = {name: [] for name in ("Debezium 3.5, tuned", "leat")}
        for _ in range(self.options.repeat):
            debezium, own = measure_both()
            runs["Debezium 3.5, tuned"].append(debezium)
            runs["leat"].append(own)
        middle = {name: Run(*map(statistics.median, zip(*each))) for name, each in runs.items()}
        base = middle["Debezium 3.5, tuned"]
        for name, run in middle.items():
            self.say(f"| {name} | {rows / run.seconds:,.0f} | {run.cpu * 1e6 / rows:.2f} | "
                     f"{run.memory / 1e6:,.0f} MB | {run.first_row:.2f} s | "
                     f"{base.seconds / run.seconds:.1f} x | 1/{base.cpu / run.cpu:.0f} |")

    def snapshot(self):
        rows = self.options.rows
        self.compare(f"Snapshot of {rows:,} rows into Kafka", rows, lambda: (
            self.debezium(rows, "initial"), self.leat(rows, "initial")))

    def log(self):
        inserts, updates = self.options.rows // 2, self.options.rows // 4
        rows = inserts + updates

        def write():
            low = self.server.query("SELECT MAX(id) + 1 FROM orders")[0][0]
            workloads.multi_row(self.server, low, low + inserts)
            workloads.single_updates(self.server, low, low + updates)
        self.compare(f"Log: {inserts:,} inserts in statements of 1,000, {updates:,} updates, "
                     "each a transaction, into Kafka", rows, lambda: (
                         self.debezium(rows, "never", write), self.leat(rows, "never", write)))

    def latency(self):
        self.say("\n### Latency: commit in MariaDB to a consumer, rows one by one\n")
        self.say("| program | rows/s | p50 | p99 | slowest |")
        self.say("|---|---|---|---|---|")
        self.server.query("CREATE TABLE live (id BIGINT AUTO_INCREMENT PRIMARY KEY, at DOUBLE)")
        for rate in self.options.rates:
            for name, follow in (("Debezium 3.5, tuned", self.debezium_live),
                                 ("leat, idempotent", lambda: self.leat_live("at_least_once")),
                                 ("leat, in transactions", lambda: self.leat_live("exactly_once"))):
                ages = self.live(rate, follow)
                self.say(f"| {name} | {rate} | {statistics.median(ages) * 1e3:.1f} ms | "
                         f"{measure.percentile(ages, 0.99) * 1e3:.1f} ms | "
                         f"{max(ages) * 1e3:.0f} ms |")

    @functools.cached_property
    def from_kafka(self):
        return from_kafka.FromKafka(self)

    def mysql(self):
        self.from_kafka.mysql()

    def parquet(self):
        self.from_kafka.parquet()

    def kills(self):
        kills.measure(self, TUNED)

    def live_topic(self):
        self.count += 1
        self.broker.create_topic(f"b{self.count}.shop.live")
        return f"b{self.count}"

    def debezium_live(self):
        prefix = self.live_topic()
        worker = connect.Connect(self.folder / f"connect-{prefix}", self.broker)
        worker.debezium("d", self.server, prefix, 7000 + self.count, snapshot_mode="no_data",
                        table_include_list="shop.live", **QUICK)
        return f"{prefix}.shop.live", worker.stop

    def leat_live(self, delivery):
        prefix = self.live_topic()
        # Without transactions an epoch only says where a restart goes on.
        every = "1ms" if delivery == "exactly_once" else "1s"
        project = self.project(prefix, "never", delivery, every)
        text = (project.folder / "pipelines/p.yaml").read_text()
        (project.folder / "pipelines/p.yaml").write_text(text.replace('"orders"', '"live"'))
        child = process.Process([leat.PROGRAM, "run", "."], project.folder / "log",
                                {"SHOP_PASSWORD": database.PASSWORD}, project.folder)
        return f"{prefix}.shop.live", child.stop

    def live(self, rate, follow):
        """Seconds from each commit's return to its row at a consumer."""
        name, stop = follow()
        committed, came, ended = {}, {}, threading.Event()
        topic = Topic(self.broker, name)

        def consume():
            while not ended.is_set():
                message = topic.consumer.poll(0.05)
                now = time.monotonic()
                if message and not message.error() and message.value():
                    key = int(message.key().split(b":")[1].strip(b" }"))
                    came.setdefault(key, now)
        consumer = threading.Thread(target=consume)
        consumer.start()
        connection = self.server.connect()
        with connection.cursor() as cursor:
            def insert():
                cursor.execute("INSERT INTO live (at) VALUES (%s)", (time.time(),))
                committed[cursor.lastrowid] = time.monotonic()
            process.wait_until(lambda: insert() or time.sleep(0.2) or came, 120, "rows come")
            time.sleep(2)
            first = max(committed) + 1
            due = time.monotonic()
            for _ in range(rate * self.options.seconds):
                insert()
                due += 1 / rate
                time.sleep(max(0, due - time.monotonic()))
        last = max(committed)
        process.wait_until(lambda: last in came, 120, "the last row comes")
        ended.set()
        consumer.join()
        connection.close()
        topic.close()
        stop()
        return [came[key] - committed[key] for key in committed if key >= first and key in came]

    def close(self):
        self.broker.stop()
        self.server.stop()


PARTS = ["snapshot", "log", "latency", "mysql", "parquet", "kills"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--rates", type=int, nargs="+", default=[500, 2000])
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    if reason := kafka.Kafka.reason_missing():
        sys.exit(reason)
    folder = Path(tempfile.mkdtemp(prefix="leat-bench-"))
    bench = Bench(options, folder)
    print(f"load average {os.getloadavg()[0]:.1f} at the start")
    try:
        for part in options.only:
            getattr(bench, part)()
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
