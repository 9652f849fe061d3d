"""Schema changes while the pipeline runs: Iceberg's columns follow by field id."""

import threading

import pytest
from harness import compare, readers


def follow(project, server, *tables):
    project.pipeline(server, list(tables))
    project.catch_up()


def apply(project, server, *statements, tables=("shop.t",)):
    for statement in statements:
        server.query(statement)
    project.catch_up()
    compare.assert_equal(project, server, *tables)


@pytest.fixture
def t(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(20))")
    server.query("INSERT INTO t VALUES (1, 10, 'x'), (2, 20, 'y')")
    follow(project, server, "t")
    return server


def test_scar_33_add_columns_last_first_and_between(t, project):
    apply(project, t, "ALTER TABLE t ADD COLUMN c INT DEFAULT 7", "INSERT INTO t VALUES (3,3,'z',3)",
          "ALTER TABLE t ADD COLUMN d INT AFTER id", "ALTER TABLE t ADD COLUMN e INT FIRST",
          "UPDATE t SET d = 4, e = 5 WHERE id = 3", "INSERT INTO t (id) VALUES (4)")


def test_scar_33_drop_a_column(t, project):
    apply(project, t, "ALTER TABLE t DROP COLUMN a", "INSERT INTO t VALUES (3, 'z')",
          "UPDATE t SET b = 'w' WHERE id = 1")
    # What it held before stays readable; from now on it is null.
    table = readers.table(project, "shop.t")
    if "a" in table.schema().column_names:
        assert (3, None) in readers.rows(project, "shop.t", ["id", "a"])


def test_scar_33_a_dropped_column_that_comes_back_is_another_one(t, project):
    old = readers.table(project, "shop.t").schema().find_field("a").field_id
    apply(project, t, "ALTER TABLE t DROP COLUMN a", "ALTER TABLE t ADD COLUMN a INT",
          "INSERT INTO t (id, a) VALUES (3, 33)")
    assert readers.table(project, "shop.t").schema().find_field("a").field_id != old


def test_scar_33_a_column_that_comes_back_with_another_type(t, project):
    apply(project, t, "INSERT INTO t VALUES (3, 30, 'z')", "ALTER TABLE t DROP COLUMN a",
          "ALTER TABLE t ADD COLUMN a VARCHAR(10)", "INSERT INTO t (id, a) VALUES (4, 'text')")


def test_scar_33_rename_and_truncate_first_thing_after_a_start(t, project):
    apply(project, t, "TRUNCATE t", "ALTER TABLE t CHANGE COLUMN a a2 INT",
          "INSERT INTO t VALUES (5, 50, 'w')")


def test_scar_33_rename_a_column_keeps_its_values(t, project):
    old = readers.table(project, "shop.t").schema().find_field("a").field_id
    apply(project, t, "ALTER TABLE t CHANGE COLUMN a a2 INT", "INSERT INTO t VALUES (3, 30, 'z')")
    assert readers.table(project, "shop.t").schema().find_field("a2").field_id == old


def test_scar_33_swap_two_names(t, project):
    apply(project, t, "ALTER TABLE t ADD COLUMN c INT", "UPDATE t SET c = a * 100",
          "ALTER TABLE t CHANGE a c INT, CHANGE c a INT", "INSERT INTO t (id, a, c) VALUES (3,1,2)")


def test_scar_33_widen_columns(t, project):
    apply(project, t, "ALTER TABLE t MODIFY a BIGINT", "INSERT INTO t VALUES (3, 1 << 40, 'z')",
          "ALTER TABLE t MODIFY b VARCHAR(500)", "UPDATE t SET b = REPEAT('q', 400) WHERE id = 1")


def test_scar_33_reorder_columns(t, project):
    apply(project, t, "ALTER TABLE t MODIFY b VARCHAR(20) FIRST", "INSERT INTO t VALUES ('z', 3, 3)",
          "UPDATE t SET a = 21 WHERE id = 2")


def test_scar_33_drop_and_create_with_another_shape(t, project):
    apply(project, t, "DROP TABLE t",
          "CREATE TABLE t (id INT PRIMARY KEY, name TEXT, price DECIMAL(8,2))",
          "INSERT INTO t VALUES (1, 'n', 9.99), (7, 'm', 1.25)")


def test_rename_table_away_and_another_one_in(t, project):
    apply(project, t, "CREATE TABLE t_new LIKE t", "INSERT INTO t_new VALUES (5, 50, 'n')",
          "RENAME TABLE t TO t_old, t_new TO t", "INSERT INTO t VALUES (6, 60, 'o')")


def test_a_column_of_another_type_stops_or_follows_never_corrupts(t, project):
    """int to varchar cannot evolve in Iceberg: the pipeline says so, or makes it right."""
    t.query("ALTER TABLE t MODIFY a VARCHAR(10)")
    t.query("INSERT INTO t VALUES (3, 'abc', 'z')")
    run = project.start("--until-caught-up")
    if run.wait() == 0:
        compare.assert_equal(project, t, "shop.t")
    else:
        assert "shop.t" in run.text and "'a'" in run.text and "varchar(10)" in run.text
        assert readers.rows(project, "shop.t") == [(1, 10, "x"), (2, 20, "y")]


def test_scar_07_changes_beyond_the_resume_point_do_not_reach_older_rows(t, project):
    """While Leat is down the table changes shape twice; each row is read by its own shape."""
    for statement in (
            "INSERT INTO t VALUES (3, 30, 'three')", "ALTER TABLE t DROP COLUMN a",
            "INSERT INTO t VALUES (4, 'four')", "ALTER TABLE t ADD COLUMN z INT FIRST",
            "INSERT INTO t VALUES (55, 5, 'five')", "ALTER TABLE t CHANGE z a INT",
            "UPDATE t SET b = 'six' WHERE id = 4"):
        t.query(statement)
    project.catch_up()
    compare.assert_equal(project, t, "shop.t")


def test_scar_33_under_load(server, project):
    """Columns come and go while rows are written and the pipeline runs."""
    server.query("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, a INT)")
    follow(project, server, "t")
    done = threading.Event()

    def write():
        connection = server.connect()
        with connection.cursor() as cursor:
            while not done.is_set():
                cursor.execute("INSERT INTO t (a) VALUES (1), (2), (3)")
                cursor.execute("UPDATE t SET a = a + 1 WHERE id % 5 = 0 ORDER BY id DESC LIMIT 9")
                cursor.execute("DELETE FROM t WHERE id % 7 = 0 ORDER BY id DESC LIMIT 1")
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        run = project.start()
        for i in range(6):
            server.query(f"ALTER TABLE t ADD COLUMN c{i} INT DEFAULT {i}")
            if i % 2:
                server.query(f"ALTER TABLE t DROP COLUMN c{i - 1}")
            run.wait_for(lambda n=i: f"c{n}" in readers.table(
                project, "shop.t").schema().column_names, f"column c{i}")
    finally:
        done.set()
        writer.join()
    assert run.terminate() == 0
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")
