"""Crashes, signals, and two owners: nothing is lost and nothing is doubled."""

import random
import re
import shutil
import signal

import pytest
from harness import compare, leat, readers

# Failpoints are found in the sources, so that a new one is tested from its first day.
# Those of the MySQL sink: test_mysql_sink.py.
DURABLE = re.compile(r'failpoint::Durable\(\s*"([^"]+)"')
POINTS = sorted({name for file in sorted((leat.ROOT / "src").rglob("*.cc"))
                 if not file.name.endswith("_test.cc")
                 for name in DURABLE.findall(file.read_text())
                 # Those have tests of their own: test_topics, test_kafka_faults,
                 # test_mysql_sink, test_notify.
                 if not name.startswith(("topics.", "kafka.", "mysql.", "notify."))})


def prepare(server):
    server.query("CREATE TABLE a (id INT PRIMARY KEY, v INT)")
    server.query("CREATE TABLE b (k1 INT, k2 VARCHAR(10), v INT, PRIMARY KEY (k1, k2))")
    server.query("INSERT INTO a VALUES " + ", ".join(f"({i}, {i})" for i in range(200)))
    server.query("INSERT INTO b VALUES (1, 'x', 1), (1, 'y', 2)")


def change(server, seed):
    choose = random.Random(seed)
    statements = []
    for _ in range(20):
        key = choose.randrange(300)
        statements.append(choose.choice([
            f"REPLACE INTO a VALUES ({key}, {choose.randrange(1000)})",
            f"DELETE FROM a WHERE id = {key}",
            f"UPDATE a SET v = v + 1 WHERE id BETWEEN {key} AND {key + 5}",
            f"REPLACE INTO b VALUES ({key % 5}, '{key % 3}', {key})",
            f"DELETE FROM b WHERE k1 = {key % 5}"]))
    server.execute(*statements, database="shop")


def append_some(server, seed):
    """An appended row that comes twice is seen, while an upsert would hide it."""
    server.query("INSERT INTO log VALUES " + ", ".join(f"({seed}, {i})" for i in range(60)))


def older_store(project, server):
    """The store falls behind the tables, with an epoch it saved and saw not committed."""
    backup = project.folder / "backup"
    project.catch_up()
    change(server, 50)
    append_some(server, 50)
    project.start("--until-caught-up",
                  env={"LEAT_CRASH_AT": "store.save.after"}).expect(leat.CRASHED)
    shutil.copytree(project.data, backup, ignore=shutil.ignore_patterns("leat.sock"))
    project.catch_up()
    change(server, 54)
    append_some(server, 54)
    project.catch_up()
    shutil.rmtree(project.data)
    backup.rename(project.data)


def index_lost(project, server):
    project.catch_up()
    shutil.rmtree(project.data / "cache")


def epoch_left_open(project, server):
    project.catch_up()
    change(server, 51)
    project.start("--until-caught-up",
                  env={"LEAT_CRASH_AT": "iceberg.stage.before"}).expect(leat.CRASHED)


def rewritten_by_another(project, server):
    """An epoch that deletes rows is saved, and then another engine rewrites their files."""
    project.catch_up()
    server.query("UPDATE a SET v = v + 1")
    server.query("DELETE FROM a WHERE id % 7 = 3")
    project.start("--until-caught-up",
                  env={"LEAT_CRASH_AT": "store.save.after"}).expect(leat.CRASHED)
    table = readers.table(project, "shop.a")
    table.overwrite(table.scan().to_arrow())


def truncated(project, server):
    project.catch_up()
    change(server, 52)
    server.query("TRUNCATE TABLE a")
    change(server, 53)


# Steps that only some past brings about.
PAST = {"store.drop.": older_store, "iceberg.index.reset": index_lost,
        "iceberg.index.replayed": epoch_left_open, "iceberg.recomputed": rewritten_by_another,
        "epoch.resave.": rewritten_by_another, "iceberg.index.shelved": truncated}


def past_of(point):
    return next((past for name, past in PAST.items() if point.startswith(name)), None)


def test_there_are_failpoints():
    assert len(POINTS) >= 4, POINTS
    assert all(any(point.startswith(name) for point in POINTS) for name in PAST)


@pytest.mark.parametrize("point", POINTS)
def test_crash_at_every_durable_step(mariadb, project, point):
    """Crashes at the first passing, then at the second one of the process that goes on."""
    prepare(mariadb)
    mariadb.query("CREATE TABLE log (n INT, i INT)")
    append_some(mariadb, 0)
    commit = {"rows": 40, "every": "100ms"}
    project.pipeline(mariadb, ["a", "b"], commit=commit)
    project.pipeline(mariadb, ["log"], name="appended", mode="append", commit=commit)
    if past := past_of(point):
        past(project, mariadb)
    crashed = 0
    for passing in (1, 2):
        run = project.start("--until-caught-up", env={"LEAT_CRASH_AT": f"{point}:{passing}"})
        code = run.wait()
        assert code in (leat.DONE, leat.CRASHED), run.text[-3000:]
        crashed += code == leat.CRASHED
        change(mariadb, passing)
        append_some(mariadb, passing)
    project.catch_up()
    compare.assert_equal(project, mariadb, "shop.a", "shop.b", "shop.log")
    assert crashed, f"{point} is not passed by this workload"


def test_kill_9_at_random_moments(server, project):
    prepare(server)
    project.pipeline(server, ["a", "b"], commit={"every": "50ms"})
    choose = random.Random(9)
    for attempt in range(8):
        run = project.start()
        change(server, attempt)
        try:
            run.wait(choose.uniform(0.05, 1.0))
        except AssertionError:
            pass
        run.kill9()
    project.catch_up()
    compare.assert_equal(project, server, "shop.a", "shop.b")


