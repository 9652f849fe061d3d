"""The binlog as production has it: purged, huge, compressed, full of other people's DDL."""

import time

import pytest
from harness import compare, leat, readers


def purge_everything(server):
    """Until one log is left: a server keeps the logs that its own threads still look into,
    and says so in a warning only."""
    server.query("FLUSH BINARY LOGS")
    name = server.query("SHOW BINARY LOGS")[-1][0]
    deadline = time.monotonic() + 60
    while len(server.query("SHOW BINARY LOGS")) > 1:
        assert time.monotonic() < deadline, "the server keeps its old logs"
        server.query(f"PURGE BINARY LOGS TO '{name}'")
        time.sleep(0.1)


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_scar_10_purged_logs_stop_the_pipeline_with_the_way_out(own_server, project, kind):
    server = own_server(kind)
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    server.query("INSERT INTO t VALUES (1, 1)")
    project.pipeline(server, ["t"])
    project.catch_up()
    server.query("INSERT INTO t VALUES (2, 2)")
    purge_everything(server)
    server.query("INSERT INTO t VALUES (3, 3)")
    run = project.start("--until-caught-up")
    assert run.wait() not in (leat.DONE, leat.CRASHED), "it must not go on from 'now'"
    assert "purged" in run.text
    assert readers.rows(project, "shop.t") == [(1, 1)], "nothing after the gap was written"


WEIRD = [
    "CREATE PROCEDURE other.p() BEGIN DECLARE x INT DEFAULT 1; SELECT 'ALTER TABLE t'; END",
    "CREATE FUNCTION other.f(a INT) RETURNS INT DETERMINISTIC RETURN a + 1",
    "CREATE TRIGGER other.tr BEFORE INSERT ON other.w FOR EACH ROW SET NEW.v = 1",
    "CREATE VIEW other.v AS SELECT * FROM other.w",
    "CREATE OR REPLACE VIEW other.v AS SELECT 1 AS `ALTER TABLE shop.t DROP COLUMN v`",
    "CREATE TABLE other.`we``ird; DROP TABLE shop.t --x` (`a b` INT, `c``d` INT)",
    "ALTER TABLE other.w ADD COLUMN /* ALTER TABLE shop.t DROP COLUMN v */ z INT COMMENT ';'",
    "CREATE TABLE other.part (id INT) PARTITION BY HASH(id) PARTITIONS 3",
    "ALTER TABLE other.part COALESCE PARTITION 1",
    "CREATE EVENT other.e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    "GRANT SELECT ON other.* TO leat@'%'",
    "CREATE USER IF NOT EXISTS x@localhost IDENTIFIED BY 'pw'",
    "ANALYZE TABLE other.w",
    "OPTIMIZE TABLE other.w",
    "CREATE INDEX i ON other.w (v)",
    "DROP VIEW other.v",
    "RENAME TABLE other.w TO other.w2",
    "DROP DATABASE other",
]
WEIRD_MARIADB = [
    "CREATE SEQUENCE other.s", "SELECT NEXTVAL(other.s)",
    "CREATE TABLE other.h (id INT) WITH SYSTEM VERSIONING",
    "CREATE OR REPLACE TABLE other.h (id INT, v INT INVISIBLE) WITH SYSTEM VERSIONING",
]


def test_scar_08_strange_ddl_on_tables_nobody_follows(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    project.pipeline(server, ["t"])
    project.catch_up()
    server.query("CREATE DATABASE other")
    server.query("CREATE TABLE other.w (id INT PRIMARY KEY, v INT)")
    statements = (WEIRD_MARIADB if server.kind == "mariadb" else []) + WEIRD
    for number, statement in enumerate(statements):
        server.query(statement)
        server.query(f"INSERT INTO t VALUES ({number}, 1)")
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")
    server.query("DROP USER IF EXISTS x@localhost")


def test_scar_05_a_large_transaction_in_bounded_memory(own_server, project):
    """One transaction of 120 MB while the pipeline may queue 8 MiB."""
    server = own_server("mariadb", ["--max-allowed-packet=64M"])
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(1000))")
    project.pipeline(server, ["t"], commit={"every": "100ms", "rows": 1000})
    project.catch_up()
    connection = server.connect()
    connection.begin()
    with connection.cursor() as cursor:
        for block in range(30):
            cursor.execute(f"INSERT INTO t SELECT seq, REPEAT(MD5(seq), 31) FROM "
                           f"seq_{block * 4000}_to_{block * 4000 + 3999}")
    connection.commit()
    connection.close()
    run = project.start("--until-caught-up")
    peak = anonymous = 0
    while run.alive():
        anonymous = anonymous_memory(run.pid)
        peak = max(peak, anonymous)
    run.expect(leat.DONE)
    assert readers.count(project, "shop.t") == 120_000
    assert len(readers.table(project, "shop.t").snapshots()) <= 3, "one transaction, one epoch"
    assert peak < 400 << 20, f"{peak >> 20} MB"


