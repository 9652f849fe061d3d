"""Private Kafka clusters (KRaft, each node broker and controller) from Maven's jars, and
confluent-kafka's clients to judge what is in them.

A node's folder is formatted once and kept in the cache; a start is the broker's own time,
a few seconds.
"""

import fcntl
import functools
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import confluent_kafka
from confluent_kafka import admin

from . import process

PASSWORD = "s3cret-kafka-" + "canary"  # must never be seen in a log
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
HEAP = "512m"
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
            # A broker killed comes back only when its old session is over.
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            "auto.create.topics.enable": "true",
        }


class Kafka:
    """A running cluster. `settings` (a dict) goes over the brokers' own."""

    def __init__(self, folder, brokers=1, settings=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.extra = dict(settings or {})
        self.logging = self.folder / "log4j2.properties"
        self.logging.write_text(_LOGGING)
        self.nodes = [Node(i + 1, self.folder / f"node{i + 1}") for i in range(brokers)]
        for node in self.nodes:
            self.prepare(node)
        self.start()

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
        process.wait_until(self.ready, 120, f"Kafka on {self.brokers}")

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
        producer = confluent_kafka.Producer(self.client(enable_idempotence=True, **settings))
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
        isolation = "read_committed" if committed else "read_uncommitted"
        consumer = confluent_kafka.Consumer(self.client(
            group_id="judge", enable_auto_commit=False, enable_partition_eof=True,
            isolation_level=isolation, auto_offset_reset="earliest"))
        try:
            parts = [confluent_kafka.TopicPartition(topic, p, 0)
                     for p in self.partitions(topic)]
            consumer.assign(parts)
            return sorted(self._drain(consumer, len(parts), seconds),
                          key=lambda m: (m.partition(), m.offset()))
        finally:
            consumer.close()

    @staticmethod
    def _drain(consumer, partitions, seconds):
        ended, records = set(), []
        deadline = time.monotonic() + seconds
        while len(ended) < partitions:
            assert time.monotonic() < deadline, f"{len(records)} records in {seconds} s"
            for message in consumer.consume(10000, timeout=1):
                if not message.error():
                    records.append(message)
                elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                else:
                    raise confluent_kafka.KafkaException(message.error())
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
        self.admin.alter_consumer_group_offsets([asked])[group].result(60)
