"""A project that runs unattended: the daemon, its supervision, and the commands about it."""

import json
import os
import signal

import pytest
from harness import compare, database, leat, process, readers

# Quick enough for tests; what is tested is the order of things.
QUICK = {"retry": {"first": "50ms", "longest": "100ms"},
         "breaker": {"failures": 2, "recovery": "1s", "probes": 2},
         "restart": {"first": "20ms", "longest": "50ms", "check_every": "100ms"}}


@pytest.fixture
def quick(project):
    project.write("leat.yaml", {"data": "./data", "api": "off", "defaults": QUICK})
    return project


def table(server, name="t", rows=10):
    server.query(f"CREATE TABLE {name} (id INT PRIMARY KEY, v INT)")
    insert(server, name, 0, rows)


def insert(server, name, low, high):
    server.query(f"INSERT INTO {name} VALUES " +
                 ", ".join(f"({i}, {i})" for i in range(low, high)))


def wait_rows(project, name, count):
    process.wait_until(lambda: readers.count(project, f"shop.{name}") == count, 60,
                       f"{count} rows of {name}")


def is_in(*states):
    return lambda view: view["state"] in states


def test_start_status_and_stop(mariadb, quick):
    table(mariadb)
    quick.pipeline(mariadb, ["t"])
    daemon = quick.daemon()
    wait_rows(quick, "t", 10)
    view = quick.wait_status("p", is_in("running"), "it runs")
    assert quick.status()["pid"] == daemon.pid
    assert (view["source"], view["sink"]) == ("mysql", "iceberg")
    assert view["breakers"]["source"]["state"] == view["breakers"]["sink"]["state"] == "closed"
    text = quick.ask("status")
    assert "NAME" in text and "running" in text and f"process {daemon.pid}" in text
    insert(mariadb, "t", 10, 20)
    wait_rows(quick, "t", 20)
    assert "nothing runs" in quick.ask("stop")
    assert not daemon.alive()
    assert not (quick.data / "leat.pid").exists()
    assert quick.status()["pid"] == 0
    assert "nothing runs" in quick.ask("stop")
    compare.assert_equal(quick, mariadb, "shop.t")


def test_what_is_wrong_is_seen_by_the_caller(mariadb, quick):
    table(mariadb)
    quick.write("pipelines/p.yaml", "from: {mysqll: {}}\nto: stdout\n")
    assert 'no source "mysqll"' in quick.ask("start", ".", code=leat.BAD_CONFIG)
    assert not (quick.data / "leat.pid").exists()
    quick.pipeline(mariadb, ["t"])
    daemon = quick.daemon()
    assert "is in use by process" in quick.ask("start", ".", code=leat.BAD_CONFIG)
    assert daemon.alive()
    assert "no pipeline \"x\"" in quick.ask("stop", "x", code=leat.BAD_CONFIG)
    quick.ask("stop")
    assert "no process runs this project" in quick.ask("pause", "p", code=leat.BAD_CONFIG)


def test_kill9_of_the_daemon_loses_and_doubles_nothing(mariadb, quick):
    table(mariadb)
    quick.pipeline(mariadb, ["t"], mode="append", commit={"every": "20ms"})
    for start in range(10, 60, 10):
        daemon = quick.daemon()
        insert(mariadb, "t", start, start + 10)
        process.wait_until(lambda n=start: readers.count(quick, "shop.t") >= n, 60,
                           "rows of the run before")
        daemon.kill9()
    quick.daemon()
    wait_rows(quick, "t", 60)
    quick.ask("stop")
    ids = sorted(row[0] for row in readers.rows(quick, "shop.t", ["id"]))
    assert ids == list(range(60))


def test_a_server_that_is_down_opens_the_breaker_and_comes_back(own_server, quick):
    server = own_server("mariadb")
    table(server)
    quick.pipeline(server, ["t"])
    quick.daemon()
    wait_rows(quick, "t", 10)
    server.stop()
    view = quick.wait_status("p", lambda v: v["breakers"]["source"]["state"] == "open",
                             "the breaker opens")
    assert view["state"] == "retrying"
    assert "the source's breaker is open until" in view["why"]
    assert view["breakers"]["sink"]["state"] == "closed"
    assert "source open" in quick.ask("status")
    server.start()
    insert(server, "t", 10, 20)
    wait_rows(quick, "t", 20)
    view = quick.wait_status("p", lambda v: v["breakers"]["source"]["state"] == "closed",
                             "the breaker closes")
    assert view["state"] == "running" and view["retries"] >= 2 and view["restarts"] == 0
    log = quick.ask("logs", "p")
    assert log.index("breaker open") < log.index("breaker closed")
    quick.ask("stop")
    compare.assert_equal(quick, server, "shop.t")


