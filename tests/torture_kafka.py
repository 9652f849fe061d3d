"""torture.py --kafka: a database into topics of a Kafka broker, and the topics into MySQL
tables and into the lake, while Leat, the broker and the database are killed with signal 9 at
random moments, in all combinations, and started again in any order.

What readers must find say the counters of harness/versions.py.
"""

import collections
import itertools
import random
import time

from harness import compare, leat, load, versions

SETTLE_EVERY = 15  # kills between two comparisons
VICTIMS = ("leat", "broker", "database")
COMBINATIONS = [c for n in (1, 2, 3) for c in itertools.combinations(VICTIMS, n)]
OPTIONS = "?session.timeout.ms=6000&reconnect.backoff.max.ms=500"


def project_for(server, broker, folder):
    project = leat.Project(folder)
    project.write("leat.yaml", {"data": "./data", "broker": broker.url(OPTIONS)})
    project.write("pipelines/changes.yaml", {
        "name": "changes", "commit": {"every": "50ms"},
        "from": {"mysql": {"url": server.url(), "tables": ["by_*"], "read": "cdc"}},
        "to": {"topic": {"name": "{table}", "format": "debezium", "partitions": 3,
                         "debezium": {"prefix": "torture", "schemas": True}}}})
    for name, sink in (("copy", {"mysql": {"url": server.url("copy"), "mode": "apply"}}),
                       ("lake", {"iceberg": {"warehouse": "./lake"}})):
        project.write(f"pipelines/{name}.yaml", {
            "name": name, "commit": {"every": "100ms"},
            "from": {"topic": {"names": [table.name for table in versions.TABLES], "group": name,
                               "format": "debezium"}},
            "to": sink})
    return project


class Torture:
    """Kills some of the three at about the same moment, and brings them back in any order:
    Leat may be there first and wait for the others."""

    def __init__(self, seed, server, broker, folder):
        self.choose = random.Random(seed)
        self.server, self.broker = server, broker
        versions.create(server)
        server.execute("CREATE DATABASE copy", "GRANT ALL ON copy.* TO leat@'%'")
        self.project = project_for(server, broker, folder)
        self.judges = [versions.Judge(server, broker, table) for table in versions.TABLES]
        self.workers = [versions.Workload(server, seed * 1000 + i) for i in range(2)]
        self.kills = collections.Counter()
        self.run = self.project.start()

    def wait(self):
        time.sleep(self.choose.choice([0.3, 1, 3]) * self.choose.random() + 0.05)
        assert self.run.alive(), (f"leat ended by itself with {self.run.process.child.returncode}"
                                  f":\n{self.run.text[-4000:]}")

    def kill(self, *names):
        deaths = {"leat": self.run.kill9, "broker": self.broker.kill9,
                  "database": self.server.kill9}
        for name in self.choose.sample(names, len(names)):
            deaths[name]()
            self.kills[name] += 1
            time.sleep(self.choose.choice([0, 0, 0.3]))

    def start(self, *names):
        for name in self.choose.sample(names, len(names)):
            if name == "leat":
                self.run = self.project.start()
            elif name == "broker":
                self.broker.start()
            else:
                self.server.start()

    def settle(self):
        """Kills Leat, pauses the workload, catches up and compares."""
        self.wait()
        self.kill("leat")
        with load.paused(self.workers):
            for pipelines in (["changes"], ["copy", "lake"]):
                files = [f"pipelines/{name}.yaml" for name in pipelines]
                self.project.command("run", *files, "--until-caught-up").expect(leat.DONE, 600)
            rows = self.judge()
        records = sum(judge.records for judge in self.judges)
        return (f"torture: {self.kills.total()} kills ("
                + ", ".join(f"{self.kills[name]} of {name}" for name in VICTIMS)
                + f"), {sum(w.transactions for w in self.workers)} transactions: {records} "
                f"records each once and in order, {rows} rows equal in tables and lake")

    def judge(self):
        wrong, rows = [], 0
        for judge in self.judges:
            wrong += judge.look()
            name = judge.table.name
            columns = compare.source_columns(self.server, f"shop.{name}")
            want = compare.source_rows(self.server, f"shop.{name}", columns)
            if compare.source_rows(self.server, f"copy.{name}", columns) != want:
                wrong.append(f"copy.{name} is not as its source")
            if found := compare.difference(self.project, self.server, f"shop.{name}"):
                wrong.append(found)
            rows += len(want)
        assert not wrong, (
            f"{sum(j.doubled for j in self.judges)} doubled, {sum(j.missing for j in self.judges)}"
            f" missing, {len(wrong)} findings:\n" + "\n".join(wrong[:20]))
        return rows


def torture(options, server, broker, folder):
    turns = Torture(options.seed, server, broker, folder / "project")
    print(turns.settle(), flush=True)  # killed in the snapshot: each row's first version is there
    for worker in turns.workers:
        worker.start()
    turns.start("leat")
    settled, names = 0, []
    while turns.kills.total() < options.kills:
        names = names or turns.choose.sample(COMBINATIONS, len(COMBINATIONS))
        turns.wait()
        turns.kill(*names[-1])
        turns.start(*names.pop())
        if turns.kills.total() >= settled + SETTLE_EVERY:
            print(turns.settle(), flush=True)
            turns.start("leat")
            settled = turns.kills.total()
    summary = turns.settle()
    for worker in turns.workers:
        worker.stop()
    return summary
