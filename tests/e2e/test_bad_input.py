"""Bad input: each with a message that says what is wrong, where, and what to do. Nothing is
lost, nothing is silently changed, nothing is retried for ever without a word."""

import json
import os
import subprocess

import pytest
from harness import compare, database, leat, readers


def table(server):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    server.query("INSERT INTO t VALUES (1, 1), (2, 2)")


def stopped(project, message, codes=(leat.BAD_CONFIG,)):
    """A run ends with exactly this message. Returns the run."""
    run = project.start("--until-caught-up")
    assert run.wait() in codes, run.text[-3000:]
    assert [line["error"] for line in run.lines() if line["msg"] == "pipeline failed"] == [message]
    return run


def missing(project, *items):
    """`check` finds exactly these: each what is missing, or that and its remedy."""
    run = project.command("check", ".").expect(leat.BAD_CONFIG)
    for item in items:
        assert f"  missing  {item}\n" in run.text, run.text
    assert run.text.endswith(f"\n{len(items)} missing\n"), run.text


def refused(project, message):
    """`check` finds it before, and `run` stops with it."""
    missing(project, message)
    stopped(project, message)


def cannot_follow(project, server, *items, user="leat"):
    """The same for what a server lacks: (what, remedy) of each."""
    missing(project, *("\n           ".join(item) for item in items))
    stopped(project, f"{user}@127.0.0.1:{server.port} cannot be followed as it is:"
            + "".join(f"\n  {what}: {remedy}" for what, remedy in items))


def test_wrong_password(server, project):
    table(server)
    project.pipeline(server.url(password="wrong-canary"), ["t"])
    refused(project, f"connecting at leat@127.0.0.1:{server.port}: Access denied for user "
            "'leat'@'127.0.0.1' (using password: YES) (1045); wrong password, or no such account "
            "for this client's address: check user and password in the url, or run "
            "CREATE USER leat@'%' IDENTIFIED BY '...'")


def test_nobody_listens(project):
    project.pipeline("mysql://leat:x@127.0.0.1:1/shop", ["t"])
    missing(project, "connecting at leat@127.0.0.1:1: Can't connect to server on '127.0.0.1' "
            "(115) (2002); nothing answers there: is the server up, and are host and port right?")


def test_missing_privilege(mariadb, project):
    table(mariadb)
    mariadb.execute("CREATE OR REPLACE USER poor@'%' IDENTIFIED BY 'pw'",
                    "GRANT SELECT ON shop.* TO poor@'%'")
    project.pipeline(mariadb.url(user="poor", password="pw"), ["t"])
    cannot_follow(
        project, mariadb,
        ("privilege REPLICATION SLAVE of poor is missing",
         "GRANT REPLICATION SLAVE ON *.* TO poor@'%'"),
        ("privilege BINLOG MONITOR of poor is missing", "GRANT BINLOG MONITOR ON *.* TO poor@'%'"),
        user="poor")


def test_missing_select_privilege(mariadb, project):
    table(mariadb)
    mariadb.execute("CREATE OR REPLACE USER poor@'%' IDENTIFIED BY 'pw'",
                    "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO poor@'%'")
    project.pipeline(mariadb.url(user="poor", password="pw"), ["t"])
    refused(project, f"connecting at poor@127.0.0.1:{mariadb.port}: Access denied for user "
            "'poor'@'%' to database 'shop' (1044); run GRANT SELECT ON `shop`.* TO poor@'%'")


def test_binlog_off(own_server, project):
    server = own_server("mariadb", ["--skip-log-bin"])
    table(server)
    project.pipeline(server, ["t"])
    cannot_follow(project, server, (
        "binary log (log_bin) is OFF",
        "put log_bin=binlog and server_id=1 under [mysqld] in my.cnf and restart the server"))


OPEN_SESSIONS = "; sessions that are open keep the old value: let writers connect anew"
SETTINGS = [
    ("binlog_format", "STATEMENT", "ROW", OPEN_SESSIONS),
    ("binlog_format", "MIXED", "ROW", OPEN_SESSIONS),
    ("binlog_row_image", "MINIMAL", "FULL", OPEN_SESSIONS),
    ("binlog_row_image", "NOBLOB", "FULL", OPEN_SESSIONS),
    ("binlog_row_metadata", "MINIMAL", "FULL",
     "; or say `metadata: minimal` if the server cannot be changed"),
]


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_wrong_binlog_settings(own_server, project, kind):
    server = own_server(kind)
    table(server)
    project.pipeline(server, ["t"])
    for name, value, wanted, more in SETTINGS:
        server.query(f"SET GLOBAL {name} = {value}")
        cannot_follow(project, server, (
            f"{name} is {value}",
            f"SET GLOBAL {name} = {wanted}; and {name}={wanted} under [mysqld] in my.cnf, so that "
            f"it lasts{more}"))
        server.query(f"SET GLOBAL {name} = {wanted}")
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")


