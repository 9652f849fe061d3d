"""MySQL and MariaDB as targets: rows as at the source, exactly once, whatever happens. What
the rows must be is asked of the two servers."""

import json
import random
import re
import signal
import subprocess
import threading

import every_type
import pytest
import test_crash
from harness import database, leat, process

KINDS = ("mariadb", "mysql")
DURABLE = re.compile(r'failpoint::Durable\(\s*"(mysql\.[^"]+)"')
POINTS = sorted({name for file in sorted((leat.ROOT / "src").rglob("*.cc"))
                 if not file.name.endswith("_test.cc")
                 for name in DURABLE.findall(file.read_text())})


def emptied(server):
    server.execute("DROP DATABASE IF EXISTS shop", "CREATE DATABASE shop",
                   "DROP DATABASE IF EXISTS copy", "CREATE DATABASE copy",
                   "GRANT ALL ON copy.* TO leat@'%'")
    return server


@pytest.fixture(params=KINDS)
def server(request, servers):
    """Source (database shop) and target (database copy) in one."""
    return emptied(servers(request.param))


@pytest.fixture
def mariadb(servers):
    return emptied(servers("mariadb"))


def pipeline(project, source, tables, target=None, *, commit=None, mysql=None, **sink):
    """shop.* of the source into copy.* of the target."""
    url = (target or source).url("copy")
    project.write("pipelines/p.yaml", {
        "name": "p",
        "from": {"mysql": {"url": source.url(), "tables": tables, **(mysql or {})}},
        "to": {"mysql": {"url": url, "mode": "apply", **sink}},
        "commit": commit or {"every": "100ms"}})


def rows(server, name, columns="*"):
    return sorted(map(str, server.execute(f"SELECT {columns} FROM {name}")))


def assert_same(source, *tables, target=None):
    for table in tables:
        want, got = rows(source, f"shop.{table}"), rows(target or source, f"copy.{table}")
        assert got == want, (f"{table}: {len(got)} rows, not {len(want)}; "
                             f"missing {sorted(set(want) - set(got))[:5]}, "
                             f"too many {sorted(set(got) - set(want))[:5]}")


def dead_letters(project):
    run = project.command("dead-letters", "p", "--output", "json")
    run.expect(leat.DONE)
    return json.loads(run.text)


# Types.

def columns_of(kind):
    """Every type; an ENUM's error value cannot be written in strict mode."""
    return {name: column._replace(values=[v for v in column.values if v != "0"])
            if column.type.startswith("ENUM") else column
            for name, column in every_type.columns(kind).items()}


def fill(server, name, kind):
    columns = columns_of(kind)
    statements = ["SET sql_mode = '', time_zone = '+00:00'", f"INSERT INTO {name} (id) VALUES (0)"]
    for row in range(max(len(column.values) for column in columns.values())):
        values = [column.values[row] if row < len(column.values) else "NULL"
                  for column in columns.values()]
        statements.append(f"INSERT INTO {name} VALUES ({row + 1}, {', '.join(values)})")
    server.execute(*statements, database="shop")


def values(server, name, kind):
    """{column: {id: value}} as the server has it, in one query."""
    columns = columns_of(kind)
    texts = [every_type.KINDS[of.kind][0].format(c=column, width=every_type.width(of.type))
             for column, of in columns.items()]
    found = {column: {} for column in columns}
    for i, *row in server.execute("SET sql_mode = '', time_zone = '+00:00'",
                                  f"SELECT id, {', '.join(texts)} FROM {name}"):
        for (column, of), value in zip(columns.items(), row):
            parse = every_type.KINDS[of.kind][1]
            if of.type == "JSON":  # the same document, in each server's own text
                parse = lambda v: json.loads(bytes.fromhex(v).decode())  # noqa: E731
            found[column][i] = None if value is None else parse(value)
    return found


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_every_type_both_ways(servers, project, source, target):
    """Snapshot (s) and stream (l) of every type and its extreme values."""
    kind = source
    source, target = emptied(servers(source)), emptied(servers(target))
    for name in "sl":
        source.execute("SET sql_mode = ''", every_type.create(name, kind), database="shop")
    fill(source, "s", kind)
    pipeline(project, source, ["s", "l"], target)
    project.catch_up()
    fill(source, "l", kind)
    project.catch_up()
    assert dead_letters(project) == []
    wrong = []
    for name in "sl":
        want = values(source, f"shop.{name}", kind)
        got = values(target, f"copy.{name}", kind)
        for column, of in columns_of(kind).items():
            wrong += [f"{name} {of.type} row {i}: {want[column][i]!r:.90} became "
                      f"{got[column].get(i, 'nothing')!r:.90}"
                      for i in want[column] if want[column][i] != got[column].get(i, "nothing")]
    assert not wrong, f"{len(wrong)} values differ:\n" + "\n".join(wrong[:40])


