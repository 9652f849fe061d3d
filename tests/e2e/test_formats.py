"""Topics of CSV and of CloudEvents on a real broker: what Leat writes is read by Python's csv
module and by what the specification of CloudEvents says, what it reads was written by them."""

import base64
import csv
import datetime
import decimal
import io
import json

import pytest
from harness import compare, leat, readers

TABLE = ("CREATE TABLE o (id INT PRIMARY KEY, s VARCHAR(60), d DECIMAL(20,3), t DATETIME(6), "
         "day DATE, b BLOB, n BIGINT)")
COLUMNS = ("id int not null, s string, d decimal(20,3), t timestamp, day date, b binary, "
           "n bigint")
MODES = ["structured", "binary"]
CSV = [{}, {"delimiter": ";", "quote": "'", "header": True, "null": "\\N"}]


@pytest.fixture
def names(request):
    """Topics and groups of the test's own, for the broker is shared."""
    base = "".join(c if c.isalnum() else "-" for c in request.node.name.replace("test_", ""))
    return lambda name: f"{base}-{name}"


def on_kafka(project, broker):
    project.write("leat.yaml", {"data": "./data", "broker": broker.url()})


def write_topic(project, server, topic, name="in", **sink):
    project.write(f"pipelines/{name}.yaml", {
        "name": topic, "commit": {"every": "100ms"},
        "from": {"mysql": {"url": server.url(), "tables": ["o"], "read": "cdc"}},
        "to": {"topic": {"name": topic, **sink}}})


def read_topic(project, topic, **source):
    project.write("pipelines/out.yaml", {
        "name": f"{topic}-lake", "commit": {"every": "100ms"},
        "from": {"topic": {"name": topic, "columns": COLUMNS, "key": ["id"], **source}},
        "to": {"iceberg": {"warehouse": "./lake", "table": "lake.o"}}})


def run(project, name):
    return project.command("run", f"pipelines/{name}.yaml", "--until-caught-up").expect(leat.DONE)


def dead_letters(project, topic):
    found = project.command("dead-letters", f"{topic}-lake", "--output", "json")
    return json.loads(found.expect(leat.DONE).text)


def assert_dead(project, topic, first, values):
    """These records from an offset on are dead letters, each with its place and its bytes."""
    letters = dead_letters(project, topic)
    rows = [json.loads(letter["row"]) for letter in letters]
    assert [row["offset"] for row in rows] == list(range(first, first + len(values)))
    assert [row["value"].encode() if "value" in row else base64.b64decode(row["value_base64"])
            for row in rows] == values
    for letter, row in zip(letters, rows):
        assert letter["reason"].startswith(f"{topic}[0]@{row['offset']}: "), letter


def fill(server):
    server.query(TABLE)
    server.query("""INSERT INTO o VALUES
      (1, 'a,b;c', -1.5, '2024-01-02 03:04:05.678901', '1969-12-31', x'00ff', -9223372036854775808),
      (2, 'say "yes", it''s ''so''', 12345678901234567.891, '0001-01-01 00:00:00', NULL, '', 0),
      (3, 'two\r\nlines\n', 0, '2024-01-02 03:04:05.5', '9999-12-31', 'text', 7),
      (4, ' ü€😀 ', NULL, NULL, '2024-02-29', NULL, NULL), (5, 'gone', 1, NULL, NULL, NULL, 1)""")


def change(server):
    server.execute("UPDATE o SET s = 'new', d = d + 1 WHERE id = 3", "DELETE FROM o WHERE id = 5",
                   "UPDATE o SET id = 10 WHERE id = 4", "INSERT INTO o (id, s) VALUES (6, '7')",
                   database="shop")


def kept(fields):
    """A row of the source out of texts, None for nulls, by its columns' names."""
    def of(name, parse):
        return None if fields[name] is None else parse(fields[name])
    return (of("id", int), of("s", str), of("d", decimal.Decimal),
            of("t", datetime.datetime.fromisoformat), of("day", datetime.date.fromisoformat),
            of("b", base64.b64decode), of("n", int))


