"""Secrets of all that a topic has to do with: the broker, the schema registry, the tables that
it is written to. Each of them refuses once, and no log and no file of Leat's may have one."""

import pytest
from harness import database, kafka_security, leat, registry

REGISTRY = "s3cret-registry-" + "canary"
SECRETS = (database.PASSWORD, kafka_security.PASSWORD, REGISTRY)


@pytest.fixture
def schemas():
    running = registry.Registry(auth=("reader", REGISTRY))
    yield running
    running.stop()


def write(project, server, broker, schemas):
    server.execute("CREATE TABLE o (id INT PRIMARY KEY, a VARCHAR(20))",
                   "INSERT INTO o VALUES (1, 'x')", "CREATE DATABASE copy",
                   "GRANT ALL ON copy.* TO leat@'%'", database="shop")
    avro = {"format": "avro", "registry": {"url": schemas.url, "user": "reader",
                                           "password": "${REGISTRY_PASSWORD}"}}
    url = broker.security.url("SCRAM-SHA-512", password="PLACE").replace(
        "PLACE", "${KAFKA_PASSWORD}")
    project.environment.update(KAFKA_PASSWORD=kafka_security.PASSWORD,
                               REGISTRY_PASSWORD=REGISTRY)
    project.write("leat.yaml", {"data": "./data", "broker": url})
    project.write("pipelines/in.yaml", {
        "name": "secrets-in", "commit": {"every": "100ms"},
        "from": {"mysql": {"url": server.url(), "tables": ["o"], "read": "cdc"}},
        "to": {"topic": {"name": "secrets", **avro}}})
    project.write("pipelines/out.yaml", {
        "name": "secrets-out", "commit": {"every": "100ms"},
        "from": {"topic": {"name": "secrets", **avro}},
        "to": {"mysql": {"url": server.url("copy"), "table": "o", "mode": "apply"}}})


def run(project, name, code, **env):
    return project.command("run", f"pipelines/{name}.yaml", "--until-caught-up", "--log-level",
                           "debug", env=env).expect(code)


def test_scar_30_secrets_of_broker_registry_and_target_reach_no_log_and_no_file(
        project, own_server, secure_broker, schemas):
    server = own_server("mariadb")
    write(project, server, secure_broker, schemas)
    outputs = [run(project, name, leat.DONE) for name in ("in", "out")]
    outputs += [project.command(word, ".").expect(leat.DONE) for word in ("validate", "check")]
    assert server.query("SELECT * FROM o", "copy") == ((1, "x"),)
    server.query("INSERT INTO o VALUES (2, 'y')")
    outputs += [run(project, "in", leat.CRASHED, LEAT_CRASH_AT="kafka.tokens.before:1"),
                run(project, "in", leat.DONE)]
    outputs.append(run(project, "out", leat.BAD_CONFIG,
                       KAFKA_PASSWORD="not-" + kafka_security.PASSWORD))
    outputs.append(run(project, "in", leat.BAD_CONFIG,
                       KAFKA_PASSWORD="not-" + kafka_security.PASSWORD))
    schemas.auth = ("reader", "another")
    server.query("INSERT INTO o VALUES (3, 'z')")
    outputs.append(run(project, "in", leat.BAD_CONFIG))
    assert "registry.password" in outputs[-1].text
    server.execute("ALTER USER leat@'%' IDENTIFIED BY 'another'")
    outputs.append(run(project, "out", leat.BAD_CONFIG))
    assert "Access denied" in outputs[-1].text
    for output in outputs:
        assert not [secret for secret in SECRETS if secret in output.text], output.text
    for file in project.folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not [secret for secret in SECRETS if secret.encode() in content], file
