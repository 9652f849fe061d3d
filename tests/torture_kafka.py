"""torture.py --kafka: a database into topics of a Kafka broker, and the topics into MySQL
tables and into the lake, while Leat, the broker and the database are killed with signal 9 at
random moments, in all combinations, and started again in any order.

Each key has a counter, which triggers raise in the transaction that changes the key's row: by
one for an insert, an update and a delete, so that a row that is deleted and comes again goes on
counting. So the counter says what a reader of what is committed must find: of each key the
versions 1 to n, each once and in order, whatever was killed.
"""

import collections
import itertools
import json
import random
import time

from harness import compare, leat, load

SETTLE_EVERY = 15  # kills between two comparisons
KEYS = 2000
VICTIMS = ("leat", "broker", "database")
COMBINATIONS = [c for n in (1, 2, 3) for c in itertools.combinations(VICTIMS, n)]
OPTIONS = "?session.timeout.ms=6000&reconnect.backoff.max.ms=500"

# `key`: its columns; `text`: it as text, of the row that {0} stands for; `of_number`: the n-th
# key there is; `near`: where rows are found near the n-th.
Table = collections.namedtuple("Table", "name columns key text of_number near")
TABLES = [
    Table("by_int", "id INT PRIMARY KEY", ["id"], "{0}.id", "n", "id >= {n}"),
    Table("by_two", "a INT, b VARCHAR(10), PRIMARY KEY (a, b)", ["a", "b"],
          "CONCAT({0}.a, '-', {0}.b)", "n DIV 20, CONCAT('ü', n MOD 20)", "a = {n} DIV 20")]


def definition(table):
    """A table whose rows count their versions, in v and in their note."""
    yield (f"CREATE TABLE {table.name} ({table.columns}, v INT NOT NULL DEFAULT 0, "
           "note VARCHAR(60), price DECIMAL(10,2), at DATETIME(6))")
    old, new = table.text.format("OLD"), table.text.format("NEW")
    raised = (f"INSERT INTO versions VALUES ('{table.name}', {{}}, 1) "
              "ON DUPLICATE KEY UPDATE v = v + 1;")
    taken = (f"SET NEW.v = (SELECT v FROM versions WHERE t = '{table.name}' AND k = {new}); "
             f"SET NEW.note = CONCAT({new}, ':', NEW.v);")
    for event, body in (("INSERT", f"{raised.format(new)} {taken}"),
                        ("DELETE", raised.format(old)),
                        ("UPDATE", f"IF {old} <> {new} THEN {raised.format(old)} END IF; "
                                   f"{raised.format(new)} {taken}")):
        yield (f"CREATE TRIGGER {table.name}_{event} BEFORE {event} ON {table.name} "
               f"FOR EACH ROW BEGIN {body} END")


def insert(table, low, count):
    """Of these keys those that are not there."""
    key = ", ".join(table.key)
    return (f"INSERT INTO {table.name} ({key}, price, at) SELECT {table.of_number}, n / 4, "
            f"NOW(6) FROM numbers WHERE n BETWEEN {low} AND {low + count - 1} AND "
            f"({table.of_number}) NOT IN (SELECT {key} FROM {table.name})")


