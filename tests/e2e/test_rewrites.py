"""Statements that change, remove or bring rows without a row event: the table is read again,
joined with the log, and the lake is the table afterwards."""

import threading

import pytest
from harness import compare, leat, readers


def follow(project, server, *tables, **more):
    project.pipeline(server, list(tables), **more)
    project.catch_up()


@pytest.fixture
def t(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, d DECIMAL(10,4), s VARCHAR(20), "
                 "ts DATETIME(6), n INT)")
    server.query("INSERT INTO t VALUES (1, 1.2345, 'abc  ', '2024-01-01 10:00:00.999999', NULL), "
                 "(2, 2.9999, 'wxyz', '2024-06-30 23:59:59.500000', 5), (3, 0, '', NULL, 6)")
    follow(project, server, "t")
    return server


def reread(project, server):
    run = project.catch_up()
    compare.assert_equal(project, server, "shop.t")
    return "reading a table again" in run.text


@pytest.mark.parametrize("statement", [
    "ALTER TABLE t MODIFY s VARCHAR(3)",
    "ALTER TABLE t MODIFY s CHAR(20)",
    "ALTER TABLE t CHANGE ts ts2 DATETIME(3)",
    "ALTER TABLE t MODIFY n INT NOT NULL",
    "ALTER TABLE t MODIFY n INT GENERATED ALWAYS AS (id * 2) STORED",
    "ALTER TABLE t CONVERT TO CHARACTER SET ascii",
], ids=["shorter", "char", "fraction", "not-null", "computed", "charset"])
def test_values_that_a_definition_converts(t, project, statement):
    t.query("INSERT INTO t VALUES (4, 1, 'é€', NULL, 9)")
    project.catch_up()
    t.execute("SET sql_mode = ''", statement, database="shop")
    assert reread(project, t)
    t.execute("SET sql_mode = ''", "INSERT INTO t (id, s) VALUES (10, 'new')",
              "DELETE FROM t WHERE id = 2", database="shop")
    assert not reread(project, t)


def test_wider_columns_are_not_read_again(t, project):
    t.query("UPDATE t SET n = 8 WHERE id = 3")
    t.query("ALTER TABLE t MODIFY s VARCHAR(300), MODIFY n BIGINT, MODIFY d DECIMAL(14,4)")
    t.query("INSERT INTO t VALUES (5, 1234567890.1234, REPEAT('s', 290), NULL, 1 << 40)")
    assert not reread(project, t)


def test_partitions_of_other_kinds_of_statement_read_nothing_again(t, project):
    for statement in ("ALTER TABLE t PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), "
                      "PARTITION p1 VALUES LESS THAN MAXVALUE)",
                      "ALTER TABLE t REORGANIZE PARTITION p0 INTO (PARTITION a VALUES LESS THAN (2), "
                      "PARTITION b VALUES LESS THAN (10))",
                      "ALTER TABLE t REBUILD PARTITION a", "ALTER TABLE t REMOVE PARTITIONING"):
        t.query(statement)
    t.query("UPDATE t SET n = 1")
    assert not reread(project, t)


@pytest.fixture
def partitioned(server):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT) PARTITION BY RANGE (id) ("
                 "PARTITION p0 VALUES LESS THAN (100), PARTITION p1 VALUES LESS THAN (200), "
                 "PARTITION p2 VALUES LESS THAN MAXVALUE)")
    server.query("INSERT INTO t VALUES " + ", ".join(f"({i}, {i})" for i in range(300)))
    return server


@pytest.mark.parametrize("statement", ["DROP PARTITION p0", "TRUNCATE PARTITION p1"])
def test_rows_that_leave_with_a_partition(partitioned, project, statement):
    follow(project, partitioned, "t")
    partitioned.query("UPDATE t SET v = -1 WHERE id % 10 = 0")
    partitioned.query(f"ALTER TABLE t {statement}")
    partitioned.query("UPDATE t SET v = -2 WHERE id % 10 = 1")
    partitioned.query("INSERT INTO t VALUES (1000, 1)")
    assert reread(project, partitioned)
    assert readers.count(project, "shop.t") == 201