# Changes.

def prepare(server):
    test_crash.prepare(server)
    server.query("CREATE TABLE c (id INT PRIMARY KEY, name VARCHAR(20) UNIQUE, v INT)")
    server.query("INSERT INTO c VALUES " + ", ".join(f"({i}, 'n{i}', {i})" for i in range(20)))


def change(server, seed, unique=True):
    choose = random.Random(seed)
    statements = []
    for _ in range(25):
        key = choose.randrange(300)
        statements.append(choose.choice([
            f"REPLACE INTO a VALUES ({key}, {choose.randrange(1000)})",
            f"DELETE FROM a WHERE id = {key}",
            f"UPDATE a SET v = v + 1 WHERE id BETWEEN {key} AND {key + 5}",
            f"UPDATE IGNORE a SET id = id + 300 WHERE id = {key}",
            f"REPLACE INTO b VALUES ({key % 5}, '{key % 3}', {key})",
            f"DELETE FROM b WHERE k1 = {key % 5}",
            f"UPDATE IGNORE b SET k2 = 'z{key % 4}' WHERE k1 = {key % 5}",
            *([f"REPLACE INTO c VALUES ({key % 20}, 'n{key % 17}', {key})",
               f"UPDATE IGNORE c SET name = CASE id WHEN {key % 20} THEN 't' ELSE name END",
               f"UPDATE IGNORE c SET name = 'n{key % 23}' WHERE id = {(key + 1) % 20}",
               f"DELETE FROM c WHERE id = {key % 20}"] if unique else [])]))
    server.execute(*statements, database="shop")


@pytest.mark.parametrize("workers", [1, 3])
def test_changes_are_applied(server, project, workers):
    prepare(server)
    tables = ["a", "b"] + (["c"] if workers == 1 else [])
    pipeline(project, server, tables, workers=workers, commit={"rows": 30, "every": "50ms"})
    project.catch_up()
    assert_same(server, *tables)
    run = project.start()
    for seed in range(8):
        change(server, seed)
    server.query("UPDATE a SET id = id + 10000")
    assert run.terminate() == leat.DONE
    project.catch_up()
    assert_same(server, *tables)
    if workers == 1:
        server.query("TRUNCATE TABLE a")
        change(server, 99)
        project.catch_up()
        assert_same(server, *tables)


