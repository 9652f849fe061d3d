"""Embedded topics: pipelines that feed each other, and what people do with topics."""

import json
import random
import re
import subprocess
import time

import pytest
from harness import compare, leat, process, readers
from harness.leat import ask

DURABLE = re.compile(r'failpoint::Durable\(\s*"(topics\.[^"]+)"')
POINTS = sorted({name for file in sorted((leat.ROOT / "src").rglob("*.cc"))
                 for name in DURABLE.findall(file.read_text())})


def through_a_topic(project, server, tables, *, mode="upsert", topic=None):
    """MySQL into a topic, and the topic into Iceberg."""
    project.write("pipelines/in.yaml", {
        "from": {"mysql": {"url": server.url(), "tables": tables}},
        "to": {"topic": {"name": "changes", **(topic or {})}},
        "commit": {"every": "100ms", "rows": 40}})
    project.write("pipelines/out.yaml", {
        "from": {"topic": {"name": "changes"}},
        "to": {"iceberg": {"warehouse": "./lake", "table": "{database}.{table}",
                           "mode": mode}},
        "commit": {"every": "100ms"}})


def catch_up(project):
    for name in ("in", "out"):
        project.command("run", f"pipelines/{name}.yaml", "--until-caught-up").expect(leat.DONE)


def serving(project, what="topics"):
    """There is some: a process that has just started does not answer yet."""
    done = subprocess.run([leat.PROGRAM, what, "--output", "json"], cwd=project.folder,
                          capture_output=True, text=True, timeout=60)
    return done.returncode == leat.DONE and json.loads(done.stdout)


def change(server, seed):
    choose = random.Random(seed)
    statements = []
    for _ in range(30):
        key = choose.randrange(300)
        statements.append(choose.choice([
            f"REPLACE INTO a VALUES ({key}, {choose.randrange(1000)})",
            f"DELETE FROM a WHERE id = {key}",
            f"UPDATE a SET v = v + 1 WHERE id BETWEEN {key} AND {key + 5}",
            f"UPDATE IGNORE a SET id = id + 1000 WHERE id = {key}",
            f"INSERT INTO b (v) VALUES ({key}), ({key + 1})"]))
    server.execute(*statements, database="shop")


def prepare(server):
    server.query("CREATE TABLE a (id INT PRIMARY KEY, v INT)")
    server.query("CREATE TABLE b (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")
    server.query("INSERT INTO a VALUES " + ", ".join(f"({i}, {i})" for i in range(200)))
    server.query("INSERT INTO b (v) VALUES (1), (2)")


def test_two_pipelines_do_what_one_does(server, project):
    prepare(server)
    through_a_topic(project, server, ["a", "b"])
    running = project.start()

    def equal():
        return not any(compare.difference(project, server, t) for t in ("shop.a", "shop.b"))

    running.wait_for(lambda: readers.count(project, "shop.a") == 200, "the snapshot")
    for seed in range(3):
        change(server, seed)
    server.query("ALTER TABLE a ADD COLUMN note VARCHAR(20)")
    server.query("UPDATE a SET note = CONCAT('n', v) WHERE id % 3 = 0")
    running.wait_for(equal, "both tables equal", 60)
    assert running.terminate() == leat.DONE
    catch_up(project)
    compare.assert_equal(project, server, "shop.a", "shop.b")


@pytest.mark.parametrize("point", POINTS)
def test_crash_at_every_durable_step(mariadb, project, point):
    prepare(mariadb)
    through_a_topic(project, mariadb, ["a", "b"], mode="append")
    for passing in ("", ":2", ":3"):
        change(mariadb, hash(point + passing))
        crashed = project.command("run", "pipelines/in.yaml", "--until-caught-up",
                                  env={"LEAT_CRASH_AT": point + passing})
        assert crashed.wait() in (leat.CRASHED, leat.DONE)
    catch_up(project)
    want = mariadb.query("SELECT COUNT(*) FROM b", database="shop")[0][0]
    ids = [row[0] for row in readers.rows(project, "shop.b", ["id"])]
    assert len(ids) == want and len(set(ids)) == want


def test_kill9_loses_nothing_and_doubles_nothing(mariadb, project):
    prepare(mariadb)
    through_a_topic(project, mariadb, ["a", "b"], mode="append")
    choose = random.Random(7)
    for seed in range(8):
        running = project.start()
        change(mariadb, seed)
        time.sleep(choose.uniform(0.1, 1.0))
        running.kill9()
    catch_up(project)
    want = mariadb.query("SELECT COUNT(*) FROM b", database="shop")[0][0]
    ids = [row[0] for row in readers.rows(project, "shop.b", ["id"])]
    assert len(ids) == want and len(set(ids)) == want