def no_key(server, *names):
    for name in names:
        server.query(f"CREATE TABLE {name} (v INT)")


def test_when_all_have_failed_the_daemon_ends_with_1(mariadb, quick):
    no_key(mariadb, "a", "b")
    for name in ("a", "b"):
        quick.pipeline(mariadb, [name], name=name, more={"restart": {"max": 2}})
    run = quick.command("start", "--foreground", ".").expect(leat.FAILED)
    assert run.text.count("gave up after 2 restarts; change what it says") >= 2
    status = json.loads((quick.data / "pipeline_status.json").read_text())["pipelines"]
    assert status["a"]["state"] == status["b"]["state"] == "failed"
    assert status["a"]["restarts"] == 2


def test_one_that_failed_says_what_to_do_and_the_others_run(mariadb, quick):
    table(mariadb)
    no_key(mariadb, "bad")
    quick.pipeline(mariadb, ["t"], name="good")
    quick.pipeline(mariadb, ["bad"], name="bad", more={"restart": {"max": 1}})
    daemon = quick.daemon()
    view = quick.wait_status("bad", is_in("failed"), "it fails")
    assert "gave up after 1 restarts" in view["why"] and "leat restart" in view["why"]
    wait_rows(quick, "t", 10)
    assert quick.status("good")["state"] == "running" and daemon.alive()
    mariadb.query("ALTER TABLE bad ADD PRIMARY KEY (v)")
    assert "bad is running" in quick.ask("restart", "bad")


def test_what_an_administrator_mends_runs_by_itself(own_server, quick):
    server = own_server("mariadb")
    table(server)
    server.execute("REVOKE ALL ON *.* FROM leat@'%'",
                   "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO leat@'%'")
    quick.pipeline(server, ["t"], more={"restart": {"max": 1000}})
    quick.daemon()
    quick.wait_status("p", lambda view: view["restarts"] >= 2, "it is restarted")
    server.execute("GRANT SELECT ON *.* TO leat@'%'")
    wait_rows(quick, "t", 10)
    quick.wait_status("p", is_in("running"), "it runs")


def test_scar_31_one_that_stands_still_is_started_anew(mariadb, quick):
    """A lock in the target that nobody gives back: the sink waits, and shows nothing."""
    mariadb.execute("DROP DATABASE IF EXISTS copy", "CREATE DATABASE copy",
                    "GRANT ALL ON copy.* TO leat@'%'")
    table(mariadb)
    quick.write("pipelines/p.yaml", {
        "from": {"mysql": {"url": mariadb.url(), "tables": ["t"]}},
        "to": {"mysql": {"url": mariadb.url("copy"), "mode": "apply"}},
        "commit": {"every": "50ms"}, "restart": {"stalled": "1s", "max": 1000}})
    daemon = quick.daemon()

    def copied():
        return mariadb.execute("SELECT COUNT(*) FROM copy.t")[0][0]

    def copied_all():
        return mariadb.execute("SELECT COUNT(*) FROM information_schema.tables WHERE "
                               "table_schema = 'copy' AND table_name = 't'")[0][0] and copied()
    process.wait_until(lambda: copied_all() == 10, 60, "the first rows")
    locker = mariadb.connect("copy")
    with locker.cursor() as cursor:
        cursor.execute("LOCK TABLES t WRITE, leat_commits READ")
    insert(mariadb, "t", 10, 20)
    view = quick.wait_status("p", lambda v: "it stands still" in v["last_error"],
                             "it is seen to stand still")
    assert view["state"] in ("stalled", "retrying", "starting", "running")
    locker.close()
    process.wait_until(lambda: copied() == 20, 60, "the rest")
    view = quick.wait_status("p", is_in("running"), "it runs")
    assert view["restarts"] >= 1 and daemon.alive()
    assert "pipeline stalled" in quick.ask("logs", "p", "--level", "error")


