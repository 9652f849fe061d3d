"""Avro with a schema registry, judged by confluent-kafka's own serializers. The registry is a
stand-in (harness/registry.py), which the same clients prove."""

import base64
import datetime
import decimal
import json

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from harness import certificates, compare, leat, readers, records, registry

KEY = SerializationContext("t", MessageField.KEY)
VALUE = SerializationContext("t", MessageField.VALUE)
UTC = datetime.timezone.utc


@pytest.fixture
def schemas():
    running = registry.Registry(auth=("reader", "s3cret"))
    yield running
    running.stop()


def client(schemas, **more):
    return SchemaRegistryClient({"url": schemas.url, "basic.auth.user.info": "reader:s3cret",
                                 **more})


def settings(schemas, **more):
    return {"url": schemas.url, "user": "reader", "password": "s3cret", **more}


def printing(project, server, schemas, **more):
    """A run that prints the records that a topic `t` would get."""
    project.write("pipelines/in.yaml", {
        "name": "in",
        "from": {"mysql": {"url": server.url(), "tables": ["o"], "read": "cdc"}},
        "to": {"stdout": {"topic": "t", "format": "avro", "registry": settings(schemas, **more)}},
        "commit": {"every": "100ms"}})
    return project.command("run", "pipelines/in.yaml", "--until-caught-up")


def printed(project, server, schemas, **more):
    run = printing(project, server, schemas, **more).expect(leat.DONE)
    return [line for line in run.lines() if "topic" in line]


def bytes_of(record, field):
    if record.get(f"{field}_base64") is not None:
        return base64.b64decode(record[f"{field}_base64"])
    return None if record[field] is None else record[field].encode()


def test_confluents_deserializer_reads_what_leat_writes(mariadb, project, schemas):
    mariadb.execute(
        "CREATE TABLE o (id INT PRIMARY KEY, d DECIMAL(20,4), t DATETIME(6), z TIMESTAMP(6) "
        "NULL, n VARCHAR(20) NOT NULL, b BLOB, u BIGINT UNSIGNED, `odd-name` DATE, f DOUBLE)",
        "SET time_zone = '+00:00'",
        "INSERT INTO o VALUES (1, -12.5, '2024-01-02 03:04:05.678901', "
        "'2024-01-02 03:04:05.5', 'ü€😀', x'00ff', 18446744073709551615, '1969-12-31', 0.1)",
        "INSERT INTO o (id, n) VALUES (-2, '')", database="shop")
    rows = printed(project, mariadb, schemas)
    mariadb.execute("DELETE FROM o WHERE id = -2", "UPDATE o SET id = 7", database="shop")
    rows += printed(project, mariadb, schemas)
    key, value = AvroDeserializer(client(schemas)), AvroDeserializer(client(schemas))
    read = [(key(bytes_of(r, "key"), KEY)["id"],
             bytes_of(r, "value") and value(bytes_of(r, "value"), VALUE)) for r in rows]
    full = {"id": 1, "d": decimal.Decimal("-12.5000"),
            "t": datetime.datetime(2024, 1, 2, 3, 4, 5, 678901),
            "z": datetime.datetime(2024, 1, 2, 3, 4, 5, 500000, UTC), "n": "ü€😀",
            "b": b"\x00\xff", "u": decimal.Decimal(18446744073709551615),
            "odd_name": datetime.date(1969, 12, 31), "f": 0.1}
    empty = {**dict.fromkeys(full), "id": -2, "n": ""}
    assert sorted(read[:2], key=lambda r: r[0]) == [(-2, empty), (1, full)]
    assert read[2:] == [(-2, None), (1, None), (7, {**full, "id": 7})]
    assert sorted(schemas.subjects) == ["t-key", "t-value"]


def test_what_leat_writes_it_reads(server, project, schemas):
    server.execute("CREATE TABLE o (id INT PRIMARY KEY, a VARCHAR(20), `b c` DECIMAL(9,3))",
                   "INSERT INTO o VALUES (1, 'x', 1.5), (2, NULL, NULL), (3, '', -1)",
                   database="shop")
    records.into_lake(project, "o", format="avro", registry=settings(schemas))
    project.write("pipelines/out.yaml", (project.folder / "pipelines/out.yaml").read_text()
                  .replace("{database}.{table}", "shop.{table}"))
    for change in (("DO 1",), ("DELETE FROM o WHERE id = 1", "UPDATE o SET id = 20 WHERE id = 2",
                        "ALTER TABLE o ADD COLUMN more DATE",
                        "INSERT INTO o VALUES (5, 'n', 2, '2024-02-29')")):
        server.execute(*change, database="shop")
        records.produce(project, "o", printed(project, server, schemas))
        records.read_all(project)
        compare.assert_equal(project, server, "shop.o")


