"""Debezium 3.5 on Kafka Connect and Leat read the same servers; every message is compared
field by field. Allowed to differ: clocks, versions, threads, the run's id, and the log
positions of a snapshot's rows. What else differs is in docs/formats.md, and here by name.
"""

import json
import re

import every_type
import pytest
import test_types
from harness import compare, database, process, records

TABLE = """CREATE TABLE o (id INT PRIMARY KEY, a VARCHAR(10), b DECIMAL(10,2) NOT NULL,
n DATETIME(3), ts TIMESTAMP(6) NULL, e ENUM('a','b'), bb BIT(3), ti TINYINT(1) NOT NULL)"""
ROW = "(%d, 'x', 1.5, '2020-01-01', '2020-01-01 00:00:00', 'b', b'101', 1)"
KEYS = "CREATE TABLE k (a VARCHAR(20), b INT, v BIGINT UNSIGNED, PRIMARY KEY (b, a))"
# Each but the last two with a row behind it: by that the log tells a shape.
DEFINITIONS = (
    "CREATE TABLE later (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, a CHAR(3) COMMENT 'c', "
    "s SET('a','it''s'), d DATETIME(3) DEFAULT NOW(3), g DOUBLE) DEFAULT CHARSET latin1",
    "INSERT INTO later (a, s) VALUES ('x', 'a')",
    "ALTER TABLE later CHANGE a b VARCHAR(20) NOT NULL, ADD KEY (b)",
    "INSERT INTO later (b) VALUES ('y')",
    "RENAME TABLE later TO latest", "INSERT INTO latest (b) VALUES ('z')",
    "TRUNCATE TABLE latest", "DROP TABLE latest")
# What Debezium itself writes in two ways, in a snapshot and out of the log.
TWO_WAYS = ("YEAR", "FLOAT", "TIMESTAMP(", "CHAR(5) CHARACTER SET binary")
# Debezium reads the first as koi8r, and garbles the second out of MariaDB's log.
GARBLED = ("VARCHAR(20) CHARACTER SET koi8u", "VARCHAR(20) CHARACTER SET cp932")
# What neither the log nor Leat's questions to information_schema tell of a column. Nor how
# wide an integer is shown, nor how many numbers are in a vector.
UNKNOWN = ("autoIncremented", "generated", "comment", "defaultValueExpression")
CLOCKS = ("ts_ms", "ts_us", "ts_ns")

MODES = {
    "plain": ({"schema_changes": True}, {}),
    "schemas": ({"schemas": True, "schema_changes": True}, {}),
    "text": ({"decimal": "string", "time": "isostring", "binary": "hex",
              "unsigned_bigint": "precise"},
             {"decimal_handling_mode": "string", "time_precision_mode": "isostring",
              "binary_handling_mode": "hex", "bigint_unsigned_handling_mode": "precise"}),
    "connect": ({"decimal": "double", "time": "connect", "binary": "base64",
                 "transactions": True},
                {"decimal_handling_mode": "double", "time_precision_mode": "connect",
                 "binary_handling_mode": "base64", "provide_transaction_metadata": "true"}),
    "nanos": ({"time": "nanoseconds", "binary": "base64-url-safe", "truncates": True},
              {"time_precision_mode": "nanoseconds",
               "binary_handling_mode": "base64-url-safe", "skipped_operations": "none"}),
}


def create_types(server, name):
    """Every type that both read, as columns c0, c1, ..."""
    columns = ", ".join(f"{column} {kind.type}" for column, kind in
                        every_type.columns(server.kind).items() if comparable(kind))
    server.execute("SET sql_mode = ''", f"CREATE TABLE {name} (id INT PRIMARY KEY, {columns}) "
                   "ROW_FORMAT=DYNAMIC", database="shop")


def comparable(kind):
    return (not kind.type.startswith(TWO_WAYS) and kind.type not in GARBLED
            and kind.kind not in ("float", "timestamp", "wkb")
            and "COMPRESSED" not in kind.type  # MariaDB's; Debezium cannot read them
            and kind.type.partition("(")[0] not in ("JSON", "UUID", "INET4", "INET6"))


