"""A Kafka Connect worker with Debezium's connectors, driven by its REST interface."""

import json
import urllib.error
import urllib.request
from pathlib import Path

from . import database, kafka, process

CLASSES = {"mysql": "io.debezium.connector.mysql.MySqlConnector",
           "mariadb": "io.debezium.connector.mariadb.MariaDbConnector"}


class Connect:
    """A standalone worker; connectors come and go while it runs."""

    def __init__(self, folder, cluster, **more):
        """`more`: settings of the worker, with _ for the points of their names."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.cluster = cluster
        self.port = process.free_port()
        settings = self.folder / "worker.properties"
        settings.write_text(kafka.properties({
            "bootstrap.servers": cluster.brokers,
            "key.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "offset.storage.file.filename": self.folder / "offsets",
            "offset.flush.interval.ms": 1000,
            "plugin.path": kafka.plugins(),
            "plugin.discovery": "service_load",
            "listeners": f"http://127.0.0.1:{self.port}",
            **{key.replace("_", "."): value for key, value in more.items()},
        }))
        self.start()

    def start(self):
        """Starts, or starts again where it was; its connectors have to be added again."""
        self.process = process.Process(
            kafka.java("org.apache.kafka.connect.cli.ConnectStandalone",
                       self.folder / "worker.properties", heap="1536m",
                       logging=self.cluster.logging),
            self.folder / "connect.log")
        process.wait_until(self.ready, 180, f"Connect on port {self.port}")

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                text = answer.read()
                return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            error.msg += ": " + error.read(2000).decode(errors="replace")
            raise

    def ready(self):
        if not self.process.alive():
            raise RuntimeError(f"Connect ended:\n{process.tail(self.process.log)}")
        try:
            return self.call("GET", "/connectors") is not None
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def debezium(self, name, server, prefix, server_id, **more):
        """Starts a connector that reads database shop of a server into topics of `prefix`.
        `more` are its settings, with _ for the points of their names."""
        config = {
            "connector.class": CLASSES[server.kind],
            "database.hostname": "127.0.0.1", "database.port": server.port,
            "database.user": "dbz", "database.password": database.PASSWORD,
            "database.server.id": server_id, "topic.prefix": prefix,
            "database.include.list": "shop",
            "schema.history.internal.kafka.bootstrap.servers": self.cluster.brokers,
            "schema.history.internal.kafka.topic": f"history-{name}",
            "snapshot.locking.mode": "none",
            "poll.interval.ms": 20,
            **{key.replace("_", "."): value for key, value in more.items()}}
        self.add(name, config)

    def debezium_sink(self, name, server, topics, **more):
        """Starts Debezium's sink, which writes topics into tables of their names in database
        copy of a server, of envelopes that Debezium's ExtractNewRecordState unwraps first."""
        converter = "org.apache.kafka.connect.json.JsonConverter"
        self.add(name, {
            "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
            "connection.url": f"jdbc:{server.kind}://127.0.0.1:{server.port}/copy",
            "connection.username": "dbz", "connection.password": database.PASSWORD,
            "topics": ",".join(topics), "insert.mode": "upsert", "delete.enabled": "true",
            "primary.key.mode": "record_key", "schema.evolution": "none",
            "key.converter": converter, "value.converter": converter,
            # The default takes the old key of __debezium.oldkey for a map, as which the sink
            # refuses it, whoever wrote it.
            "header.converter": "org.apache.kafka.connect.storage.StringConverter",
            "transforms": "unwrap",
            "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
            "transforms.unwrap.delete.tombstone.handling.mode": "tombstone",
            "consumer.override.isolation.level": "read_committed",
            "consumer.override.auto.offset.reset": "earliest",
            **{key.replace("_", "."): value for key, value in more.items()}})

    def add(self, name, config):
        self.call("PUT", f"/connectors/{name}/config",
                  {key: str(value) for key, value in config.items()})
        process.wait_until(lambda: self.running(name), 180, f"connector {name}")

    def remove(self, name):
        self.call("DELETE", f"/connectors/{name}")

    def running(self, name):
        try:
            status = self.call("GET", f"/connectors/{name}/status")
        except urllib.error.HTTPError:
            return False
        for task in [status["connector"], *status["tasks"]]:
            if task["state"] == "FAILED":
                raise RuntimeError(f"{name}: {task.get('trace', '')[:3000]}")
        return bool(status["tasks"]) and all(
            task["state"] == "RUNNING" for task in status["tasks"])

    def stop(self):
        """At once: what it has in flight is of no use to anybody."""
        self.process.kill9()
