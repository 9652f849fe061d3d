"""What deploy/ has, by the programs that read it."""

import json
import re
import subprocess
import urllib.request
from pathlib import Path

import pytest
from harness import leat, process, prometheus

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


@pytest.fixture
def scraped(project, mariadb, tmp_path):
    """A daemon with a pipeline that runs and one that fails, and a Prometheus that scrapes it
    as deploy/ says, only more often."""
    if reason := prometheus.Prometheus.reason_missing():
        pytest.skip(reason)
    port = process.free_port()
    project.write("leat.yaml", {"data": "./data", "api": f"127.0.0.1:{port}"})
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY)")
    mariadb.query("INSERT INTO t VALUES (1)")
    project.pipeline(mariadb, ["t"], name="good", commit={"every": "50ms"})
    project.pipeline(mariadb, ["no_such_table"], name="bad", more={"restart": {"max": 0}})
    project.daemon()
    project.wait_status("bad", lambda view: view["state"] == "failed", "it fails")
    config = (DEPLOY / "prometheus/prometheus.yml").read_text()
    for old, new in (("15s", "200ms"), ("alerts.yml", str(DEPLOY / "prometheus/alerts.yml")),
                     ("127.0.0.1:8083", f"127.0.0.1:{port}")):
        assert config.count(old) == 1
        config = config.replace(old, new)
    config = config.replace("global:\n", "global:\n  evaluation_interval: 200ms\n")
    file = tmp_path / "prometheus.yml"
    file.write_text(config)
    server = prometheus.Prometheus(tmp_path, file)
    yield server, port, mariadb
    server.stop()


def test_metrics_are_as_prometheus_wants_them(scraped):
    _, port, _ = scraped
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
        assert prometheus.check("metrics", text=page.read().decode()) == ""


def test_every_panel_and_alert_has_data(scraped):
    server, _, database = scraped
    panels = json.loads((DEPLOY / "grafana/leat.json").read_text())["panels"]
    expressions = [target["expr"].replace("$pipeline", ".*").replace("$__rate_interval", "10s")
                   for panel in panels for target in panel["targets"]]
    rules = server.rules()
    # Without what it compares with, an alert's expression has a value at any time.
    expressions += [re.split(r" (?:==|>) ", rule["query"])[0] for rule in rules]
    assert len(expressions) >= 20 and len(rules) == 6
    for number in range(2, 22):
        database.query(f"INSERT INTO t VALUES ({number})")
    for expression in expressions:
        process.wait_until(lambda e=expression: server.query(e), 60, expression)
    assert all(rule["health"] in ("ok", "unknown") for rule in server.rules())
    firing = process.wait_until(lambda: server.query('ALERTS{alertstate="firing"}'), 60, "alerts")
    assert [(a["metric"]["alertname"], a["metric"]["pipeline"]) for a in firing] == [
        ("LeatPipelineFailed", "bad")]


def test_the_files_of_prometheus_are_right():
    if reason := prometheus.Prometheus.reason_missing():
        pytest.skip(reason)
    assert "6 rules found" in prometheus.check("rules", DEPLOY / "prometheus/alerts.yml")
    prometheus.check("config", DEPLOY / "prometheus/prometheus.yml")


def test_the_package_has_all_it_needs(tmp_path):
    """Unpacked elsewhere the program runs, with the libraries that came with it."""
    root = DEPLOY.parent
    subprocess.run([root / "scripts/package.sh", tmp_path], check=True)
    [package] = tmp_path.glob("leat_*.deb")
    subprocess.run(["dpkg-deb", "-x", package, tmp_path / "root"], check=True)
    usr = tmp_path / "root/usr"
    libraries = subprocess.run(["ldd", usr / "bin/leat"], capture_output=True, text=True).stdout
    assert "not found" not in libraries and str(process.CACHE) not in libraries
    for library in ("libarrow", "libduckdb", "librdkafka"):
        assert f"=> {usr}/bin/../lib/leat/{library}" in libraries
    sample = subprocess.run([usr / "bin/leat", "validate", root / "examples/orders-sink"],
                            capture_output=True, text=True)
    assert sample.returncode == leat.DONE, sample.stderr
    needs = subprocess.run(["dpkg-deb", "-f", package, "Depends"], capture_output=True,
                           text=True).stdout
    assert "libmariadb3" in needs and "librocksdb" in needs
    assert {file.name for file in (usr / "share/doc/leat/licenses").iterdir()} == {
        "arrow.txt", "duckdb.txt", "librdkafka.txt"}


def test_the_unit_calls_what_there_is(project):
    """Its commands and options are ones that the program has."""
    unit = (DEPLOY / "systemd/leat.service").read_text()
    for line in re.findall(r"^ExecStart(?:Pre)?=/usr/bin/leat (.*)$", unit, re.M):
        words = line.split()
        text = project.ask(words[0], "--help")
        for option in (word for word in words if word.startswith("--")):
            assert option in text
    assert f"RestartPreventExitStatus={leat.BAD_CONFIG}" in unit