def insert_types(server, name):
    """One row for each position of the values; a column without one has null there."""
    columns = {c: k for c, k in every_type.columns(server.kind).items() if comparable(k)}
    rows = max(len(kind.values) for kind in columns.values())
    statements = ["SET sql_mode = '', time_zone = '+00:00'"]
    for row in range(rows):
        values = [kind.values[row] if row < len(kind.values) else "NULL"
                  for kind in columns.values()]
        statements.append(f"INSERT INTO {name} (id, {', '.join(columns)}) "
                          f"VALUES ({row + 1}, {', '.join(values)})")
    server.execute(*statements, database="shop")


def before_snapshot(server):
    create_types(server, "t")
    insert_types(server, "t")
    server.execute(TABLE, f"INSERT INTO o VALUES {ROW % 1}, {ROW % 2}, {ROW % 3}", KEYS,
                   "INSERT INTO k VALUES ('ü', 1, 18446744073709551615)",
                   "CREATE TABLE nokey (a INT, b TEXT)",
                   "INSERT INTO nokey VALUES (1, 'x')", database="shop")


def after_snapshot(server):
    server.execute("DELETE FROM t", database="shop")
    insert_types(server, "t")
    server.execute(
        "UPDATE o SET a = 'yy' WHERE id = 1", "UPDATE o SET id = 20 WHERE id = 2",
        "DELETE FROM o WHERE id = 3", "BEGIN", f"INSERT INTO o VALUES {ROW % 7}, {ROW % 8}",
        "INSERT INTO nokey VALUES (2, 'y')", "UPDATE nokey SET b = 'é😀\\n\"\\\\'",
        "UPDATE k SET a = 'z', v = 7", "COMMIT", "DELETE FROM nokey",
        "ALTER TABLE o ADD COLUMN z BIGINT UNSIGNED",
        f"INSERT INTO o VALUES {(ROW % 9)[:-1]}, 18446744073709551615)", "FLUSH LOGS",
        *DEFINITIONS, "DELETE FROM k", "INSERT INTO k VALUES ('last', 99, 1)",
        database="shop")


def from_debezium(broker, topic):
    return [{"key": message.key() and message.key().decode(),
             "value": message.value() and message.value().decode(),
             "headers": {name: value.decode() for name, value in message.headers() or []}}
            for message in broker.read(topic)]


def from_leat(run, prefix):
    topics = {}
    for line in run.lines():
        if str(line.get("topic", "")).startswith(prefix):
            headers = {h["name"]: h["value"] for h in line.get("headers", [])}
            topics.setdefault(line["topic"], []).append({**line, "headers": headers})
    return topics


def shape(message):
    """What has to be equal."""
    headers = dict(message["headers"])
    headers.pop("__debezium.context.runId", None)
    key = message["key"] and json.loads(message["key"])
    value = message["value"] and json.loads(message["value"])
    payload = (value or {}).get("payload", value) or {}
    for clock in CLOCKS:
        payload.pop(clock, None)
    if counts := payload.get("data_collections"):  # in the order of a Java HashMap
        counts.sort(key=lambda count: count["data_collection"])
    if source := payload.get("source"):
        unlike = ["version", "thread"]
        if "tableChanges" in payload:
            unlike += ["row"]  # Debezium's is that of the row before
        if source["snapshot"] != "false":
            unlike += [*CLOCKS, "file", "pos"]
        if payload.get("op") == "t":
            unlike += [*CLOCKS, "file", "pos", "gtid", "row", "server_id"]
        for name in unlike:
            source.pop(name)
    return {"key": key, "value": value, "headers": headers}


