"""`read: once`: all rows as of one moment, by SELECT alone, then the end."""

import signal

import pytest
from harness import compare, leat, readers


def plain_server(own_server, kind):
    """One that writes no log, and a user who may SELECT and nothing else."""
    server = own_server(kind, ["--skip-log-bin"] + (
        ["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"] if kind == "mysql" else []))
    assert server.query("SELECT @@global.log_bin") == ((0,),)
    server.execute("REVOKE ALL PRIVILEGES, GRANT OPTION FROM leat@'%'",
                   "GRANT SELECT ON shop.* TO leat@'%'")
    return server


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
@pytest.mark.parametrize("mode", ["upsert", "append"])
def test_without_a_log_and_with_select_alone(own_server, project, kind, mode):
    server = plain_server(own_server, kind)
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))")
    server.query("CREATE TABLE bare (id INT PRIMARY KEY)")
    server.query("CREATE TABLE keyless (a INT, b DECIMAL(8,2))")
    rows = ", ".join(f"({i}, {'NULL' if i % 5 == 0 else repr(f'v{i}')})" for i in range(5000))
    server.query(f"INSERT INTO t VALUES {rows}")
    server.query("INSERT INTO keyless VALUES (1, 1.5), (1, 1.5), (NULL, NULL)")
    tables = ["t", "bare"] + (["keyless"] if mode == "append" else [])
    project.pipeline(server, tables, mode=mode, mysql={"read": "once"})
    project.command("check", ".").expect(leat.DONE)
    project.start().expect(leat.DONE)
    compare.assert_equal(project, server, *(f"shop.{t}" for t in tables))
    # Again: it is done.
    server.query("INSERT INTO t VALUES (10000, 'later')")
    project.start().expect(leat.DONE)
    assert readers.count(project, "shop.t") == 5000


def test_all_tables_are_of_one_moment(server, project):
    """Money moves between two tables while they are read; its sum is always the same."""
    for name in ("a", "b"):
        server.query(f"CREATE TABLE {name} (id INT PRIMARY KEY, money INT)")
        for low in range(0, 20000, 5000):
            server.query(f"INSERT INTO {name} VALUES " + ", ".join(
                f"({i}, 100)" for i in range(low, low + 5000)))
    project.pipeline(server, ["a", "b"], mysql={"read": "once"})
    run = project.start()
    connection = server.connect()
    moves = 0
    while run.alive():
        connection.begin()
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE a SET money = money - 1 WHERE id % 997 = {moves % 997}")
            cursor.execute(f"UPDATE b SET money = money + 1 WHERE id % 997 = {moves % 997}")
        connection.commit()
        moves += 1
    connection.close()
    run.expect(leat.DONE)
    total = sum(money for name in ("a", "b")
                for (money,) in readers.rows(project, f"shop.{name}", ["money"]))
    assert total == 2 * 20000 * 100, f"torn after {moves} moves"


def test_a_crash_in_the_middle_begins_anew(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(300))")
    for low in range(0, 60000, 10000):
        server.query("INSERT INTO t VALUES " + ", ".join(
            f"({i}, '{'x' * 300}')" for i in range(low, low + 10000)))
    project.pipeline(server, ["t"], mode="append", mysql={"read": "once"},
                     commit={"every": "10ms", "rows": 10})
    run = project.start()
    run.wait_for(lambda: any(project.warehouse.rglob("*.parquet")), "something is staged")
    run.signal(signal.SIGKILL)
    run.wait()
    project.start().expect(leat.DONE)
    compare.assert_equal(project, server, "shop.t")


def test_following_the_log_after_it_is_refused(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY)")
    server.query("INSERT INTO t VALUES (1)")
    project.pipeline(server, ["t"], mysql={"read": "once"})
    project.start().expect(leat.DONE)
    project.pipeline(server, ["t"])
    run = project.start("--until-caught-up")
    assert run.wait() in (leat.FAILED, leat.BAD_CONFIG)
    assert "no place of the log" in run.text and "new snapshot" in run.text