def test_sigterm_finishes_the_epoch_and_leaves_with_0(mariadb, project):
    prepare(mariadb)
    project.pipeline(mariadb, ["a", "b"], commit={"every": "1h"})
    run = project.start()
    run.wait_log('"level":"info"')
    change(mariadb, 1)
    assert run.terminate() == leat.DONE
    project.pipeline(mariadb, ["a", "b"])
    project.catch_up()
    compare.assert_equal(project, mariadb, "shop.a", "shop.b")


def test_a_second_sigterm_leaves_at_once_and_loses_nothing(mariadb, project):
    prepare(mariadb)
    project.pipeline(mariadb, ["a", "b"])
    run = project.start()
    run.wait_for(lambda: readers.count(project, "shop.a") == 200, "the snapshot")
    change(mariadb, 1)
    run.signal(signal.SIGTERM)
    run.signal(signal.SIGINT)
    run.wait(30)
    project.catch_up()
    compare.assert_equal(project, mariadb, "shop.a", "shop.b")


def test_two_processes_on_one_data_folder(mariadb, project):
    prepare(mariadb)
    project.pipeline(mariadb, ["a"])
    first = project.start()
    first.wait_for(lambda: readers.count(project, "shop.a") == 200, "the snapshot")
    second = project.start()
    assert second.wait() not in (leat.DONE, leat.CRASHED)
    assert str(project.data.name) in second.text and "process" in second.text
    assert first.alive()
    assert first.terminate() == leat.DONE


def test_the_store_is_lost(server, project):
    """A new machine asks the sink where to go on."""
    prepare(server)
    project.pipeline(server, ["a", "b"])
    project.catch_up()
    change(server, 1)
    shutil.rmtree(project.data)
    project.catch_up()
    compare.assert_equal(project, server, "shop.a", "shop.b")


def test_an_older_store_is_put_back(server, project, tmp_path):
    prepare(server)
    project.pipeline(server, ["a", "b"])
    project.catch_up()
    shutil.copytree(project.data, tmp_path / "backup")
    for seed in (1, 2):
        change(server, seed)
        project.catch_up()
    shutil.rmtree(project.data)
    shutil.copytree(tmp_path / "backup", project.data)
    change(server, 3)
    project.catch_up()
    compare.assert_equal(project, server, "shop.a", "shop.b")


@pytest.mark.parametrize("point, data, mode", [
    ("iceberg.stage.after", "fresh", "append"), ("iceberg.stage.after", "copied", "upsert"),
    ("store.save.after", "fresh", "upsert"), ("store.save.after", "copied", "append"),
    ("iceberg.catalog.before_commit", "fresh", "append"),
    ("iceberg.catalog.before_commit", "copied", "upsert"),
    ("epoch.commit.after", "copied", "append")])
def test_scar_23_a_paused_process_wakes_after_its_successor_committed(mariadb, project, point,
                                                                      data, mode):
    """It pauses in the midst of an epoch; the successor has another data folder, as on another
    machine, so only the sink can stop the old one."""
    prepare(mariadb)
    mariadb.query("CREATE TABLE log (n INT, i INT)")
    tables = ["a", "b"] if mode == "upsert" else ["log"]
    project.pipeline(mariadb, tables, mode=mode, commit={"every": "50ms"})

    def both_change(seed):
        change(mariadb, seed)
        append_some(mariadb, seed)

    both_change(0)
    project.catch_up()
    both_change(1)
    old = project.start(env={"LEAT_STOP_AT": point})
    old.wait_for(old.process.stopped, f"it pauses at {point}")
    if data == "copied":
        shutil.copytree(project.data, project.folder / "other-data",
                        ignore=shutil.ignore_patterns("*.sock"))
    for seed in (2, 3):
        both_change(seed)
        project.start("--data", "other-data", "--until-caught-up").expect(leat.DONE)
    both_change(4)
    old.signal(signal.SIGCONT)
    assert old.wait() == leat.FAILED, f"fenced: it stops\n{old.text[-3000:]}"
    assert "another process" in old.text.lower(), old.text[-3000:]
    project.start("--data", "other-data", "--until-caught-up").expect(leat.DONE)
    compare.assert_equal(project, mariadb, *(f"shop.{table}" for table in tables))


def test_scar_32_a_corrupt_checkpoint_store_is_refused_with_what_to_do(mariadb, project):
    prepare(mariadb)
    project.pipeline(mariadb, ["a"])
    project.catch_up()
    broken = 0
    for file in project.data.rglob("*"):
        if file.is_file() and (file.suffix in (".sst", ".log") or "MANIFEST" in file.name):
            file.write_bytes(b"\xff" * max(64, file.stat().st_size))
            broken += 1
    assert broken
    run = project.start("--until-caught-up").expect(leat.BAD_CONFIG)
    [error] = [line["msg"] for line in run.lines() if line["level"] == "error"]
    assert re.fullmatch(
        r"the store in data/store is damaged \(Corruption: .*\)\. Positions are kept in the sinks, so "
        r"it may be removed: remove that folder and start again\. Lost with it are embedded topics, "
        r"the dead letters kept there and, for sinks without a place for tokens, the position; an epoch that was "
        r"saved but not yet committed is read from the source again", error), error
    shutil.rmtree(project.data / "store")
    change(mariadb, 1)
    project.catch_up()
    compare.assert_equal(project, mariadb, "shop.a")
