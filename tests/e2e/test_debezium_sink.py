"""Debezium's own consumers over topics that Leat wrote: its ExtractNewRecordState unwraps the
envelopes, and its sink makes tables of them, which must be the source's."""

import pytest
from harness import compare, database, leat, process

COLUMNS = """n BIGINT, u BIGINT UNSIGNED, d DECIMAL(12,3), f DOUBLE, s VARCHAR(40), t TEXT,
b VARBINARY(20), day DATE, at DATETIME(6), z TIMESTAMP(6) NULL, e ENUM('x','y'), yes BOOLEAN"""
TABLES = {"keyed": f"CREATE TABLE keyed (id INT PRIMARY KEY, {COLUMNS})",
          "pairs": "CREATE TABLE pairs (a VARCHAR(10), b INT, v INT, PRIMARY KEY (a, b))"}


def rows(low, high):
    return ", ".join(
        f"({i}, {i} * -1000000007, 18446744073709551615 - {i}, {i}.125, {i} / 3, 'é€{i}', "
        f"'line\\n{i}', x'00ff{i:02x}', '20{i % 100:02}-02-28', '2024-01-02 03:04:05.{i:06}', "
        f"'2024-06-01 12:00:00.{i:06}', 'y', {i} % 2)" for i in range(low, high))


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_debeziums_sink_makes_the_sources_rows(kind, own_server, worker, broker, project):
    server = own_server(kind)
    server.execute(f"CREATE USER dbz@'%' IDENTIFIED BY '{database.PASSWORD}'",
                   "GRANT ALL ON *.* TO dbz@'%'", "CREATE DATABASE copy")
    topics = {table: f"{table}_of_{kind}" for table in TABLES}
    for table, topic in topics.items():
        server.query(TABLES[table])
        server.query(TABLES[table].replace(table, topic, 1), "copy")
        broker.create_topic(topic, 3)
    server.execute("SET time_zone = '+00:00'", f"INSERT INTO keyed VALUES {rows(0, 60)}",
                   "INSERT INTO keyed (id) VALUES (60)",
                   "INSERT INTO pairs VALUES ('a', 1, 1), ('ä', 2, 2), ('', 3, 3)",
                   database="shop")
    project.write("leat.yaml", {"data": "./data", "broker": broker.url()})
    project.write("pipelines/p.yaml", {
        "name": f"unwrapped-{kind}", "commit": {"every": "100ms"},
        "from": {"mysql": {"url": server.url(), "tables": ["*"], "read": "cdc"}},
        "to": {"topic": {"name": f"{{table}}_of_{kind}", "format": "debezium",
                         "debezium": {"schemas": True, "unsigned_bigint": "precise"}}}})
    project.catch_up()
    worker.debezium_sink(f"sink-{kind}", server, topics.values())
    wait_equal(server, worker, kind, topics)
    run = project.start()
    server.execute(
        "SET time_zone = '+00:00'", "DELETE FROM keyed WHERE id % 7 = 0",
        "UPDATE keyed SET s = NULL, d = -d, z = '2024-06-02 00:00:00.5' WHERE id % 3 = 0",
        "UPDATE keyed SET id = id + 1000 WHERE id % 5 = 0",
        f"INSERT INTO keyed VALUES {rows(61, 90)}", "DELETE FROM keyed WHERE id = 70",
        f"INSERT INTO keyed VALUES {rows(70, 71)}", "UPDATE pairs SET a = 'z' WHERE b = 2",
        "DELETE FROM pairs WHERE b = 3", "INSERT INTO pairs VALUES ('last', 4, 4)",
        database="shop")
    wait_equal(server, worker, kind, topics)
    assert run.terminate() == leat.DONE
    worker.remove(f"sink-{kind}")
    deleted = [m.key() for m in broker.read(topics["keyed"]) if m.value() is None]
    # 0, 7, ... 56 and 70; 5, 10, ... that got another key, without 35, which was gone
    assert len(deleted) == len(set(deleted)) == 9 + 1 + 11


def wait_equal(server, worker, kind, topics):
    def equal():
        assert worker.running(f"sink-{kind}"), "the sink does not run"
        return all(compare.source_rows(server, f"copy.{topic}") ==
                   compare.source_rows(server, f"shop.{table}") for table, topic in topics.items())
    process.wait_until(equal, 180, f"Debezium's sink has the rows of {', '.join(topics.values())}")
