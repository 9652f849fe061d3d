"""Topics on a real Kafka broker: a table into a topic, a topic into a topic, judged by
confluent-kafka's clients, which read what is committed."""

import json
import subprocess

import confluent_kafka
import pytest
from harness import kafka, leat, readers
from harness.kafka_security import PASSWORD


@pytest.fixture
def names(request):
    """Topics and groups of the test's own, for the broker is shared."""
    base = request.node.name.split("[")[0].replace("test_", "")[:60]
    return lambda name: f"{base}-{name}"


def on_kafka(project, broker, options="", **more):
    project.write("leat.yaml", {"data": "./data", "broker": broker.url(options), **more})


def into_topic(project, source, topic, *, tables=("orders",), commit=None, **more):
    project.write("pipelines/out.yaml", {
        "name": topic,
        "from": {"mysql": {"url": source.url(), "tables": list(tables), "read": "cdc"}},
        "to": {"topic": {"name": topic, "format": "json", **more}},
        "commit": commit or {"every": "100ms"}})


def copy(project, source, target, *, name="copy", commit=None, settings=None, **more):
    """Topic to topic; the bytes as they are."""
    project.write(f"pipelines/{name}.yaml", {
        "name": name,
        "from": {"topic": {"name": source, "group": f"{source}-{name}", "format": "raw",
                           **more}},
        "to": {"topic": {"name": target, "format": "raw", **(settings or {})}},
        "commit": commit or {"every": "100ms"}})
    return f"{source}-{name}"


def rows(messages):
    return [json.loads(m.value()) for m in messages if m.value() is not None]


def pairs(messages):
    return [(m.key(), m.value()) for m in messages]


def numbered(count, keys=10, first=0):
    return [(b"k%d" % (i % keys), b"%d" % i) for i in range(first, first + count)]


def assert_each_once_in_order(messages, count):
    """Values 0..count-1, each once, rising within each key."""
    values = sorted(int(m.value()) for m in messages)
    assert values == list(range(count)), (
        f"{len(values)} records, {len(set(values))} different, of {count}")
    last = {}
    for message in messages:
        value = int(message.value())
        assert last.get(message.key(), -1) < value, f"{message.key()}: {value} is late"
        last[message.key()] = value


def test_a_table_becomes_a_topic(project, mariadb, broker, names):
    mariadb.query("CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(40))")
    mariadb.query("INSERT INTO orders VALUES (1, 'a'), (2, 'b')")
    on_kafka(project, broker)
    into_topic(project, mariadb, names("t"), partitions=3)
    project.catch_up()
    mariadb.query("INSERT INTO orders VALUES (3, 'ä')")
    mariadb.query("UPDATE orders SET note = 'c' WHERE id = 1")
    project.catch_up()
    messages = broker.read(names("t"))
    assert len(broker.partitions(names("t"))) == 3
    assert sorted((r["id"], r["note"]) for r in rows(messages)) == [
        (1, "a"), (1, "c"), (2, "b"), (3, "ä")]
    of_one = [r["note"] for r in rows(messages) if r["id"] == 1]
    assert of_one == ["a", "c"], "the order of a key"


def test_a_copy_is_byte_for_byte_and_a_second_run_adds_nothing(project, broker, names):
    broker.create_topic(names("in"), 4)
    records = numbered(5000) + [(None, b"no key"), (b"k1", None), (b"", b"")]
    broker.produce(names("in"), records)
    on_kafka(project, broker)
    group = copy(project, names("in"), names("out"), settings={"partitions": 4})
    project.catch_up()
    project.catch_up()
    out = broker.read(names("out"))
    assert sorted(pairs(out), key=str) == sorted(records, key=str)
    keyed = {m.key(): m.partition() for m in broker.read(names("in")) if m.key()}
    assert keyed == {m.key(): m.partition() for m in out if m.key()}
    ends = {p: len([m for m in broker.read(names("in")) if m.partition() == p])
            for p in range(4)}
    assert broker.committed(group, names("in")) == {p: n for p, n in ends.items()}


def test_keys_land_where_javas_producer_puts_them(project, broker, names, tmp_path):
    keys = [f"key-{i}-{'ü' * (i % 7)}" for i in range(200)]
    broker.create_topic(names("java"), 7)
    producer = kafka.java("org.apache.kafka.tools.ConsoleProducer",
                          "--bootstrap-server", broker.brokers, "--topic", names("java"),
                          "--property", "parse.key=true",
                          "--property", "key.separator=|")
    lines = "".join(f"{key}|v\n" for key in keys)
    subprocess.run(producer, input=lines.encode(), check=True, capture_output=True, timeout=120)
    on_kafka(project, broker)
    copy(project, names("java"), names("ours"), settings={"partitions": 7})
    project.catch_up()
    def place(topic):
        return {m.key().decode(): m.partition() for m in broker.read(topic)}
    java = place(names("java"))
    assert set(java) == set(keys) and len(set(java.values())) == 7
    assert place(names("ours")) == java
    read = subprocess.run(
        kafka.java("org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server",
                   broker.brokers, "--topic", names("ours"), "--from-beginning",
                   "--max-messages", 200, "--isolation-level", "read_committed",
                   "--property", "print.key=true"),
        check=True, capture_output=True, timeout=120)
    assert sorted(read.stdout.decode().splitlines()) == sorted(f"{key}\tv" for key in keys)


