#!/usr/bin/env python3
"""Measures the two ways in which examples/nft-holders can read MariaDB, `read: poll` and `read:
cdc`, beside each other: how long a row takes from its commit to the topic, what that costs the
database while nothing happens and while rows come in, and what each of them sees. The topic is
on Kafka, whose own client says when a row is there. What the database counts without Leat, the
writer's share, is taken off.

usage: poll_or_cdc.py [--rate 50] [--idle 30] [--seconds 40] [--rows 5000]
"""

import argparse
import collections
import json
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import confluent_kafka

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import measure  # noqa: E402
from harness import database, kafka, leat, process  # noqa: E402

EXAMPLE = ROOT / "examples/nft-holders"
NAME, DATABASE, TABLE = "erc721_producer", "tx_collector", "erc721_holders"
POLL = ["    read: poll\n",
        '    poll: {table: erc721_holders, cursor: _id, every: "${POLL_EVERY:10s}", limit: 100}\n']
CDC = ["    read: cdc\n", "    tables: [erc721_holders]\n"]
QUICK = "commit: {every: 100ms}\n"
COUNTED = ("Com_select", "Bytes_sent", "Handler_read_first", "Handler_read_key",
           "Handler_read_last", "Handler_read_next", "Handler_read_prev", "Handler_read_rnd",
           "Handler_read_rnd_next")

Way = collections.namedtuple("Way", "title every cdc quick", defaults=(None, False, False))
WAYS = [Way("`poll`, every 10 s", "10s"), Way("`poll`, every 1 s", "1s"), Way("`cdc`", cdc=True),
        Way("`cdc`, `commit: {every: 100ms}`", cdc=True, quick=True)]


class Costs:
    """What the server has done since the last look. A look counts too: its own share is known."""

    def __init__(self, server):
        self.connection = server.connect(database=None)
        self.before = self.look()
        self.own = self.since(subtracted=False)

    def look(self):
        names = ", ".join(f"'{name}'" for name in COUNTED)
        with self.connection.cursor() as cursor:
            cursor.execute(f"SHOW GLOBAL STATUS WHERE Variable_name IN ({names})")
            values = {name: int(value) for name, value in cursor.fetchall()}
        return {"queries": values["Com_select"], "bytes": values["Bytes_sent"],
                "rows": sum(values[name] for name in COUNTED if name.startswith("Handler"))}

    def since(self, subtracted=True):
        now = self.look()
        before, self.before = self.before, now
        own = self.own if subtracted else dict.fromkeys(now, 0)
        return {name: now[name] - before[name] - own[name] for name in now}


class Writer(threading.Thread):
    """Rows, so many a second; `committed` says when each was."""

    def __init__(self, server, rate):
        super().__init__(daemon=True)
        self.connection = server.connect(DATABASE)
        self.rate = rate
        self.committed = {}
        self.ended = threading.Event()
        self.start()

    def insert(self, cursor):
        cursor.execute(f"INSERT INTO {TABLE} (contract_address, token_id, holder_address, "
                       "block_number, transaction_hash, updated_at) "
                       "VALUES ('0xc', '1', '0xh', 1, '0xt', NOW())")
        return cursor.lastrowid

    def run(self):
        with self.connection.cursor() as cursor:
            due = time.monotonic()
            while not self.ended.is_set():
                row = self.insert(cursor)
                self.committed[row] = time.time()
                due += 1 / self.rate
                time.sleep(max(0, due - time.monotonic()))

    def stop(self):
        self.ended.set()
        self.join()
        self.connection.close()
        return self.committed


class Reader(threading.Thread):
    """Notices what comes into the topic, and when."""

    def __init__(self, broker, topic):
        super().__init__(daemon=True)
        self.client = confluent_kafka.Consumer(broker.client(
            group_id=f"watch-{topic}", isolation_level="read_committed", fetch_wait_max_ms=5,
            auto_offset_reset="earliest", enable_auto_commit=False))
        self.client.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
        self.arrived = {}  # when, by _id
        self.records = []  # key and value
        self.ended = threading.Event()
        self.start()

    def run(self):
        while not self.ended.is_set():
            message = self.client.poll(0.1)
            if message is not None and not message.error():
                value = json.loads(message.value()) if message.value() else None
                self.records.append((message.key(), value))
                if value and "_id" in value:
                    self.arrived.setdefault(value["_id"], time.time())
        self.client.close()

    def stop(self):
        self.ended.set()
        self.join()


