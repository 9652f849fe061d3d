"""Bad input: each with a message that says what is wrong, where, and what to do. Nothing is
lost, nothing is silently changed, nothing is retried for ever without a word."""

import os
import subprocess

import pytest
from harness import database, leat, readers


def table(server):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    server.query("INSERT INTO t VALUES (1, 1), (2, 2)")


def refused(project, *parts, arguments=("run", ".", "--until-caught-up"), codes=(1, 78)):
    run = project.command(*arguments)
    assert run.wait() in codes, run.text[-3000:]
    for part in parts:
        assert part in run.text, f"{part!r} is not in:\n{run.text[-3000:]}"
    return run


def both(project, *parts):
    """`check` finds it before, and `run` stops with it."""
    refused(project, *parts, arguments=("check", "."))
    refused(project, *parts)


def test_wrong_password(server, project):
    table(server)
    project.pipeline(server.url(password="wrong-canary"), ["t"])
    run = project.start("--until-caught-up")
    assert run.wait() in (1, 78)
    assert "Access denied" in run.text and f"127.0.0.1:{server.port}" in run.text
    assert "wrong-canary" not in run.text


def test_nobody_listens(project):
    project.pipeline("mysql://leat:x@127.0.0.1:1/shop", ["t"])
    refused(project, "127.0.0.1:1", arguments=("check", "."))


def test_missing_privilege(mariadb, project):
    table(mariadb)
    mariadb.execute("CREATE OR REPLACE USER poor@'%' IDENTIFIED BY 'pw'",
                    "GRANT SELECT ON shop.* TO poor@'%'")
    project.pipeline(mariadb.url(user="poor", password="pw"), ["t"])
    both(project, "GRANT", "REPLICATION SLAVE", "poor")


def test_missing_select_privilege(mariadb, project):
    table(mariadb)
    mariadb.execute("CREATE OR REPLACE USER poor@'%' IDENTIFIED BY 'pw'",
                    "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO poor@'%'")
    project.pipeline(mariadb.url(user="poor", password="pw"), ["t"])
    both(project, "GRANT SELECT", "poor")


def test_binlog_off(own_server, project):
    server = own_server("mariadb", ["--skip-log-bin"])
    table(server)
    project.pipeline(server, ["t"])
    both(project, "log_bin")


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
@pytest.mark.parametrize("option, fix", [
    ("--binlog-format=STATEMENT", "SET GLOBAL binlog_format"),
    ("--binlog-row-metadata=MINIMAL", "SET GLOBAL binlog_row_metadata"),
])
def test_wrong_binlog_settings(own_server, project, kind, option, fix):
    server = own_server(kind, [option])
    table(server)
    project.pipeline(server, ["t"])
    both(project, fix)


def test_missing_database(server, project):
    project.pipeline(server.url(database="nowhere"), ["t"])
    both(project, "nowhere")


def test_missing_table(server, project):
    table(server)
    project.pipeline(server, ["t", "absent"])
    both(project, "absent")


def test_read_only_warehouse(mariadb, project):
    if os.geteuid() == 0:
        pytest.skip("root may write into any folder")
    table(mariadb)
    project.warehouse.mkdir(mode=0o500)
    project.pipeline(mariadb, ["t"])
    both(project, str(project.warehouse), "Permission denied")


def test_the_warehouse_is_a_file(mariadb, project):
    table(mariadb)
    project.warehouse.write_text("not a folder")
    project.pipeline(mariadb, ["t"])
    both(project, "lake")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder],
                             capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("which", ["warehouse", "data"])
def test_scar_32_disk_full(mariadb, project, small_disk, which):
    """It says so and loses nothing: with room again, it goes on."""
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(1000))")
    lake = small_disk / "lake" if which == "warehouse" else project.warehouse
    data = small_disk / "data" if which == "data" else project.data
    project.write("leat.yaml", {"data": str(data)})
    project.pipeline(mariadb, ["t"], warehouse=str(lake), commit={"every": "100ms"})
    project.warehouse = lake
    project.catch_up()
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (6 << 20))
    mariadb.query("INSERT INTO t SELECT seq, REPEAT(MD5(RAND(seq)), 30) FROM seq_1_to_20000")
    with open(filler, "ab", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass
    run = project.start("--until-caught-up")
    run.wait_log("No space left on device", 120)
    run.terminate()
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=200m", small_disk], check=True)
    project.catch_up()
    assert readers.count(project, "shop.t") == 20_000


def test_a_value_the_target_cannot_hold_is_a_dead_letter(mariadb, project):
    """A decimal that Iceberg's 38 digits cannot hold after a narrower column grew."""
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY, d DATETIME)")
    mariadb.query("INSERT INTO t VALUES (1, '2024-01-01')")
    project.pipeline(mariadb, ["t"], mysql={"zero_dates": "dead_letter"})
    project.catch_up()
    mariadb.execute("SET sql_mode = ''", "INSERT INTO t VALUES (2, 0), (3, '2024-02-02')",
                    database="shop")
    project.catch_up()
    assert [row[0] for row in readers.rows(project, "shop.t")] == [1, 3]
    letters = project.command("dead-letters", "p", "--output", "json").expect(leat.DONE).text
    assert '\\"d\\"' in letters or "d" in letters
    assert "0000-00-00" in letters and "shop.t" in letters


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


@pytest.mark.parametrize("text, place, part", [
    ("from:\n  mysql:\n    urll: x\n", ":3:5:", "url"),
    ("from:\n  mysq:\n    url: x\n", ":2:", "mysql"),
    ("form:\n  mysql: {}\n", ":1:1:", "from"),
    ("from: {mysql: {url: 'mysql://h/d', tables: [t], read: never}}\nto: {discard: {}}\n", ":1:",
     "cdc"),
    ("from: {mysql: {url: '${NO_SUCH_VARIABLE}', tables: [t]}}\nto: {discard: {}}\n", ":1:",
     "NO_SUCH_VARIABLE"),
    ("from: {mysql: {url: 'mysql://h/d', tables: [t]}}\nto: {discard: {}, stdout: {}}\n", ":2:",
     "one"),
    ("from: {mysql: {url: 'mysql://h/d', tables: [t]}}\nto: {discard: {}}\n"
     "commit: {every: 5}\n", ":3:", "5s"),
    ("from: [\n", ":", "p.yaml"),
], ids=["field", "connector", "key", "choice", "variable", "two-sinks", "duration", "yaml"])
def test_validate_says_where_and_what(project, text, place, part):
    project.write("pipelines/p.yaml", text)
    refused(project, f"p.yaml{place}", part, arguments=("validate", "."), codes=(78,))


def test_validate_reports_every_error_of_a_file(project):
    project.write("pipelines/p.yaml", "from:\n  mysql:\n    urll: x\n    tabels: [t]\n"
                  "to:\n  iceberg:\n    warehose: ./lake\n")
    run = refused(project, arguments=("validate", "."), codes=(78,))
    for place in ("p.yaml:3:", "p.yaml:4:", "p.yaml:7:"):
        assert place in run.text


def test_wrong_usage_ends_with_2(project):
    assert project.command("rnu").wait() == leat.USAGE
    assert project.command("run").wait() == leat.USAGE
    assert project.command("run", ".", "--no-such-flag").wait() == leat.USAGE


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