def create(server):
    server.execute(
        "CREATE TABLE versions (t VARCHAR(10), k VARCHAR(40), v INT, PRIMARY KEY (t, k))",
        "CREATE TABLE numbers (n INT PRIMARY KEY)",
        "INSERT INTO numbers VALUES " + ", ".join(f"({n})" for n in range(KEYS)),
        *(statement for table in TABLES for statement in definition(table)),
        *(insert(table, 0, KEYS // 2) for table in TABLES), database="shop")
    server.execute("CREATE DATABASE copy", "GRANT ALL ON copy.* TO leat@'%'")


class Workload(load.Load):
    rolled_back = load.Load.rolled_back | {1062}  # a key is moved to where one is
    server_may_die = True
    pause = 0.005

    def statement(self):
        table, low = self.choose.choice(TABLES), self.choose.randrange(KEYS)
        count = self.choose.choice([1, 1, 3, 20])
        these = f"WHERE {table.near.format(n=low)} ORDER BY {', '.join(table.key)} LIMIT {count}"
        moved = table.key[0]
        return self.choose.choice([
            insert(table, low, count), insert(table, low, count),
            f"UPDATE {table.name} SET price = price + 1, at = NOW(6) {these}",
            f"UPDATE {table.name} SET {moved} = {moved} + 7 {these}",
            f"DELETE FROM {table.name} {these}"])

    def step(self, cursor):
        roll = self.choose.random()
        cursor.execute("BEGIN")
        if roll < 0.005:
            cursor.execute(f"UPDATE {self.choose.choice(TABLES).name} SET price = -price")
        for _ in range(self.choose.choice([1, 1, 1, 3, 10])):
            cursor.execute(self.statement())
        cursor.execute("ROLLBACK" if roll > 0.95 else "COMMIT")
        self.transactions += 1


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
            "from": {"topic": {"names": [table.name for table in TABLES], "group": name,
                               "format": "debezium"}},
            "to": sink})
    return project


def payload(data):
    return json.loads(data)["payload"]


class Judge:
    """Reads a topic on and on, what is committed, and holds it against the counters."""

    def __init__(self, server, broker, table):
        self.server, self.broker, self.table = server, broker, table
        self.places = {}
        self.last = collections.defaultdict(lambda: (None, 0))  # of a key: op, version
        self.records = self.doubled = self.missing = 0
        self.wrong = []

    def look(self):
        messages, self.places = self.broker.read_from(self.table.name, self.places)
        self.records += len(messages)
        for message in sorted(messages, key=lambda m: (m.partition(), m.offset())):
            key = "-".join(str(payload(message.key())[name]) for name in self.table.key)
            if problem := self.take(key, message.value()):
                self.wrong.append(f"{self.table.name}[{message.partition()}]"
                                  f"@{message.offset()}, key {key}: {problem}")
        made = dict(self.server.query(
            f"SELECT k, v FROM versions WHERE t = '{self.table.name}'"))
        for key in made.keys() | self.last.keys():
            op, version = self.last[key]
            if version != made.get(key, 0):
                self.missing += max(0, made.get(key, 0) - version)
                self.wrong.append(f"{self.table.name}, key {key}: the topic ends with {op} "
                                  f"{version}, the source with {made.get(key)}")

    def take(self, key, value):
        """What is wrong with the next record of a key."""
        op, version = self.last[key]
        if value is None:
            self.last[key] = ("tombstone", version)
            return op != "d" and f"a tombstone behind {op} {version}"
        change = payload(value)
        old, new = change["before"], change["after"]
        self.last[key] = (change["op"], new["v"] if new else old["v"] + 1)
        if self.last[key][1] <= version:
            self.doubled += 1
            return f"{self.last[key]} behind {op} {version}"
        if self.last[key][1] > version + 1:
            self.missing += self.last[key][1] - version - 1
            return f"{self.last[key]} behind {op} {version}"
        torn = [row for row in (old, new) if row and row["note"] != f"{key}:{row['v']}"]
        fits = {"r": (None, ), "c": (None, "tombstone"), "u": ("r", "c", "u"),
                "d": ("r", "c", "u")}[change["op"]]
        return (torn or op not in fits or (old and old["v"] != version)) and (
            f"{change} behind {op} {version}")


class Torture:
    """Kills some of the three at about the same moment, and brings them back in any order:
    Leat may be there first and wait for the others."""

    def __init__(self, seed, server, broker, folder):
        self.choose = random.Random(seed)
        self.server, self.broker = server, broker
        create(server)
        self.project = project_for(server, broker, folder)
        self.judges = [Judge(server, broker, table) for table in TABLES]
        self.workers = [Workload(server, seed * 1000 + i) for i in range(2)]
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
            judge.look()
            wrong += judge.wrong
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
