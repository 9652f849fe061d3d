"""The main job in one piece: a real database's rows in a table that other engines read."""

from harness import compare, readers

ORDERS = """CREATE TABLE orders (
  id BIGINT PRIMARY KEY, customer_id INT NOT NULL, status VARCHAR(20), amount DECIMAL(10,2),
  note VARCHAR(100), created_at DATETIME(3), updated_at TIMESTAMP(6) NULL)"""


def insert(server, low, high):
    rows = ", ".join(
        f"({i}, {i % 97}, {'NULL' if i % 7 == 0 else repr(f'st{i % 5}')}, {i}.{i % 100:02d}, "
        f"'note {i} ü €', '2024-02-29 12:00:00.{i % 1000:03d}', "
        f"'2025-01-01 00:00:{i % 60:02d}.{i:06d}')" for i in range(low, high))
    server.query(f"INSERT INTO orders VALUES {rows}")


def test_inserts_of_a_real_mariadb_are_read_by_pyiceberg(mariadb, project):
    mariadb.query(ORDERS)
    project.pipeline(mariadb, ["orders"], mode="append", mysql={"snapshot": "never"})
    project.catch_up()
    insert(mariadb, 0, 500)
    project.catch_up()
    compare.assert_equal(project, mariadb, "shop.orders")


def test_snapshot_then_stream(server, project):
    server.query(ORDERS)
    insert(server, 0, 3000)
    project.pipeline(server, ["orders"])
    run = project.start()
    run.wait_for(lambda: readers.count(project, "shop.orders") == 3000, "3000 rows")
    insert(server, 3000, 3500)
    run.wait_for(lambda: readers.count(project, "shop.orders") == 3500, "3500 rows")
    assert run.terminate() == 0
    compare.assert_equal(project, server, "shop.orders")


def test_a_second_reader_agrees(server, project):
    server.query(ORDERS)
    insert(server, 0, 1000)
    project.pipeline(server, ["orders"])
    project.catch_up()
    server.query("UPDATE orders SET amount = amount + 1 WHERE id % 3 = 0")
    server.query("DELETE FROM orders WHERE id % 10 = 9")
    project.catch_up()
    query = "SELECT customer_id, count(*), sum(amount) FROM orders GROUP BY 1 ORDER BY 1"
    assert readers.duck(project, query, "shop.orders") == list(server.query(query))


def test_tables_match_by_pattern_and_others_are_left_out(server, project):
    for name in ("cust_a", "cust_b", "other"):
        server.query(f"CREATE TABLE {name} (id INT PRIMARY KEY)")
        server.query(f"INSERT INTO {name} VALUES (1), (2)")
    project.pipeline(server, ["cust*"])
    project.catch_up()
    assert {name for _, name in readers.catalog(project).list_tables("shop")} == {
        "cust_a", "cust_b"}
    compare.assert_equal(project, server, "shop.cust_a", "shop.cust_b")


def test_append_keeps_every_change_with_its_operation(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    project.pipeline(server, ["t"], mode="append", mysql={"snapshot": "never"})
    project.catch_up()
    server.query("INSERT INTO t VALUES (1, 10), (2, 20)")
    server.query("UPDATE t SET v = 11 WHERE id = 1")
    server.query("DELETE FROM t WHERE id = 2")
    project.catch_up()
    found = readers.rows(project, "shop.t", ["id", "v", "_op"])
    assert sorted(row[:2] for row in found) == [(1, 10), (1, 11), (2, 20), (2, 20)]
    assert len({row[2] for row in found}) == 3, "insert, update and delete are told apart"


def test_catching_up_twice_changes_nothing(server, project):
    server.query(ORDERS)
    insert(server, 0, 100)
    project.pipeline(server, ["orders"])
    project.catch_up()
    before = readers.table(project, "shop.orders").current_snapshot().snapshot_id
    project.catch_up()
    assert readers.count(project, "shop.orders") == 100
    assert readers.table(project, "shop.orders").current_snapshot().snapshot_id == before
