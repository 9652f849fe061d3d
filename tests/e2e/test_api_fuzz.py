"""A daemon's HTTP API against its own description: Schemathesis makes requests from
/api/openapi.json, ones that it allows and ones that it does not, and compares the answers."""

import json
import re
import subprocess
import sys

import pytest
from harness import leat, process, records
from test_api import Client

TOKEN = "canary-operator"
# It ends the daemon that the rest is asked of; test_api.py calls it.
LEFT_OUT = "/api/shutdown"
REAL = {"pipelines": ["tables", "out", "failed"], "topics": ["readings"], "groups": ["out"]}
# A pipeline that has failed is what /ready says 503 for. Some texts (a time, a level, a list of
# aliases) have a grammar that the description does not tell: others are refused. QUERY is no method
# that the HTTP library knows: it answers 400 before the API is asked.
CONFIG = """
[[operations]]
include-path = "/ready"
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", "503"]
[[operations]]
include-path = ["/metrics", "/api/pipelines/{name}/logs", "/api/groups/{name}/reset"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404", "409"]
[phases.coverage]
unexpected-methods = ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"]
"""


@pytest.fixture
def served(project, mariadb):
    """Three pipelines: one runs, one has rows that it could not take, one has failed."""
    port = process.free_port()
    project.environment["TOKEN"] = TOKEN
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY)")
    mariadb.query("INSERT INTO t VALUES (1), (2), (3)")
    records.into_lake(project, "readings", "json", columns="id bigint not null", key=["id"])
    records.produce(project, "readings",
                    [{"key": str(i), "value": f"no JSON {i}" if i % 2 else f'{{"id": {i}}}'}
                     for i in range(20)])
    project.pipeline(mariadb, ["t"], name="tables")
    project.pipeline(mariadb, ["no_such_table"], name="failed", more={"restart": {"max": 0}})
    project.write("leat.yaml", {
        "data": "./data", "topics": {"readings": {"partitions": 1}},
        "api": {"listen": f"127.0.0.1:{port}", "operator_token": "${TOKEN}"}})
    project.daemon()
    client = Client(port, TOKEN)
    client.wait_state("tables", "running")
    client.wait_state("failed", "failed")
    process.wait_until(lambda: client.get("/api/pipelines/out").json()["dead_letters"] == 10, 60,
                       "dead letters")
    return project, client


def described(client, folder, real):
    """The daemon's description in a file; where wanted with the names that there are, and with
    what it says of any daemon told for this one, which has tokens."""
    document = client.get("/api/openapi.json").json()
    document["security"] = [{"token": []}]
    for path, methods in document["paths"].items():
        for operation in methods.values():
            if path in ("/health", "/ready"):
                operation["security"] = []
            for parameter in operation["parameters"]:
                if parameter["name"] == "name" and real:
                    parameter["schema"]["enum"] = REAL[path.split("/")[2]]
    file = folder / "openapi.json"
    file.write_text(json.dumps(document))
    return file


def schemathesis(folder, client, real):
    """What it says, and its exit code. `real`: the names that there are, or made up ones."""
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG)
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--config-file", config, "run",
         described(client, folder, real), "--url", client.url, "--exclude-path", LEFT_OUT,
         "--header", f"Authorization: Bearer {TOKEN}", "--seed", "20",
         "--max-examples", "20", "--phases", "examples,coverage,fuzzing", "--no-color",
         "--generation-database", "none", "--continue-on-failure", "--request-timeout", "60"],
        cwd=folder, capture_output=True, text=True, timeout=500)
    return done.stdout + done.stderr, done.returncode


@pytest.mark.parametrize("real", [True, False], ids=["real", "made_up"])
def test_answers_are_as_the_description_says(served, tmp_path, real):
    project, client = served
    text, code = schemathesis(tmp_path, client, real)
    assert code == 0, text
    asked = re.search(r"(\d+) generated, \1 passed", text)
    assert asked and int(asked[1]) > 300, text
    # The daemon is there, and nothing that was asked for broke what it does.
    assert {view["name"] for view in client.get("/api/pipelines").json()["pipelines"]} == set(
        REAL["pipelines"])
    log = project.ask("logs", "leat", "-n", "100000")
    assert ("path=/api/pipelines/tables/" in log) == real
    project.ask("stop")
    assert project.status()["pid"] == 0