def differences(mine, other, path=""):
    """The paths at which two messages differ; the order of members counts."""
    if isinstance(mine, dict) and isinstance(other, dict):
        if list(mine) != list(other):
            yield f"{path}: {list(mine)} for {list(other)}"
            return
        for name in mine:
            yield from differences(mine[name], other[name], f"{path}.{name}")
    elif isinstance(mine, list) and isinstance(other, list) and len(mine) == len(other):
        for i, (item, counterpart) in enumerate(zip(mine, other)):
            yield from differences(item, counterpart, f"{path}[{i}]")
    elif json.dumps(mine) != json.dumps(other):
        yield f"{path}: {json.dumps(mine)[:300]} for {json.dumps(other)[:300]}"


def unlike(ours, theirs, topic):
    """What differs, a line each."""
    lines = [f"{topic}[{i}]{line}" for i, (mine, other) in enumerate(zip(ours, theirs))
             for line in differences(shape(mine), shape(other))]
    if len(ours) != len(theirs):
        lines.append(f"{topic}: {len(ours)} messages for {len(theirs)}")
    return lines


@pytest.mark.parametrize("kind", ["mysql", "mariadb"])
def test_messages_equal_debeziums(kind, own_server, worker, broker, project):
    """All modes at once: a connector for each, and a pipeline for each."""
    server = own_server(kind)
    server.execute(f"CREATE USER dbz@'%' IDENTIFIED BY '{database.PASSWORD}'",
                   "GRANT ALL ON *.* TO dbz@'%'")
    before_snapshot(server)
    for number, mode in enumerate(MODES):
        start(kind, mode, number, server, worker, project)
    for mode in MODES:
        process.wait_until(lambda m=mode: broker.partitions(f"{kind}-{m}.shop.t"), 180,
                           "Debezium's snapshot")
    runs = {mode: [run_leat(project, f"{kind}-{mode}")] for mode in MODES}
    after_snapshot(server)
    lines = []
    for mode in MODES:
        prefix = f"{kind}-{mode}"
        process.wait_until(lambda t=f"{prefix}.shop.k": any(
            "last" in (m["value"] or "") for m in from_debezium(broker, t)), 180,
            "Debezium's stream")
        runs[mode].append(run_leat(project, prefix))
        lines += compare_topics(runs[mode], prefix, broker)
        if MODES[mode][0].get("schema_changes"):
            lines += compare_schema_changes(runs[mode], prefix, broker)
        lines += compare_heartbeats(prefix, broker, project)
        worker.remove(prefix)
    lines += read_into_lake(project, server, f"{kind}-schemas", broker)
    assert not lines, f"{len(lines)} fields differ:\n" + "\n".join(lines[:100])


def start(kind, mode, number, server, worker, project):
    leat, debezium = MODES[mode]
    schemas = str(leat.get("schemas", False)).lower()
    converter = "org.apache.kafka.connect.json.JsonConverter"
    worker.debezium(f"{kind}-{mode}", server, f"{kind}-{mode}", 7000 + number,
                    key_converter=converter, value_converter=converter,
                    key_converter_schemas_enable=schemas,
                    value_converter_schemas_enable=schemas, heartbeat_interval_ms=200,
                    **debezium)
    project.write(f"pipelines/{kind}-{mode}.yaml", {
        "name": f"{kind}-{mode}",
        "from": {"mysql": {"url": server.url(), "tables": ["*"], "read": "cdc"}},
        "to": {"stdout": {"topic": f"{kind}-{mode}.{{database}}.{{table}}",
                          "format": "debezium",
                          "debezium": {"heartbeat": "200ms", **leat}}},
        "commit": {"every": "100ms"}})


def compare_topics(runs, prefix, broker):
    ours = {}
    for run in runs:
        for name, messages in from_leat(run, f"{prefix}.").items():
            ours.setdefault(name, []).extend(messages)
    lines = []
    for table in ("o", "k", "nokey", "t"):
        name = f"{prefix}.shop.{table}"
        lines += unlike(ours[name], from_debezium(broker, name), name)
    name = f"{prefix}.transaction"
    if name in ours:
        lines += unlike(ours[name], transactions(from_debezium(broker, name)), name)
    return lines


