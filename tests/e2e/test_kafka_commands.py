"""leat topics, lag and offsets of a project whose broker is Kafka, judged by
confluent-kafka's clients and by Kafka's own."""

import json
import subprocess
import time

import confluent_kafka
import pytest
from confluent_kafka import admin
from harness import kafka, leat, process
from harness.kafka_security import PASSWORD
from harness.leat import ask

DAY = 24 * 3600 * 1000


@pytest.fixture
def names(request):
    """Topics and groups of the test's own, for the broker is shared."""
    base = request.node.name.split("[")[0].replace("test_", "")[:60]
    return lambda name: f"{base}-{name}"


@pytest.fixture
def project(project, broker):
    project.write("leat.yaml", {"data": "./data", "broker": broker.url()})
    return project


def copy(project, source, target):
    """A pipeline from topic to topic; its group."""
    project.write("pipelines/copy.yaml", {
        "name": f"{source}-copy",
        "from": {"topic": {"name": source, "group": f"{source}-group", "format": "raw"}},
        "to": {"topic": {"name": target, "format": "raw"}}, "commit": {"every": "100ms"}})
    return f"{source}-group"


def numbered(count, first=0):
    return [(b"k%d" % (i % 10), b"%d" % i) for i in range(first, first + count)]


def produce_at(broker, topic, records):
    """(value, time in milliseconds) into partition 0."""
    producer = confluent_kafka.Producer(broker.client())
    for value, at in records:
        producer.produce(topic, value=value, partition=0, timestamp=at)
    assert producer.flush(60) == 0


def values(messages):
    return [int(m.value()) for m in messages]


def config_of(broker, topic):
    wanted = admin.ConfigResource(admin.RESOURCE_TOPIC, topic)
    found = broker.admin.describe_configs([wanted])[wanted].result(60)
    return {name: entry.value for name, entry in found.items()}


def groups_of(broker):
    return {g.group_id for g in broker.admin.list_consumer_groups().result(60).valid}


def committed(broker, group, topic):
    """The sum of its offsets. The judge's client ends the process when it is asked for those of
    a group that is not there."""
    return group in groups_of(broker) and sum(broker.committed(group, topic).values())


def text(project, *arguments):
    return project.command(*arguments).expect(leat.DONE).text


def test_topics_are_listed_and_described(project, broker, names):
    broker.create_topic(names("a"), 3, config={"retention.ms": str(DAY),
                                               "retention.bytes": "1048576"})
    broker.create_topic(names("b"), 1, config={"cleanup.policy": "compact"})
    broker.produce(names("a"), numbered(50))
    topics = {t["name"]: t for t in ask(project, "topics")}
    assert {names("a"), names("b")} <= set(topics) and "__consumer_offsets" not in topics
    a, b = topics[names("a")], topics[names("b")]
    counted = [sum(m.partition() == p for m in broker.read(names("a"))) for p in range(3)]
    assert a["partitions"] == [{"partition": p, "start": 0, "end": counted[p]}
                               for p in range(3)]
    assert (a["retention_ms"], a["retention_bytes"], a["compact"]) == (DAY, 1048576, False)
    assert (b["retention_ms"], b["compact"]) == (0, True)
    assert ask(project, "topics", "describe", names("a")) == a
    # What a cluster does not tell is not made up.
    listed = next(line for line in text(project, "topics").splitlines()
                  if line.startswith(names("a")))
    assert listed.split() == [names("a"), "3", "50", "-", "-"]
    shown = text(project, "topics", "describe", names("a")).splitlines()
    assert shown[0] == f"{names('a')}; kept 1d, at most 1MiB a partition"
    assert shown[2].split() == ["0", "0", str(counted[0]), "-", "-", "-"]


