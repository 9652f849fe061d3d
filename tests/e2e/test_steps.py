"""Steps between a source and a sink: rows filtered, computed and refused by SQL."""

import json

from harness import leat, readers


def rows(project, columns=("id", "name", "total")):
    return sorted(readers.rows(project, "shop.t", list(columns)), key=str)


def follow(project, server, query):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20), price DECIMAL(8,2), n INT)")
    server.query("INSERT INTO t VALUES (1,'a',1.50,2), (2,'b',2.00,0), (3,'c',0.25,40)")
    project.pipeline(server, ["t"], more={"steps": [{"sql": query}]})


def test_a_filter_lets_rows_in_and_out_as_they_change(server, project):
    follow(project, server,
           "SELECT id, upper(name) AS name, (price * n)::DECIMAL(12,2) AS total FROM input WHERE n > 0")
    project.catch_up()
    assert [(i, n, str(t)) for i, n, t in rows(project)] == [(1, "A", "3.00"), (3, "C", "10.00")]
    server.query("UPDATE t SET n = 5 WHERE id = 2")   # comes in
    server.query("UPDATE t SET n = 0 WHERE id = 3")   # goes out
    server.query("UPDATE t SET n = 9 WHERE id = 1")   # stays
    server.query("INSERT INTO t VALUES (4,'d',1,0), (5,'e',1,1)")
    server.query("UPDATE t SET id = 6 WHERE id = 5")  # another key
    server.query("DELETE FROM t WHERE id = 4")        # was never in
    project.catch_up()
    assert [(i, n, str(t)) for i, n, t in rows(project)] == [
        (1, "A", "13.50"), (2, "B", "10.00"), (6, "E", "1.00")]


def test_a_new_column_of_the_source_goes_through_a_star(server, project):
    follow(project, server, "SELECT *, n * 2 AS total FROM input")
    project.catch_up()
    server.query("ALTER TABLE t ADD COLUMN extra INT")
    server.query("INSERT INTO t VALUES (4, 'd', 1, 1, 77)")
    project.catch_up()
    assert rows(project, ("id", "total", "extra")) == [
        (1, 4, None), (2, 0, None), (3, 80, None), (4, 2, 77)]


def test_a_row_the_query_fails_on_is_a_dead_letter(server, project):
    follow(project, server, "SELECT id, name::INTEGER AS name, n AS total FROM input")
    server.query("UPDATE t SET name = id WHERE id <> 2")
    project.catch_up()
    assert rows(project) == [(1, 1, 2), (3, 3, 40)]
    wrong = project.command("dead-letters", ".").expect(leat.BAD_CONFIG).text
    assert "no pipeline named . has run in this project; there are: p" in wrong
    listed = project.command("dead-letters", "p", "--output", "json").expect(leat.DONE)
    (letter,) = json.loads(listed.text)
    assert "Could not convert string 'b'" in letter["reason"]
    assert json.loads(letter["row"])["id"] == 2


def test_a_query_that_is_wrong_is_said_before_anything_runs(server, project):
    follow(project, server, "SELEC id FROM input")
    said = project.command("validate", ".").expect(leat.BAD_CONFIG).text
    assert "pipelines/p.yaml:" in said and "syntax error" in said
    project.pipeline(server, ["t"], more={"steps": [{"sql": "SELECT nope FROM input"}]})
    said = project.start("--until-caught-up").expect(leat.BAD_CONFIG).text
    assert "shop.t" in said and "nope" in said
