"""MySQL without GTIDs: a position is a file and an offset."""

import json
import signal

import pytest
from harness import compare, leat, readers

OFF = ["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"]


@pytest.fixture
def server(own_server):
    made = own_server("mysql", OFF)
    made.execute("GRANT LOCK TABLES ON shop.* TO leat@'%'")
    made.query("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(200))")
    return made


def fill(server, low, high, step=5000):
    """One transaction."""
    connection = server.connect()
    connection.begin()
    with connection.cursor() as cursor:
        for start in range(low, high, step):
            cursor.execute("INSERT INTO t VALUES " + ", ".join(
                f"({i}, REPEAT('{i % 10}', 150))" for i in range(start, min(start + step, high))))
    connection.commit()
    connection.close()


def position(project):
    text = readers.table(project, "shop.t").properties
    epochs = next(json.loads(v) for k, v in text.items() if k.startswith("leat.token."))
    [(_, to)] = max(epochs, key=lambda epoch: epoch["epoch"])["shards"].values()
    return json.loads(to)


def test_snapshot_under_writes_then_the_log(server, project):
    fill(server, 0, 30000)
    project.pipeline(server, ["t"], mysql={"snapshot_chunk_rows": 1000, "snapshot_workers": 2})
    run = project.start()
    for i in range(40):
        server.query(f"UPDATE t SET v = 'u{i}' WHERE id % 40 = {i}")
        server.query(f"INSERT INTO t VALUES ({-1 - i}, 'new'), ({40000 + i}, 'new')")
        server.query(f"DELETE FROM t WHERE id = {i * 700}")
    run.wait_for(lambda: compare.difference(project, server, "shop.t") is None, "equal")
    assert run.terminate() == leat.DONE
    at = position(project)
    assert at["gtid"] is False and at["file"].startswith("binlog.")


def test_scar_04_killed_in_the_middle_of_a_transaction(server, project):
    project.pipeline(server, ["t"], mode="append", commit={"every": "10ms"},
                     mysql={"batch_bytes": "64KiB"})
    project.catch_up()
    fill(server, 0, 60000)
    fill(server, 60000, 60010)
    for crash in ("iceberg.files.before_sync", "store.save.after", "iceberg.catalog.after_commit"):
        run = project.start("--until-caught-up", env={"LEAT_CRASH_AT": f"{crash}:1"})
        run.wait()
    project.catch_up()
    ids = sorted(i for (i,) in readers.rows(project, "shop.t", ["id"]))
    assert ids == list(range(60010))


def test_scar_04_a_lost_connection_in_the_middle_of_a_transaction(server, project):
    project.pipeline(server, ["t"], mode="append", mysql={"batch_bytes": "64KiB"})
    project.catch_up()
    run = project.start()
    fill(server, 0, 100_000)
    for _ in range(5):
        for row in server.query("SHOW PROCESSLIST"):
            if row[4].startswith("Binlog Dump"):
                try:
                    server.query(f"KILL {row[0]}")
                except Exception:
                    pass  # it went by itself
    run.wait_for(lambda: readers.count(project, "shop.t") == 100_000, "all rows")
    assert run.terminate() == leat.DONE
    ids = sorted(i for (i,) in readers.rows(project, "shop.t", ["id"]))
    assert ids == list(range(100_000))


def test_rotation_restart_and_kill(server, project):
    project.pipeline(server, ["t"], commit={"every": "50ms"})
    run = project.start()
    number = 0

    def more(n=10):
        nonlocal number
        fill(server, number, number + n)
        number += n

    for _ in range(5):
        more()
        server.query("FLUSH BINARY LOGS")
    run.wait_for(lambda: readers.count(project, "shop.t") == number, "through rotations")
    server.restart()
    more()
    run.wait_for(lambda: readers.count(project, "shop.t") == number, "after a restart")
    server.kill9()
    server.start()
    more()
    run.wait_for(lambda: readers.count(project, "shop.t") == number, "after a kill")
    run.signal(signal.SIGKILL)
    run.wait()
    server.query("FLUSH BINARY LOGS")
    more()
    server.restart()
    more()
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")


def test_xa_is_read_again_from_its_place(server, project):
    project.pipeline(server, ["t"])
    project.catch_up()
    server.execute("XA START 'one'", "INSERT INTO t VALUES (1, 'x')", "XA END 'one'",
                   "XA PREPARE 'one'", database="shop")
    server.query("FLUSH BINARY LOGS")
    server.query("INSERT INTO t VALUES (2, 'y')")
    project.catch_up()
    assert readers.count(project, "shop.t") == 1
    server.query("XA COMMIT 'one'")
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")


def test_scar_10_a_purged_file_stops_with_what_is_lost(server, project):
    project.pipeline(server, ["t"])
    project.catch_up()
    fill(server, 0, 10)
    server.query("FLUSH BINARY LOGS")
    last = server.query("SHOW BINARY LOGS")[-1][0]
    server.query(f"PURGE BINARY LOGS TO '{last}'")
    fill(server, 10, 20)
    run = project.start("--until-caught-up")
    assert run.wait() not in (leat.DONE, leat.CRASHED)
    assert "oldest log left" in run.text and "new snapshot" in run.text
    assert readers.count(project, "shop.t") == 0


def test_gtids_are_switched_on_later(server, project):
    """The position is a file and an offset still, and stays good. With gtid_mode=ON a server
    sends no transaction without a GTID any more: the way on is said."""
    project.pipeline(server, ["t"])
    project.catch_up()
    fill(server, 0, 10)
    for statement in ("SET GLOBAL enforce_gtid_consistency = ON",
                      "SET GLOBAL gtid_mode = OFF_PERMISSIVE",
                      "SET GLOBAL gtid_mode = ON_PERMISSIVE", "SET GLOBAL gtid_mode = ON"):
        server.query(statement)
    run = project.start("--until-caught-up")
    assert run.wait() in (leat.FAILED, leat.BAD_CONFIG)
    assert "SET GLOBAL gtid_mode=ON_PERMISSIVE" in run.text
    server.query("SET GLOBAL gtid_mode = ON_PERMISSIVE")
    project.catch_up()
    server.query("SET GLOBAL gtid_mode = ON")
    fill(server, 10, 20)
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")