def test_a_pause_survives_the_daemon(mariadb, quick):
    table(mariadb)
    quick.pipeline(mariadb, ["t"])
    daemon = quick.daemon()
    wait_rows(quick, "t", 10)
    assert "p is paused" in quick.ask("pause", "p")
    insert(mariadb, "t", 10, 20)
    daemon.kill9()
    quick.daemon()
    assert quick.status("p")["state"] == "paused"
    assert readers.count(quick, "shop.t") == 10
    assert "p is running" in quick.ask("resume", "p")
    wait_rows(quick, "t", 20)
    quick.ask("stop")
    quick.daemon()
    quick.wait_status("p", is_in("running"), "it is paused no longer")


def test_stop_and_restart_of_one(mariadb, quick):
    table(mariadb, "a")
    table(mariadb, "b")
    quick.pipeline(mariadb, ["a"], name="a")
    quick.pipeline(mariadb, ["b"], name="b")
    quick.daemon()
    wait_rows(quick, "a", 10)
    wait_rows(quick, "b", 10)
    assert "a is stopped" in quick.ask("stop", "a")
    insert(mariadb, "a", 10, 20)
    insert(mariadb, "b", 10, 20)
    wait_rows(quick, "b", 20)
    assert readers.count(quick, "shop.a") == 10
    assert "a is running" in quick.ask("restart", "a")
    wait_rows(quick, "a", 20)
    quick.ask("stop")
    compare.assert_equal(quick, mariadb, "shop.a", "shop.b")


def test_restart_without_a_name_starts_a_daemon_in_its_place(mariadb, quick):
    table(mariadb)
    quick.pipeline(mariadb, ["t"])
    before = quick.daemon()
    wait_rows(quick, "t", 10)
    quick.ask("restart")
    after = leat.Daemon(quick)
    quick.started.append(after)
    assert after.pid != before.pid and not before.alive()
    insert(mariadb, "t", 10, 20)
    wait_rows(quick, "t", 20)


def test_reload_touches_what_changed_alone(mariadb, quick):
    for name in ("kept", "changed", "gone", "new"):
        table(mariadb, name)
    for name in ("kept", "changed", "gone"):
        quick.pipeline(mariadb, [name], name=name)
    daemon = quick.daemon()
    for name in ("kept", "changed", "gone"):
        wait_rows(quick, name, 10)
        quick.wait_status(name, is_in("running"), "it runs")
    kept_since = quick.status("kept")["since"]
    quick.pipeline(mariadb, ["new"], name="new")
    quick.pipeline(mariadb, ["changed"], name="changed", commit={"every": "50ms"})
    (quick.folder / "pipelines/gone.yaml").unlink()
    answer = json.loads(quick.ask("reload", "--output", "json"))
    assert answer == {"started": ["new"], "restarted": ["changed"], "stopped": ["gone"]}
    wait_rows(quick, "new", 10)
    quick.wait_status("changed", is_in("running"), "it runs again")
    # What is gone from the files is known to the store alone.
    quick.wait_status("gone", is_in("not running"), "it is gone")
    assert quick.status("kept")["since"] == kept_since

    # A bad file changes nothing, whoever asks.
    quick.write("pipelines/kept.yaml", "from: {mysqll: {}}\nto: stdout\n")
    (quick.folder / "pipelines/new.yaml").unlink()
    assert 'no source "mysqll"' in quick.ask("reload", code=leat.BAD_CONFIG)
    daemon.signal(signal.SIGHUP)
    process.wait_until(
        lambda: quick.ask("logs", "leat").count("nothing is reloaded") >= 2, 60,
        "the hang-up is refused")
    assert quick.status("new")["state"] == quick.status("kept")["state"] == "running"

    quick.pipeline(mariadb, ["kept"], name="kept")
    daemon.signal(signal.SIGHUP)
    quick.wait_status("new", is_in("not running"), "the hang-up reloads")
    assert quick.status("kept")["since"] == kept_since
    assert "nothing has changed" in quick.ask("reload")


