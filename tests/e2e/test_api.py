"""A daemon's HTTP API, by clients that are not ours."""

import pytest
from harness import database, leat, process
from harness.api import Client


@pytest.fixture
def served(project, mariadb):
    """A project with an API, and a client of it."""
    port = process.free_port()
    project.write("leat.yaml", {"data": "./data", "api": f"127.0.0.1:{port}"})
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY)")
    mariadb.query("INSERT INTO t VALUES (1), (2), (3)")
    project.pipeline(mariadb, ["t"])
    return project, Client(port)


def test_logs_topics_and_groups_are_shown(project):
    port = process.free_port()
    client = Client(port)
    project.write("leat.yaml", {"data": "./data", "api": f"127.0.0.1:{port}"})
    project.ask("topics", "create", "in", "--partitions", "2")
    project.write("pipelines/p.yaml", {"from": {"topic": {
        "name": "in", "group": "g", "format": "json", "columns": "id int"}}, "to": "stdout",
        "dead_letters": {"max": 0}})
    project.produce("in", ['{"id": 1}', '{"id": 2}', '{"id": 3}'])
    project.daemon()
    process.wait_until(lambda: sum(group["offset"] for group in client.get(
        "/api/groups/g").json()["groups"]) == 3, 60, "all is read")
    assert client.get("/api/pipelines/p/logs").json()["lines"] == []
    topics = client.get("/api/topics").json()["topics"]
    assert [topic["name"] for topic in topics] == ["in"]
    one = client.get("/api/topics/in").json()["topics"][0]
    assert sum(partition["end"] for partition in one["partitions"]) == 3
    assert all(group["lag"] == 0 for group in client.get("/api/groups").json()["groups"])
    assert "in" not in client.get("/api/topics/nobody", 404).json()
    client.get("/api/groups/nobody", 404)
    assert "to has to be given" in client.post("/api/groups/g/reset", 400)["error"]
    assert client.post("/api/groups/g/reset?to=earliest")["offsets"][0]["offset"] == 0
    samples = client.get("/metrics?aliases=debezium,kafka_exporter").text
    for name in ("debezium_metrics_MilliSecondsBehindSource", "kafka_consumergroup_lag_sum",
                 'kafka_topic_partitions{topic="in"} 2'):
        assert name in samples
    assert "kafka_" not in client.get("/metrics").text
    client.get("/metrics?aliases=other", 400)
    project.produce("in", ['{"id": "x"}'])
    process.wait_until(lambda: client.get(
        "/api/pipelines/p/logs?level=error&limit=1").json()["lines"], 60, "an error")
    assert client.get("/api/pipelines/p/logs").json()["lines"][0]["pipeline"] == "p"
    assert client.get("/api/pipelines/p/logs?since=2999-01-01").json()["lines"] == []
    assert "is one of" in client.get("/api/pipelines/p/logs?level=loud", 400).json()["error"]


def of(name, **labels):
    return name, frozenset({"pipeline": "p", **labels}.items())


def test_pipelines_are_shown_metered_and_steered(served, mariadb):
    project, client = served
    project.daemon()
    client.wait_state("p", "running")
    process.wait_until(lambda: client.metrics()[of("leat_pipeline_rows_total")] == 3, 60, "rows")
    assert client.get("/health").json() == {"status": "up"}
    assert client.get("/ready").json()["ready"]
    metrics = client.metrics()
    assert metrics[of("leat_pipeline_state", state="running")] == 1
    assert metrics[of("leat_pipeline_breaker_state", side="sink")] == 0
    commits = metrics[of("leat_pipeline_commit_duration_seconds_count")]
    assert commits > 0
    assert metrics[of("leat_pipeline_commit_duration_seconds_bucket", le="+Inf")] == commits

    client.post("/api/pipelines/p/pause")
    client.wait_state("p", "paused")
    mariadb.query("INSERT INTO t VALUES (4)")
    client.post("/api/pipelines/p/resume")
    process.wait_until(lambda: client.metrics()[of("leat_pipeline_rows_read_total")] >= 1, 60,
                       "the row that came meanwhile")
    client.wait_state("p", "running")
    assert client.post("/api/reload") == {"started": [], "restarted": [], "stopped": []}
    assert "leat stop p" in client.post("/api/pipelines/p/reset", 409)["error"]
    assert "path=/api/pipelines/p/pause" in project.ask("logs")
    client.post("/api/shutdown")
    project.started[-1].wait()


def test_two_daemons_cannot_have_one_port(served, tmp_path):
    project, client = served
    project.daemon()
    client.wait_state("p", "running")
    other = leat.Project(tmp_path / "other")
    other.write("leat.yaml", (project.folder / "leat.yaml").read_text())
    other.write("pipelines/q.yaml", (project.folder / "pipelines/p.yaml").read_text())
    said = other.ask("start", ".", code=leat.BAD_CONFIG)
    assert "cannot listen on 127.0.0.1:" in said and "another `api`" in said


def test_tokens_are_needed_where_others_can_reach_it_and_where_they_are_set(served):
    project, client = served
    port = client.url.rpartition(":")[2]
    project.write("leat.yaml", {"data": "./data", "api": f"[::]:{port}"})
    said = project.ask("validate", ".", code=leat.BAD_CONFIG)
    assert "leat.yaml:" in said and "operator_token" in said

    project.write("leat.yaml", {"data": "./data", "api": {
        "listen": f"127.0.0.1:{port}", "viewer_token": "${VIEWER}", "operator_token": "${BOSS}"}})
    project.environment.update(VIEWER="canary-viewer", BOSS="canary-boss")
    project.daemon()
    process.wait_until(lambda: client.get("/health"), 60, "it answers")
    client.get("/api/pipelines", 401)
    client.get("/metrics", 401)
    viewer, boss = Client(port, "canary-viewer"), Client(port, "canary-boss")
    viewer.wait_state("p", "running")
    viewer.post("/api/pipelines/p/stop", 403)
    boss.post("/api/pipelines/p/stop")
    boss.wait_state("p", "stopped")
    shown = viewer.get("/api/pipelines").text + viewer.get("/metrics").text
    shown += "".join(path.read_text() for path in (project.data / "logs").iterdir())
    for secret in ("canary-", database.PASSWORD):
        assert secret not in shown