def assert_rows(server, found):
    assert compare.plain_rows(found) == compare.source_rows(server, "shop.o")


def assert_read_back(project, server):
    run(project, "out")
    assert not compare.difference(project, server, "shop.o", lake_table="lake.o")


# CSV.

def parsed(text, settings):
    """The fields of a record of one row, by name, as Python's csv module reads them."""
    lines = list(csv.reader(io.StringIO(text, newline=""), strict=True,
                            delimiter=settings.get("delimiter", ","),
                            quotechar=settings.get("quote", '"')))
    columns = lines.pop(0) if settings.get("header") else [
        column.split()[0] for column in COLUMNS.split(", ")]
    assert len(lines) == 1 and len(lines[0]) == len(columns), lines
    null = settings.get("null", "")
    return {name: None if field == null else field for name, field in zip(columns, lines[0])}


@pytest.mark.parametrize("settings", CSV, ids=["default", "other"])
def test_csv_is_read_by_pythons_csv_module_and_by_leat(mariadb, project, broker, names, settings):
    fill(mariadb)
    on_kafka(project, broker)
    write_topic(project, mariadb, names("t"), format="csv", csv=settings)
    read_topic(project, names("t"), format="csv", csv=settings)
    table = {}
    for step in (lambda server: None, change):
        step(mariadb)
        run(project, "in")
        assert_read_back(project, mariadb)
    for message in broker.read(names("t")):
        key = message.key().decode().split()[-1]  # after its header, where there is one
        if message.value() is None:
            del table[key]
        else:
            table[key] = kept(parsed(message.value().decode(), settings))
            assert key == str(table[key][0])
    want = compare.source_rows(mariadb, "shop.o")
    if not settings.get("null"):  # nothing and '' are the same to Python's module
        want = [tuple(None if value in ("", b"") else value for value in row) for row in want]
    assert compare.plain_rows(table.values()) == want
    assert dead_letters(project, names("t")) == []


@pytest.mark.parametrize("settings", CSV, ids=["default", "other"])
def test_scar_29_csv_by_pythons_csv_module_and_what_is_none(project, broker, names, settings):
    rows = [("1", "a,b;c", "1.5"), ("2", "say \"yes\", it's", "-0.25"), ("3", "two\r\nlines", "7"),
            ("4", "ü€😀", "0")]
    delimiter, quote = settings.get("delimiter", ","), settings.get("quote", '"')
    names_first = settings.get("header", False)
    header = ["id", "s", "d"]

    def line(row):
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=delimiter, quotechar=quote).writerows([header] * names_first
                                                                         + [row])
        return text.getvalue().encode()

    def raw(text):
        text = text.replace(",", delimiter).replace('"', quote)
        return ("id,s,d\n".replace(",", delimiter) * names_first).encode() + text.encode("latin1")

    poison = [raw(text) for text in ("5,x", "six,x,1", '7,"x', '8,"x"y,1', "9,x,much",
                                     "10,x,1\n11,x,1", "12,\xff,1")]
    broker.create_topic(names("t"), 1)
    broker.produce(names("t"), [*((None, line(row)) for row in rows[:2]),
                                *((None, value) for value in poison),
                                *((None, line(row)) for row in rows[2:])])
    on_kafka(project, broker)
    read_topic(project, names("t"), format="csv", csv=settings,
               columns="id int not null, s string, d decimal(10,3)")
    run(project, "out")
    assert readers.rows(project, "lake.o", ["id", "s", "d"]) == [
        (int(i), s, decimal.Decimal(d)) for i, s, d in rows]
    assert_dead(project, names("t"), 2, poison)


# CloudEvents.

def event_of(message):
    """Attributes and data of an event, by the specification's Kafka binding."""
    headers = {name: value.decode() for name, value in message.headers()}
    if headers["content-type"].startswith("application/cloudevents"):
        assert headers["content-type"].partition(";")[0] == "application/cloudevents+json"
        event = json.loads(message.value(), parse_float=decimal.Decimal)
        data = event.pop("data")
    else:
        event = {name.removeprefix("ce_"): value for name, value in headers.items()
                 if name.startswith("ce_")}
        event["datacontenttype"] = headers["content-type"]
        data = json.loads(message.value(), parse_float=decimal.Decimal)
    assert event["specversion"] == "1.0" and event["datacontenttype"] == "application/json"
    assert all(isinstance(event[name], str) and event[name] for name in ("id", "source", "type"))
    assert event["time"].endswith("Z") and datetime.datetime.fromisoformat(event["time"])
    return event, data


