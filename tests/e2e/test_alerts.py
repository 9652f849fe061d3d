"""What leat.yaml's `notify` tells people about the project's own pipelines: what goes wrong,
once an incident, and that it is over; from disk, whatever the network does."""

import json

import pytest
from harness import kafka, leat, process
from harness.slack import Fault

QUICK = {"retry": {"first": "50ms", "longest": "100ms"},
         "breaker": {"failures": 2, "recovery": "500ms", "probes": 2},
         "restart": {"first": "20ms", "longest": "50ms", "check_every": "100ms"}}
NAME = "leat-alerts"


def settings(project, slack, *, defaults=QUICK, broker="embedded", **notify):
    project.environment["SLACK_WEBHOOK"] = slack.url
    project.write("leat.yaml", {
        "data": "./data", "api": "off", "broker": broker, "defaults": defaults,
        "notify": {"slack": "${SLACK_WEBHOOK}", "every": "0s", "settle": "1s", **notify}})


def table(server, name="t", rows=10, key=True):
    server.query(f"CREATE TABLE {name} (id INT{' PRIMARY KEY' if key else ''})")
    server.query(f"INSERT INTO {name} VALUES " + ", ".join(f"({i})" for i in range(rows)))


def numbers(project, **more):
    """The pipeline p reads numbers from the topic `in`: what is none is a dead letter."""
    project.ask("topics", "create", "in")
    project.write("pipelines/p.yaml", {
        "from": {"topic": {"name": "in", "format": "json", "columns": "id int"}},
        "to": {"stdout": {}}, **more})


def wait_texts(slack, *parts):
    """Messages with each of these texts have come, in this order, and no others."""
    process.wait_until(lambda: len(slack.texts()) >= len(parts), 60, f"messages {parts}")
    texts = slack.texts()
    assert len(texts) == len(parts), texts
    for part, text in zip(parts, texts):
        assert part in text, texts


def test_an_outage_is_told_and_its_end(own_server, project, slack):
    server = own_server("mariadb")
    table(server)
    settings(project, slack)
    project.pipeline(server, ["t"])
    project.daemon()
    project.wait_status("p", lambda v: v["state"] == "running" and v["rows"] == 10, "it runs")
    assert project.status()["pipelines"][NAME]["state"] == "running"
    server.stop()
    wait_texts(slack, "🟡 *p* leaves its source (mysql) in peace until")
    server.start()
    wait_texts(slack, "🟡 *p* leaves its source", "🟢 *p* is well again")
    assert "breakers opened" in slack.texts()[1]
    project.ask("stop")
    assert len(slack.texts()) == 2


def test_the_last_failure_is_told_before_the_daemon_ends(mariadb, project, slack):
    table(mariadb, key=False)  # an upsert needs a key
    settings(project, slack, on=["failed"],
             defaults={**QUICK, "restart": {**QUICK["restart"], "max": 1}})
    project.pipeline(mariadb, ["t"])
    project.command("start", ".", "--foreground").expect(leat.FAILED)
    wait_texts(slack, "🔴 *p* has failed")
    assert "key" in slack.texts()[0]


def test_restarts_and_dead_letters_are_told(project, slack):
    settings(project, slack)
    numbers(project, dead_letters={"max": 1})
    project.daemon()
    project.produce("in", ['{"id": "x"}'])
    wait_texts(slack, "*p* has set 1 row aside, 1 in all; leat dead-letters p shows them",
               "🟢 *p* is well again")
    project.produce("in", ['{"id": "y"}'])
    process.wait_until(lambda: len(slack.texts()) >= 4, 60, "both")
    assert any("is started again" in text and "dead_letters.max" in text
               for text in slack.texts()[2:]), slack.texts()
    project.ask("stop")


def test_what_cannot_leave_waits_on_disk(project, slack):
    settings(project, slack, on=["dead_letters"])
    numbers(project)
    slack.stop()
    daemon = project.daemon()
    project.produce("in", ['{"id": "x"}'])
    project.wait_status(NAME, lambda v: v["retries"] > 0, "it cannot be sent")
    assert project.status()["pipelines"]["p"]["state"] == "running"
    daemon.kill9()
    slack.start()
    project.daemon()
    wait_texts(slack, "has set 1 row aside")
    project.ask("stop")
    assert len(slack.texts()) == 1


def test_a_message_whose_answer_was_lost_has_the_same_id(project, slack):
    settings(project, slack, on=["dead_letters"])
    numbers(project)
    slack.faults.append(Fault(lose=True))
    project.daemon()
    project.produce("in", ['{"id": "x"}'])
    process.wait_until(lambda: len(slack.texts()) == 2, 60, "the message, twice")
    assert len(set(slack.ids())) == 1
    project.ask("stop")


def test_messages_are_held_back_by_a_pause(project, slack):
    settings(project, slack, on=["dead_letters"])
    numbers(project)
    project.daemon()
    project.ask("pause", NAME)
    project.produce("in", ['{"id": "x"}'])
    project.wait_status("p", lambda v: v["dead_letters"] == 1, "a dead letter")
    process.wait_until(
        lambda: project.ask("topics", "read", NAME).count("dead_letters") == 1, 60, "on disk")
    assert slack.texts() == []
    project.ask("resume", NAME)
    wait_texts(slack, "has set 1 row aside")
    project.ask("stop")


def test_on_kafka_messages_still_wait_here(project, slack, tmp_path):
    if reason := kafka.Kafka.reason_missing():
        pytest.skip(reason)
    broker = kafka.Kafka(tmp_path / "kafka")
    try:
        settings(project, slack, broker=broker.url(), on=["dead_letters", "breaker"])
        numbers(project)
        project.daemon()
        project.produce("in", ['{"id": "x"}'])
        wait_texts(slack, "has set 1 row aside")
        assert NAME not in project.ask("topics")
        project.ask("stop")
    finally:
        broker.stop()


def test_what_is_told_changes_by_a_reload(project, slack):
    settings(project, slack, on=["failed"])
    numbers(project)
    project.daemon()
    settings(project, slack, template="{kind} of {pipeline}")
    before = project.status(NAME)["since"]
    assert NAME in project.ask("reload")
    project.wait_status(NAME, lambda v: v["state"] == "running" and v["since"] > before,
                        "it runs anew")
    project.produce("in", ['{"id": "y"}'])
    wait_texts(slack, "dead_letters of p", "recovered of p")
    project.ask("stop")


@pytest.mark.parametrize("notify, message", [
    ({"on": ["faild"]}, '"faild" is nothing to tell; did you mean "failed"?'),
    ({"template": "{a"}, "not closed"),
    ({"webhook": {"url": "http://127.0.0.1:1/"}}, "not to both slack and webhook")])
def test_mistakes_are_told_with_their_place(project, slack, notify, message):
    project.environment["SLACK_WEBHOOK"] = slack.url
    project.write("leat.yaml", "data: ./data\nnotify: " + json.dumps(
        {"slack": "${SLACK_WEBHOOK}", **notify}) + "\n")
    project.write("pipelines/p.yaml", "from: {topic: {name: a}}\nto: stdout\n")
    assert message in project.ask("validate", ".", code=leat.BAD_CONFIG)
