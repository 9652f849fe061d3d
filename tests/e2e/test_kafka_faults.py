"""What befalls Kafka's clients in production, on real brokers: readers of what is committed
see each change once, in order per key, whatever happened."""

import os
import random
import re
import signal
import threading
import time

import confluent_kafka
import pytest
from harness import leat, process
from test_kafka import (assert_each_once_in_order, copy, into_topic, numbered, on_kafka,
                        rows)

QUICK = "?session.timeout.ms=6000&reconnect.backoff.max.ms=500"


class Feed(threading.Thread):
    """Produces numbered records until told to end."""

    def __init__(self, broker, topic, keys=20, rate=2000):
        super().__init__(daemon=True)
        self.broker, self.topic, self.keys, self.rate = broker, topic, keys, rate
        self.count, self.ended, self.error = 0, threading.Event(), None

    def run(self):
        producer = confluent_kafka.Producer(self.broker.client(
            enable_idempotence=True, partitioner="murmur2_random", delivery_timeout_ms=300000))
        try:
            while not self.ended.is_set():
                for key, value in numbered(self.rate // 20, self.keys, self.count):
                    producer.produce(self.topic, value, key)
                self.count += self.rate // 20
                producer.poll(0)
                time.sleep(0.05)
            assert producer.flush(120) == 0
        except Exception as error:  # shown by whoever stops it
            self.error = error

    def stop(self):
        self.ended.set()
        self.join()
        if self.error:
            raise self.error
        return self.count


@pytest.fixture
def feed():
    running = []

    def start(broker, topic, **more):
        running.append(Feed(broker, topic, **more))
        running[-1].start()
        return running[-1]

    yield start
    for one in running:
        one.ended.set()
        one.join()


def seen(broker, topic):
    return broker.count(topic) if broker.partitions(topic) else 0


def test_unreachable_broker_says_so_and_goes_on_when_it_comes(project, own_broker):
    broker = own_broker()
    broker.create_topic("in", 1)
    broker.produce("in", numbered(10))
    broker.kill9()
    on_kafka(project, broker)
    copy(project, "in", "out")
    run = project.start()
    run.wait_log("trying again")
    assert "Connection refused" in run.text and broker.brokers in run.text
    broker.start()
    run.wait_for(lambda: seen(broker, "out") == 10, "all records")
    assert run.terminate() == leat.DONE


def test_scar_23_a_second_process_fences_the_first(project, tmp_path, mariadb, broker):
    mariadb.query("CREATE TABLE orders (id INT PRIMARY KEY)")
    other = leat.Project(tmp_path / "other")
    for one in (project, other):
        on_kafka(one, broker)
        into_topic(one, mariadb, "fenced-t")
    first = project.start()
    mariadb.query("INSERT INTO orders VALUES (1)")
    first.wait_for(lambda: seen(broker, "fenced-t") == 1, "the first row")
    second = other.start()
    second.wait_log("going on")
    mariadb.query("INSERT INTO orders VALUES (2)")
    first.expect(leat.FAILED)
    assert "another process writes for pipeline fenced-t now" in first.text
    second.wait_for(lambda: seen(broker, "fenced-t") == 2, "the second row")
    assert second.terminate() == leat.DONE
    other.stop_all()
    assert [r["id"] for r in rows(broker.read("fenced-t"))] == [1, 2]


def test_scar_27_a_transaction_that_times_out_is_read_again(project, mariadb, broker):
    mariadb.query("CREATE TABLE orders (id INT PRIMARY KEY)")
    on_kafka(project, broker, "?transaction.timeout.ms=2000")
    into_topic(project, mariadb, "timeout-t")
    project.catch_up()
    run = project.start(env={"LEAT_STOP_AT": "kafka.tokens.before:1"})
    mariadb.query("INSERT INTO orders VALUES (1)")
    process.wait_until(run.process.stopped, 60, "leat stops in the midst of a transaction")
    time.sleep(4)  # the broker aborts it meanwhile
    run.signal(signal.SIGCONT)
    run.wait_log("the transaction was open for longer than transaction.timeout.ms")
    run.wait_for(lambda: seen(broker, "timeout-t") == 1, "the row, from another attempt")
    assert run.terminate() == leat.DONE
    assert [r["id"] for r in rows(broker.read("timeout-t"))] == [1]


def test_scar_27_an_outage_shorter_than_the_transaction_is_waited_for(project, own_broker,
                                                                       feed):
    broker = own_broker()
    broker.create_topic("in", 2)
    on_kafka(project, broker, "?transaction.timeout.ms=60000")
    copy(project, "in", "out", settings={"partitions": 2})
    run = project.start()
    source = feed(broker, "in")
    run.wait_for(lambda: seen(broker, "out") > 500, "some records")
    broker.pause()
    time.sleep(3)
    broker.resume()
    run.wait_for(lambda: seen(broker, "out") > 1500, "more records")
    count = source.stop()
    run.wait_for(lambda: seen(broker, "out") >= count, "all records")
    assert run.terminate() == leat.DONE
    assert_each_once_in_order(broker.read("out"), count)


def test_scar_27_an_oversize_record_is_a_dead_letter(project, mariadb, broker):
    mariadb.query("CREATE TABLE orders (id INT PRIMARY KEY, note LONGTEXT)")
    mariadb.query("INSERT INTO orders VALUES (1, 'small'), (2, REPEAT('x', 3000)), (3, 'small')")
    broker.create_topic("oversize-t", 1, config={"max.message.bytes": "2000"})
    on_kafka(project, broker)
    into_topic(project, mariadb, "oversize-t")
    project.catch_up()
    assert [r["id"] for r in rows(broker.read("oversize-t"))] == [1, 3]
    letters = project.command("dead-letters", "oversize-t", "--output", "json").expect(leat.DONE).text
    assert "takes 2000 (max.message.bytes)" in letters


def test_scar_27_a_topic_deleted_while_it_is_written_is_made_again(project, mariadb, broker):
    mariadb.query("CREATE TABLE orders (id INT PRIMARY KEY)")
    on_kafka(project, broker, "?topic.metadata.refresh.interval.ms=500")
    into_topic(project, mariadb, "deleted-t")
    run = project.start()
    mariadb.query("INSERT INTO orders VALUES (1)")
    run.wait_for(lambda: broker.partitions("deleted-t") and broker.read("deleted-t"), "a row")
    broker.delete_topic("deleted-t")
    mariadb.query("INSERT INTO orders VALUES (2)")
    run.wait_for(lambda: broker.partitions("deleted-t") and broker.read("deleted-t"),
                 "the next row", 180)
    assert run.terminate() == leat.DONE
    assert [r["id"] for r in rows(broker.read("deleted-t"))] == [2]


def test_scar_27_a_topic_deleted_while_it_is_read_stops_with_its_name(project, broker):
    broker.create_topic("gone-in", 1)
    broker.produce("gone-in", numbered(5))
    on_kafka(project, broker, "?topic.metadata.refresh.interval.ms=500")
    copy(project, "gone-in", "gone-out")
    run = project.start()
    run.wait_for(lambda: seen(broker, "gone-out") == 5, "all records")
    broker.delete_topic("gone-in")
    run.expect(leat.BAD_CONFIG)
    assert "topic gone-in does not exist on the broker" in run.text


def test_scar_10_offsets_that_retention_took_stop_with_the_remedy(project, broker):
    broker.create_topic("purged-in", 1)
    broker.produce("purged-in", numbered(10))
    on_kafka(project, broker)
    group = copy(project, "purged-in", "purged-out")
    project.catch_up()
    broker.produce("purged-in", numbered(10, first=10))
    gone = confluent_kafka.TopicPartition("purged-in", 0, 15)
    broker.admin.delete_records([gone])[gone].result(60)
    run = project.start().expect(leat.BAD_CONFIG)
    assert "purged-in[0] should be read on at offset 10, but has 15 to 20 only" in run.text
    remedy = "leat offsets {} --topic purged-in --partition 0 --reset earliest".format(group)
    assert remedy in run.text
    project.command(*remedy.split()[1:]).expect(leat.DONE)
    project.catch_up()
    assert [int(m.value()) for m in broker.read("purged-out")] == [*range(10), *range(15, 20)]


def test_scar_27_a_rebalance_in_the_middle_of_a_batch(project, tmp_path, broker, feed):
    broker.create_topic("dealt-in", 6)
    projects = [project, *(leat.Project(tmp_path / f"other{i}") for i in range(2))]
    for one in projects:
        on_kafka(one, broker, QUICK)
        copy(one, "dealt-in", "dealt-out", settings={"partitions": 6})
    source = feed(broker, "dealt-in", keys=60)
    runs = [projects[0].start()]
    runs[0].wait_for(lambda: seen(broker, "dealt-out") > 500, "some records")
    runs.append(projects[1].start())
    runs[1].wait_log("going on")
    runs.append(projects[2].start())
    runs[2].wait_log("going on")
    runs[0].kill9()
    runs[1].wait_for(lambda: seen(broker, "dealt-out") > 5000, "more, by who is left")
    count = source.stop()
    runs[2].wait_for(lambda: seen(broker, "dealt-out") >= count, "all records", 180)
    assert [run.terminate() for run in runs[1:]] == [leat.DONE] * 2
    for one in projects[1:]:
        one.stop_all()
    assert_each_once_in_order(broker.read("dealt-out"), count)


def test_scar_27_a_rebalance_of_partitions_read_to_their_ends_skips_nothing(
        project, tmp_path, broker):
    broker.create_topic("ended-in", 4)
    broker.produce("ended-in", numbered(200))
    other = leat.Project(tmp_path / "other")
    for one in (project, other):
        on_kafka(one, broker, QUICK)
        copy(one, "ended-in", "ended-out", settings={"partitions": 4})
    runs = [project.start()]
    runs[0].wait_for(lambda: seen(broker, "ended-out") == 200, "what was there")
    runs.append(other.start())
    runs[1].wait_log("going on")
    broker.produce("ended-in", numbered(200, first=200))
    runs[0].wait_for(lambda: seen(broker, "ended-out") >= 400, "what came later")
    assert [run.terminate() for run in runs] == [leat.DONE] * 2
    other.stop_all()
    assert "at offset" not in runs[0].text + runs[1].text
    assert_each_once_in_order(broker.read("ended-out"), 400)


def test_partitions_given_up_in_vain_are_dealt_again(project, broker):
    """Who gives one up for another member is killed before it could be dealt on, and comes
    back: the group gives it what it had kept, and the other nothing (KIP-345)."""
    broker.create_topic("vain-in", 2)
    broker.produce("vain-in", numbered(20))
    on_kafka(project, broker, "?session.timeout.ms=40000")
    group = copy(project, "vain-in", "vain-out", commit={"every": "1h"})
    run = project.start(env={"LEAT_CRASH_AT": "epoch.prepared"})
    run.wait_for((project.data / "leat.sock").exists, "the run answers")
    project.wait_status("copy", lambda view: view["rows_read"] == 20, "an open epoch")
    with broker.member(group, "vain-in", session_timeout_ms=40000):
        run.expect(leat.CRASHED)
        process.wait_until(lambda: len(held(broker, group)) == 1, 30, "one is nobody's")
        copy(project, "vain-in", "vain-out")
        run = project.start()
        run.wait_for(lambda: len(held(broker, group)) == 2, "each is somebody's")
    # It leaves the group first, and says why once it has.
    run.wait_log("no member of group vain-in-copy reads vain-in[")
    assert run.terminate() == leat.DONE


def held(broker, group):
    return set().union(*broker.dealt(group).values())


def test_broker_restart_while_it_runs(project, own_broker, feed):
    broker = own_broker()
    broker.create_topic("in", 3)
    on_kafka(project, broker, QUICK)
    copy(project, "in", "out", settings={"partitions": 3})
    run = project.start()
    source = feed(broker, "in")
    for how in (broker.restart, lambda: broker.start([broker.kill9()])):
        before = seen(broker, "out")
        run.wait_for(lambda: seen(broker, "out") > before + 300, "records")
        how()
    count = source.stop()
    run.wait_for(lambda: seen(broker, "out") >= count, "all records", 240)
    assert run.terminate() == leat.DONE
    assert_each_once_in_order(broker.read("out"), count)


def test_one_of_three_brokers_is_killed(project, own_broker, feed):
    broker = own_broker(brokers=3)
    broker.create_topic("in", 6)
    on_kafka(project, broker, QUICK)
    copy(project, "in", "out", settings={"partitions": 6, "replication": 3})
    run = project.start()
    source = feed(broker, "in")
    run.wait_for(lambda: seen(broker, "out") > 500, "some records")
    dead = broker.kill9(1)
    run.wait_for(lambda: seen(broker, "out") > 3000, "more records from the others", 240)
    broker.start([dead])
    count = source.stop()
    run.wait_for(lambda: seen(broker, "out") >= count, "all records", 240)
    assert run.terminate() == leat.DONE
    assert_each_once_in_order(broker.read("out"), count)


def test_kill9_loops_lose_and_double_nothing(project, own_broker, feed):
    broker = own_broker()
    broker.create_topic("in", 3)
    on_kafka(project, broker, QUICK)
    copy(project, "in", "out", settings={"partitions": 3})
    choose = random.Random(7)
    source = feed(broker, "in")
    for turn in range(int(os.environ.get("LEAT_TEST_KILLS", "12"))):
        run = project.start()
        time.sleep(choose.uniform(0.1, 2.0))
        assert run.alive(), run.text[-3000:]
        run.kill9()
        if turn % 6 == 5:
            broker.start([broker.kill9()])
    count = source.stop()
    run = project.start()
    run.wait_for(lambda: seen(broker, "out") >= count, "all records", 240)
    assert run.terminate() == leat.DONE
    assert_each_once_in_order(broker.read("out"), count)


DURABLE = re.compile(r'failpoint::Durable\(\s*"([^"]+)"')
POINTS = sorted({name for file in (leat.ROOT / "src/connectors/topic/kafka").glob("*.cc")
                 for name in DURABLE.findall(file.read_text())})


@pytest.mark.parametrize("point", POINTS)
def test_crash_at_every_step_of_a_commit(project, mariadb, broker, point):
    topic = "crash-" + point
    mariadb.query("CREATE TABLE orders (id INT PRIMARY KEY, n INT)")
    on_kafka(project, broker)
    into_topic(project, mariadb, topic)
    project.catch_up()
    mariadb.query("INSERT INTO orders VALUES (1, 0)")
    mariadb.query("UPDATE orders SET n = 1")
    run = project.start("--until-caught-up", env={"LEAT_CRASH_AT": point})
    run.expect(leat.CRASHED)
    project.catch_up()
    project.catch_up()
    assert [r["n"] for r in rows(broker.read(topic))] == [0, 1]


@pytest.mark.parametrize("point", POINTS)
def test_crash_at_every_step_of_a_copy(project, broker, point):
    """The source is a group: its offsets are in the transaction."""
    topic = "copied-" + point
    broker.create_topic(topic, 2)
    on_kafka(project, broker)
    copy(project, topic, topic + "-out", settings={"partitions": 2})
    project.catch_up()
    broker.produce(topic, numbered(100))
    project.start("--until-caught-up", env={"LEAT_CRASH_AT": point}).expect(leat.CRASHED)
    project.catch_up()
    project.catch_up()
    assert_each_once_in_order(broker.read(topic + "-out"), 100)
