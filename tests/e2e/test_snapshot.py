"""Snapshots: resumable, bounded, exact where they join the log."""

import random
import threading

import pytest
from harness import compare, leat, readers


CHUNK = 2000  # rows of one chunk
CHUNKED = {"snapshot_chunk_rows": CHUNK}


def many(server, name, rows, body="id INT PRIMARY KEY, v INT"):
    server.query(f"CREATE TABLE {name} ({body})")
    if server.kind == "mariadb":
        numbers = f"SELECT seq AS n FROM seq_0_to_{max(rows, 1) - 1}"
    else:
        numbers = (f"WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s "
                   f"WHERE n < {max(rows, 1) - 1}) SELECT n FROM s")
    if rows:
        server.execute(*(["SET cte_max_recursion_depth = 1000000"] * (server.kind == "mysql")),
                       f"INSERT INTO {name} SELECT n, n % 100 FROM ({numbers}) numbers",
                       database="shop")


def test_scar_01_a_killed_snapshot_goes_on_at_its_chunk(mariadb, project):
    many(mariadb, "first", 60_000)
    many(mariadb, "second", 60_000)
    project.pipeline(mariadb, ["first", "second"], mysql=CHUNKED,
                     commit={"rows": 2000, "every": "100ms"})
    run = project.start()
    run.wait_for(lambda: readers.count(project, "shop.first")
                 + readers.count(project, "shop.second") >= 30_000, "part of the snapshot")
    run.kill9()
    mariadb.query("UPDATE first SET v = -1 WHERE id % 1000 = 0")
    before = {name: readers.count(project, f"shop.{name}") for name in ("first", "second")}
    # Rows read before the kill are not read again: the server counts what it sends.
    sent = rows_sent(mariadb)
    project.catch_up()
    again = rows_sent(mariadb) - sent
    compare.assert_equal(project, mariadb, "shop.first", "shop.second")
    assert again < 120_000 - sum(before.values()) + 10 * CHUNK, "it began from the start"


def rows_sent(server):
    """Rows the server has read for its clients since it started."""
    name = "Rows_sent" if server.kind == "mariadb" else "Innodb_rows_read"
    return int(server.query(f"SHOW GLOBAL STATUS LIKE '{name}'")[0][1])


def test_scar_03_a_crash_between_snapshot_and_log(server, project):
    """Rows that change while the snapshot runs, and a kill at its end, lose nothing."""
    many(server, "t", 40_000)
    project.pipeline(server, ["t"], mysql=CHUNKED, commit={"rows": 2000, "every": "50ms"})
    run = project.start()
    run.wait_for(lambda: readers.count(project, "shop.t") >= 1000, "a first chunk")
    server.query("UPDATE t SET v = 1000 WHERE id % 10 = 0")
    server.query("DELETE FROM t WHERE id % 10 = 5")
    run.wait_for(lambda: readers.count(project, "shop.t") >= 31_000, "most of it")
    run.kill9()
    server.query("INSERT INTO t VALUES (90000, 1)")
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")


def test_the_snapshot_joins_the_log_exactly_under_writes(server, project):
    many(server, "t", 50_000)
    done = threading.Event()

    def write():
        choose = random.Random(5)
        connection = server.connect()
        with connection.cursor() as cursor:
            while not done.is_set():
                key = choose.randrange(50_000)
                cursor.execute(f"UPDATE t SET v = v + 1 WHERE id = {key}")
                cursor.execute(f"DELETE FROM t WHERE id = {choose.randrange(50_000)}")
                cursor.execute(f"REPLACE INTO t VALUES ({choose.randrange(50_000)}, -5)")
                cursor.execute(f"UPDATE IGNORE t SET id = id + 60000 WHERE id = {key + 1}")
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        project.pipeline(server, ["t"], mysql=CHUNKED)
        project.catch_up()
    finally:
        done.set()
        writer.join()
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")


