"""`read: poll`: what a cursor column can promise, kept; ties lose nothing."""

from harness import readers


def poll(project, server):
    project.write("pipelines/p.yaml", {
        "from": {"mysql": {"url": server.url(), "read": "poll", "poll": {
            "table": "t", "cursor": "n", "every": "100ms", "limit": 10}}},
        "to": {"iceberg": {"warehouse": "./lake", "mode": "append"}},
        "commit": {"every": "100ms"}})


def test_ties_at_the_cursor_lose_nothing(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, n INT)")
    for tie in (35, 1, 12, 10):
        server.query("INSERT INTO t (n) VALUES " + ", ".join([f"({tie})"] * tie))
    poll(project, server)
    run = project.start()
    run.wait_for(lambda: readers.count(project, "shop.t") >= 58, "58 rows")
    server.query("INSERT INTO t (n) VALUES (35), (36)")
    run.wait_for(lambda: readers.count(project, "shop.t") >= 60, "60 rows")
    assert run.terminate() == 0
    ids = [row[0] for row in readers.rows(project, "shop.t", ["id"])]
    assert sorted(ids) == list(range(1, 61))


def test_a_restart_goes_on_after_the_last_cursor(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, n INT)")
    server.query("INSERT INTO t (n) VALUES (1), (2), (3), (3)")
    poll(project, server)
    project.catch_up()
    server.query("INSERT INTO t (n) VALUES (3), (4)")
    project.catch_up()
    assert sorted(row[0] for row in readers.rows(project, "shop.t", ["id"])) == [1, 2, 3, 4, 5, 6]