def compare_schema_changes(runs, prefix, broker):
    """Statements, the shapes that they make, and what a snapshot says of each table."""
    ours = [m for run in runs for m in from_leat(run, prefix).get(prefix, [])]
    theirs = from_debezium(broker, prefix)
    lines = []
    for part in (snapshot_of, statements_of, shapes_of):
        lines += unlike(part(ours), part(theirs), f"{prefix} {part.__name__}")
    return lines


def payload(message):
    value = json.loads(message["value"])
    return value.get("payload", value)


def with_payload(message, change):
    """The message with another payload, its unknown parts null."""
    value = json.loads(message["value"])
    inside = change(value.get("payload", value))
    for table in (entry["table"] for entry in inside["tableChanges"] if entry["table"]):
        table["defaultCharsetName"] = None
        for column in table["columns"]:
            column.update(dict.fromkeys(UNKNOWN))
            if re.search("INT|VECTOR", column["typeName"]):
                column["length"] = None
            for name in ("typeName", "typeExpression"):
                column[name] = column[name].removesuffix(" ZEROFILL")
    if "payload" in value:
        inside = {**value, "payload": inside}
    return {**message, "value": json.dumps(inside)}


def in_snapshot(message):
    return payload(message)["source"]["snapshot"] != "false"


def snapshot_of(messages):
    """Those that make tables, by table."""
    made = [with_payload(m, lambda p: p) for m in messages if in_snapshot(m)
            and [c["type"] for c in payload(m)["tableChanges"]] == ["CREATE"]]
    return sorted(made, key=lambda m: payload(m)["tableChanges"][0]["id"])


def statements_of(messages):
    """With the tables they drop alone."""
    def without_shapes(inside):
        kept = [c for c in inside["tableChanges"] if c["type"] == "DROP"]
        return {**inside, "tableChanges": kept}
    return [with_payload(m, without_shapes) for m in messages
            if not in_snapshot(m) and payload(m)["ddl"]]


def shapes_of(messages):
    """Without the statements and where they stand."""
    def shape_alone(inside):
        kept = [c for c in inside["tableChanges"] if c["type"] != "DROP"]
        return {"databaseName": inside["databaseName"], "tableChanges": kept}
    shapes = [with_payload(m, shape_alone) for m in messages if not in_snapshot(m)]
    return [shape for shape in shapes if payload(shape)["tableChanges"]]


def compare_heartbeats(prefix, broker, project):
    """Nothing changes any more, and they come."""
    name = f"__debezium-heartbeat.{prefix}"
    run = project.command("run", f"pipelines/{prefix}.yaml")
    run.wait_for(lambda: name in run.text, "a heartbeat")
    run.terminate()
    return unlike(from_leat(run, name)[name][:1], from_debezium(broker, name)[:1], name)


def read_into_lake(project, server, prefix, broker):
    """Debezium's own messages become the source's rows; what differs, a line each."""
    records.into_lake(project, "changes")
    for table in ("o", "k", "t"):
        records.produce(project, "changes", from_debezium(broker, f"{prefix}.shop.{table}"))
    records.read_all(project)
    lines = []
    # BIGINT UNSIGNED comes as Debezium's long: above 2^63 it has lost its sign.
    columns = [c for c in compare.source_columns(server, "shop.o") if c != "z"]
    if compare.source_rows(server, "shop.o", columns) != \
            compare.lake_rows(project, "shop.o", columns):
        lines.append("o: the rows differ")
    if found := compare.difference(project, server, "shop.k"):
        lines.append(found)
    types = {c: k for c, k in every_type.columns(server.kind).items()
             if comparable(k) and not k.type.startswith("BIGINT UNSIGNED")}
    want = test_types.expected(server, "t", types)
    return lines + test_types.differences(want, test_types.lake(project, "t", types), types)


def run_leat(project, name):
    return project.command("run", f"pipelines/{name}.yaml", "--until-caught-up").expect(0, 180)


def transactions(messages):
    """Those with changes: one without leaves nothing in Leat's topic (of a definition in
    MariaDB Debezium writes a BEGIN alone)."""
    changed = {m["key"] for m in messages if json.loads(m["value"]).get("event_count")}
    return [m for m in messages if m["key"] in changed]