def test_records_from_stdin_become_rows(project):
    project.write("leat.yaml", {"data": "./data", "topics": {"raw": {"partitions": 1}}})
    project.write("pipelines/p.yaml", {
        "from": {"topic": {"name": "raw", "format": "json",
                           "columns": ["id bigint not null", "name string"], "key": ["id"]}},
        "to": {"iceberg": {"warehouse": "./lake", "table": "lake.raw", "mode": "upsert"}},
        "commit": {"every": "100ms"}})
    running = project.start()
    running.wait_for(lambda: serving(project), "the topic")
    lines = "".join(json.dumps({"id": i, "name": f"n{i}"}) + "\n" for i in range(100))
    assert ask(project, "topics", "produce", "raw", stdin=lines) == {"produced": 100}
    ask(project, "topics", "produce", "raw", stdin="this is no JSON\n")
    ask(project, "topics", "produce", "raw", "--key", "k", "--header", "h:1",
        stdin='{"id": 7, "name": "again"}\n')
    running.wait_for(lambda: readers.count(project, "lake.raw") == 100
                     and ask(project, "lag")[0]["lag"] == 0, "100 rows")
    assert (7, "again") in readers.rows(project, "lake.raw", ["id", "name"])
    # Scar 29: the poison record is kept, and did not stop what came behind it.
    letters = ask(project, "dead-letters", "p")
    assert len(letters) == 1 and "this is no JSON" in json.dumps(letters)
    last = ask(project, "topics", "read", "raw")[-1]
    assert (last["offset"], last["key"], last["headers"]) == (
        101, "k", [{"name": "h", "value": "1"}])
    assert running.terminate() == leat.DONE


def test_scar_29_a_dead_letter_can_be_played_again(project):
    """Its row is what `topics produce --json` takes, byte for byte, once the cause is mended."""
    def into_lake(*columns):
        project.write("pipelines/p.yaml", {
            "from": {"topic": {"name": "raw", "format": "json", "columns": list(columns)}},
            "to": {"iceberg": {"warehouse": "./lake", "table": "lake.raw", "mode": "append"}},
            "commit": {"every": "100ms"}})
    project.write("leat.yaml", {"data": "./data", "topics": {"raw": {"partitions": 1}}})
    into_lake("id bigint not null", "n decimal(4,1)")
    project.catch_up()
    records = [{"id": 1, "n": 1.5}, {"id": 2, "n": 12345.6}, {"id": 3, "n": 2.5}]
    lines = [json.dumps({"key": f"ü{r['id']}", "value": json.dumps(r), "headers": {"trace": "ä1"}})
             for r in records]
    ask(project, "topics", "produce", "raw", "--json", stdin="\n".join(lines) + "\n")
    project.catch_up()
    (letter,) = ask(project, "dead-letters", "p")
    into_lake("id bigint not null", "n decimal(12,1)")
    ask(project, "topics", "produce", "raw", "--json", stdin=letter["row"] + "\n")
    project.catch_up()
    assert [(i, str(n)) for i, n in readers.rows(project, "lake.raw", ["id", "n"])] == [
        (1, "1.5"), (2, "12345.6"), (3, "2.5")]
    _, first, _, again = ask(project, "topics", "read", "raw")
    kept = ("key", "value", "headers")
    assert [again[part] for part in kept] == [first[part] for part in kept]
    assert again["headers"] == [{"name": "trace", "value": "ä1"}]


def test_a_reset_is_gone_to_at_once(project):
    project.write("leat.yaml", {"data": "./data", "topics": {"t": {"partitions": 1}}})
    project.write("pipelines/p.yaml", {
        "from": {"topic": {"name": "t", "group": "g", "format": "raw"}},
        "to": {"iceberg": {"warehouse": "./lake", "table": "lake.t", "mode": "append"}},
        "commit": {"every": "100ms"}})
    running = project.start()
    running.wait_for(lambda: serving(project), "the topic")
    ask(project, "topics", "produce", "t", stdin="".join(f"r{i}\n" for i in range(10)))
    running.wait_for(lambda: readers.count(project, "lake.t") == 10, "ten rows")
    assert ask(project, "offsets", "g", "--reset", "4")[0]["offset"] == 4
    running.wait_for(lambda: readers.count(project, "lake.t") == 16, "six rows again")
    assert running.terminate() == leat.DONE
    # And once more while nobody runs; the position in the sink does not win over it.
    ask(project, "offsets", "g", "--reset", "earliest")
    project.catch_up()
    assert readers.count(project, "lake.t") == 26
    project.catch_up()
    assert readers.count(project, "lake.t") == 26
    assert ask(project, "offsets", "g")[0]["lag"] == 0


def test_the_commands_say_what_is_wrong(project):
    ask(project, "topics", "create", "t", "--partitions", "2")
    assert "no topic" in ask(project, "topics", "describe", "u", code=leat.BAD_CONFIG)
    assert "no partition 5" in ask(project, "topics", "read", "t", "--partition", "5",
                                   code=leat.BAD_CONFIG)
    assert "no group" in ask(project, "offsets", "g", code=leat.BAD_CONFIG)
    ask(project, "topics", "produce", "t", stdin="a\nb\nc\n")
    assert len(ask(project, "topics", "read", "t")) == 3
    ask(project, "topics", "delete-records", "t")
    assert ask(project, "topics", "read", "t") == []
    ask(project, "topics", "delete", "t")
    assert ask(project, "topics") == []


def test_follow_shows_what_comes(project):
    ask(project, "topics", "create", "t")
    project.write("pipelines/p.yaml", {"from": {"topic": {"name": "t", "format": "raw"}},
                                       "to": {"discard": {}}})
    running = project.start()
    running.wait_for(lambda: serving(project, "offsets"), "the group")
    following = project.command("topics", "read", "t", "--follow", "--output", "json")
    ask(project, "topics", "produce", "t", stdin="one\n")
    process.wait_until(lambda: '"value":"one"' in following.text, 30, "the record")
    assert following.terminate() == leat.DONE
    assert running.terminate() == leat.DONE
