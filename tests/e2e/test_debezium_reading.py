"""Leat reads Debezium's messages: those it wrote itself, as columns between pipelines and as
bytes. Messages of Debezium's own are read in test_debezium.py."""

import json

import every_type
import test_types
from harness import compare, leat, readers, records

TABLES = ("shop.a", "shop.b")


def create(server):
    server.execute(
        "CREATE TABLE a (id INT PRIMARY KEY, v DECIMAL(10,2), t DATETIME(6), n VARCHAR(20))",
        "CREATE TABLE b (x VARCHAR(10), y INT UNSIGNED, z BIGINT UNSIGNED, PRIMARY KEY (y, x))",
        "INSERT INTO a VALUES " + ", ".join(
            f"({i}, {i}.25, '2024-01-01 00:00:00.{i:06}', 'é{i}')" for i in range(50)),
        "INSERT INTO b VALUES ('a', 1, 18446744073709551615), ('b', 4294967295, NULL)",
        database="shop")


def change(server):
    server.execute(
        "UPDATE a SET v = -v WHERE id < 20", "DELETE FROM a WHERE id BETWEEN 5 AND 9",
        "UPDATE a SET id = id + 1000 WHERE id > 40", "REPLACE INTO a (id) VALUES (3), (4)",
        "TRUNCATE b", "INSERT INTO b VALUES ('c', 2, 7)", "UPDATE b SET x = 'd'",
        "ALTER TABLE a ADD COLUMN more BIGINT",
        "INSERT INTO a VALUES (2000, 1, NULL, NULL, 5)", "UPDATE a SET more = 1 WHERE id = 1",
        database="shop")


def source(server, tables):
    return {"mysql": {"url": server.url(), "tables": tables, "read": "cdc"}}


def printing(project, server, tables):
    """A pipeline that prints Debezium's messages."""
    project.write("pipelines/in.yaml", {
        "name": "in", "from": source(server, tables),
        "to": {"stdout": {"topic": "p.{database}.{table}", "format": "debezium",
                          "debezium": {"schemas": True, "truncates": True,
                                       "unsigned_bigint": "precise"}}},
        "commit": {"every": "100ms"}})


def messages(project):
    run = project.command("run", "pipelines/in.yaml", "--until-caught-up").expect(leat.DONE)
    return [line for line in run.lines() if "topic" in line]


def test_through_a_topic_between_pipelines(server, project):
    create(server)
    project.write("pipelines/in.yaml", {
        "from": source(server, ["a", "b"]),
        "to": {"topic": {"name": "changes", "format": "debezium"}},
        "commit": {"every": "100ms"}})
    records.into_lake(project, "changes")
    for step in (lambda: None, lambda: change(server)):
        step()
        for name in ("in", "out"):
            project.command("run", f"pipelines/{name}.yaml",
                            "--until-caught-up").expect(leat.DONE)
        compare.assert_equal(project, server, *TABLES)


def test_through_bytes(server, project):
    create(server)
    printing(project, server, ["a", "b"])
    records.into_lake(project, "changes")
    for step in (lambda: None, lambda: change(server)):
        step()
        records.produce(project, "changes", messages(project))
        records.read_all(project)
        compare.assert_equal(project, server, *TABLES)


def test_every_type_comes_back(server, project):
    server.execute("SET sql_mode = ''", every_type.create("l", server.kind), database="shop")
    test_types.fill(server, "s")
    printing(project, server, ["s", "l"])
    first = messages(project)
    server.execute("SET sql_mode = '', time_zone = '+00:00'",
                   *every_type.inserts("l", server.kind), database="shop")
    records.into_lake(project, "changes")
    records.produce(project, "changes", first + messages(project))
    records.read_all(project)
    types = {c: k for c, k in every_type.columns(server.kind).items()
             # Debezium's JSON of MySQL has no blanks in a stream.
             if k.type != "JSON" or server.kind == "mariadb"}
    for name in ("s", "l"):
        test_types.report(test_types.differences(
            test_types.expected(server, name, types),
            test_types.lake(project, name, types), types))


def test_scar_28_tombstones_and_null_before_crash_nobody(mariadb, project, broker):
    """A client of Kafka's own reads them from Leat; Leat reads them, and those that other
    connectors write."""
    mariadb.execute("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10))",
                    "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')",
                    database="shop")
    project.write("leat.yaml", {"data": "./data", "broker": broker.url()})
    project.write("pipelines/in.yaml", {
        "name": "tombstones-in", "from": source(mariadb, ["t"]),
        "to": {"topic": {"name": "tombstones.{table}", "format": "debezium"}},
        "commit": {"every": "100ms"}})
    run = ("run", "pipelines/in.yaml", "--until-caught-up")
    project.command(*run).expect(leat.DONE)
    mariadb.execute("UPDATE t SET v = 'x' WHERE id = 1", "UPDATE t SET id = 5 WHERE id = 2",
                    "DELETE FROM t WHERE id = 3", database="shop")
    project.command(*run).expect(leat.DONE)
    seen = [(json.loads(m.key())["id"], m.value() and json.loads(m.value()))
            for m in broker.read("tombstones.t")]
    assert [(key, value and (value["op"], value["before"] is None, value["after"] is None))
            for key, value in seen] == [
        *((key, ("r", True, False)) for key in (1, 2, 3, 4)), (1, ("u", False, False)),
        (2, ("d", False, True)), (2, None), (5, ("c", True, False)),
        (3, ("d", False, True)), (3, None)]

    # As of PostgreSQL: nothing of the row that was, or its key alone.
    change = {"source": {"db": "shop", "table": "t"}, "ts_ms": 1}
    broker.produce("tombstones.t", [(key, value and json.dumps(value)) for key, value in (
        ('{"id":1}', {"before": None, "after": {"id": 1, "v": "y"}, **change, "op": "u"}),
        ('{"id":5}', {"before": {"id": 5, "v": None}, "after": None, **change, "op": "d"}),
        ('{"id":5}', None), ('{"id":99}', None), (None, None),
        ('{"id":6}', {"after": {"id": 6, "v": "new"}, **change, "op": "c"}))])
    project.write("pipelines/out.yaml", {
        "name": "out", "from": {"topic": {"name": "tombstones.t", "format": "debezium"}},
        "to": {"iceberg": {"warehouse": "./lake", "table": "{database}.{table}",
                           "mode": "upsert"}},
        "commit": {"every": "100ms"}})
    records.read_all(project)
    assert readers.rows(project, "shop.t", ["id", "v"]) == [(1, "y"), (4, "d"), (6, "new")]
