"""Pipeline files that are wrong: every error, each with its place and a way out."""

import pytest
from harness import leat

DISCARD = "to: {discard: {}}\n"
NO_SINK = '1:1: this pipeline needs "to"; such as to: {iceberg: {...}}'
NO_URL = ('source mysql needs "url"; such as '
          "url: mysql://leat:***@127.0.0.1:3306/shop?tls=verify")


def source(rest, url="mysql://u@h/d"):
    return f"from: {{mysql: {{url: '{url}', tables: [t]{rest}}}}}\n"


@pytest.mark.parametrize("text, errors", [
    ("from:\n  mysql:\n    urll: x\n",
     [NO_SINK, '3:5: source mysql has no field "urll"; did you mean "url"?', "3:5: " + NO_URL]),
    ("from:\n  mysq:\n    url: x\n",
     [NO_SINK, '2:3: there is no source "mysq"; did you mean "mysql"?']),
    ("form:\n  mysql: {}\n",
     ['1:1: this pipeline has no field "form"; did you mean "from"?',
      '1:1: this pipeline needs "from"; such as from: {mysql: {...}}', NO_SINK]),
    (source(", read: never") + DISCARD,
     ['1:57: "read" cannot be "never"; it is one of: cdc, poll, once']),
    (source(", snapshot_workers: two") + DISCARD,
     ['1:69: "snapshot_workers" has to be an integer, not "two"; write a whole number, such as 100']),
    (source("", "${NO_SUCH_VARIABLE}") + DISCARD,
     ["1:22: the environment variable NO_SUCH_VARIABLE is not set; set it, or write "
      "${NO_SUCH_VARIABLE:default}"]),
    (source("") + "to: {discard: {}, stdout: {}}\n",
     ['2:19: two sinks, "discard" and "stdout", where one can be; put each into a pipeline file '
      "of its own"]),
    (source("") + DISCARD + "commit: {every: 5}\n",
     ['3:17: "every" has to be a duration, not "5"; add a unit, such as 5s']),
    (source("", "mysql://h/d") + DISCARD,
     ["1:21: the url names no user; write mysql://user:***@host:3306/database, with @ : / ? # % "
      "in user, password or database percent-encoded (%40 for @)"]),
    ("from: [\n", ["2:1: not valid YAML: end of sequence flow not found"]),
    ("from:\n  mysql:\n    urll: x\n    tabels: [t]\nto:\n  iceberg:\n    warehose: ./lake\n",
     ['3:5: source mysql has no field "urll"; did you mean "url"?', "3:5: " + NO_URL,
      '4:5: source mysql has no field "tabels"; did you mean "tables"?',
      '7:5: sink iceberg has no field "warehose"; did you mean "warehouse"?',
      '7:5: sink iceberg needs "warehouse"; such as warehouse: ./lake']),
], ids=["field", "connector", "key", "choice", "type", "variable", "two-sinks", "duration", "url",
        "yaml", "every-error"])
def test_validate_says_where_and_what(project, text, errors):
    project.write("pipelines/p.yaml", text)
    run = project.command("validate", ".").expect(leat.BAD_CONFIG)
    count = f"{len(errors)} error" + ("s" if len(errors) > 1 else "")
    assert run.text.splitlines() == [f"./pipelines/p.yaml:{error}" for error in errors] + [count]


def test_wrong_usage_ends_with_2(project):
    assert project.command("rnu").wait() == leat.USAGE
    assert project.command("run").wait() == leat.USAGE
    assert project.command("run", ".", "--no-such-flag").wait() == leat.USAGE