def anonymous_memory(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            for line in status:
                if line.startswith("RssAnon"):
                    return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


@pytest.mark.parametrize("kind, room", [("mariadb", "--innodb-log-file-size=512M"),
                                        ("mysql", "--innodb-redo-log-capacity=512M")])
def test_scar_26_events_as_large_as_max_allowed_packet(own_server, project, kind, room):
    server = own_server(kind, ["--max-allowed-packet=128M", room])
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v LONGBLOB)")
    project.pipeline(server, ["t"])
    project.catch_up()
    server.query("INSERT INTO t VALUES (1, REPEAT('a', 40 << 20)), (2, REPEAT('b', (16 << 20)))")
    server.query("INSERT INTO t VALUES (3, REPEAT('c', (16 << 20) - 40))")
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")


def test_compressed_events_of_mariadb(own_server, project):
    server = own_server("mariadb", ["--log-bin-compress=ON", "--log-bin-compress-min-len=10"])
    check_stream(server, project)


def test_compressed_transactions_of_mysql(own_server, project):
    server = own_server("mysql", ["--binlog-transaction-compression=ON"])
    check_stream(server, project)


def test_without_checksums(own_server, project):
    check_stream(own_server("mariadb", ["--binlog-checksum=NONE"]), project)


def check_stream(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v TEXT)")
    project.pipeline(server, ["t"])
    project.catch_up()
    server.query("INSERT INTO t VALUES (1, REPEAT('a', 5000)), (2, 'b'), (3, NULL)")
    server.query("UPDATE t SET v = REPEAT('c', 9000) WHERE id = 2")
    server.query("DELETE FROM t WHERE id = 1")
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")


def test_scar_11_partial_json_updates(own_server, project):
    server = own_server("mysql", ["--binlog-row-value-options=PARTIAL_JSON"])
    server.query("CREATE TABLE t (id INT PRIMARY KEY, j JSON, v INT)")
    server.query("INSERT INTO t VALUES (1, '{\"a\": 1, \"b\": [1, 2, 3]}', 1)")
    project.pipeline(server, ["t"])
    project.catch_up()
    for change in ("JSON_SET(j, '$.a', 2)", "JSON_REMOVE(j, '$.b[0]')",
                   "JSON_REPLACE(j, '$.b[1]', JSON_OBJECT('k', 'ü'))",
                   "JSON_ARRAY_APPEND(j, '$.b', 9)"):
        server.query(f"UPDATE t SET j = {change}, v = v + 1")
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
@pytest.mark.parametrize("image", ["MINIMAL", "NOBLOB"])
def test_scar_11_partial_row_images_are_refused_with_the_setting(own_server, project, kind, image):
    server = own_server(kind, [f"--binlog-row-image={image}"])
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    project.pipeline(server, ["t"])
    run = project.start("--until-caught-up")
    assert run.wait() not in (leat.DONE, leat.CRASHED)
    assert "SET GLOBAL binlog_row_image" in run.text


def test_scar_11_a_session_with_a_partial_image_is_noticed(mariadb, project):
    """The server's setting is right, one session's is not: never nulls in silence."""
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY, v INT, w INT)")
    mariadb.query("INSERT INTO t VALUES (1, 1, 1)")
    project.pipeline(mariadb, ["t"])
    project.catch_up()
    mariadb.execute("SET SESSION binlog_row_image = MINIMAL", "UPDATE t SET v = 2",
                    database="shop")
    run = project.start("--until-caught-up")
    assert run.wait() != leat.DONE
    assert "binlog_row_image" in run.text
    assert readers.rows(project, "shop.t") == [(1, 1, 1)]


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_scar_09_the_server_restarts_under_a_running_pipeline(own_server, project, kind):
    server = own_server(kind)
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    project.pipeline(server, ["t"])
    run = project.start()
    server.query("INSERT INTO t VALUES (1, 1)")
    run.wait_for(lambda: readers.count(project, "shop.t") == 1, "the first row")
    server.kill9()
    server.start()
    server.query("INSERT INTO t VALUES (2, 2)")
    run.wait_for(lambda: readers.count(project, "shop.t") == 2, "the row after the restart")
    assert run.terminate() == leat.DONE
    compare.assert_equal(project, server, "shop.t")


