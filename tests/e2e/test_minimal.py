"""`metadata: minimal`: servers whose log has no names. information_schema has them, for the
definition of now; so any change of one stops the pipeline, and nothing is guessed."""

import pytest
from harness import compare, leat, readers

SETTINGS = [("mariadb", "MINIMAL"), ("mariadb", "NO_LOG"), ("mysql", "MINIMAL")]
MINIMAL = {"metadata": "minimal"}


@pytest.fixture(params=SETTINGS, ids=["-".join(s) for s in SETTINGS])
def server(request, own_server):
    kind, metadata = request.param
    return own_server(kind, [f"--binlog-row-metadata={metadata}"])


def t(server):
    server.query("CREATE TABLE t (id INT UNSIGNED, k VARCHAR(20) CHARACTER SET latin1, "
                 "e ENUM('a','ü') CHARACTER SET utf8mb4, s SET('x','y'), "
                 "u BIGINT UNSIGNED, d DECIMAL(10,3), b VARBINARY(9), j TEXT, n INT, "
                 "PRIMARY KEY (k, id))")
    server.query("INSERT INTO t VALUES (4000000000, 'é', 'ü', 'x,y', 18446744073709551615, "
                 "-1.5, x'00ff', '€', NULL)")


def stopped(project, *parts):
    run = project.start("--until-caught-up")
    assert run.wait() in (leat.FAILED, leat.BAD_CONFIG), run.text[-3000:]
    for part in ("metadata: minimal", "new snapshot", *parts):
        assert part in run.text, f"{part!r} is not in:\n{run.text[-3000:]}"


def test_without_it_the_setting_is_named(server, project):
    t(server)
    project.pipeline(server, ["t"])
    run = project.start("--until-caught-up")
    assert run.wait() in (leat.FAILED, leat.BAD_CONFIG)
    assert "SET GLOBAL binlog_row_metadata = FULL" in run.text
    assert "metadata: minimal" in run.text


def test_every_change_by_names_of_information_schema(server, project):
    t(server)
    project.pipeline(server, ["t"], mysql=MINIMAL)
    project.catch_up()
    server.query("INSERT INTO t VALUES (1, 'b', 'a', '', 1, 0.001, '', NULL, 5), "
                 "(2, 'c', 'ü', 'y', 9223372036854775808, 9999999.999, x'80', 'ß', -5)")
    server.query("UPDATE t SET e = 'a', u = u - 1, n = 7, k = CONCAT(k, 'ÿ') WHERE id <> 1")
    server.query("DELETE FROM t WHERE id = 1")
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")
    server.query("TRUNCATE t")  # changes no definition
    server.query("INSERT INTO t (id, k) VALUES (9, 'z')")
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")


@pytest.mark.parametrize("statement", [
    "ALTER TABLE t ADD COLUMN z INT", "ALTER TABLE t DROP COLUMN n",
    "ALTER TABLE t CHANGE n m INT", "ALTER TABLE t MODIFY n BIGINT",
    "ALTER TABLE t MODIFY u BIGINT", "RENAME TABLE t TO t_old"],
    ids=["add", "drop", "rename-column", "widen", "sign", "rename-table"])
def test_a_definition_stops_it_and_says_which(server, project, statement):
    t(server)
    project.pipeline(server, ["t"], mysql=MINIMAL)
    project.catch_up()
    server.query("UPDATE t SET n = 1, u = 1")
    run = project.start()
    run.wait_for(lambda: readers.rows(project, "shop.t", ["n"]) == [(1,)], "the update")
    server.query(statement)
    assert run.wait() in (leat.FAILED, leat.BAD_CONFIG)
    assert statement in run.text and "new snapshot" in run.text
    # And does so at each start.
    if statement.startswith("RENAME TABLE"):
        again = project.start("--until-caught-up")
        assert again.wait() in (leat.FAILED, leat.BAD_CONFIG)
        assert "no table matches" in again.text
    else:
        stopped(project)
    assert readers.rows(project, "shop.t", ["n"]) == [(1,)]


@pytest.mark.parametrize("statement", [
    "ALTER TABLE t CHANGE n m INT", "ALTER TABLE t CHANGE n j2 INT, CHANGE j n TEXT",
    "ALTER TABLE t MODIFY u BIGINT"], ids=["renamed", "swapped", "sign"])
def test_scar_07_rows_older_than_a_definition_are_not_read_by_it(server, project, statement):
    """While Leat is down rows are written, then the definition changes without a change of
    what the log shows of it: types and sizes are the same."""
    t(server)
    project.pipeline(server, ["t"], mysql=MINIMAL)
    project.catch_up()
    names = readers.table(project, "shop.t").schema().column_names
    before = readers.rows(project, "shop.t", names)
    server.query("UPDATE t SET n = 77, u = 1")
    server.query(statement)
    run = project.start("--until-caught-up")
    assert run.wait() in (leat.FAILED, leat.BAD_CONFIG), run.text[-3000:]
    assert "shop.t" in run.text
    assert readers.rows(project, "shop.t", names) == before, "nothing was guessed"


def test_other_tables_may_change(server, project):
    t(server)
    project.pipeline(server, ["t"], mysql=MINIMAL)
    project.catch_up()
    server.query("CREATE TABLE other (id INT)")
    server.query("ALTER TABLE other ADD COLUMN x INT")
    server.query("UPDATE t SET n = 3")
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")