def test_leat_reads_what_confluents_serializer_writes(project, schemas):
    first = {"type": "record", "name": "v", "fields": [
        {"name": "id", "type": "long"},
        {"name": "kind", "type": {"type": "enum", "name": "k", "symbols": ["A", "B"]}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "price", "type": ["null", {"type": "bytes", "logicalType": "decimal",
                                            "precision": 10, "scale": 2}]},
        {"name": "tags", "type": {"type": "map", "values": {"type": "array", "items": "int"}}}]}
    second = {**first, "fields": [*first["fields"], {"name": "note", "type": ["null", "string"],
                                                      "default": None}]}
    write = [AvroSerializer(client(schemas), json.dumps(s)) for s in (first, second)]
    key = AvroSerializer(client(schemas), json.dumps(
        {"type": "record", "name": "k", "fields": [{"name": "id", "type": "long"}]}))
    at = datetime.datetime(2024, 1, 2, 3, 4, 5, 678000, UTC)

    def row(number, **more):
        return {"id": number, "kind": "B", "at": at, "price": decimal.Decimal("1.25"),
                "tags": {"a": [1, 2]}, **more}

    def message(number, value):
        return {"key_base64": base64.b64encode(key({"id": number}, KEY)).decode(),
                **({"value": None} if value is None else
                   {"value_base64": base64.b64encode(value).decode()})}

    messages = [message(1, write[0](row(1), VALUE)), message(2, write[0](row(2), VALUE)),
                message(3, write[1](row(3, note="new"), VALUE)),
                message(4, write[0](row(4, price=None), VALUE)), message(2, None)]
    records.into_lake(project, "t", format="avro", registry=settings(schemas))
    project.write("pipelines/out.yaml", (project.folder / "pipelines/out.yaml").read_text()
                  .replace("{database}.{table}", "lake.t"))
    records.produce(project, "t", messages)
    records.read_all(project)
    price = decimal.Decimal("1.25")
    assert readers.rows(project, "lake.t", ["id", "kind", "at", "price", "tags", "note"]) == [
        (1, "B", at, price, '{"a":[1,2]}', None), (3, "B", at, price, '{"a":[1,2]}', "new"),
        (4, "B", at, None, '{"a":[1,2]}', None)]
    asked = [path for method, path in schemas.requests if path.startswith("/schemas/ids/")]
    assert len(asked) == len(set(asked)), "an id was asked for twice"


def test_scar_29_and_30_poison_is_a_dead_letter_and_a_wrong_password_an_error(project, schemas):
    records.into_lake(project, "t", format="avro", registry=settings(schemas))
    records.produce(project, "t", [
        {"value": "no frame"}, {"value_base64": base64.b64encode(b"\0\0\0\0\x63x").decode()}])
    project.command("run", "pipelines/out.yaml", "--until-caught-up").expect(leat.DONE)
    found = project.command("dead-letters", "out").expect(leat.DONE).text
    assert "not in the framing of a schema registry" in found and "Schema 99 not found" in found
    records.into_lake(project, "t", format="avro", registry=settings(schemas, password="no"))
    records.produce(project, "t", [{"value_base64": base64.b64encode(b"\0\0\0\0\x01x").decode()}])
    run = project.command("run", "pipelines/out.yaml", "--until-caught-up").expect(
        leat.BAD_CONFIG)
    assert "registry.password" in run.text and "s3cret" not in run.text


@pytest.fixture
def over_tls(tmp_path):
    """Makes a registry with a certificate of an authority of its own: its CA, and it."""
    authority = certificates.Authority(tmp_path, "ours")
    running = []

    def make(*hosts, expired=False):
        running.append(registry.Registry(auth=("reader", "s3cret"), tls=authority.certificate(
            f"registry{len(running)}", *hosts, expired=expired)))
        return authority.ca, running[-1]

    yield make
    for one in running:
        one.stop()


def test_a_registry_over_tls(mariadb, project, over_tls):
    mariadb.execute("CREATE TABLE o (id INT PRIMARY KEY, a VARCHAR(20))",
                    "INSERT INTO o VALUES (1, 'x'), (2, NULL)", database="shop")
    ca, schemas = over_tls("127.0.0.1")
    messages = printed(project, mariadb, schemas, ca=str(ca))
    value = AvroDeserializer(client(schemas, **{"ssl.ca.location": str(ca)}))
    assert [value(bytes_of(r, "value"), VALUE) for r in messages] == [
        {"id": 1, "a": "x"}, {"id": 2, "a": None}]
    records.into_lake(project, "t", format="avro", registry=settings(schemas, ca=str(ca)))
    project.write("pipelines/out.yaml", (project.folder / "pipelines/out.yaml").read_text()
                  .replace("{database}.{table}", "lake.o"))
    records.produce(project, "t", messages)
    records.read_all(project)
    assert not compare.difference(project, mariadb, "shop.o", lake_table="lake.o")


@pytest.mark.parametrize("hosts, expired, trusted", [
    (["127.0.0.1"], False, "other"), (["127.0.0.1"], False, None),
    (["registry.example"], False, "ours"), (["127.0.0.1"], True, "ours")])
def test_scar_30_a_registry_that_cannot_be_trusted_gets_no_password(
        mariadb, project, tmp_path, over_tls, hosts, expired, trusted):
    mariadb.query("CREATE TABLE o (id INT PRIMARY KEY)")
    mariadb.query("INSERT INTO o VALUES (1)")
    ours, schemas = over_tls(*hosts, expired=expired)
    ca = {"ours": ours, "other": certificates.Authority(tmp_path, "other").ca, None: None}[trusted]
    run = printing(project, mariadb, schemas, **({"ca": str(ca)} if ca else {})).expect(
        leat.BAD_CONFIG)
    assert schemas.url in run.text and "check registry.url and registry.ca" in run.text
    assert "certificate" in run.text and "s3cret" not in run.text
    assert schemas.requests == []
