"""deploy/compose and deploy/kubernetes, as far as they can be tried without containers: by the
schemas of what reads them, and what they configure by the programs that are configured."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from harness import database, kafka, leat, process, prometheus
from test_api import Client

DEPLOY = leat.ROOT / "deploy"
COMPOSE = DEPLOY / "compose"
SERVICES = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]
EXAMPLE = dict(line.split("=", 1) for line in (COMPOSE / ".env.example").read_text().splitlines()
               if line and not line.startswith("#"))
OBJECTS = {document["kind"]: document for file in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
           for document in yaml.safe_load_all(file.read_text())}
CONTAINER = OBJECTS["StatefulSet"]["spec"]["template"]["spec"]["containers"][0]
NEEDED = re.compile(r"\$\{(\w+):\?[^}]*\}")


def filled(text):
    """As Compose does it, with what .env.example has."""
    return NEEDED.sub(lambda match: EXAMPLE[match[1]], text).replace("$$", "$")


def mounts(service):
    """Where things of this tree are in the container: {there: here}."""
    found = {}
    for volume in SERVICES[service]["volumes"]:
        here, there, *_ = volume.split(":")
        if here.startswith("."):
            found[there] = (COMPOSE / here).resolve()
    return found


def test_compose_is_what_its_schema_says():
    done = subprocess.run([sys.executable, "-m", "check_jsonschema", "--builtin-schema",
                           "vendor.compose-spec", COMPOSE / "compose.yaml"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_objects_are_what_the_schemas_of_kubernetes_say():
    assert set(OBJECTS) == {"ConfigMap", "NetworkPolicy", "Secret", "Service", "StatefulSet"}
    for document in OBJECTS.values():
        for version in ("1.29", "1.37"):
            kubernetes_validate.validate(document, version, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**OBJECTS["Service"], "spec": {"port": 1}}, "1.37", strict=True)


def test_every_image_has_a_version():
    images = [service["image"] for service in SERVICES.values()] + [CONTAINER["image"]]
    images += re.findall(r"^FROM (\S+)", (COMPOSE / "Dockerfile").read_text(), re.M)
    assert len(images) >= 10
    for image in images:
        assert re.fullmatch(r"[\w./-]+:(v?\d+\.\d+(\.\d+)?(-slim)?|RELEASE\.[\dTZ-]+)", image), image
    version = subprocess.run([leat.PROGRAM, "version"], capture_output=True, text=True).stdout
    assert {image.split(":")[1] for image in images if image.startswith("leat:")} == {
        re.search(r"\d+\.\d+\.\d+", version)[0]}


def test_nothing_of_compose_is_open_to_others_and_no_secret_is_in_it():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) >= 6 and all(port.startswith("127.0.0.1:") for port in ports)
    text = (COMPOSE / "compose.yaml").read_text()
    assert set(NEEDED.findall(text)) == set(EXAMPLE)
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|SECRET|MC_HOST", key):
                assert NEEDED.search(value), (name, key)


def test_what_compose_mounts_is_there_and_where_it_is_looked_for():
    for name in ("leat", "mariadb", "prometheus", "grafana"):
        assert all(path.exists() for path in mounts(name).values()), mounts(name)
    grafana = mounts("grafana")
    provisioning = grafana["/etc/grafana/provisioning"]
    [provider] = yaml.safe_load((provisioning / "dashboards/leat.yaml").read_text())["providers"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert grafana[home] == DEPLOY / "grafana/leat.json"
    assert Path(home).parent == Path(provider["options"]["path"])
    [source] = yaml.safe_load(
        (provisioning / "datasources/prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090" and "prometheus" in SERVICES
    assert mounts("prometheus")["/etc/prometheus/alerts.yml"] == DEPLOY / "prometheus/alerts.yml"


def test_prometheus_takes_its_files(tmp_path):
    if reason := prometheus.Prometheus.reason_missing():
        pytest.skip(reason)
    for there, here in mounts("prometheus").items():
        shutil.copy(here, tmp_path / Path(there).name)
    secret = "/run/secrets/" + SERVICES["prometheus"]["secrets"][0]
    config = (tmp_path / "prometheus.yml").read_text()
    assert config.count(secret) == 1 and f'"leat:{CONTAINER["ports"][0]["containerPort"]}"' in config
    (tmp_path / "token").write_text("x")
    (tmp_path / "prometheus.yml").write_text(config.replace(secret, str(tmp_path / "token")))
    assert "6 rules found" in prometheus.check("config", tmp_path / "prometheus.yml")


def test_the_project_of_compose_is_right(tmp_path):
    (tmp_path / "project/pipelines").mkdir(parents=True)
    for there, here in mounts("leat").items():
        (shutil.copytree if here.is_dir() else shutil.copy)(
            here, tmp_path / "project" / Path(there).relative_to("/etc/leat"),
            **({"dirs_exist_ok": True} if here.is_dir() else {}))
    env = {name: filled(value) for name, value in SERVICES["leat"]["environment"].items()}
    done = subprocess.run([leat.PROGRAM, "validate", tmp_path / "project"], env=env,
                          capture_output=True, text=True)
    assert done.returncode == leat.DONE, done.stdout + done.stderr
    settings = yaml.safe_load((COMPOSE / "leat.yaml").read_text())
    assert settings["broker"] == "kafka://kafka:9092" and "kafka" in SERVICES
    assert f"leat:{settings['data']}" in SERVICES["leat"]["volumes"]
    del env["LEAT_OPERATOR_TOKEN"]
    done = subprocess.run([leat.PROGRAM, "validate", tmp_path / "project"], env=env,
                          capture_output=True, text=True)
    assert done.returncode == leat.BAD_CONFIG and "LEAT_OPERATOR_TOKEN" in done.stderr


class AsInCompose(database.MariaDb):
    def settings(self):
        return SERVICES["mariadb"]["command"]


def test_the_mariadb_of_compose_is_one_that_leat_can_read(project, tmp_path):
    server = AsInCompose(tmp_path / "server")
    try:
        server.execute("DROP USER leat@'%'", "CREATE DATABASE tx_collector",
                       "CREATE TABLE tx_collector.t (id INT PRIMARY KEY)")
        [script] = mounts("mariadb")["/docker-entrypoint-initdb.d"].iterdir()
        # The image sources what cannot be executed, in a shell that has this function.
        assert not os.access(script, os.X_OK)
        client = shlex.join(["mariadb", "-uroot", f"--socket={server.folder}/s.sock"])
        subprocess.run(["bash", "-euc", f"docker_process_sql() {{ {client}; }}; . {script}"],
                       check=True, env={**os.environ, "LEAT_DB_PASSWORD": "of-compose"})
        project.pipeline(server.url("tx_collector", password="of-compose"), ["t"])
        project.ask("check", ".")
        project.catch_up()
    finally:
        server.stop()


def test_the_kafka_of_compose_takes_its_settings(tmp_path):
    if reason := kafka.Kafka.reason_missing():
        pytest.skip(reason)
    settings = {name.removeprefix("KAFKA_").replace("_", ".").lower(): value
                for name, value in SERVICES["kafka"]["environment"].items()}
    settings["log.dirs"] = tmp_path / "log"
    file = tmp_path / "server.properties"
    file.write_text(kafka.properties(settings))
    command = kafka.java("kafka.tools.StorageTool", "format", "-t", kafka.CLUSTER_ID, "-c", file)
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    file.write_text(kafka.properties({**settings, "advertised.listeners": "ELSEWHERE://kafka:1"}))
    assert subprocess.run(command, capture_output=True).returncode != 0


def mounted(folder):
    """The ConfigMap as the kubelet lays it: behind links, so that all of it changes at once."""
    [volume] = [v for v in OBJECTS["StatefulSet"]["spec"]["template"]["spec"]["volumes"]
                if v["name"] == "project"]
    data = OBJECTS["ConfigMap"]["data"]
    assert volume["configMap"]["name"] == OBJECTS["ConfigMap"]["metadata"]["name"]
    assert {item["key"] for item in volume["configMap"]["items"]} == set(data)
    version = folder / "..2026_11_30"
    for item in volume["configMap"]["items"]:
        file = version / item["path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(data[item["key"]])
    (folder / "..data").symlink_to(version.name)
    for name in {item["path"].split("/")[0] for item in volume["configMap"]["items"]}:
        (folder / name).symlink_to(f"..data/{name}")


def test_the_project_of_kubernetes_is_right(tmp_path):
    mounted(tmp_path)
    assert CONTAINER["envFrom"] == [{"secretRef": {"name": OBJECTS["Secret"]["metadata"]["name"]}}]
    env = OBJECTS["Secret"]["stringData"]
    done = subprocess.run([leat.PROGRAM, "validate", tmp_path, "--output", "json"], env=env,
                          capture_output=True, text=True)
    assert done.returncode == leat.DONE, done.stdout + done.stderr
    assert json.loads(done.stdout)["pipelines"] == ["shop"]
    without = {name: value for name, value in env.items() if name != "SHOP_PASSWORD"}
    done = subprocess.run([leat.PROGRAM, "validate", tmp_path], env=without,
                          capture_output=True, text=True)
    assert done.returncode == leat.BAD_CONFIG, done.stdout


def test_the_commands_and_probes_of_containers_are_ones_that_there_are(project, mariadb):
    image = (COMPOSE / "Dockerfile").read_text()
    command = re.search(r'^CMD \[(.*)\]$', image, re.M)[1].replace('"', "").split(", ")
    assert command == CONTAINER["args"]
    port = process.free_port()
    project.write("leat.yaml", {"data": "./data", "api": f"127.0.0.1:{port}"})
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY)")
    project.pipeline(mariadb, ["t"])
    healthy = COMPOSE / "leat-healthy"
    assert SERVICES["leat"]["healthcheck"]["test"] == ["CMD", healthy.name]
    assert subprocess.run([healthy, str(port)], capture_output=True).returncode != 0
    # As the image starts it, with this machine's folders.
    here = {"/var/lib/leat": project.data, "/etc/leat": project.folder}
    run = project.command(*(here.get(word, word) for word in command))
    client = Client(port)
    run.wait_for(lambda: subprocess.run([healthy, str(port)], capture_output=True).returncode == 0,
                 "it is healthy")
    client.wait_state("p", "running")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert CONTAINER[probe]["httpGet"]["port"] == CONTAINER["ports"][0]["name"]
        client.get(CONTAINER[probe]["httpGet"]["path"])
    assert run.terminate() == leat.DONE
