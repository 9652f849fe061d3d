"""Private Kafka clusters (KRaft, each node broker and controller) from Maven's jars, and
confluent-kafka's clients to judge what is in them.

A node's folder is formatted once and kept in the cache; a start is the broker's own time,
a few seconds.
"""

import fcntl
import functools
import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import confluent_kafka
from confluent_kafka import admin

from . import kafka_security, process

CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
HEAP = "256m"
_LOGGING = """\
rootLogger.level=INFO
rootLogger.appenderRef.c.ref=C
appender.c.type=Console
appender.c.name=C
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=%d{ISO8601} %p %c{1}: %m%n
"""


def libs():
    """The folder of the jars of the broker, its tools and Connect."""
    return process.CACHE / "kafka" / "libs"


def plugins():
    """Connect's plugin.path: a folder each for Debezium's connectors."""
    return process.CACHE / "kafka" / "plugins"


def java(main, *arguments, heap=HEAP, logging=None, defines=()):
    """The command line of a Java program among the jars."""
    log = [f"-Dlog4j2.configurationFile={logging}"] if logging else []
    # Short lives: the second compiler never pays.
    return ["java", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *log,
            *defines, "-cp", f"{libs()}/*", main, *map(str, arguments)]


def properties(settings):
    return "".join(f"{key}={value}\n" for key, value in settings.items())


class Node:
    """One broker, which is a controller as well."""

    def __init__(self, number, folder):
        self.number = number
        self.folder = Path(folder)
        self.port = process.free_port()
        self.controller_port = process.free_port()
        self.process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def voter(self):
        return f"{self.number}@127.0.0.1:{self.controller_port}"

    def settings(self, voters, replication):
        in_sync = 2 if replication > 1 else 1
        return {
            "process.roles": "broker,controller",
            "node.id": self.number,
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://{self.address},"
                         f"CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self.folder / "log",
            "num.partitions": 1,
            "default.replication.factor": replication,
            "min.insync.replicas": in_sync,
            "offsets.topic.num.partitions": 3,
            "offsets.topic.replication.factor": replication,
            "transaction.state.log.num.partitions": 3,
            "transaction.state.log.replication.factor": replication,
            "transaction.state.log.min.isr": in_sync,
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": 500,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "auto.create.topics.enable": "true",
        }