def test_logs_are_the_pipelines_own(mariadb, quick):
    table(mariadb, "a")
    table(mariadb, "b")
    quick.pipeline(mariadb, ["a"], name="a")
    quick.pipeline(mariadb, ["b"], name="b")
    quick.daemon()
    wait_rows(quick, "a", 10)
    wait_rows(quick, "b", 10)
    lines = [json.loads(line) for line in quick.ask("logs", "a", "-o", "json").splitlines()]
    assert lines and all(line["pipeline"] == "a" for line in lines)
    every = [json.loads(line) for line in quick.ask("logs", "-o", "json").splitlines()]
    assert {line.get("pipeline") for line in every} == {None, "a", "b"}
    assert [line["ts"] for line in every] == sorted(line["ts"] for line in every)
    assert quick.ask("logs", "a", "--level", "error") == ""
    assert quick.ask("logs", "a", "--since", "2999-01-01") == ""
    assert len(quick.ask("logs", "a", "--since", "1h").splitlines()) == len(lines)
    assert quick.ask("logs", "a", "-n", "1") == quick.ask("logs", "a").splitlines(True)[-1]
    assert "there is no log" in quick.ask("logs", "c", code=leat.BAD_CONFIG)
    follow = quick.command("logs", "a", "-f", "-n", "0")
    mariadb.query("ALTER TABLE a ADD COLUMN w INT")
    quick.ask("restart", "a")
    follow.wait_log("going on")


def test_run_answers_the_same_commands(mariadb, quick):
    table(mariadb)
    quick.pipeline(mariadb, ["t"])
    run = quick.start()
    wait_rows(quick, "t", 10)
    assert "p is paused" in quick.ask("pause", "p")
    insert(mariadb, "t", 10, 20)
    assert run.alive()
    assert "p is running" in quick.ask("resume", "p")
    wait_rows(quick, "t", 20)
    quick.ask("stop")
    assert run.wait() == leat.DONE


def status_file(project):
    return json.loads((project.data / "pipeline_status.json").read_text())["pipelines"]["p"]


@pytest.mark.parametrize("command", ["run", "start"])
def test_the_status_file_has_the_last_id_of_a_poll(mariadb, quick, command):
    table(mariadb)
    quick.write("pipelines/p.yaml", {
        "from": {"mysql": {"url": mariadb.url(), "read": "poll", "poll": {
            "table": "t", "cursor": "id", "every": "50ms", "limit": 3}}},
        "to": {"iceberg": {"warehouse": "./lake", "mode": "append"}},
        "commit": {"every": "50ms"}})
    if command == "start":
        quick.daemon()
    else:
        quick.start()
    for last in (9, 14):
        process.wait_until(lambda n=last: (quick.data / "pipeline_status.json").exists() and
                           status_file(quick)["last_processed_id"] == str(n), 60, f"id {last}")
        insert(mariadb, "t", last + 1, last + 6)
    status = status_file(quick)
    assert status["state"] == "running" and status["rows"] >= 15
    assert status["last_error"] == "" and status["restarts"] == 0
    quick.ask("stop")
    assert status_file(quick)["state"] == "stopped"


def test_secrets_are_in_no_file(own_server, quick):
    server = own_server("mariadb")
    table(server)
    quick.pipeline(server, ["t"])
    quick.daemon("--log-level", "debug")
    wait_rows(quick, "t", 10)
    server.stop()
    quick.wait_status("p", lambda v: v["breakers"]["source"]["state"] == "open", "it is away")
    process.wait_until(lambda: status_file(quick)["last_error"], 60, "the file has the error")
    outputs = quick.ask("status") + quick.ask("status", "-o", "json") + quick.ask("logs")
    quick.ask("stop")
    assert database.PASSWORD not in outputs
    seen = 0
    for folder, _, files in os.walk(quick.data):
        for name in files:
            seen += 1
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                assert database.PASSWORD.encode() not in file.read(), path
    assert seen > 5


def test_reset_starts_over(mariadb, quick):
    table(mariadb)
    quick.pipeline(mariadb, ["t"], mode="append")
    quick.daemon()
    wait_rows(quick, "t", 10)
    assert "leat stop p first" in quick.ask("reset", "p", "--yes", code=leat.BAD_CONFIG)
    quick.ask("stop", "p")
    assert "say --yes" in quick.ask("reset", "p", code=leat.USAGE)
    assert "appended ones are there twice" in quick.ask("reset", "p", "--yes")
    quick.ask("restart", "p")
    wait_rows(quick, "t", 20)
    insert(mariadb, "t", 10, 15)
    wait_rows(quick, "t", 25)
    quick.ask("stop")
    # And where nobody runs.
    quick.ask("reset", "p", "--yes")
    quick.daemon()
    wait_rows(quick, "t", 40)
    assert "there is no pipeline" in quick.ask("reset", "x", "--yes", code=leat.BAD_CONFIG)