def test_upsert_leaves_deletes_out(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10))")
    server.query("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    pipeline(project, server, ["t"], mode="upsert", columns={"v": "text"})
    project.catch_up()
    server.execute("UPDATE t SET v = 'c' WHERE id = 1", "DELETE FROM t WHERE id = 2",
                   "INSERT INTO t VALUES (3, 'd')", "UPDATE t SET v = 'e' WHERE id = 3",
                   database="shop")
    project.catch_up()
    assert server.query("SELECT id, text FROM t ORDER BY id", "copy") == (
        (1, "c"), (2, "b"), (3, "e"))


def test_insert_keeps_every_row(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    pipeline(project, server, ["t"], mode="insert", table="log",
             ddl="CREATE TABLE {table} (n BIGINT AUTO_INCREMENT PRIMARY KEY, id INT, v INT)")
    project.catch_up()
    server.execute("INSERT INTO t VALUES (1, 1), (2, 2)", "UPDATE t SET v = 3 WHERE id = 1",
                   "DELETE FROM t WHERE id = 2", database="shop")
    project.catch_up()
    assert server.query("SELECT id, v FROM log ORDER BY n", "copy") == ((1, 1), (2, 2), (1, 3))


def test_foreign_keys_keep_the_sources_order(server, project):
    make = ["CREATE TABLE parent (id INT PRIMARY KEY, v INT)",
            "CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id))"]
    server.execute(*make, database="shop")
    server.execute(*make, database="copy")
    pipeline(project, server, ["parent", "child"])
    project.catch_up()
    server.execute("INSERT INTO parent VALUES (1, 1), (2, 2)", "INSERT INTO child VALUES (1, 1)",
                   "UPDATE child SET p = 2", "DELETE FROM parent WHERE id = 1",
                   "INSERT INTO parent VALUES (3, 3)", "INSERT INTO child VALUES (2, 3), (3, 2)",
                   "DELETE FROM child WHERE id = 2", "DELETE FROM parent WHERE id = 3",
                   database="shop")
    project.catch_up()
    assert_same(server, "parent", "child")
    assert dead_letters(project) == []
    pipeline(project, server, ["parent", "child"], workers=2)
    refused = project.start("--until-caught-up").expect(leat.BAD_CONFIG)
    assert "foreign_key_checks: off" in refused.text
    pipeline(project, server, ["parent", "child"], workers=2, foreign_key_checks="off")
    server.execute("INSERT INTO parent VALUES (7, 7)", "INSERT INTO child VALUES (8, 7)",
                   database="shop")
    project.catch_up()
    assert_same(server, "parent", "child")


def test_what_cannot_be_kept_is_refused(mariadb, project):
    mariadb.query("CREATE TABLE u (id INT PRIMARY KEY, name VARCHAR(20))")
    mariadb.query("CREATE TABLE n (v INT)")
    mariadb.query("CREATE TABLE u (id INT PRIMARY KEY, name VARCHAR(20) UNIQUE)", "copy")
    for tables, sink, said in [
            (["u"], {"mode": "upsert"}, "unique index `name` is not the key"),
            (["u"], {"mode": "apply", "workers": 2}, "several workers cannot keep in order"),
            (["n"], {}, "has no key"),
            (["u"], {"table": "other", "create": "never"}, "there is no table copy.other"),
            (["u"], {"key": ["name"], "table": "fresh", "mode": "upsert",
                     "ddl": "CREATE TABLE {table} (id INT PRIMARY KEY, name VARCHAR(20))"},
             "has exactly the key's columns (name)")]:
        pipeline(project, mariadb, tables, **sink)
        run = project.start("--until-caught-up").expect(leat.BAD_CONFIG)
        assert said in run.text


# Values that a column cannot hold.

def test_scar_26_and_29_a_value_that_does_not_fit_is_a_dead_letter(server, project):
    """Strict: nothing is cut, rounded or made 0; the rows beside it are written."""
    server.query("CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(50), n BIGINT, d DECIMAL(20,6), "
                 "w DECIMAL(10,2), at DATETIME(6))")
    server.query("CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(5), n TINYINT NOT NULL, "
                 "d DECIMAL(8,2), w INT, at DATETIME(3))", "copy")
    good = "({}, 'fits', 7, 1.25, 3, '2024-01-01 00:00:00.123')"
    server.query("INSERT INTO t VALUES " + ", ".join(good.format(i) for i in range(2000)))
    bad = {10: ("s = 'much too long'", "s", "much too long"),
           11: ("s = 'four    '", "s", "four"), 500: ("n = 128", "n", "128"),
           501: ("n = NULL", "n", "NULL"), 999: ("d = 1.234", "d", "1.234"),
           1000: ("w = 1.5", "w", "1.5"), 1001: ("d = 12345678", "d", "12345678"),
           1999: ("at = '2024-01-01 00:00:00.123456'", "at", "00.123456")}
    for key, (change_of, _, _) in bad.items():
        server.query(f"UPDATE t SET {change_of} WHERE id = {key}")
    pipeline(project, server, ["t"], evolve=False)
    project.catch_up()
    letters = {json.loads(letter["row"])["id"]: letter for letter in dead_letters(project)}
    assert sorted(letters) == sorted(bad)
    for key, (_, column, value) in bad.items():
        reason = letters[key]["reason"]
        assert f"column `{column}`" in reason and value in reason, reason
    kept = ", ".join(map(str, bad))
    want = server.query(f"SELECT id, s, n, d, w, at FROM t WHERE id NOT IN ({kept}) ORDER BY id")
    assert server.query("SELECT * FROM t ORDER BY id", "copy") == want


def test_scar_26_a_row_larger_than_the_packet_is_a_dead_letter(servers, own_server, project):
    source = emptied(servers("mariadb"))
    target = emptied(own_server("mariadb", ["--max-allowed-packet=1M"]))
    source.query("CREATE TABLE t (id INT PRIMARY KEY, b LONGBLOB)")
    source.execute("INSERT INTO t SELECT seq, REPEAT('x', 200000) FROM seq_1_to_40",
                   "INSERT INTO t VALUES (41, REPEAT('y', 2000000))", database="shop")
    pipeline(project, source, ["t"], target)
    project.catch_up()
    assert target.query("SELECT COUNT(*), SUM(LENGTH(b)) FROM t", "copy") == ((40, 8_000_000),)
    [letter] = dead_letters(project)
    assert "max_allowed_packet is 1048576" in letter["reason"]


def test_scar_26_locked_rows_are_written_again(mariadb, project):
    """Somebody holds a row for longer than a statement waits, and makes a deadlock."""
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    mariadb.query("INSERT INTO t VALUES (1, 0), (2, 0)")
    pipeline(project, mariadb, ["t"])
    project.catch_up()
    other = mariadb.connect("copy")
    with other.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("UPDATE t SET v = -1 WHERE id = 2")
        mariadb.query("UPDATE t SET v = v + 1")
        run = project.start("--until-caught-up")
        run.wait_log("rows of the target are locked by others")
        cursor.execute("ROLLBACK")
    other.close()
    run.expect(leat.DONE)
    assert_same(mariadb, "t")


# Columns that change.

def test_schema_changes_are_followed(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(5), b INT NOT NULL, c INT)")
    server.query("INSERT INTO t VALUES (1, 'x', 1, 1)")
    pipeline(project, server, ["t"])
    project.catch_up()
    run = project.start()
    steps = ["ALTER TABLE t ADD COLUMN d DATETIME(3) NULL", "INSERT INTO t VALUES "
             "(2, 'y', 2, 2, '2024-01-01 10:00:00.5')", "ALTER TABLE t MODIFY a VARCHAR(40)",
             f"INSERT INTO t VALUES (3, '{'w' * 40}', 3, 3, NULL)",
             "ALTER TABLE t RENAME COLUMN c TO e", "UPDATE t SET e = e + 10",
             "ALTER TABLE t MODIFY e BIGINT", "INSERT INTO t VALUES (4, 'q', 4, 5000000000, NULL)",
             "ALTER TABLE t DROP COLUMN b", "INSERT INTO t VALUES (5, 'z', 6, NULL)"]
    for step in steps:
        server.query(step)
    assert run.terminate() == leat.DONE
    project.catch_up()
    names = "id, a, e, d"
    assert rows(server, "copy.t", names) == rows(server, "shop.t", names)
    assert server.query("SELECT b FROM t ORDER BY id", "copy") == ((1,), (2,), (3,), (4,), (None,))


def test_a_change_while_nobody_followed_is_a_change(server, project):
    """At the start the source is ahead of its log: a renamed column is no new one."""
    server.query("CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(5))")
    server.query("INSERT INTO t VALUES (1, 1, 'x')")
    pipeline(project, server, ["t"])
    project.catch_up()
    server.execute("INSERT INTO t VALUES (2, 2, 'y')", "ALTER TABLE t RENAME COLUMN a TO c",
                   "INSERT INTO t VALUES (3, 3, 'z')", "ALTER TABLE t MODIFY b VARCHAR(50)",
                   "INSERT INTO t VALUES (4, 4, REPEAT('w', 50))", database="shop")
    project.catch_up()
    assert dead_letters(project) == []
    assert_same(server, "t")


def test_records_of_one_batch_have_more_and_more_fields(mariadb, project):
    """The table cannot be altered once the epoch has rows of it."""
    project.write("leat.yaml", {"data": "./data", "topics": {"orders": {"partitions": 1}}})
    project.write("pipelines/p.yaml", {
        "name": "p", "from": {"topic": {"name": "orders", "format": "json", "key": ["id"]}},
        "to": {"mysql": {"url": mariadb.url("copy")}}, "commit": {"every": "1h"}})
    project.catch_up()
    for first, more in ((0, {}), (5, {"a": 1}), (10, {"a": 2, "b": "x"}), (15, {"b": "y"})):
        lines = "".join(json.dumps({"id": i, "n": first, **more}) + "\n"
                        for i in range(first, 20))
        done = subprocess.run([leat.PROGRAM, "topics", "produce", "orders"], input=lines,
                              cwd=project.folder, text=True, capture_output=True, timeout=60)
        assert done.returncode == leat.DONE, done.stderr
    project.catch_up()
    assert mariadb.query("SELECT n, a, b, COUNT(*) FROM orders GROUP BY n, a, b ORDER BY n",
                         "copy") == (
        (0, None, None, 5), (5, 1, None, 5), (10, 2, "x", 5), (15, None, "y", 5))
    assert dead_letters(project) == []


def test_one_key_in_two_spellings_keeps_its_order(mariadb, project):
    """Workers cannot know what the target's collation takes for one key: its locks tell."""
    make = "CREATE TABLE t (k VARCHAR(20) COLLATE utf8mb4_unicode_ci PRIMARY KEY, v INT)"
    mariadb.query(make)
    mariadb.query(make, "copy")
    mariadb.query("INSERT INTO t VALUES " + ", ".join(f"('s{i}ss', 1), ('d{i}\u00df', 1)"
                                                      for i in range(8)))
    pipeline(project, mariadb, ["t"], workers=4, commit={"every": "1h"})
    project.catch_up()
    for i in range(8):
        mariadb.execute(f"DELETE FROM t WHERE k IN ('s{i}ss', 'd{i}\u00df')",
                        f"INSERT INTO t VALUES ('S{i}\u00df', 2), ('D{i}SS', 2)", database="shop")
    run = project.catch_up()
    assert "rows of the target are locked by others" in run.text
    assert_same(mariadb, "t")


# Exactly once.

def append_some(server, seed):
    server.query("INSERT INTO log VALUES " + ", ".join(f"({seed}, {i})" for i in range(60)))


@pytest.mark.parametrize("point", POINTS)
def test_crash_at_every_durable_step(mariadb, project, point):
    """Appended rows show one that came twice, applied ones what an upsert would hide."""
    workers = 2 if "branches" in point else 1
    prepare(mariadb)
    mariadb.query("CREATE TABLE log (n INT, i INT)")
    append_some(mariadb, 0)
    commit = {"rows": 40, "every": "100ms"}
    pipeline(project, mariadb, ["a", "b"], commit=commit, workers=workers)
    project.write("pipelines/appended.yaml", {
        "name": "appended", "commit": commit,
        "from": {"mysql": {"url": mariadb.url(), "tables": ["log"]}},
        "to": {"mysql": {"url": mariadb.url("copy"), "mode": "insert", "workers": workers}}})
    if point == "mysql.branches.settled":
        project.start("--until-caught-up",
                      env={"LEAT_CRASH_AT": "mysql.branches.prepared"}).expect(leat.CRASHED)
    crashed = 0
    for passing in (1, 2):
        code = project.start("--until-caught-up",
                             env={"LEAT_CRASH_AT": f"{point}:{passing}"}).wait()
        assert code in (leat.DONE, leat.CRASHED)
        crashed += code == leat.CRASHED
        change(mariadb, passing)
        append_some(mariadb, passing)
    project.catch_up()
    assert_same(mariadb, "a", "b", "log")
    assert mariadb.execute("XA RECOVER") == ()
    assert crashed, f"{point} is not passed by this workload"


def test_a_table_made_in_the_midst_of_an_epoch_commits_nothing(mariadb, project):
    """DDL ends the transaction of its connection: it has to be another one's."""
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY)")
    pipeline(project, mariadb, ["*"], workers=2, commit={"every": "1h"})
    project.catch_up()
    before = mariadb.query("SELECT epoch, token FROM leat_commits", "copy")
    mariadb.execute("INSERT INTO t VALUES (1), (2), (3)", "CREATE TABLE u (id INT PRIMARY KEY)",
                    "INSERT INTO u VALUES (1), (2), (3)", database="shop")
    project.start("--until-caught-up",
                  env={"LEAT_CRASH_AT": "mysql.commit.before"}).expect(leat.CRASHED)
    assert rows(mariadb, "copy.t") == rows(mariadb, "copy.u") == []
    assert mariadb.query("SELECT epoch, token FROM leat_commits", "copy") == before
    project.catch_up()
    assert_same(mariadb, "t", "u")


@pytest.mark.parametrize("workers", [1, 3])
def test_kill_9_at_random_moments(server, project, workers):
    prepare(server)
    server.query("CREATE TABLE log (n INT, i INT, PRIMARY KEY (n, i))")
    pipeline(project, server, ["a", "b", "log"], workers=workers, commit={"every": "30ms"})
    choose = random.Random(workers)
    for attempt in range(8):
        run = project.start()
        change(server, attempt)
        append_some(server, attempt)
        try:
            run.wait(choose.uniform(0.05, 1.0))
        except AssertionError:
            pass
        run.kill9()
    project.catch_up()
    assert_same(server, "a", "b", "log")
    assert server.execute("XA RECOVER") == ()


@pytest.mark.parametrize("workers", [1, 2])
def test_scar_20_the_target_dies_under_the_pipeline(servers, own_server, project, workers):
    source, target = emptied(servers("mariadb")), emptied(own_server("mariadb"))
    prepare(source)
    source.query("CREATE TABLE log (n INT, i INT)")
    pipeline(project, source, ["a", "b"], target, workers=workers, commit={"every": "30ms"})
    project.write("pipelines/appended.yaml", {
        "name": "appended", "commit": {"every": "30ms"},
        "from": {"mysql": {"url": source.url(), "tables": ["log"]}},
        "to": {"mysql": {"url": target.url("copy"), "mode": "insert", "workers": workers}}})
    stop = threading.Event()

    def load():
        seed = 0
        while not stop.is_set():
            seed += 1
            change(source, seed, unique=False)
            append_some(source, seed)

    project.start()
    writer = threading.Thread(target=load)
    writer.start()
    try:
        for pause in (0.7, 0.3, 1.1):
            stop.wait(pause)
            target.kill9()
            target.start()
    finally:
        stop.set()
        writer.join()
    project.started[-1].terminate()
    project.catch_up()
    assert_same(source, "a", "b", "log", target=target)
    assert target.execute("XA RECOVER") == ()


@pytest.mark.parametrize("workers", [1, 2])
def test_scar_23_a_process_that_slept_does_not_commit(mariadb, project, tmp_path, workers):
    """It stops in the midst of an epoch, with rows locked; another one on another machine
    goes on; then it wakes up."""
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    mariadb.query("INSERT INTO t SELECT seq, 0 FROM seq_1_to_100")
    pipeline(project, mariadb, ["t"], workers=workers)
    project.catch_up()
    mariadb.query("UPDATE t SET v = v + 1")
    point = "mysql.branches.prepared" if workers > 1 else "mysql.commit.before"
    sleeper = project.start(env={"LEAT_STOP_AT": point})
    process.wait_until(lambda: open(f"/proc/{sleeper.pid}/stat").read().split()[2] == "T", 60,
                       "the process sleeps")
    other = leat.Project(tmp_path / "other")
    pipeline(other, mariadb, ["t"], workers=workers)
    mariadb.query("UPDATE t SET v = v + 1 WHERE id % 2 = 0")
    other.catch_up()
    assert_same(mariadb, "t")
    sleeper.signal(signal.SIGCONT)
    sleeper.expect(leat.FAILED)
    assert "another process went on with pipeline p" in sleeper.text
    assert_same(mariadb, "t")
    other.stop_all()


def test_check_is_content_with_what_is_there(server, project):
    """Also where the target's columns have no defaults."""
    for name in ("shop", "copy"):
        server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL)", name)
    pipeline(project, server, ["t"], table="t")
    for _ in range(2):  # without leat_commits, and with it
        assert "all is there" in project.command("check", ".").expect(leat.DONE).text


def test_check_says_what_is_missing(mariadb, project):
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY) ENGINE=MyISAM", "copy")
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY)")
    mariadb.execute("DROP USER IF EXISTS poor@'%'",
                    f"CREATE USER poor@'%' IDENTIFIED BY '{database.PASSWORD}'",
                    "GRANT SELECT, CREATE ON copy.* TO poor@'%'")
    pipeline(project, mariadb, ["t"], table="t")
    text = (project.folder / "pipelines/p.yaml").read_text()
    project.write("pipelines/p.yaml", text.replace(
        mariadb.url("copy"), mariadb.url("copy", user="poor")))
    run = project.command("check", "pipelines/p.yaml")
    assert run.wait() == leat.BAD_CONFIG
    assert "ENGINE=InnoDB" in run.text
    assert "GRANT INSERT ON `copy`.`t` TO poor@'%'" in run.text
    assert database.PASSWORD not in run.text
