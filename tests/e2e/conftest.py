"""Fixtures: one MariaDB and one MySQL for the whole run, a database and a project for each
test. A test that stops or reconfigures its server takes one of its own (`own_mariadb`)."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness import connect, database, kafka, leat, minio  # noqa: E402
from harness.slack import Slack  # noqa: E402


def started(kind, folder, options=()):
    server = database.SERVERS[kind]
    if reason := server.reason_missing():
        pytest.skip(reason)
    return server(folder, options)


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    """The shared servers, started when first asked for."""
    running = {}

    def get(kind):
        if kind not in running:
            running[kind] = started(kind, tmp_path_factory.mktemp("servers") / kind)
        return running[kind]

    yield get
    for server in running.values():
        server.stop()


def emptied(server):
    server.execute("DROP DATABASE IF EXISTS shop", "CREATE DATABASE shop")
    return server


@pytest.fixture
def mariadb(servers):
    return emptied(servers("mariadb"))


@pytest.fixture(params=["mariadb", "mysql"])
def server(request, servers):
    """Both kinds, one after the other."""
    return emptied(servers(request.param))


@pytest.fixture
def own_server(tmp_path):
    """Makes servers of the test's own: own_server('mariadb', ['--option=1'])."""
    running = []

    def make(kind="mariadb", options=()):
        running.append(started(kind, tmp_path / f"server{len(running)}", options))
        return running[-1]

    yield make
    for server in running:
        server.stop()


@pytest.fixture
def store(tmp_path_factory):
    if reason := minio.Minio.reason_missing():
        pytest.skip(reason)
    running = minio.Minio(tmp_path_factory.mktemp("s3") / "minio")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    """A single Kafka broker for the whole run: a test takes topics and groups of its own."""
    if reason := kafka.Kafka.reason_missing():
        pytest.skip(reason)
    running = kafka.Kafka(tmp_path_factory.mktemp("kafka") / "kafka")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def worker(tmp_path_factory, broker):
    """Kafka Connect with Debezium, on the shared broker."""
    running = connect.Connect(tmp_path_factory.mktemp("connect") / "connect", broker)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def secure_broker(tmp_path_factory):
    """One that wants to know who comes, and how."""
    if reason := kafka.Kafka.reason_missing():
        pytest.skip(reason)
    running = kafka.Kafka(tmp_path_factory.mktemp("kafka") / "secure", security=True)
    yield running
    running.stop()


@pytest.fixture
def own_broker(tmp_path):
    """Makes clusters of the test's own: own_broker(brokers=3)."""
    if reason := kafka.Kafka.reason_missing():
        pytest.skip(reason)
    running = []

    def make(**options):
        running.append(kafka.Kafka(tmp_path / f"kafka{len(running)}", **options))
        return running[-1]

    yield make
    for cluster in running:
        cluster.stop()


@pytest.fixture
def project(tmp_path):
    made = leat.Project(tmp_path / "project")
    yield made
    made.stop_all()


@pytest.fixture
def slack():
    """A stand-in of one's own for what messages go to."""
    server = Slack()
    yield server
    server.stop()


@pytest.fixture(autouse=True, scope="session")
def program():
    assert leat.PROGRAM.exists(), f"{leat.PROGRAM} is not built: make build"
