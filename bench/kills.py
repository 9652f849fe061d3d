"""What one kill -9 costs in the midst of catching up with a log that has grown meanwhile. All
rows are inserts, each of a key of its own: a key that a reader of what is committed finds
twice is doubled, one that it does not find is missing. Debezium runs on a standalone Connect,
which stores offsets once a minute by default, and here also once a second; a distributed one
can write sources' records in transactions (exactly.once.source.support), which is not measured
here. Part of debezium.py, which has the servers."""

import collections
import json
import time

import workloads
from harness import connect, leat, process


def key_of(message):
    return json.loads(message.key())["id"]


class Kills:
    """`bench`: debezium.py's; `settings`: of Debezium's connector."""

    def __init__(self, bench, settings):
        self.bench, self.settings, self.rows = bench, settings, bench.options.rows

    def grow(self):
        """The key that the log's new rows begin with."""
        low = self.bench.server.query("SELECT MAX(id) + 1 FROM orders")[0][0]
        workloads.multi_row(self.bench.server, low, low + self.rows)
        return low

    def wait(self, topic, rows, alive, what):
        """Until so many records are committed in the topic."""
        def there():
            assert alive(), f"the program ended before {what}"
            return self.bench.broker.count(topic) >= rows
        process.wait_until(there, 600, what)

    def found(self, topic, low):
        """How many rows from this key on are doubled, and how many missing."""
        seen = collections.Counter()
        for message in self.bench.broker.read(topic, seconds=600):
            if message.value() is not None:
                seen[key_of(message)] += 1
        new = {key: count for key, count in seen.items() if key >= low}
        return sum(new.values()) - len(new), self.rows - len(new)

    def debezium(self, **worker_settings):
        bench, prefix = self.bench, self.bench.topic()
        topic = f"{prefix}.shop.orders"
        worker = connect.Connect(bench.folder / f"connect-{prefix}", bench.broker,
                                 **worker_settings)

        def add():
            worker.debezium("d", bench.server, prefix, 7000 + bench.count,
                            snapshot_mode="no_data", table_include_list="shop.orders",
                            **self.settings)
        try:
            add()
            bench.marker(prefix)
            worker.call("PUT", "/connectors/d/stop")
            before = bench.seen(prefix)
            low = self.grow()
            worker.call("PUT", "/connectors/d/resume")
            self.wait(topic, before + self.rows // 2, worker.process.alive, "half of the rows")
            worker.stop()
            worker.start()
            add()
            bench.server.query("UPDATE orders SET amount = amount + 1 WHERE id = 0")
            process.wait_until(lambda: self.last_key(prefix) == 0, 600, "the last change")
            return self.found(topic, low)
        finally:
            worker.stop()

    def last_key(self, prefix):
        time.sleep(0.5)
        place = {0: self.bench.seen(prefix) - 1}
        records, _ = self.bench.broker.read_from(f"{prefix}.shop.orders", place)
        return key_of(records[-1])

    def leat(self):
        bench, prefix = self.bench, self.bench.topic()
        topic = f"{prefix}.shop.orders"
        project = bench.project(prefix, "never", "exactly_once", "1s")
        project.catch_up()
        low = self.grow()
        run = project.start()
        # The rest takes it a few seconds, and to look takes one.
        self.wait(topic, self.rows // 8, run.alive, "an eighth of the rows")
        run.kill9()
        assert bench.broker.count(topic) < self.rows, "it was done before it was killed"
        project.start("--until-caught-up").expect(leat.DONE, 600)
        return self.found(topic, low)


def measure(bench, settings):
    """Prints a line a program."""
    kills = Kills(bench, settings)
    bench.say(f"\n### One kill -9 in the midst of {kills.rows:,} rows of the log\n")
    bench.say("| program | doubled | missing |")
    bench.say("|---|---|---|")
    for name, run in (
            ("Debezium 3.5, offsets once a minute (default)",
             lambda: kills.debezium(offset_flush_interval_ms=60_000)),
            ("Debezium 3.5, offsets once a second",
             lambda: kills.debezium(offset_flush_interval_ms=1000)),
            ("leat", kills.leat)):
        doubled, missing = run()
        bench.say(f"| {name} | {doubled:,} | {missing:,} |")