class Kafka:
    """A running cluster. `settings` (a dict) goes over the brokers' own; `security`
    adds listeners that want to know who comes (kafka_security)."""

    def __init__(self, folder, brokers=1, settings=None, security=False):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.security = kafka_security.Security(self.folder / "certificates") if security else None
        self.extra = dict(settings or {})
        self.counted = {}
        self.logging = self.folder / "log4j2.properties"
        self.logging.write_text(_LOGGING)
        self.nodes = [Node(i + 1, self.folder / f"node{i + 1}") for i in range(brokers)]
        for node in self.nodes:
            self.prepare(node)
        self.start()
        if self.security:
            self.security.add_users(self.admin)

    @staticmethod
    def reason_missing():
        return process.missing("kafka")

    @property
    def brokers(self):
        """As clients name them: host:port,host:port."""
        return ",".join(node.address for node in self.nodes)

    def url(self, options=""):
        return f"kafka://{self.brokers}{options}"

    # The brokers.

    def prepare(self, node):
        node.folder.mkdir()
        replication = min(len(self.nodes), 3)
        voters = ",".join(other.voter for other in self.nodes)
        settings = {**node.settings(voters, replication), **self.extra}
        if self.security:
            settings.update(self.security.settings(settings))
        (node.folder / "server.properties").write_text(properties(settings))
        shutil.copytree(self.template(node.number), node.folder / "log")

    def template(self, number):
        """A formatted log folder of a node of that number."""
        version = os.readlink(process.CACHE / "kafka")
        folder = process.CACHE / "templates" / f"{version}-{number}-1"
        folder.parent.mkdir(parents=True, exist_ok=True)
        with open(folder.parent / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                fresh = folder.with_suffix(f".{os.getpid()}")
                shutil.rmtree(fresh, ignore_errors=True)
                node = Node(number, fresh)
                settings = self.folder / "format.properties"
                settings.write_text(properties(
                    {**node.settings(node.voter, 1), "log.dirs": fresh}))
                subprocess.run(
                    java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", settings,
                         logging=self.logging),
                    check=True, capture_output=True, text=True)
                fresh.rename(folder)
        return folder

    def start(self, nodes=None):
        """Starts, or starts again, on the same ports and data."""
        for node in nodes or self.nodes:
            node.process = process.Process(
                java("kafka.Kafka", node.folder / "server.properties", logging=self.logging),
                node.folder / "server.log")
        process.wait_until(self.ready, 300, f"Kafka on {self.brokers}")

    def ready(self):
        running = [node for node in self.nodes if node.process]
        for node in running:
            if not node.process.alive():
                raise RuntimeError(f"a broker ended:\n{process.tail(node.process.log)}")
        try:
            return all(len(self.seen_by(node)) == len(running) for node in running)
        except confluent_kafka.KafkaException:
            return False

    def seen_by(self, node):
        """The brokers it knows."""
        client = admin.AdminClient({**self.client(), "bootstrap.servers": node.address})
        return client.list_topics(timeout=2).brokers

    def stop(self):
        """At once: of controllers that leave one by one the last waits for a quorum."""
        for index, node in enumerate(self.nodes):
            if node.process:
                self.kill9(index)
        if self.security:
            self.security.stop()

    def restart(self, index=0):
        """In good order, with all its clients on it."""
        node = self.nodes[index]
        node.process.stop(60)
        node.process = None
        self.start([node])

    def kill9(self, index=0):
        node = self.nodes[index]
        node.process.kill9()
        node.process = None
        return node

    def pause(self, index=0):
        self.nodes[index].process.signal(signal.SIGSTOP)

    def resume(self, index=0):
        self.nodes[index].process.signal(signal.SIGCONT)

    # What is in them.

    def client(self, **more):
        return {"bootstrap.servers": self.brokers, "log_level": 0,
                **{key.replace("_", "."): value for key, value in more.items()}}

    @functools.cached_property
    def admin(self):
        """One for all: what it was asked ends with it."""
        return admin.AdminClient(self.client(socket_timeout_ms=10000))

    def create_topic(self, name, partitions=1, replication=None, config=None):
        topic = admin.NewTopic(name, num_partitions=partitions,
                               replication_factor=replication or min(len(self.nodes), 3),
                               config=config or {})
        self.admin.create_topics([topic])[name].result(60)
        process.wait_until(lambda: len(self.partitions(name)) == partitions, 60,
                           f"topic {name}")

    def delete_topic(self, name):
        self.admin.delete_topics([name])[name].result(60)
        process.wait_until(lambda: not self.partitions(name), 60, f"topic {name} goes")

    def partitions(self, topic):
        found = self.admin.list_topics(timeout=30).topics.get(topic)
        return sorted(found.partitions) if found and found.error is None else []

    def produce(self, topic, records, **settings):
        """`records`: (key, value) or (key, value, headers), in order."""
        errors = []
        # Keys where Java's producers put them.
        producer = confluent_kafka.Producer(self.client(
            enable_idempotence=True, partitioner="murmur2_random", **settings))
        for key, value, *headers in records:
            while True:
                try:
                    producer.produce(topic, key=key, value=value,
                                     headers=headers[0] if headers else None,
                                     on_delivery=lambda e, m: e and errors.append(e))
                    break
                except BufferError:
                    producer.poll(0.1)
        left = producer.flush(60)
        assert not errors and not left, (errors, left)

    def read(self, topic, committed=True, seconds=120):
        """Every record of the topic up to its end as of now, by partition and offset; with
        `committed` those of committed transactions alone."""
        starts = dict.fromkeys(self.partitions(topic), 0)
        return sorted(self._read_on(topic, starts, committed, seconds)[0],
                      key=lambda m: (m.partition(), m.offset()))

    def count(self, topic):
        """How many committed records the topic has as of now. What an earlier call counted is
        not read again: a topic must not be made anew between them."""
        number, places = self.counted.get(topic, (0, {}))
        records, ends = self.read_from(topic, places)
        self.counted[topic] = number + len(records), ends
        return self.counted[topic][0]

    def read_from(self, topic, places):
        """Committed records from these offsets by partition on (without one, from 0), in no
        order of partitions; and the offsets for the next call."""
        starts = {p: places.get(p, 0) for p in self.partitions(topic)}
        return self._read_on(topic, starts, committed=True, seconds=120)

    def _read_on(self, topic, starts, committed, seconds):
        """Records from these offsets by partition on, up to the ends as of now; and those."""
        parts = [confluent_kafka.TopicPartition(topic, p, at) for p, at in starts.items()]
        if not parts:
            return [], {}
        ends = process.wait_until(lambda: self._ends(parts, committed), 60,
                                  f"the ends of {topic}")
        left = [p for p in parts if p.offset < ends[p.partition]]
        consumer = self._judge(committed)
        try:
            consumer.assign(left)
            return self._drain(consumer, {p.partition: ends[p.partition] for p in left},
                               seconds), ends
        finally:
            consumer.close()

    def _judge(self, committed):
        return confluent_kafka.Consumer(self.client(
            group_id="judge", enable_auto_commit=False, enable_partition_eof=True,
            isolation_level="read_committed" if committed else "read_uncommitted",
            auto_offset_reset="earliest"))

    def _ends(self, parts, committed):
        """None while a leader is on the move, which a client that has seen the old one goes
        on asking."""
        consumer = self._judge(committed)
        try:
            return {p.partition: consumer.get_watermark_offsets(p, timeout=10)[1]
                    for p in parts}
        except confluent_kafka.KafkaException:
            return None
        finally:
            consumer.close()

    @staticmethod
    def _drain(consumer, ends, seconds):
        """A partition that is written to without a pause never says that it is at its end."""
        left, records = set(ends), []
        deadline = time.monotonic() + seconds
        while left:
            assert time.monotonic() < deadline, f"{len(records)} records in {seconds} s"
            for message in consumer.consume(10000, timeout=1):
                error = message.error()
                if error and error.code() != confluent_kafka.KafkaError._PARTITION_EOF:
                    raise confluent_kafka.KafkaException(error)
                end = ends[message.partition()]
                if error or message.offset() >= end - 1:
                    left.discard(message.partition())
                if not error and message.offset() < end:
                    records.append(message)
        return records

    def committed(self, group, topic):
        """The group's offsets by partition."""
        asked = confluent_kafka.ConsumerGroupTopicPartitions(
            group, [confluent_kafka.TopicPartition(topic, p) for p in self.partitions(topic)])
        found = self.admin.list_consumer_group_offsets([asked])[group].result(60)
        return {p.partition: p.offset for p in found.topic_partitions if p.offset >= 0}

    def reset(self, group, topic, offsets):
        """Sets a group's offsets by hand, as the usual tools do; nobody may be in it."""
        asked = confluent_kafka.ConsumerGroupTopicPartitions(
            group, [confluent_kafka.TopicPartition(topic, p, o) for p, o in offsets.items()])
        answer = self.admin.alter_consumer_group_offsets([asked])[group].result(60)
        assert not any(p.error for p in answer.topic_partitions), answer.topic_partitions

    @contextlib.contextmanager
    def member(self, group, topic, **settings):
        """A static member of the group, by the cooperative protocol, that reads."""
        consumer = confluent_kafka.Consumer(self.client(
            group_id=group, group_instance_id="another", enable_auto_commit=False,
            partition_assignment_strategy="cooperative-sticky", **settings))
        consumer.subscribe([topic])
        ended = threading.Event()

        def read():
            while not ended.is_set():
                consumer.poll(0.1)
        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield
        finally:
            ended.set()
            reader.join()
            consumer.close()

    def dealt(self, group):
        """The partitions that members of the group have, by the member's instance."""
        told = self.admin.describe_consumer_groups([group])[group].result(60)
        return {member.group_instance_id: {p.partition for p in
                                           member.assignment.topic_partitions}
                for member in told.members}

    def wait_group_empty(self, group):
        """Until the broker has noticed that its members are gone."""
        def empty():
            found = self.admin.describe_consumer_groups([group])[group].result(30)
            return not found.members
        process.wait_until(empty, 60, f"group {group} is empty")
