"""The pipelines of a day: what each touches, and its file."""

import collections

from harness import versions

from . import alerts
from .servers import BUCKET

# `source`, `sink`: the victim at that side, or none; `through`: those that its rows pass before.
Pipeline = collections.namedtuple("Pipeline", "name source sink through fields")

KAFKA = ("?session.timeout.ms=6000&reconnect.backoff.max.ms=500&socket.timeout.ms=5000"
         "&transaction.timeout.ms=10000")
# A day is short: what takes minutes in production takes a second here.
DEFAULTS = {
    "commit": {"every": "1s"},
    "retry": {"first": "100ms", "longest": "500ms"},
    "breaker": {"failures": 2, "recovery": "2s", "probes": 1},
    "restart": {"first": "100ms", "longest": "1s", "check_every": "500ms", "stalled": "20s",
                "max": 1000, "healthy": "1m"}}
# An attempt that runs for `recovery` has succeeded; to give up on a broker takes 15 s. Only where
# one is away for that long its readers' breakers have to open.
PATIENT = {"breaker": {"recovery": "20s"}}
EVENT = "id bigint not null, kind string, v int, at string"
READING = "id bigint not null, station string, temperature double"
NAMES = [table.name for table in versions.TABLES]
HOT = 40  # degrees that somebody is told of


class Project:
    """Puts the files of all pipelines into a project's folder."""

    def __init__(self, servers, port, post_port, patient):
        self.servers, self.port, self.post_port = servers, port, post_port
        self.patient = patient

    def settings(self):
        return {"data": "./data", "api": f"127.0.0.1:{self.port}",
                "broker": self.servers.broker.url(KAFKA), "defaults": DEFAULTS,
                "notify": {"slack": "${SYSTEM}", "template": alerts.TEMPLATE, "every": "0s",
                           "settle": "3s"}}

    def environment(self):
        servers = self.servers
        return {**servers.store.environment(), "SLACK": servers.slack.url, "SYSTEM": servers.system.url,
                "HOOK": f"http://127.0.0.1:{servers.hook.port}/in"}

    # What the files are made of.
    def source(self, tables, **more):
        url = self.servers.database.url(query="?connect_timeout=1s")
        return {"mysql": {"url": url, "tables": tables, "heartbeat": "1s", **more}}

    def poll(self, table):
        url = self.servers.database.url(query="?connect_timeout=1s")
        return {"mysql": {"url": url, "read": "poll", "poll": {
            "table": table, "cursor": "id", "every": "200ms"}}}

    def copy(self, database, mode, **more):
        url = self.servers.target.url(database, query="?connect_timeout=1s")
        return {"mysql": {"url": url, "mode": mode, **more}}

    def lake(self, table, mode):
        return {"iceberg": {"warehouse": f"s3://{BUCKET}/warehouse", "table": table,
                            "mode": mode, "s3": {"endpoint": self.servers.store.endpoint,
                                                 "region": "us-east-1"}}}

    @staticmethod
    def topic(name, columns, **more):
        return {"topic": {"name": name, "columns": columns, "key": ["id"], **more}}

    def from_database(self):
        changes = self.source(["by_*"])
        yield Pipeline("changes", "database", "broker", (), {
            "from": changes,
            "to": {"topic": {"name": "{table}", "format": "debezium",
                             "debezium": {"prefix": "day", "schemas": True}}}})
        yield Pipeline("plain", "database", "broker", (), {
            "from": self.source(["by_int"]), "to": {"topic": {"name": "plain_{table}"}}})
        yield Pipeline("events", "database", "broker", (), {
            "from": self.poll("events"), "to": {"topic": {"name": "events"}}})
        yield Pipeline("readings", "database", "broker", (), {
            "from": self.poll("readings"), "to": {"topic": {"name": "readings"}}})
        yield Pipeline("direct", "database", "store", (), {
            "from": changes, "to": self.lake("direct.{table}", "upsert")})
        yield Pipeline("audit", "database", "store", (), {
            "from": changes, "to": self.lake("audit.{table}", "append")})
        yield Pipeline("poll-lake", "database", "store", (), {
            "from": self.poll("events"), "to": self.lake("poll.{table}", "append")})
        yield Pipeline("mirror", "database", "target", (), {
            "from": changes, "to": self.copy("mirror", "apply")})
        yield Pipeline("poll-copy", "database", "target", (), {
            "from": self.poll("events"), "to": self.copy("polled", "insert")})
        yield Pipeline("all", "database", None, (), {
            "from": self.source(["*"]), "to": {"discard": {}}})
        yield Pipeline("hook", "database", None, (), {
            "from": self.poll("readings"),
            "steps": [{"sql": f"SELECT * FROM input WHERE temperature > {HOT}"}],
            "to": {"notify": {"webhook": {"url": "${HOOK}"}}}})

    def from_broker(self):
        past = ("database",)
        changes = {"topic": {"names": NAMES, "format": "debezium"}}
        events = self.topic("events", EVENT)
        yield Pipeline("lake", "broker", "store", past, {
            "from": changes, "to": self.lake("lake.{table}", "upsert")})
        yield Pipeline("lake-events", "broker", "store", past, {
            "from": self.topic("events", EVENT, workers=2),
            "to": self.lake("lake.{table}", "append")})
        yield Pipeline("copy", "broker", "target", past, {
            "from": changes, "to": self.copy("copy", "apply")})
        yield Pipeline("copy-events", "broker", "target", past, {
            "from": events, "to": self.copy("copy", "upsert", workers=2)})
        yield Pipeline("local", "broker", None, past, {
            "from": events, "to": {"iceberg": {"warehouse": "./lake", "mode": "append",
                                               "table": "local.{table}"}}})
        yield Pipeline("hot", "broker", "broker", past, {
            "from": self.topic("readings", READING),
            "steps": [{"sql": f"SELECT * FROM input WHERE temperature > {HOT}"}],
            "to": {"topic": {"name": "hot"}}})
        yield Pipeline("alerts", "broker", None, past, {
            "from": self.topic("hot", READING),
            "to": {"notify": {"slack": "${SLACK}", "every": "0s",
                              "template": "{station}: reading {id}"}}})
        yield Pipeline("posted", None, "broker", (), {
            "from": {"http": {"port": self.post_port, "path": "/posts", "key": ["id"],
                              "columns": "id bigint not null, text string"}},
            "to": {"topic": {"name": "posted"}}})
        yield Pipeline("posted-copy", "broker", "target", (), {
            "from": self.topic("posted", "id bigint not null, text string"),
            "to": self.copy("copy", "upsert")})

    def write(self, project):
        project.environment.update(self.environment())
        project.write("leat.yaml", self.settings())
        pipelines = [*self.from_database(), *self.from_broker()]
        for pipeline in pipelines:
            more = PATIENT if self.patient and pipeline.source == "broker" else {}
            fields = {"name": pipeline.name, **pipeline.fields, **more}
            project.write(f"pipelines/{pipeline.name}.yaml", fields)
        return pipelines