def test_only_what_is_committed_is_read(project, broker, names):
    broker.create_topic(names("in"), 1)
    producer = confluent_kafka.Producer(broker.client(transactional_id=names("tx")))
    producer.init_transactions()
    for end, commit in ((10, True), (20, False), (30, True)):
        producer.begin_transaction()
        for i in range(end - 10, end):
            producer.produce(names("in"), b"%d" % i, b"k")
        producer.flush()
        if commit:
            producer.commit_transaction()
        else:
            producer.abort_transaction()
    on_kafka(project, broker)
    copy(project, names("in"), names("out"))
    project.catch_up()
    assert [int(m.value()) for m in broker.read(names("out"))] == [*range(10), *range(20, 30)]


@pytest.mark.parametrize("start, expected", [
    ({"start": "earliest"}, 6), ({"start": "latest"}, 0), ({"offsets": {"0": 4}}, 2)])
def test_start_positions(project, broker, start, expected, names):
    topic, out = names(f"in{expected}"), names(f"out{expected}")
    broker.create_topic(topic, 1)
    broker.create_topic(out, 1)
    broker.produce(topic, numbered(6))
    on_kafka(project, broker)
    copy(project, topic, out, **start)
    project.catch_up()
    assert len(broker.read(out)) == expected
    broker.produce(topic, numbered(3, first=6))
    project.catch_up()
    assert len(broker.read(out)) == expected + 3, "the start counts once"


def test_a_group_that_was_there_before_goes_on_where_it_is(project, broker, names):
    broker.create_topic(names("in"), 1)
    broker.produce(names("in"), numbered(10))
    on_kafka(project, broker)
    group = copy(project, names("in"), names("out"))
    broker.reset(group, names("in"), {0: 7})
    project.catch_up()
    assert [int(m.value()) for m in broker.read(names("out"))] == [7, 8, 9]


def test_an_offset_set_by_hand_is_honoured(project, broker, names):
    broker.create_topic(names("in"), 1)
    broker.produce(names("in"), numbered(10))
    on_kafka(project, broker, "?session.timeout.ms=6000")
    group = copy(project, names("in"), names("out"))
    project.catch_up()
    broker.wait_group_empty(group)
    broker.reset(group, names("in"), {0: 8})
    project.catch_up()
    assert [int(m.value()) for m in broker.read(names("out"))] == [*range(10), 8, 9]
    project.catch_up()
    assert len(broker.read(names("out"))) == 12, "a reset counts once"


def test_topics_that_match_a_pattern_are_found_while_it_runs(project, broker, names):
    on_kafka(project, broker, "?metadata.max.age.ms=1000&topic.metadata.refresh.interval.ms=500")
    broker.create_topic(names("a.1"), 2)
    broker.produce(names("a.1"), numbered(5))
    broker.create_topic(names("b.1"), 1)
    broker.produce(names("b.1"), numbered(5))
    project.write("pipelines/p.yaml", {
        "name": "p", "from": {"topic": {"pattern": names("a") + "\\..*", "format": "raw",
                                        "group": names("g")}},
        "to": {"topic": {"name": names("out"), "format": "raw"}}, "commit": {"every": "100ms"}})
    run = project.start()
    run.wait_for(lambda: len(broker.read(names("out"))) == 5 if broker.partitions(
        names("out")) else False, "the first topic")
    broker.create_topic(names("a.2"), 1)
    broker.produce(names("a.2"), numbered(5, first=5))
    run.wait_for(lambda: len(broker.read(names("out"))) == 10, "the second topic")
    assert run.terminate() == leat.DONE
    assert sorted(int(m.value()) for m in broker.read(names("out"))) == [*range(10)]


def test_static_workers_share_the_partitions(project, broker, names):
    broker.create_topic(names("in"), 5)
    broker.produce(names("in"), numbered(1000))
    on_kafka(project, broker)
    copy(project, names("in"), names("out"), assignment="static", workers=2,
         settings={"partitions": 5})
    project.catch_up()
    assert_each_once_in_order(broker.read(names("out")), 1000)


def test_workers_of_a_group_share_the_partitions(project, broker, names):
    broker.create_topic(names("in"), 6)
    broker.produce(names("in"), numbered(3000, keys=60))
    on_kafka(project, broker)
    copy(project, names("in"), names("out"), workers=3, settings={"partitions": 6})
    run = project.start()
    run.wait_for(lambda: broker.partitions(names("out")) and
                 len(broker.read(names("out"))) >= 3000, "all of it")
    assert run.terminate() == leat.DONE
    assert_each_once_in_order(broker.read(names("out")), 3000)


