"""PyIceberg reads what the Iceberg sink left behind after random epochs with aborts, kills,
lost indexes and folding. Needs build/leat_iceberg_test (LEAT_ICEBERG_TEST names another)."""

import csv
import datetime
import os
import subprocess
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("LEAT_ICEBERG_TEST", str(ROOT / "build/leat_iceberg_test"))
EPOCH = datetime.date(1970, 1, 1)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sink")
    done = subprocess.run(
        [PROGRAM, "--gtest_filter=*SinkModelTest*:SinkTest.AppendKeepsEveryChange"],
        env={**os.environ, "LEAT_TEST_OUT": str(folder)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def load(folder):
    lake = folder / "lake"
    catalog = SqlCatalog("leat", uri=f"sqlite:///{lake}/catalog.db", warehouse=f"file://{lake}")
    return catalog.load_table("db.t")


def expected_rows(folder):
    with open(folder / "expected.csv", newline="") as file:
        return [(int(r["id"]), r["name"] or None, r["region"] or None,
                 EPOCH + datetime.timedelta(days=int(r["day"])) if r["day"] else None)
                for r in csv.DictReader(file)]


@pytest.mark.parametrize("fields", [0, 1, 2])
def test_upserts(written, fields):
    folder = written / f"sink_model{fields}"
    table, expected = load(folder), expected_rows(folder)
    assert len(table.spec().fields) == fields
    rows = table.scan().to_arrow().to_pylist()
    assert sorted((r["id"], r["name"], r["region"], r["day"]) for r in rows) == expected
    # Bounds and partition values prune, and lose nothing.
    for row_filter, keep in (
            ("id < 10", lambda r: r[0] < 10),
            ("region = 'north'", lambda r: r[2] == "north"),
            ("region is null", lambda r: r[2] is None),
            ("day = '1970-01-03'", lambda r: r[3] == datetime.date(1970, 1, 3)),
            ("name >= 'n5'", lambda r: r[1] >= "n5")):
        found = table.scan(row_filter=row_filter).to_arrow()["id"].to_pylist()
        assert sorted(found) == [r[0] for r in expected if keep(r)], row_filter


def test_append(written):
    rows = load(written / "sink_append").scan().to_arrow().to_pylist()
    assert [r["_op"] for r in rows] == ["c", "u", "d", "r", "t"]
    assert rows[0]["_ts"] == datetime.datetime(2023, 11, 14, 22, 13, 20,
                                               tzinfo=datetime.timezone.utc)
    assert rows[4]["id"] is None