class Bench:
    def __init__(self, folder, options):
        self.folder = Path(folder)
        self.options = options
        self.server = database.MariaDb(self.folder / "mariadb")
        self.server.execute(f"CREATE DATABASE {DATABASE}", f"GRANT ALL ON {DATABASE}.* TO leat@'%'")
        self.broker = kafka.Kafka(self.folder / "kafka")
        generate = process.Process(
            [leat.PROGRAM, "generate", "nft", "--to", self.server.url(
                DATABASE, password=database.PASSWORD), "--rows", options.rows],
            self.folder / "generate.log")
        if generate.wait(300):
            raise RuntimeError(process.tail(generate.log))

    def project(self, number, way):
        """The example as its README says that it is changed, on a topic and by a name of its own:
        how far it has read would be known by that."""
        project = leat.Project(self.folder / f"way{number}", {
            "MYSQL_USER": "leat", "MYSQL_PASSWORD": database.PASSWORD,
            "MYSQL_PORT": str(self.server.port), "POLL_EVERY": way.every or ""})
        topic = f"way{number}"
        self.broker.create_topic(topic)
        project.write("leat.yaml", f"data: ./data\napi: off\nbroker: {self.broker.url()}\n")
        text = (EXAMPLE / f"pipelines/{NAME}.yaml").read_text()
        for old, new in (("".join(POLL), "".join(CDC if way.cdc else POLL)),
                         ("erc721_holders_topic}", f"{topic}}}")):
            if text.count(old) != 1:
                raise RuntimeError(f"{NAME}.yaml has no {old!r}")
            text = text.replace(old, new)
        project.write(f"pipelines/{NAME}.yaml",
                      f"name: {topic}\n{text}" + (QUICK if way.quick else ""))
        return project, topic

    def count(self):
        return self.server.query(f"SELECT COUNT(*) FROM {TABLE}", DATABASE)[0][0]

    def phases(self):
        """What the database does while nothing happens, and while rows come in; a second."""
        costs = Costs(self.server)
        time.sleep(self.options.idle)
        idle = {k: v / self.options.idle for k, v in costs.since().items()}
        writer = Writer(self.server, self.options.rate)
        time.sleep(self.options.seconds)
        busy = {k: v / self.options.seconds for k, v in costs.since().items()}
        return idle, busy, writer.stop()

    def measure(self, number, way):
        """A column of the table."""
        project, topic = self.project(number, way)
        reader = Reader(self.broker, topic)
        run = project.start()
        run.wait_for(lambda: len(reader.arrived) >= self.count(), "all rows are in the topic", 300)
        time.sleep(2)
        idle, busy, committed = self.phases()
        run.wait_for(lambda: committed.keys() <= reader.arrived.keys(), "the rows that came")
        ages = [reader.arrived[row] - at for row, at in committed.items()]
        seen = self.sees(run, reader, topic)
        run.terminate()
        reader.stop()
        return {"idle": idle, "busy": busy, "ages": ages, "rows": len(ages), **seen}

    def sees(self, run, reader, topic):
        """Which changes come into the topic: the ones that are not new rows at its end. A row
        after them says that they would be there."""
        with self.server.connect(DATABASE) as late, late.cursor() as cursor:
            late.begin()
            slow = Writer.insert(None, cursor)
            marks = [self.mark(run, reader)]
            late.commit()
        first, second = [row for (row,) in self.server.query(
            f"SELECT _id FROM {TABLE} ORDER BY _id LIMIT 2", DATABASE)]
        self.server.query(f"UPDATE {TABLE} SET holder_address = '{topic}' WHERE _id = {first}",
                          DATABASE)
        before = len(reader.records)
        self.server.query(f"DELETE FROM {TABLE} WHERE _id = {second}", DATABASE)
        marks.append(self.mark(run, reader))
        records = reader.records[before:]
        return {"late": slow in reader.arrived,
                "update": any(v and v.get("holder_address") == topic for _, v in reader.records),
                "delete": any(v is None for _, v in records)}

    def mark(self, run, reader):
        with self.server.connect(DATABASE) as connection, connection.cursor() as cursor:
            row = Writer.insert(None, cursor)
        run.wait_for(lambda: row in reader.arrived, "a row behind what is looked for")
        return row

    def close(self):
        self.broker.stop()
        self.server.stop()


def lines(ways, columns, nobody, rate):
    """The rows of the table, as Markdown."""
    def cost(phase, what, text):
        return [text(max(0, column[phase][what] - nobody[phase][what])) for column in columns]
    plain = [("commit to topic, p50", [f"{measure.percentile(c['ages'], .5):.2f} s" for c in columns]),
             ("commit to topic, p99", [f"{measure.percentile(c['ages'], .99):.2f} s" for c in columns])]
    for phase, name in (("idle", "nothing happens"), ("busy", f"{rate} rows/s")):
        plain += [(f"{name}: queries/s", cost(phase, "queries", "{:.2f}".format)),
                  (f"{name}: rows the database looks at /s", cost(phase, "rows", "{:.1f}".format)),
                  (f"{name}: it sends /s", cost(phase, "bytes", lambda n: f"{n / 1000:.2f} kB"))]
    plain += [(f"sees {what}", ["yes" if column[key] else "**no**" for column in columns])
              for key, what in (("update", "an update"), ("delete", "a delete"),
                                ("late", "a row whose transaction commits late"))]
    yield "| | " + " | ".join(way.title for way in ways) + " |"
    yield "|---" * (len(ways) + 1) + "|"
    for name, cells in plain:
        yield f"| {name} | " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--idle", type=int, default=30)
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--rows", type=int, default=5000)
    options = parser.parse_args()
    if reason := kafka.Kafka.reason_missing():
        raise SystemExit(reason)
    folder = tempfile.mkdtemp(prefix="leat-poll-")
    bench = Bench(folder, options)
    try:
        idle, busy, _ = bench.phases()
        columns = []
        for number, way in enumerate(WAYS, 1):
            columns.append(bench.measure(number, way))
            print(f"{way.title}: {columns[-1]['rows']} rows", file=sys.stderr, flush=True)
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)
    for line in lines(WAYS, columns, {"idle": idle, "busy": busy}, options.rate):
        print(line)


if __name__ == "__main__":
    main()