def test_a_topic_becomes_a_table(project, broker, names):
    """Two members of a group, each with a writer of its own."""
    broker.create_topic(names("in"), 4)
    broker.produce(names("in"), [(b"k%d" % i, b'{"id": %d, "n": %d}' % (i, i * 2))
                                 for i in range(500)])
    on_kafka(project, broker)
    project.write("pipelines/p.yaml", {
        "name": "p", "from": {"topic": {"name": names("in"), "format": "json",
                                        "group": names("g"), "workers": 2}},
        "to": {"iceberg": {"warehouse": "./lake", "table": "shop.orders", "mode": "append"}},
        "commit": {"every": "200ms"}})
    project.catch_up()
    broker.produce(names("in"), [(b"k%d" % i, b'{"id": %d, "n": %d}' % (i, i * 2))
                                 for i in range(500, 600)])
    project.catch_up()
    assert readers.rows(project, "shop.orders", ["id", "n"]) == [
        (i, i * 2) for i in range(600)]


def test_at_least_once_is_visible_at_once_and_goes_on(project, mariadb, broker, names):
    mariadb.query("CREATE TABLE orders (id INT PRIMARY KEY)")
    on_kafka(project, broker)
    into_topic(project, mariadb, names("t"), delivery="at_least_once", commit={"every": "1h"})
    run = project.start()
    mariadb.query("INSERT INTO orders VALUES (1)")
    run.wait_for(lambda: broker.partitions(names("t")) and broker.read(names("t")),
                 "the row, long before the commit")
    assert run.terminate() == leat.DONE
    mariadb.query("INSERT INTO orders VALUES (2)")
    project.catch_up()
    assert [r["id"] for r in rows(broker.read(names("t")))] == [1, 2]


def test_a_declared_topic_is_created_before_it_is_read(project, broker, names):
    on_kafka(project, broker, topics={names("in"): {"partitions": 3}})
    copy(project, names("in"), names("out"))
    project.catch_up()
    assert len(broker.partitions(names("in"))) == 3
    broker.produce(names("in"), numbered(10))
    project.catch_up()
    assert len(broker.read(names("out"))) == 10


def test_kcat_reads_keys_and_values(project, broker, names):
    broker.create_topic(names("in"), 1)
    broker.produce(names("in"), [(b"k", b"v1"), (b"k", b"v2")])
    on_kafka(project, broker)
    copy(project, names("in"), names("out"))
    project.catch_up()
    read = subprocess.run(["kcat", "-b", broker.brokers, "-C", "-t", names("out"), "-e", "-q",
                           "-f", "%k=%s\n", "-X", "isolation.level=read_committed"],
                          check=True, capture_output=True, text=True, timeout=60)
    assert read.stdout == "k=v1\nk=v2\n"


def test_options_that_load_code_are_refused(project, broker, names):
    on_kafka(project, broker, "?plugin.library.paths=/tmp/evil.so")
    copy(project, names("in"), names("out"))
    run = project.command("run", ".").expect(leat.BAD_CONFIG)
    assert "what loads code or runs programs is never allowed" in run.text
    on_kafka(project, broker, "?sasl.pasword=" + PASSWORD)
    run = project.command("run", ".").expect(leat.BAD_CONFIG)
    assert 'did you mean \\"sasl.password\\"' in run.text
    assert PASSWORD not in run.text


def test_scar_29_a_poison_record_is_a_dead_letter(project, broker, names):
    broker.create_topic(names("in"), 1)
    broker.produce(names("in"), [(b"k", b'{"id": 1}'), (b"k", b"{poison"), (b"k", b'{"id": 2}')])
    on_kafka(project, broker)
    project.write("pipelines/p.yaml", {
        "name": "p", "from": {"topic": {"name": names("in"), "format": "json",
                                        "group": names("g")}},
        "to": {"topic": {"name": names("out"), "format": "json"}}, "commit": {"every": "100ms"}})
    project.catch_up()
    assert [r["id"] for r in rows(broker.read(names("out")))] == [1, 2]
    letters = project.command("dead-letters", "p", "--output", "json").expect(leat.DONE).text
    assert "e3BvaXNvbg" in letters or "{poison" in letters, letters
    assert f"{names('in')}[0]@1" in letters


@pytest.mark.parametrize("how", ["PLAIN", "SCRAM-SHA-512", "OAUTHBEARER"])
def test_scar_30_no_secret_in_what_a_refused_login_says(project, secure_broker, how):
    wrong = "wrong-" + PASSWORD
    project.write("leat.yaml", {"data": "./data",
                                "broker": secure_broker.security.url(how, password=wrong)})
    copy(project, "in", "out")
    run = project.start().expect(leat.BAD_CONFIG)
    assert ("uthentication failed" in run.text or "gave no token" in run.text), run.text
    assert wrong not in run.text and PASSWORD not in run.text


@pytest.mark.parametrize("how", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER",
                                 "TLS", "mTLS", "SASL_SSL"])
def test_secure_brokers(project, secure_broker, how, names):
    topic = names(how.replace("-", "_"))
    secure_broker.create_topic(topic, 1)
    secure_broker.produce(topic, numbered(100))
    project.write("leat.yaml", {"data": "./data", "broker": secure_broker.security.url(how)})
    copy(project, topic, topic + "-out")
    project.catch_up()
    assert_each_once_in_order(secure_broker.read(topic + "-out"), 100)