def test_read_shows_what_is_there(project, broker, names):
    broker.create_topic(names("t"), 2)
    broker.produce(names("t"), numbered(30) + [
        (b"k1", None), (None, b"no key"), (b"\xff\x00", b"\xfe"),
        (b"k2", b"with headers", [("h", b"1"), ("none", None)])])
    rows = ask(project, "topics", "read", names("t"))
    want = broker.read(names("t"))
    assert [(r["partition"], r["offset"], r["timestamp"]) for r in rows] == [
        (m.partition(), m.offset(), m.timestamp()[1]) for m in want]

    def plain(data):
        if data is None:
            return None
        return {b"\xff\x00": {"base64": "/wA="}, b"\xfe": {"base64": "/g=="}}.get(
            data) or data.decode()
    assert [(r["key"], r["value"]) for r in rows] == [
        (plain(m.key()), plain(m.value())) for m in want]
    assert [r["headers"] for r in rows if "headers" in r] == [
        [{"name": "h", "value": "1"}, {"name": "none", "value": None}]]
    of_k1 = ask(project, "topics", "read", names("t"), "--key", "k1")
    assert [r["value"] for r in of_k1] == ["1", "11", "21", None]
    assert [r["key"] for r in ask(project, "topics", "read", names("t"), "--contains", "with")
            ] == ["k2"]
    one = ask(project, "topics", "read", names("t"), "--partition", 1)
    assert one == [r for r in rows if r["partition"] == 1]
    assert ask(project, "topics", "read", names("t"), "--limit", 7) == rows[:7]
    assert "k2  with headers\n" in text(project, "topics", "read", names("t"))


