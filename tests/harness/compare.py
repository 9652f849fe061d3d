"""Row-for-row comparison of a source table with what an independent reader finds."""

import collections
import datetime
import decimal

from . import readers

UTC = datetime.timezone.utc


def plain(value):
    """One form for a value as pymysql and as Arrow give it."""
    if isinstance(value, datetime.datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, datetime.timedelta):
        return value // datetime.timedelta(microseconds=1)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, decimal.Decimal):
        return value.normalize() + 0
    return value


def plain_rows(rows):
    return sorted((tuple(map(plain, row)) for row in rows), key=readers.sort_key)


def source_columns(server, table):
    return [row[0] for row in server.query(f"SHOW COLUMNS FROM {table}",
                                           database=table.split(".")[0])]


def source_rows(server, table, columns=None):
    names = ", ".join(f"`{c}`" for c in columns or source_columns(server, table))
    return plain_rows(server.execute("SET time_zone = '+00:00'",
                                     f"SELECT {names} FROM {table}"))


def lake_rows(project, table, columns, store=None):
    return plain_rows(readers.rows(project, table, columns, store))


def difference(project, server, table, store=None, lake_table=None):
    """None when equal, else a few rows of each side that the other has not."""
    columns = source_columns(server, table)
    want = source_rows(server, table, columns)
    got = lake_rows(project, lake_table or table, columns, store)
    if want == got:
        return None
    want_only = collections.Counter(map(repr, want)) - collections.Counter(map(repr, got))
    got_only = collections.Counter(map(repr, got)) - collections.Counter(map(repr, want))
    return (f"{table}: the source has {len(want)} rows, the lake {len(got)}\n"
            f"  only in the source: {list(want_only)[:5]}\n  only in the lake: {list(got_only)[:5]}")


def assert_equal(project, server, *tables, store=None):
    found = [d for table in tables if (d := difference(project, server, table, store))]
    assert not found, "\n".join(found)
