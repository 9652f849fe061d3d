"""Independent readers of what Leat wrote: PyIceberg and DuckDB. Neither shares code with it."""

from pathlib import Path

import duckdb
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from sqlalchemy.exc import OperationalError

from . import minio


def catalog(project, store=None):
    """The project's catalog as any PyIceberg user would open it; it only reads."""
    if store is None:
        return SqlCatalog("leat", uri=f"sqlite:///{project.warehouse}/catalog.db",
                          init_catalog_tables="false")
    return SqlCatalog("leat", uri=f"sqlite:///{project.data}/catalog.db", **{
        "init_catalog_tables": "false",
        "s3.endpoint": store.endpoint, "s3.access-key-id": minio.ACCESS_KEY,
        "s3.secret-access-key": minio.SECRET_KEY, "s3.region": "us-east-1"})


def table(project, name, store=None):
    return catalog(project, store).load_table(tuple(name.split(".")))


def arrow(project, name, store=None):
    return table(project, name, store).scan().to_arrow()


def rows(project, name, columns=None, store=None):
    """The table's rows as sorted tuples."""
    data = arrow(project, name, store)
    if columns:
        data = data.select(columns)
    return sorted(zip(*(column.to_pylist() for column in data.columns)), key=sort_key)


def count(project, name, store=None):
    """Rows in the table now; 0 while it does not exist."""
    database = (project.data if store else project.warehouse) / "catalog.db"
    if not database.exists():
        return 0
    try:
        found = table(project, name, store)
        column = found.schema().columns[0].name  # one is enough to count by
        return found.scan(selected_fields=(column,)).count()
    except (NoSuchTableError, OperationalError):  # the catalog has no tables of its own yet
        return 0


def sort_key(row):
    return tuple((value is not None, str(type(value)), value) if not isinstance(value, dict)
                 else (True, "dict", str(value)) for value in row)


def duck(project, query, *names):
    """A query by DuckDB over the tables' current rows, each named as in the source."""
    connection = duckdb.connect()
    for name in names:
        connection.register(name.split(".")[-1], arrow(project, name))
    return connection.execute(query).fetchall()


def data_files(project, name):
    """Data and delete files of the current snapshot."""
    snapshot = table(project, name).inspect.files().to_pylist()
    return [Path(f["file_path"].removeprefix("file://")) for f in snapshot]