def test_read_begins_where_it_is_told(project, broker, names):
    broker.create_topic(names("t"), 1)
    now = int(time.time() * 1000)
    produce_at(broker, names("t"), [(b"0", now - 3 * DAY), (b"1", now - 2 * DAY),
                                    (b"2", now - DAY // 2), (b"3", now)])

    def read(place):
        return [r["value"] for r in ask(project, "topics", "read", names("t"), "--from", place)]
    assert read("earliest") == ["0", "1", "2", "3"]
    assert read("latest") == []
    assert read("2") == ["2", "3"]
    assert read("24h") == ["2", "3"]
    date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((now - 2 * DAY) // 1000))
    assert read(date) == ["1", "2", "3"]
    assert read("2100-01-01") == []
    assert "no place in a topic" in ask(project, "topics", "read", names("t"), "--from", "soon",
                                        code=leat.BAD_CONFIG)


def test_only_what_is_committed_is_read(project, broker, names):
    broker.create_topic(names("t"), 1)
    producer = confluent_kafka.Producer(broker.client(transactional_id=names("tx")))
    producer.init_transactions()

    def send(first, end):
        producer.begin_transaction()
        for i in range(first, end):
            producer.produce(names("t"), b"%d" % i)
        producer.flush()

    def read():
        return [int(r["value"]) for r in ask(project, "topics", "read", names("t"))]
    send(0, 3)
    producer.commit_transaction()
    send(3, 6)
    producer.abort_transaction()
    # Nothing but an aborted transaction behind the last record.
    assert read() == [0, 1, 2]
    send(6, 9)
    assert read() == [0, 1, 2]
    end = ask(project, "topics", "describe", names("t"))["partitions"][0]["end"]
    producer.commit_transaction()
    assert read() == [0, 1, 2, 6, 7, 8]
    assert broker.read(names("t"))[3].offset() == end, "the end was that of what is committed"


def test_follow_shows_what_comes(project, broker, names):
    broker.create_topic(names("t"), 3)
    broker.produce(names("t"), numbered(4000))
    following = project.command("topics", "read", names("t"), "--follow", "--output", "json")

    def shown():
        return sorted(int(json.loads(line)["value"]) for line in following.text.splitlines(
            keepends=True) if line.endswith("\n"))
    process.wait_until(lambda: shown() == list(range(4000)), 60, "what is there")
    for first in (4000, 4100):
        broker.produce(names("t"), numbered(100, first))
        process.wait_until(lambda: len(shown()) == first + 100, 60, "what comes")
    assert following.terminate() == leat.DONE
    assert shown() == list(range(4200)), "each once"


def test_keys_land_where_javas_producer_puts_them(project, broker, names):
    keys = [f"key-{i}-{'ü' * (i % 7)}" for i in range(200)]
    for topic in ("java", "ours"):
        broker.create_topic(names(topic), 7)
    subprocess.run(
        kafka.java("org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server",
                   broker.brokers, "--topic", names("java"), "--property", "parse.key=true",
                   "--property", "key.separator=|"),
        input="".join(f"{key}|v\n" for key in keys).encode(), check=True,
        capture_output=True, timeout=120)
    lines = "".join(json.dumps({"key": key, "value": "v"}) + "\n" for key in keys)
    assert ask(project, "topics", "produce", names("ours"), "--json", stdin=lines) == {
        "produced": 200}

    def places(topic):
        return {m.key().decode(): m.partition() for m in broker.read(topic)}
    java = places(names("java"))
    assert set(java) == set(keys) and len(set(java.values())) == 7
    assert places(names("ours")) == java


def test_what_is_produced_is_there(project, broker, names):
    broker.create_topic(names("t"), 2)
    ask(project, "topics", "produce", names("t"), "--key", "k", "--header", "h:1",
        stdin="one\ntwo\n")
    ask(project, "topics", "produce", names("t"), "--json", "--partition", 1, stdin="".join(
        json.dumps(record) + "\n" for record in [
            {"key": "k", "value": None}, {"value_base64": "/wA="},
            {"value": {"id": 1}, "timestamp": 1700000000000, "headers": {"a": "b"}}]))
    messages = broker.read(names("t"))
    placed = {m.value(): m for m in messages}
    assert len(messages) == 5
    assert [placed[v].headers() for v in (b"one", b"two")] == [[("h", b"1")]] * 2
    assert [(m.key(), m.value(), m.headers()) for m in messages if m.partition() == 1][-3:] == [
        (b"k", None, None), (None, b"\xff\x00", None), (None, b'{"id":1}', [("a", b"b")])]
    assert placed[b'{"id":1}'].timestamp()[1] == 1700000000000
    # Records without a key go round.
    ask(project, "topics", "produce", names("t"), stdin="".join(f"{i}\n" for i in range(100)))
    spread = [sum(m.partition() == p for m in broker.read(names("t"))) for p in (0, 1)]
    assert sum(spread) == 105 and min(spread) >= 30


def test_a_topic_of_small_batches_takes_many_records(project, broker, names):
    """Each fits; a batch of them would not."""
    broker.create_topic(names("t"), 1, config={"max.message.bytes": "10000"})
    lines = "".join("x" * 3000 + f"{i}\n" for i in range(500))
    assert ask(project, "topics", "produce", names("t"), stdin=lines) == {"produced": 500}
    assert [m.value()[3000:] for m in broker.read(names("t"))] == [
        b"%d" % i for i in range(500)]
    error = ask(project, "topics", "produce", names("t"), stdin="x" * 20000,
                code=leat.FAILED)
    assert "MSG_SIZE_TOO_LARGE" in error and names("t") in error


def test_topics_are_created_and_deleted(project, broker, names):
    ask(project, "topics", "create", names("a"), "--partitions", 4, "--retention", "2d",
        "--retention-bytes", "1GiB")
    ask(project, "topics", "create", names("b"), "--compact")
    # At once: it is there when the command returns.
    assert ask(project, "topics", "produce", names("a"), stdin="v\n") == {"produced": 1}
    assert broker.partitions(names("a")) == [0, 1, 2, 3]
    a, b = config_of(broker, names("a")), config_of(broker, names("b"))
    assert (a["retention.ms"], a["retention.bytes"], a["cleanup.policy"]) == (
        str(2 * DAY), str(1 << 30), "delete")
    assert b["cleanup.policy"] == "compact" and broker.partitions(names("b")) == [0]
    assert "is there already" in ask(project, "topics", "create", names("a"),
                                     code=leat.BAD_CONFIG)
    assert config_of(broker, names("a")) == a
    ask(project, "topics", "delete", names("a"))
    assert broker.partitions(names("a")) == [] and broker.partitions(names("b")) == [0]


def test_records_are_deleted(project, broker, names):
    broker.create_topic(names("t"), 2)
    for partition in (0, 1):
        ask(project, "topics", "produce", names("t"), "--partition", partition,
            stdin="".join(f"{i}\n" for i in range(10)))

    def left():
        return [[int(m.value()) for m in broker.read(names("t")) if m.partition() == p]
                for p in (0, 1)]
    done = ask(project, "topics", "delete-records", names("t"), "--before", 4, "--partition", 1)
    assert done["start"] == {"1": 4} and left() == [[*range(10)], [*range(4, 10)]]
    assert ask(project, "topics", "delete-records", names("t"))["start"] == {"0": 10, "1": 10}
    assert left() == [[], []] and ask(project, "topics", "read", names("t")) == []


def test_lag_and_offsets_are_the_groups(project, broker, names):
    broker.create_topic(names("in"), 2)
    broker.produce(names("in"), numbered(100))
    group = copy(project, names("in"), names("out"))
    running = project.start()
    running.wait_for(lambda: committed(broker, group, names("in")) == 100, "all of it")
    rows = ask(project, "offsets", group)
    assert {r["partition"]: r["offset"] for r in rows} == broker.committed(group, names("in"))
    assert {r["topic"] for r in rows} == {names("in")} and [r["lag"] for r in rows] == [0, 0]
    member, = broker.admin.describe_consumer_groups([group])[group].result(60).members
    assert {r["reader"] for r in rows} == {f"{member.group_instance_id}@127.0.0.1"}
    assert running.terminate() == leat.DONE
    broker.produce(names("in"), numbered(30))
    lag = {"group": group, "topic": names("in"), "lag": 30}
    assert ask(project, "lag", group) == [lag] and lag in ask(project, "lag")
    assert [r["reader"] for r in ask(project, "offsets", group)] == ["", ""]
    shown = text(project, "offsets", group).splitlines()
    assert [line.split()[-2:] for line in shown[1:]] == [["-", "-"]] * 2


def test_a_reset_is_honoured_at_the_next_start(project, broker, names):
    broker.create_topic(names("in"), 1)
    now = int(time.time() * 1000)
    produce_at(broker, names("in"), [(b"%d" % i, now - (10 - i) * DAY) for i in range(10)])
    group = copy(project, names("in"), names("out"))
    project.catch_up()
    want = [*range(10)]
    assert values(broker.read(names("out"))) == want
    for place, offset in (("earliest", 0), ("8", 8), ("36h", 9), ("latest", 10)):
        assert ask(project, "offsets", group, "--reset", place) == [
            {"topic": names("in"), "partition": 0, "offset": offset}]
        assert broker.committed(group, names("in")) == {0: offset}
        project.catch_up()
        want += range(offset, 10)
        assert values(broker.read(names("out"))) == want, place
    project.catch_up()
    assert values(broker.read(names("out"))) == want, "a reset counts once"


def test_a_reset_is_of_the_partitions_it_names(project, broker, names):
    for topic in ("a", "b"):
        broker.create_topic(names(topic), 2)
        broker.produce(names(topic), numbered(100))
        broker.reset(names("g"), names(topic), {0: 1, 1: 2})
    ask(project, "offsets", names("g"), "--reset", 7, "--topic", names("a"), "--partition", 1)
    assert broker.committed(names("g"), names("a")) == {0: 1, 1: 7}
    ask(project, "offsets", names("g"), "--reset", 9, "--topic", names("b"))
    assert broker.committed(names("g"), names("b")) == {0: 9, 1: 9}
    assert broker.committed(names("g"), names("a")) == {0: 1, 1: 7}
    assert "has no offsets in topic" in ask(project, "offsets", names("g"), "--reset", "latest",
                                            "--topic", names("c"), code=leat.BAD_CONFIG)


def test_a_group_that_is_read_is_left_alone(project, broker, names):
    broker.create_topic(names("in"), 1)
    broker.produce(names("in"), numbered(10))
    group = copy(project, names("in"), names("out"))
    running = project.start()
    running.wait_for(lambda: committed(broker, group, names("in")) == 10, "all of it")
    for change in (["--reset", "earliest"], ["--delete"]):
        error = ask(project, "offsets", group, *change, code=leat.BAD_CONFIG)
        assert "has members" in error and "stop the pipelines" in error and group in error
    assert broker.committed(group, names("in")) == {0: 10}
    assert running.terminate() == leat.DONE
    ask(project, "offsets", group, "--reset", "6")
    project.catch_up()
    assert values(broker.read(names("out"))) == [*range(10), 6, 7, 8, 9]
    ask(project, "offsets", group, "--delete")
    assert group not in groups_of(broker)
    assert "no group" in ask(project, "offsets", group, code=leat.BAD_CONFIG)


def test_the_commands_say_what_is_wrong(project, broker, names):
    for command in (["describe"], ["read"], ["produce"], ["delete"], ["delete-records"]):
        error = ask(project, "topics", *command, names("none"), stdin="v\n",
                    code=leat.BAD_CONFIG)
        assert f'there is no topic "{names("none")}"' in error
    assert broker.partitions(names("none")) == [], "asking for it does not make it"
    ask(project, "topics", "create", names("t"), "--partitions", 2)
    for command in (["read"], ["produce"], ["delete-records"]):
        assert "has no partition 5" in ask(project, "topics", *command, names("t"),
                                           "--partition", 5, stdin="v\n", code=leat.BAD_CONFIG)
    assert "cannot name a topic" in ask(project, "topics", "create", "a/b",
                                        code=leat.BAD_CONFIG)
    for more in ([], ["--reset", "latest"], ["--delete"]):
        error = ask(project, "offsets", names("none"), *more, code=leat.BAD_CONFIG)
        assert "no group" in error or "has no offsets" in error
        assert names("none") in error
    assert names("none") in ask(project, "lag", names("none"), code=leat.BAD_CONFIG)


def test_brokers_that_are_away_are_named(project):
    port = process.free_port()
    project.write("leat.yaml", {"data": "./data", "broker":
                                f"kafka://127.0.0.1:{port}?security.protocol=SASL_PLAINTEXT&"
                                f"sasl.mechanism=PLAIN&sasl.username=u&sasl.password={PASSWORD}"})
    for command in (["topics"], ["topics", "produce", "t"], ["lag"], ["offsets"]):
        error = ask(project, *command, stdin="v\n", code=leat.FAILED)
        assert "reaching the Kafka brokers" in error and f"127.0.0.1:{port}" in error
        assert PASSWORD not in error


@pytest.mark.parametrize("how", ["PLAIN", "SCRAM-SHA-512"])
def test_scar_30_no_secret_in_what_a_refused_login_says(project, secure_broker, how):
    wrong = "wrong-" + PASSWORD
    project.write("leat.yaml", {"data": "./data",
                                "broker": secure_broker.security.url(how, password=wrong)})
    for command in (["topics"], ["topics", "produce", "t"], ["lag"]):
        error = ask(project, *command, stdin="v\n", code=leat.BAD_CONFIG)
        assert "uthentication failed" in error
        assert wrong not in error and PASSWORD not in error


def test_secure_brokers_answer(project, secure_broker, names):
    project.write("leat.yaml", {"data": "./data",
                                "broker": secure_broker.security.url("SASL_SSL")})
    ask(project, "topics", "create", names("t"))
    ask(project, "topics", "produce", names("t"), stdin="v\n")
    assert [r["value"] for r in ask(project, "topics", "read", names("t"))] == ["v"]
    assert [m.value() for m in secure_broker.read(names("t"))] == [b"v"]
