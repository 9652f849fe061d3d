"""Several pipelines in one process: one that ends for good does not take the others along,
and the process says so at its end."""

import signal
import sqlite3

from harness import compare, leat, process, readers


def t(server, *names):
    for name in names:
        server.query(f"CREATE TABLE {name} (id INT PRIMARY KEY, v INT)")
        server.query(f"INSERT INTO {name} VALUES (1, 1)")


def test_one_that_fails_leaves_the_others_running(mariadb, project):
    t(mariadb, "good", "bad")
    project.pipeline(mariadb, ["good"], name="good")
    project.pipeline(mariadb, ["bad"], name="bad")
    run = project.start()
    run.wait_for(lambda: readers.count(project, "shop.bad") == 1, "both are there")
    # Iceberg cannot make an int of this.
    mariadb.query("ALTER TABLE bad MODIFY v VARCHAR(10)")
    mariadb.query("INSERT INTO bad VALUES (2, 'x')")
    run.wait_log("pipeline failed")
    mariadb.query("INSERT INTO good VALUES (2, 2)")
    run.wait_for(lambda: readers.count(project, "shop.good") == 2, "the other goes on")
    assert run.terminate() == leat.FAILED
    compare.assert_equal(project, mariadb, "shop.good")


def pause(run, project):
    """Stops it where it does not hold the catalog's lock, which nobody could take from it."""
    def paused():
        run.signal(signal.SIGSTOP)
        process.wait_until(run.process.stopped, 30, "it stops")
        catalog = sqlite3.connect(project.warehouse / "catalog.db", timeout=0)
        try:
            catalog.execute("BEGIN IMMEDIATE")
            return True
        except sqlite3.OperationalError:
            run.signal(signal.SIGCONT)
            return False
        finally:
            catalog.close()
    process.wait_until(paused, 60, "it stops without the catalog's lock")


def test_one_that_is_fenced_leaves_the_others_running(mariadb, project, tmp_path):
    t(mariadb, "good", "twice")
    project.pipeline(mariadb, ["good"], name="good")
    project.pipeline(mariadb, ["twice"], name="twice")
    run = project.start()
    run.wait_for(lambda: readers.count(project, "shop.twice") == 1, "both are there")
    other = leat.Project(tmp_path / "other")
    other.pipeline(mariadb, ["twice"], name="twice", warehouse=str(project.warehouse))
    pause(run, project)
    mariadb.query("INSERT INTO twice VALUES (2, 2)")
    other.catch_up()
    run.signal(signal.SIGCONT)
    run.wait_log("pipeline failed")
    mariadb.query("INSERT INTO good VALUES (2, 2)")
    run.wait_for(lambda: readers.count(project, "shop.good") == 2, "the other goes on")
    assert run.terminate() == leat.FAILED
    other.catch_up()
    compare.assert_equal(project, mariadb, "shop.good", "shop.twice")


def test_until_caught_up_the_others_reach_their_end(mariadb, project):
    t(mariadb, "good")
    mariadb.query("CREATE TABLE bad (v INT)")  # no key to upsert by
    project.pipeline(mariadb, ["bad"], name="a")
    project.pipeline(mariadb, ["good"], name="b")
    run = project.start("--until-caught-up")
    assert run.wait() == leat.FAILED
    compare.assert_equal(project, mariadb, "shop.good")


def test_wrong_configuration_of_all_is_told_apart(mariadb, project):
    mariadb.query("CREATE TABLE bad (v INT)")
    project.pipeline(mariadb, ["bad"], name="a")
    project.pipeline(mariadb, ["bad"], name="b")
    assert project.start("--until-caught-up").wait() == leat.BAD_CONFIG
