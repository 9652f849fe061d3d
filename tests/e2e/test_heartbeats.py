"""Heartbeats of `format: debezium`: they come while nothing changes, and move the position in
the target. That they equal Debezium's is in test_debezium.py."""

import json
import shutil
import subprocess

import pytest
import test_log
from harness import leat


def pipeline(project, server, prefix):
    project.write("pipelines/p.yaml", {
        "name": prefix,
        "from": {"mysql": {"url": server.url(), "tables": ["t"]}},
        "to": {"topic": {"name": f"{prefix}.{{table}}", "format": "debezium",
                         "debezium": {"heartbeat": "200ms"}}},
        "commit": {"every": "100ms"}})


@pytest.fixture(params=["embedded", "kafka"])
def read(request, project):
    """Reads a topic: a record's key and value, or a row in columns, each; [] until it is
    there."""
    if request.param == "kafka":
        broker = request.getfixturevalue("broker")
        project.write("leat.yaml", {"data": "./data", "broker": broker.url()})
        return lambda topic: on_kafka(broker, topic)
    return lambda topic: embedded(project, topic)


def on_kafka(broker, topic):
    if not broker.partitions(topic):
        return []
    return [{"key": m.key().decode(), "value": m.value().decode()} for m in broker.read(topic)]


def embedded(project, topic):
    done = subprocess.run([leat.PROGRAM, "topics", "read", topic, "--output", "json"],
                          cwd=project.folder, capture_output=True, text=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_they_come_while_nothing_changes(read, mariadb, project):
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY)")
    mariadb.query("INSERT INTO t VALUES (1)")
    pipeline(project, mariadb, "beats")
    topic, seen = "__debezium-heartbeat.beats", 0
    for end in (lambda run: run.kill9(), lambda run: run.terminate()):
        run = project.start()
        run.wait_for(lambda: len(read(topic)) >= seen + 3, "three heartbeats more")
        end(run)
        seen = len(read(topic))
    beats = read(topic)
    assert {beat["key"] for beat in beats} == {'{"serverName":"beats"}'}
    values = [json.loads(beat["value"]) for beat in beats]
    assert all(list(value) == ["ts_ms"] for value in values)
    assert values == sorted(values, key=lambda value: value["ts_ms"])
    assert len(read("beats.t")) == 1

    # Whoever reads them as changes finds none.
    project.write("pipelines/p.yaml", {
        "name": "reader", "from": {"topic": {"name": topic, "format": "debezium"}},
        "to": {"stdout": {}}})
    assert not [line for line in project.catch_up().lines() if "op" in line]
    letters = subprocess.run([leat.PROGRAM, "dead-letters", "reader", "--output", "json"],
                             cwd=project.folder, check=True, capture_output=True, text=True,
                             timeout=60)
    assert json.loads(letters.stdout) == []


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_scar_12_others_changes_do_not_hold_back_the_purge(own_server, project, broker, kind):
    """The position in the target moves, so that the log may go, and this machine's disk too."""
    server = own_server(kind)
    prefix = f"idle-{kind}"
    server.query("CREATE TABLE t (id INT PRIMARY KEY)")
    server.query("CREATE TABLE busy (id INT PRIMARY KEY AUTO_INCREMENT)")
    server.query("INSERT INTO t VALUES (1)")
    project.write("leat.yaml", {"data": "./data", "broker": broker.url()})
    pipeline(project, server, prefix)
    run = project.start()
    run.wait_for(lambda: on_kafka(broker, f"{prefix}.t"), "the snapshot")
    for _ in range(3):
        server.query("INSERT INTO busy VALUES (), (), ()")
        server.query("FLUSH BINARY LOGS")
    newest = server.query("SHOW BINARY LOGS")[-1][0]
    run.wait_for(lambda: committed(broker, prefix)["file"] == newest,
                 "the position in the target moves on")
    run.kill9()
    shutil.rmtree(project.data)
    test_log.purge_everything(server)
    server.query("INSERT INTO t VALUES (2)")
    run = project.start()
    run.wait_for(lambda: len(on_kafka(broker, f"{prefix}.t")) >= 2, "the new row")
    assert run.terminate() == leat.DONE
    rows = [json.loads(message["value"]) for message in on_kafka(broker, f"{prefix}.t")]
    assert [(row["op"], row["after"]["id"]) for row in rows] == [("r", 1), ("c", 2)]


def committed(broker, name):
    """The position of a pipeline in the topic of the tokens."""
    tokens = [json.loads(m.value()) for m in broker.read("leat-commits")
              if m.value() and m.value().startswith(b"{")]
    return json.loads([token for token in tokens if token["pipeline"] == name][-1]["to"])
