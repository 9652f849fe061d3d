"""The master test: every column type, its extreme values, by snapshot and by stream, against
what the server itself says the values are."""

import every_type
import pyarrow as pa
import pytest
from harness import readers



def fill(server, *names):
    """Creates the tables and inserts every value; zero dates need an empty sql_mode."""
    statements = ["SET sql_mode = '', time_zone = '+00:00'"]
    for name in names:
        statements += [every_type.create(name, server.kind),
                       *every_type.inserts(name, server.kind)]
    server.execute(*statements, database="shop")


def expected(server, name, columns):
    """{column: {id: value}} as the server has it."""
    found = {}
    for column, kind in columns.items():
        expression, parse, _ = every_type.KINDS[kind.kind]
        text = expression.format(c=column, width=every_type.width(kind.type))
        rows = server.execute("SET sql_mode = '', time_zone = '+00:00'",
                              f"SELECT id, {text} FROM {name}", database="shop")
        found[column] = {i: None if v is None else parse(v) for i, v in rows}
    return found


def lake(project, name, columns):
    """{column: {id: value}} as PyIceberg reads it."""
    data = readers.arrow(project, f"shop.{name}")
    ids = data.column("id").to_pylist()
    found = {}
    for column, kind in columns.items():
        values = data.column(column)
        if kind.kind in ("datetime", "timestamp"):
            values = values.cast(pa.int64())
        convert = every_type.KINDS[kind.kind][2]
        found[column] = {i: None if v is None else convert(v)
                         for i, v in zip(ids, values.to_pylist())}
    return found


def differences(want, got, columns):
    lines = []
    for column, kind in columns.items():
        for i in sorted(want[column]):
            a, b = want[column][i], got[column].get(i, "no such row")
            if a != b or str(a) != str(b) and isinstance(a, float):  # -0.0 == 0.0
                lines.append(f"{kind.type} row {i} ({kind.values[i - 1] if i else 'null'}): "
                             f"server {a!r:.120}, lake {b!r:.120}")
    return lines


def unlike(server, project, name):
    """The values of a table that differ, of every type."""
    columns = every_type.columns(server.kind)
    return differences(expected(server, name, columns), lake(project, name, columns), columns)


def report(lines):
    assert not lines, f"{len(lines)} values differ:\n" + "\n".join(lines[:60])


@pytest.fixture
def followed(server, project):
    """Table `s` was snapshotted, table `l` was streamed, both with every value."""
    server.execute("SET sql_mode = ''", every_type.create("l", server.kind), database="shop")
    fill(server, "s")
    project.pipeline(server, ["s", "l"])
    project.catch_up()
    server.execute("SET sql_mode = '', time_zone = '+00:00'",
                   *every_type.inserts("l", server.kind), database="shop")
    project.catch_up()
    return server


def test_scar_19_snapshot_gives_the_servers_values(followed, project):
    report(unlike(followed, project, "s"))


def test_scar_19_stream_gives_the_servers_values(followed, project):
    report(unlike(followed, project, "l"))


def test_scar_19_snapshot_and_stream_are_identical(followed, project):
    columns = every_type.columns(followed.kind)
    report(differences(lake(project, "s", columns), lake(project, "l", columns), columns))


def test_types_are_mapped_as_documented(followed, project):
    schema = readers.table(project, "shop.s").schema()
    wrong = [f"{kind.type}: {schema.find_field(column).field_type}, not {kind.iceberg}"
             for column, kind in every_type.columns(followed.kind).items()
             if str(schema.find_field(column).field_type) != kind.iceberg]
    assert not wrong, "\n".join(wrong)


def test_updates_carry_every_value(server, project):
    """The new image of an update, from a row of nulls to the extreme values."""
    fill(server, "full")
    server.execute("SET sql_mode = ''", every_type.create("u", server.kind), database="shop")
    server.query("INSERT INTO u (id) SELECT id FROM full")
    project.pipeline(server, ["u"])
    project.catch_up()
    names = every_type.columns(server.kind)
    server.execute("SET sql_mode = '', time_zone = '+00:00'", "UPDATE u JOIN full USING (id) SET "
                   + ", ".join(f"u.{c} = full.{c}" for c in names), database="shop")
    project.catch_up()
    report(unlike(server, project, "u"))


def test_scar_14_the_sessions_time_zone_does_not_matter(own_server, project):
    """The server and its global zone stand elsewhere; instants are instants."""
    server = own_server("mariadb", ["--default-time-zone=+09:30"])
    ddl = "(id INT PRIMARY KEY, ts TIMESTAMP(6) NULL, dt DATETIME(6))"
    rows = ("(1, '2024-03-31 02:30:00.5', '2024-03-31 02:30:00.5'), "
            "(2, '1970-01-02 00:00:00', '0001-01-01 00:00:00')")
    for name in ("s", "l"):
        server.query(f"CREATE TABLE {name} {ddl}")
    server.query(f"INSERT INTO s VALUES {rows}")
    project.pipeline(server, ["s", "l"])
    project.catch_up()
    server.query(f"INSERT INTO l VALUES {rows}")
    project.catch_up()
    want = [(i, int(ts * 1_000_000), dt) for i, ts, dt in server.query(
        "SELECT id, UNIX_TIMESTAMP(ts), CAST(dt AS CHAR) FROM s ORDER BY id")]
    for name in ("s", "l"):
        data = readers.arrow(project, f"shop.{name}").sort_by("id")
        got = list(zip(data["id"].to_pylist(), data["ts"].cast(pa.int64()).to_pylist(),
                       data["dt"].cast(pa.int64()).to_pylist()))
        assert got == [(i, ts, every_type.micros(dt)) for i, ts, dt in want]


def test_scar_17_json_null_is_not_sql_null(server, project):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, j JSON)")
    server.query("INSERT INTO t VALUES (1, 'null'), (2, NULL)")
    project.pipeline(server, ["t"])
    project.catch_up()
    server.query("INSERT INTO t VALUES (3, 'null'), (4, NULL)")
    project.catch_up()
    assert readers.rows(project, "shop.t") == [(1, "null"), (2, None), (3, "null"), (4, None)]
