"""Records in embedded topics, and a pipeline that brings them into the lake."""

import json
import subprocess

from . import leat


def into_lake(project, topic, format="debezium", mode="upsert", **fields):
    """A pipeline `out` from a topic into Iceberg."""
    project.write("leat.yaml", {"data": "./data", "topics": {topic: {"partitions": 1}}})
    project.write("pipelines/out.yaml", {
        "name": "out", "from": {"topic": {"name": topic, "format": format, **fields}},
        "to": {"iceberg": {"warehouse": "./lake", "table": "{database}.{table}",
                           "mode": mode}},
        "commit": {"every": "100ms"}})


def produce(project, topic, messages):
    """`messages`: dicts with key and value, or key_base64 and value_base64."""
    (project.folder / "data").mkdir(exist_ok=True)
    subprocess.run([leat.PROGRAM, "topics", "create", topic], cwd=project.folder, check=True,
                   capture_output=True, timeout=60)
    names = ("key", "key_base64", "value", "value_base64")
    lines = "".join(json.dumps({name: m[name] for name in names if name in m}) + "\n"
                    for m in messages)
    subprocess.run([leat.PROGRAM, "topics", "produce", topic, "--json"], cwd=project.folder,
                   input=lines, check=True, capture_output=True, text=True, timeout=60)


def read_all(project):
    """Everything of the topic is in the lake; nothing was refused."""
    project.command("run", "pipelines/out.yaml", "--until-caught-up").expect(leat.DONE)
    found = subprocess.run([leat.PROGRAM, "dead-letters", "out", "--output", "json"],
                           cwd=project.folder, check=True, capture_output=True, text=True,
                           timeout=60)
    assert json.loads(found.stdout) == [], found.stdout[:3000]
