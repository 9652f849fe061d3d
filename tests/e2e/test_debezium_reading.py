"""Leat reads Debezium's messages: those it wrote itself, as columns between pipelines and as
bytes. Messages of Debezium's own are read in test_debezium.py."""

import every_type
import test_types
from harness import compare, leat, records

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