def test_rows_that_come_by_an_exchange(partitioned, project):
    partitioned.query("CREATE TABLE x (id INT PRIMARY KEY, v INT)")
    partitioned.query("INSERT INTO x VALUES (5, -5), (7, -7)")
    follow(project, partitioned, "t", "x")
    partitioned.query("ALTER TABLE t EXCHANGE PARTITION p0 WITH TABLE x")
    partitioned.query("UPDATE t SET v = v - 1 WHERE id < 110")
    partitioned.query("DELETE FROM x WHERE id = 3")
    project.catch_up()
    compare.assert_equal(project, partitioned, "shop.t", "shop.x")
    assert readers.count(project, "shop.t") == 202


def test_convert_partition_of_mariadb(partitioned, project):
    if partitioned.kind != "mariadb":
        pytest.skip("MariaDB only: CONVERT PARTITION")
    partitioned.query("CREATE TABLE x0 (id INT PRIMARY KEY)")
    follow(project, partitioned, "t", "x*")
    partitioned.query("ALTER TABLE t CONVERT PARTITION p0 TO TABLE x1")
    partitioned.query("INSERT INTO x1 VALUES (-1, 1)")
    project.catch_up()
    compare.assert_equal(project, partitioned, "shop.t", "shop.x1")


def test_ignore_leaves_duplicates_out(mariadb, project):
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    mariadb.query("INSERT INTO t VALUES (1, 1), (2, 1), (3, 2)")
    follow(project, mariadb, "t")
    mariadb.query("ALTER IGNORE TABLE t ADD UNIQUE (v)")
    assert reread(project, mariadb)
    assert readers.count(project, "shop.t") == 2


def test_kept_when_the_user_wants_it(partitioned, project):
    follow(project, partitioned, "t", mysql={"dropped_partitions": "keep"})
    partitioned.query("ALTER TABLE t DROP PARTITION p0")
    partitioned.query("INSERT INTO t VALUES (1000, 1)")
    run = project.catch_up()
    assert readers.count(project, "shop.t") == 301
    assert "DROP PARTITION" in run.text, "it is said"


def test_a_target_that_appends_keeps_its_history(partitioned, project):
    follow(project, partitioned, "t", mode="append")
    partitioned.query("ALTER TABLE t TRUNCATE PARTITION p0")
    project.catch_up()
    assert readers.count(project, "shop.t") == 300


def test_without_a_snapshot_it_stops_and_says_the_way_on(partitioned, project):
    follow(project, partitioned, "t", mysql={"snapshot": "never"})
    partitioned.query("INSERT INTO t VALUES (1000, 1)")
    partitioned.query("ALTER TABLE t DROP PARTITION p0")
    run = project.start("--until-caught-up")
    assert run.wait() in (leat.FAILED, leat.BAD_CONFIG)
    assert "DROP PARTITION" in run.text and "`snapshot: initial`" in run.text
    project.pipeline(partitioned, ["t"])
    assert reread(project, partitioned)


def test_scar_33_rewrites_under_load(partitioned, project):
    """Partitions go while rows are written; the pipeline is killed in the middle."""
    done = threading.Event()

    def write():
        connection = partitioned.connect()
        with connection.cursor() as cursor:
            n = 0
            while not done.is_set():
                n += 1
                cursor.execute(f"INSERT INTO t VALUES ({1000 + n}, 1)")
                cursor.execute(f"UPDATE t SET v = v + 1 WHERE id % 17 = {n % 17}")
                cursor.execute(f"DELETE FROM t WHERE id = {1000 + n - 40}")
        connection.close()

    follow(project, partitioned, "t", mysql={"snapshot_chunk_rows": 50})
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for partition in ("p0", "p1"):
            run = project.start()
            partitioned.query(f"ALTER TABLE t TRUNCATE PARTITION {partition}")
            run.wait_log("reading a table again")
            run.kill9()
            partitioned.query("INSERT INTO t VALUES " + ", ".join(
                f"({i}, {i})" for i in range(*((0, 100) if partition == "p0" else (100, 200)))))
    finally:
        done.set()
        writer.join()
    project.catch_up()
    compare.assert_equal(project, partitioned, "shop.t")