@pytest.mark.parametrize("ddl, insert", [
    ("id BIGINT PRIMARY KEY, v INT", "SELECT seq * seq * seq, seq FROM seq_0_to_21000"),
    ("id BIGINT PRIMARY KEY, v INT",
     "SELECT IF(seq < 20000, seq, 9000000000000000000 + seq), seq FROM seq_0_to_20500"),
    ("k VARCHAR(40) PRIMARY KEY, v INT",
     "SELECT IF(seq % 2, CONCAT('same-long-prefix-', seq), MD5(seq)), seq FROM seq_0_to_21000"),
    ("k VARCHAR(20) COLLATE utf8mb4_unicode_ci PRIMARY KEY, v INT",
     "SELECT CONCAT(ELT(1 + seq % 4, 'é', 'Z', 'a', 'ß'), seq), seq FROM seq_0_to_21000"),
    ("a INT, b VARCHAR(10), v INT, PRIMARY KEY (a, b)",
     "SELECT IF(seq < 15000, 1, seq % 7), CONCAT(seq), seq FROM seq_0_to_21000"),
    ("a DATETIME(6), b DECIMAL(20,6), v INT, PRIMARY KEY (a, b)",
     "SELECT '2024-01-01' + INTERVAL seq % 50 HOUR, seq / 7, seq FROM seq_0_to_21000"),
    ("k BINARY(16) PRIMARY KEY, v INT", "SELECT UNHEX(MD5(seq)), seq FROM seq_0_to_21000"),
    ("k BIGINT UNSIGNED PRIMARY KEY, v INT",
     "SELECT 18446744073709551615 - seq * 7, seq FROM seq_0_to_21000"),
    ("k ENUM('c','b','a'), n INT, v INT, PRIMARY KEY (k, n)",
     "SELECT ELT(1 + seq % 3, 'a', 'b', 'c'), seq, seq FROM seq_0_to_21000"),
], ids=["gaps", "skewed", "string", "collation", "composite", "time-and-decimal", "binary",
        "unsigned", "enum"])
def test_scar_06_keys_of_every_shape(mariadb, project, ddl, insert):
    mariadb.query(f"CREATE TABLE t ({ddl})")
    mariadb.query(f"INSERT INTO t {insert}")
    project.pipeline(mariadb, ["t"], mysql=CHUNKED)
    project.catch_up()
    compare.assert_equal(project, mariadb, "shop.t")


def test_scar_06_a_table_without_a_key_is_one_consistent_read(server, project):
    server.query("CREATE TABLE t (a INT, b VARCHAR(10))")
    server.query("INSERT INTO t VALUES (1, 'x'), (1, 'x'), (NULL, NULL), (NULL, NULL), (2, 'y')")
    project.pipeline(server, ["t"], mode="append")
    project.catch_up()
    server.query("INSERT INTO t VALUES (1, 'x'), (3, NULL)")
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")


def test_upsert_of_a_table_without_a_key_is_refused_with_what_to_do(mariadb, project):
    mariadb.query("CREATE TABLE t (a INT)")
    project.pipeline(mariadb, ["t"], mode="upsert")
    run = project.start("--until-caught-up")
    assert run.wait() not in (leat.DONE, leat.CRASHED)
    assert "shop.t" in run.text and "key" in run.text and "append" in run.text


def test_snapshot_never(server, project):
    many(server, "t", 10)
    project.pipeline(server, ["t"], mysql={"snapshot": "never"})
    project.catch_up()
    server.query("INSERT INTO t VALUES (100, 1)")
    project.catch_up()
    assert readers.rows(project, "shop.t") == [(100, 1)]


def test_snapshot_only_ends_by_itself(server, project):
    many(server, "t", 5000)
    project.pipeline(server, ["t"], mysql={"snapshot": "only"})
    project.start().expect(leat.DONE)
    compare.assert_equal(project, server, "shop.t")


def test_read_once_ends_by_itself(server, project):
    many(server, "t", 5000)
    project.pipeline(server, ["t"], mysql={"read": "once"})
    project.start().expect(leat.DONE)
    compare.assert_equal(project, server, "shop.t")


def test_a_table_added_later_is_snapshotted_alone(server, project):
    many(server, "old", 3000)
    many(server, "new", 3000)
    project.pipeline(server, ["old"])
    project.catch_up()
    server.query("UPDATE new SET v = 7 WHERE id < 50")
    server.query("INSERT INTO old VALUES (5000, 1)")
    project.pipeline(server, ["old", "new"])
    sent = rows_sent(server)
    project.catch_up()
    assert rows_sent(server) - sent < 5500, "the old table was read again"
    compare.assert_equal(project, server, "shop.old", "shop.new")


def test_several_workers(server, project):
    many(server, "t", 50_000)
    project.pipeline(server, ["t"], mysql={"snapshot_workers": 4, **CHUNKED})
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")


def test_an_empty_table_exists_in_the_lake(server, project):
    many(server, "t", 0)
    project.pipeline(server, ["t"])
    project.catch_up()
    assert readers.rows(project, "shop.t") == []
    assert readers.table(project, "shop.t").schema().column_names == ["id", "v"]
