"""Tables whose rows count their versions, a workload that changes them, and judges of what
became of them.

Each key has a counter, which triggers raise in the transaction that changes the key's row: by
one for an insert, an update and a delete, so that a row that is deleted and comes again goes on
counting. So the counter says what a reader of what is committed must find: of each key the
versions 1 to n, each once and in order, whatever was killed. Table `moved` counts those that are
the end of a key's row because it went to another key: whoever logs rows as they are after a
change has none for them.
"""

import collections
import json

from . import load

KEYS = 2000

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
    moved = (f"INSERT INTO moved VALUES ('{table.name}', {old}, 1) "
             "ON DUPLICATE KEY UPDATE n = n + 1;")
    taken = (f"SET NEW.v = (SELECT v FROM versions WHERE t = '{table.name}' AND k = {new}); "
             f"SET NEW.note = CONCAT({new}, ':', NEW.v);")
    for event, body in (("INSERT", f"{raised.format(new)} {taken}"),
                        ("DELETE", raised.format(old)),
                        ("UPDATE", f"IF {old} <> {new} THEN {raised.format(old)} {moved} END IF; "
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
        "CREATE TABLE moved (t VARCHAR(10), k VARCHAR(40), n INT, PRIMARY KEY (t, k))",
        "CREATE TABLE numbers (n INT PRIMARY KEY)",
        "INSERT INTO numbers VALUES " + ", ".join(f"({n})" for n in range(KEYS)),
        *(statement for table in TABLES for statement in definition(table)),
        *(insert(table, 0, KEYS // 2) for table in TABLES), database="shop")


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


class Judge:
    """Reads a topic of Debezium's messages on and on, what is committed, and holds it against
    the counters."""

    def __init__(self, server, broker, table, topic=None):
        self.server, self.broker, self.table = server, broker, table
        self.topic = topic or table.name
        self.places = {}
        self.last = collections.defaultdict(lambda: (None, 0))  # of a key: op, version
        self.records = self.doubled = self.missing = 0
        self.wrong = []

    def look(self):
        """What is wrong now, and what was with any record so far."""
        messages, self.places = self.broker.read_from(self.topic, self.places)
        self.records += len(messages)
        for message in sorted(messages, key=lambda m: (m.partition(), m.offset())):
            columns = self.payload(message.key())
            key = "-".join(str(columns[name]) for name in self.table.key)
            if problem := self.take(key, message.value()):
                self.wrong.append(f"{self.topic}[{message.partition()}]"
                                  f"@{message.offset()}, key {key}: {problem}")
        return self.wrong + self.ends()

    def ends(self):
        """Keys that do not end with the source's newest version."""
        made = dict(self.server.query(
            f"SELECT k, v FROM versions WHERE t = '{self.table.name}'"))
        wrong, self.missing = [], 0
        for key in made.keys() | self.last.keys():
            op, version = self.last[key]
            if version != made.get(key, 0):
                self.missing += max(0, made.get(key, 0) - version)
                wrong.append(f"{self.topic}, key {key}: the topic ends with {op} "
                             f"{version}, the source with {made.get(key)}")
        return wrong

    @staticmethod
    def payload(data):
        return json.loads(data)["payload"]

    def take(self, key, value):
        """What is wrong with the next record of a key."""
        op, version = self.last[key]
        if value is None:
            self.last[key] = ("tombstone", version)
            return op != "d" and f"a tombstone behind {op} {version}"
        change = self.payload(value)
        old, new = change["before"], change["after"]
        self.last[key] = (change["op"], new["v"] if new else old["v"] + 1)
        if wrong := self.out_of_turn(key, op, version):
            return wrong
        torn = [row for row in (old, new) if row and row["note"] != f"{key}:{row['v']}"]
        fits = {"r": (None, ), "c": (None, "tombstone"), "u": ("r", "c", "u"),
                "d": ("r", "c", "u")}[change["op"]]
        return (torn or op not in fits or (old and old["v"] != version)) and (
            f"{change} behind {op} {version}")

    def out_of_turn(self, key, op, version):
        if self.last[key][1] <= version:
            self.doubled += 1
        return self.last[key][1] != version + 1 and f"{self.last[key]} behind {op} {version}"


class PlainJudge(Judge):
    """The same of a topic of plain rows, where a delete is a record without a value."""

    @staticmethod
    def payload(data):
        return json.loads(data)

    def take(self, key, value):
        op, version = self.last[key]
        row = None if value is None else self.payload(value)
        self.last[key] = ("row", row["v"]) if row else ("delete", version + 1)
        if wrong := self.out_of_turn(key, op, version):
            return wrong
        return (row["note"] != f"{key}:{row['v']}" if row else op != "row") and (
            f"{row} behind {op} {version}")
