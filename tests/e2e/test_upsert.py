"""Upserts: the lake's table is the source's table, whatever happens to a key."""

import pytest
from harness import compare, readers


def follow(project, server, *tables, **options):
    project.pipeline(server, list(tables), **options)
    project.catch_up()


def changed(project, server, *statements, table="shop.t"):
    for statement in statements:
        server.query(statement)
    project.catch_up()
    compare.assert_equal(project, server, table)


def in_one_transaction(server, statements):
    connection = server.connect()
    try:
        connection.begin()
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.commit()
    finally:
        connection.close()


def test_updates_and_deletes(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))")
    server.query("INSERT INTO t VALUES " + ", ".join(f"({i}, 'v{i}')" for i in range(1000)))
    follow(project, server, "t")
    changed(project, server, "UPDATE t SET v = CONCAT(v, 'x') WHERE id % 2 = 0",
            "DELETE FROM t WHERE id % 5 = 0", "INSERT INTO t VALUES (5, 'again'), (2000, 'n')")


def test_a_key_that_changes(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    server.query("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")
    follow(project, server, "t")
    changed(project, server, "UPDATE t SET id = 10 WHERE id = 1")
    # A chain in one statement: each key becomes the next one's old key.
    changed(project, server, "UPDATE t SET id = id + 1 ORDER BY id DESC")


@pytest.mark.parametrize("steps", [
    ["INSERT INTO t VALUES (1, 1)", "UPDATE t SET v = 2 WHERE id = 1"],
    ["INSERT INTO t VALUES (1, 1)", "DELETE FROM t WHERE id = 1"],
    ["INSERT INTO t VALUES (1, 1)", "UPDATE t SET v = 2 WHERE id = 1",
     "DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES (1, 9)"],
    ["DELETE FROM t WHERE id = 7", "INSERT INTO t VALUES (7, 70)",
     "UPDATE t SET v = 71 WHERE id = 7"],
    ["UPDATE t SET id = 8 WHERE id = 7", "INSERT INTO t VALUES (7, 1)",
     "DELETE FROM t WHERE id = 8"],
    ["UPDATE t SET v = v + 1", "DELETE FROM t", "INSERT INTO t VALUES (7, 0)", "DELETE FROM t"],
], ids=["insert-update", "insert-delete", "insert-update-delete-insert",
        "delete-insert-update", "key-moves-away-and-comes-back", "everything-goes"])
def test_scar_21_one_key_many_times_in_one_commit(server, project, steps):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    server.query("INSERT INTO t VALUES (7, 7), (9, 9)")
    follow(project, server, "t")
    before = len(readers.table(project, "shop.t").snapshots())
    in_one_transaction(server, steps)
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")
    assert len(readers.table(project, "shop.t").snapshots()) <= before + 1


def test_scar_22_rows_that_move_between_partitions(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, region VARCHAR(10), d DATE)")
    server.query("INSERT INTO t VALUES (1, 'a', '2024-01-01'), (2, NULL, '2024-02-01'), "
                 "(3, 'b', NULL), (4, NULL, NULL)")
    follow(project, server, "t", iceberg={"partition": ["region", "month(d)"]})
    compare.assert_equal(project, server, "shop.t")
    changed(project, server, "UPDATE t SET region = 'c' WHERE id IN (1, 2)",
            "UPDATE t SET d = '2025-05-05' WHERE id = 3", "UPDATE t SET region = NULL WHERE id = 1",
            "DELETE FROM t WHERE id = 4")


@pytest.mark.parametrize("key, values", [
    ("a INT, b VARCHAR(20), PRIMARY KEY (a, b)", ["1, 'x'", "1, 'y'", "2, 'x'"]),
    ("a VARCHAR(40) PRIMARY KEY, b INT", ["'', 1", "'ü€😀', 2", "'Z', 3"]),
    ("a BIGINT UNSIGNED PRIMARY KEY, b INT", ["0, 1", "18446744073709551615, 2"]),
    ("a DECIMAL(20,5) PRIMARY KEY, b INT", ["-1.5, 1", "0, 2", "99999999999.00001, 3"]),
    ("a DATETIME(6) PRIMARY KEY, b INT", ["'1000-01-01', 1", "'9999-12-31 23:59:59.999999', 2"]),
    ("a BINARY(16) PRIMARY KEY, b INT", ["REPEAT('\\0', 16), 1", "REPEAT('a', 16), 2"]),
    ("a INT, b INT NOT NULL, UNIQUE KEY (b)", ["1, 1", "NULL, 2"]),
], ids=["composite", "string", "unsigned", "decimal", "datetime", "binary", "unique-not-null"])
def test_keys_of_every_kind(server, project, key, values):
    server.query(f"CREATE TABLE t ({key.replace(', PRIMARY KEY (a, b)', '')}, v INT"
                 + (", PRIMARY KEY (a, b)" if "PRIMARY KEY (a, b)" in key else "") + ")")
    for value in values:
        server.query(f"INSERT INTO t VALUES ({value}, 1)")
    follow(project, server, "t")
    compare.assert_equal(project, server, "shop.t")
    changed(project, server, "UPDATE t SET v = 2", "DELETE FROM t LIMIT 1")


def test_truncate_and_multi_table_statements(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    server.query("CREATE TABLE u (id INT PRIMARY KEY, v INT)")
    server.query("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")
    server.query("INSERT INTO u VALUES (1, 1), (2, 2)")
    follow(project, server, "t", "u")
    changed(project, server, "UPDATE t JOIN u USING (id) SET t.v = 10, u.v = 20")
    compare.assert_equal(project, server, "shop.u")
    changed(project, server, "TRUNCATE TABLE t", "INSERT INTO t VALUES (2, 5)")
    compare.assert_equal(project, server, "shop.u")


def test_scar_24_no_equality_deletes_are_written(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    server.query("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")
    follow(project, server, "t")
    changed(project, server, "DELETE FROM t WHERE id = 2", "UPDATE t SET v = 9 WHERE id = 3")
    kinds = readers.table(project, "shop.t").inspect.files().column("content").to_pylist()
    assert set(kinds) <= {0, 1}, "data files and position deletes only"


def test_a_unique_key_stands_in_for_a_primary_one(server, project):
    server.query("CREATE TABLE t (n INT, id INT NOT NULL, v INT, UNIQUE KEY (id))")
    server.query("INSERT INTO t VALUES (1, 1, 1), (2, 2, 2)")
    follow(project, server, "t")
    changed(project, server, "UPDATE t SET v = 9 WHERE id = 1", "DELETE FROM t WHERE id = 2",
            "INSERT INTO t VALUES (NULL, 3, 3)", "UPDATE t SET id = 4 WHERE id = 3")