def test_missing_database(server, project):
    project.pipeline(server.url(database="nowhere"), ["t"])
    refused(project, f"connecting at leat@127.0.0.1:{server.port}: Unknown database 'nowhere' "
            "(1049); check the database's name in the url; SHOW DATABASES lists those the user "
            "may see")


def test_missing_table(server, project):
    table(server)
    project.pipeline(server, ["t", "absent"])
    cannot_follow(project, server, (
        "tables", '`tables` names "absent", but no table matches that (views are not followed); '
        "there are: t"))


@pytest.fixture
def read_only(tmp_path):
    """A folder that nobody may write into, nor root, and the system's word for it."""
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o500)
    if os.geteuid():
        yield folder, "Permission denied"
        return
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder],
                             capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a read-only file system: {mounted.stderr.strip()}")
    yield folder, "Read-only file system"
    subprocess.run(["umount", "-l", folder], check=True)


def test_read_only_warehouse(mariadb, project, read_only):
    folder, why = read_only
    table(mariadb)
    project.pipeline(mariadb, ["t"], warehouse=str(folder))
    missing(project, f"warehouse {folder} is writable\n           "
            f"creating {folder}/.leat-check: {why}; the warehouse must be writable")
    stopped(project, f"opening the catalog {folder}/catalog.db: unable to open database file "
            f"({why}); the catalog and its folder must be writable")


def test_the_warehouse_is_a_file(mariadb, project):
    table(mariadb)
    project.warehouse.write_text("not a folder")
    project.pipeline(mariadb, ["t"])
    missing(project, "warehouse lake is writable\n           "
            f"creating {project.warehouse}/.leat-check: Not a directory")
    stopped(project, f"creating the catalog {project.warehouse}/catalog.db: making the folder "
            f"{project.warehouse}: Not a directory")


def test_a_value_the_target_cannot_hold_is_a_dead_letter(mariadb, project):
    """It names table, column, value and place; the rows beside it go on."""
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY, d DATETIME)")
    mariadb.query("INSERT INTO t VALUES (1, '2024-01-01')")
    project.pipeline(mariadb, ["t"], mysql={"zero_dates": "dead_letter"})
    project.catch_up()
    mariadb.execute("SET sql_mode = ''", "INSERT INTO t VALUES (2, 0), (3, '2024-02-02')",
                    database="shop")
    project.catch_up()
    assert [row[0] for row in readers.rows(project, "shop.t")] == [1, 3]
    [letter] = json.loads(project.command("dead-letters", "p", "--output",
                                          "json").expect(leat.DONE).text)
    assert letter["table"] == "shop.t" and json.loads(letter["row"])["id"] == 2
    assert letter["reason"] == "column `d`: value 0000-00-00 is a date that no calendar has"
    assert json.loads(letter["position"])["file"].startswith("binlog.")


def test_zero_dates_become_null_by_default(mariadb, project):
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY, d DATE)")
    mariadb.execute("SET sql_mode = ''", "INSERT INTO t VALUES (1, 0)", database="shop")
    project.pipeline(mariadb, ["t"])
    project.catch_up()
    mariadb.execute("SET sql_mode = ''", "INSERT INTO t VALUES (2, 0)", database="shop")
    project.catch_up()
    assert readers.rows(project, "shop.t") == [(1, None), (2, None)]


def test_scar_31_a_retry_loop_does_not_hide_its_cause(own_server, project):
    server = own_server("mariadb")
    table(server)
    project.pipeline(server, ["t"])
    run = project.start()
    run.wait_for(lambda: readers.count(project, "shop.t") == 2, "the snapshot")
    server.stop()
    run.wait_log(f"127.0.0.1:{server.port}")
    assert any(line["level"] in ("warn", "error") for line in run.lines())
    server.start()
    server.query("INSERT INTO t VALUES (3, 3)")
    run.wait_for(lambda: readers.count(project, "shop.t") == 3, "the row after the outage")
    assert run.terminate() == leat.DONE


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_scar_30_secrets_reach_no_log_and_no_file_of_ours(own_server, project, kind):
    server = own_server(kind)
    table(server)
    project.pipeline(server, ["t"])
    outputs = [project.command("validate", "."), project.command("check", ".")]
    run = project.start()
    run.wait_for(lambda: readers.count(project, "shop.t") == 2, "the snapshot")
    server.execute("ALTER USER leat@'%' IDENTIFIED BY 'another'")
    server.stop()
    server.start()
    run.wait_log("Access denied")
    run.terminate()
    outputs += [run, project.start("--until-caught-up")]
    outputs[-1].wait()
    for output in outputs:
        output.wait()
        assert database.PASSWORD not in output.text
    for folder in (project.data, project.warehouse):
        for file in folder.rglob("*"):
            if file.is_file():
                assert database.PASSWORD.encode() not in file.read_bytes(), file
