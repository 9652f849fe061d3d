"""The servers of a day, and how each goes down and comes back."""

import signal

from harness import database, kafka, minio, process, versions
from harness.slack import Slack

BUCKET = "lake"
# In the target: what pipelines copy into.
COPIES = ("copy", "mirror", "polled")
KINDS = ("kill9", "stop", "freeze")


class Victim:
    """One server. `process` finds its process as of now."""

    def __init__(self, server, process_of, stop):
        self.server, self.process_of, self.stop = server, process_of, stop
        self.frozen = False

    def down(self, kind):
        if kind == "kill9":
            self.process_of().kill9()
        elif kind == "stop":
            self.stop()
        else:
            self.process_of().signal(signal.SIGSTOP)
            process.wait_until(self.process_of().stopped, 60, "the server stands still")
            self.frozen = True

    def up(self):
        if self.frozen:
            self.process_of().signal(signal.SIGCONT)
            self.frozen = False
        else:
            self.server.start()


class Servers:
    """All of them. `victims`, by the names that pipelines know them by, go down."""

    def __init__(self, folder):
        self.database = database.MariaDb(folder / "database")
        self.target = database.MariaDb(folder / "target", ["--server-id=2"])
        self.store = minio.Minio(folder / "minio")
        self.broker = kafka.Kafka(folder / "kafka")
        self.slack, self.hook, self.system = Slack(), Slack(), Slack()
        node = self.broker.nodes[0]
        self.victims = {
            "database": Victim(self.database, lambda: self.database.process, self.database.stop),
            "target": Victim(self.target, lambda: self.target.process, self.target.stop),
            "store": Victim(self.store, lambda: self.store.process, self.store.stop),
            "broker": Victim(self.broker, lambda: node.process,
                             lambda: node.process.stop(60))}
        self.prepare()

    def prepare(self):
        versions.create(self.database)
        self.database.execute(
            "CREATE TABLE events (id BIGINT AUTO_INCREMENT PRIMARY KEY, kind VARCHAR(20), v INT, "
            "at DATETIME(6))",
            "CREATE TABLE readings (id BIGINT AUTO_INCREMENT PRIMARY KEY, station VARCHAR(20), "
            "temperature DOUBLE)", database="shop")
        for name in COPIES:
            self.target.execute(f"CREATE DATABASE {name}", f"GRANT ALL ON {name}.* TO leat@'%'")
        self.store.create_bucket(BUCKET)
        for topic, partitions in (("by_int", 3), ("by_two", 3), ("plain_by_int", 3),
                                  ("events", 3), ("readings", 1), ("hot", 1), ("posted", 1)):
            self.broker.create_topic(topic, partitions)

    def stop(self):
        for victim in self.victims.values():
            if victim.frozen:
                victim.up()
        for server in (self.database, self.target, self.store, self.broker, self.slack,
                       self.hook, self.system):
            server.stop()