def replicate(primary, replica):
    """Makes `replica` follow `primary` by GTID, with its own log of what it applies."""
    if primary.kind == "mariadb":
        replica.query(f"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={primary.port}, "
                      "MASTER_USER='repl', MASTER_PASSWORD='repl', MASTER_USE_GTID=slave_pos")
        replica.query("START SLAVE")
    else:
        replica.query(f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', "
                      f"SOURCE_PORT={primary.port}, SOURCE_USER='repl', SOURCE_PASSWORD='repl', "
                      "SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1")
        replica.query("START REPLICA")


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_scar_09_failover_to_a_replica_by_gtid(own_server, project, kind):
    """File and offset mean nothing on the other server; the GTIDs do."""
    primary = own_server(kind)
    options = ["--server-id=2", "--log-bin=other-name"] + (
        ["--log-slave-updates=ON", "--gtid-strict-mode=OFF"] if kind == "mariadb" else [])
    replica = own_server(kind, options)
    # Both were set up alike and apart; from here on the replica's history is the primary's.
    for server in (primary, replica):
        server.query("RESET MASTER" if kind == "mariadb" else "RESET BINARY LOGS AND GTIDS")
    if kind == "mariadb":
        replica.query("SET GLOBAL gtid_slave_pos = ''")
    primary.execute("CREATE USER repl@'%' IDENTIFIED BY 'repl'",
                    "GRANT REPLICATION SLAVE ON *.* TO repl@'%'")
    primary.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    primary.query("INSERT INTO t VALUES (1, 1), (2, 2)")
    replicate(primary, replica)
    project.pipeline(primary, ["t"])
    project.catch_up()
    primary.query("INSERT INTO t VALUES (3, 3)")
    primary.query("UPDATE t SET v = 20 WHERE id = 2")
    wait_for_replica(replica)
    primary.stop()
    replica.query("STOP SLAVE" if kind == "mariadb" else "STOP REPLICA")
    replica.query("INSERT INTO t VALUES (4, 4)")
    project.pipeline(replica, ["t"])
    project.catch_up()
    compare.assert_equal(project, replica, "shop.t")


def wait_for_replica(replica):
    from harness import process

    def applied():
        try:
            return replica.query("SELECT v FROM t WHERE id = 2") == ((20,),)
        except Exception:
            return False
    process.wait_until(applied, 60, "the replica follows")


def test_xa_transactions_count_from_their_commit(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    project.pipeline(server, ["t"])
    project.catch_up()
    server.execute("XA START 'one'", "INSERT INTO t VALUES (1, 1)", "XA END 'one'",
                   "XA PREPARE 'one'", database="shop")
    server.query("INSERT INTO t VALUES (2, 2)")
    project.catch_up()
    assert readers.rows(project, "shop.t") == [(2, 2)], "a prepared transaction is no change"
    server.query("XA COMMIT 'one'")
    server.execute("XA START 'two'", "INSERT INTO t VALUES (3, 3)", "XA END 'two'",
                   "XA PREPARE 'two'", "XA ROLLBACK 'two'", database="shop")
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")


def test_tagged_gtids(server, project):
    if server.kind != "mysql":
        pytest.skip("MySQL only: MariaDB has no tagged GTIDs")
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    project.pipeline(server, ["t"])
    project.catch_up()
    server.execute("SET gtid_next = 'AUTOMATIC:blue'", "INSERT INTO t VALUES (1, 1)",
                   "SET gtid_next = 'AUTOMATIC'", "INSERT INTO t VALUES (2, 2)", database="shop")
    project.catch_up()
    server.query("INSERT INTO t VALUES (3, 3)")
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")


def test_scar_12_an_idle_table_is_not_left_behind_the_purge(own_server, project):
    """Only other tables change; the followed one must not be left behind the purge."""
    server = own_server("mariadb")
    server.query("CREATE TABLE t (id INT PRIMARY KEY)")
    server.query("CREATE TABLE busy (id INT PRIMARY KEY AUTO_INCREMENT)")
    project.pipeline(server, ["t"])
    project.catch_up()
    for _ in range(3):
        server.query("INSERT INTO busy VALUES (), (), ()")
        project.catch_up()
    purge_everything(server)
    server.query("INSERT INTO t VALUES (1)")
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")