@pytest.mark.parametrize("mode", MODES)
def test_cloudevents_are_read_by_their_specification_and_by_leat(mariadb, project, broker, names,
                                                                 mode):
    fill(mariadb)
    on_kafka(project, broker)
    settings = {"mode": mode, "type": "com.example.order"}
    for name in ("in", "again"):
        write_topic(project, mariadb, names(name), name, format="cloudevents",
                    cloudevents=settings)
    read_topic(project, names("in"), format="cloudevents")
    for step in (lambda server: None, change):
        step(mariadb)
        for name in ("in", "again"):
            run(project, name)
        assert_read_back(project, mariadb)
    table, events = {}, [event_of(message) for message in broker.read(names("in"))]
    for event, data in events:
        kind = event["type"].removeprefix("com.example.order.")
        assert event["source"] == "/shop/o" and json.loads(event["subject"]) == {"id": data["id"]}
        row = kept(data)
        if kind == "deleted":
            assert table.pop(data["id"]) == row, "the data is the row that was"
        else:
            assert (data["id"] in table) == (kind == "updated")
            table[data["id"]] = row
    assert_rows(mariadb, table.values())
    assert [event["type"].rpartition(".")[2] for event, _ in events] == [
        *["read"] * 5, "updated", "deleted", "deleted", "created", "created"]
    ids = [event["id"] for event, _ in events]
    assert len(ids) == len(set(ids))
    # Of the same changes the same ids, whoever writes them.
    assert ids[5:] == [event_of(message)[0]["id"] for message in broker.read(names("again"))][5:]
    assert dead_letters(project, names("in")) == []


def event(mode, number, data, type="com.example.order.placed"):
    """(key, value, headers) as a producer by the specification writes it."""
    attributes = {"specversion": "1.0", "id": f"e{number}", "source": "/elsewhere", "type": type,
                  "extension": "x"}
    if mode == "structured":
        return (None, json.dumps({**attributes, "datacontenttype": "application/json",
                                  "data": data}).encode(),
                [("content-type", b"application/cloudevents+json")])
    return (None, json.dumps(data).encode(),
            [("content-type", b"application/json"),
             *((f"ce_{name}", value.encode()) for name, value in attributes.items())])


@pytest.mark.parametrize("mode", MODES)
def test_scar_29_events_of_others_and_what_is_none(project, broker, names, mode):
    other = MODES[1 - MODES.index(mode)]
    poison = [(None, b"{}", []), (None, b"{poison", []), event(mode, 90, "text"),
              event(mode, 91, {"id": "no number"}),
              (None, b"x", [("ce_specversion", b"1.0"), ("ce_type", b"t"), ("ce_id", b"1"),
                            ("ce_source", b"/"), ("content-type", b"text/plain")])]
    broker.create_topic(names("t"), 1)
    broker.produce(names("t"), [
        event(mode, 1, {"id": 1, "s": "a", "d": 1.5}), event(other, 2, {"id": 2, "s": "b"}),
        *poison, event(mode, 3, {"id": 1, "s": "c", "d": None}),
        event(mode, 4, {"id": 2}, "com.example.order.deleted"), event(mode, 5, {"id": 3})])
    on_kafka(project, broker)
    read_topic(project, names("t"), format="cloudevents",
               columns="id int not null, s string, d decimal(10,3), ce_id string, ce_type string")
    run(project, "out")
    assert readers.rows(project, "lake.o", ["id", "s", "d", "ce_id", "ce_type"]) == [
        (1, "c", None, "e3", "com.example.order.placed"),
        (3, None, None, "e5", "com.example.order.placed")]
    assert_dead(project, names("t"), 2, [value for _, value, _ in poison])
