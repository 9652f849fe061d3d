"""Independent readers over what the Iceberg parts' own tests write, and the other way round.
Needs build/leat_iceberg_test (LEAT_ICEBERG_TEST names another)."""

import datetime
import decimal
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.types import IntegerType

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from harness import minio  # noqa: E402

PROGRAM = os.environ.get("LEAT_ICEBERG_TEST", str(ROOT / "build/leat_iceberg_test"))


def run_tests(pattern, **env):
    done = subprocess.run(
        [PROGRAM, f"--gtest_filter={pattern}", "--gtest_also_run_disabled_tests"],
        env={**os.environ, **env}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def catalog_of(folder):
    return SqlCatalog("leat", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """One folder a table, written by the C++ tests."""
    folder = tmp_path_factory.mktemp("written")
    run_tests("JudgeTest.*-*DISABLED*", LEAT_TEST_OUT=str(folder))
    return folder


def test_rows_and_position_deletes(written):
    table = catalog_of(written / "judge_rows").load_table("db.t")
    rows = {r["id"]: r["name"] for r in table.scan().to_arrow().to_pylist()}
    assert table.scan().to_arrow().num_rows == 1000
    assert rows[0] == "second 0" and rows[42] == "third 42" and rows[100] == "name 100"
    assert len(table.history()) == 2
    first = table.scan(snapshot_id=table.history()[0].snapshot_id).to_arrow()
    assert first.num_rows == 1000
    filtered = table.scan(row_filter="id >= 990").to_arrow()
    assert filtered.num_rows == 10
    summary = table.current_snapshot().summary
    assert summary.operation.value == "overwrite"
    assert summary["total-position-deletes"] == "101"
    for tokens in (summary["leat.token.p"], table.properties["leat.token.p"]):
        (epoch,) = json.loads(tokens)
        assert epoch["epoch"] == 2 and list(epoch["shards"]) == ["s1"]


def test_metadata_tables(written):
    table = catalog_of(written / "judge_rows").load_table("db.t")
    assert table.inspect.snapshots().num_rows == 2
    assert table.inspect.manifests().num_rows == 3
    assert sorted(table.inspect.files()["content"].to_pylist()) == [0, 0, 1, 1]
    entries = table.inspect.entries().to_pylist()
    assert {e["sequence_number"] for e in entries} == {1, 2}


def test_schema_evolution(written):
    table = catalog_of(written / "judge_schema").load_table("db.t")
    assert [f.name for f in table.schema().fields] == ["id", "title", "more"]
    assert [f.field_id for f in table.schema().fields] == [1, 2, 3]
    assert table.schema().identifier_field_names() == {"id"}
    rows = sorted((r["id"], r["title"], r["more"]) for r in table.scan().to_arrow().to_pylist())
    assert rows == [(1, "one", None), (2, "two", None), (3, "three", None)]
    assert len(table.schemas()) == 2


def test_partitions_of_every_type(written):
    table = catalog_of(written / "judge_partitions").load_table("db.parts")
    files = {f.file.partition[0]: f.file for f in table.scan().plan_files()}
    assert set(files) == {-5, None}
    noon = 1_700_000_000_000_000
    # PyIceberg gives dates and times as numbers, decimals as decimals.
    assert list(files[-5].partition) == [
        -5, 1 << 40, "abc", decimal.Decimal("-1.23"), decimal.Decimal(10) ** 18, 19000, noon,
        noon, True, b"\0\1", 1.5, 7, "ab", 19675, 646, 472222, 52]
    assert list(files[None].partition) == [None] * 17
    assert len(list(table.scan(row_filter="s = 'abc'").plan_files())) == 1
    assert len(list(table.scan(row_filter="s = 'abd'").plan_files())) == 0
    assert len(list(table.scan(row_filter="i < -5").plan_files())) == 0
    day = datetime.date(2022, 1, 8).isoformat()
    assert len(list(table.scan(row_filter=f"day = '{day}'").plan_files())) == 1
    partitions = table.inspect.manifests().to_pylist()[0]["partition_summaries"]
    assert len(partitions) == 17 and all(p["contains_null"] for p in partitions)


def test_an_empty_snapshot_and_a_truncation(written):
    table = catalog_of(written / "judge_empty").load_table("db.t")
    rows = [table.scan(snapshot_id=s.snapshot_id).to_arrow().num_rows for s in table.history()]
    assert rows == [0, 1, 0]
    assert table.current_snapshot().summary.operation.value == "delete"


def test_merged_manifests_keep_every_row(written):
    table = catalog_of(written / "judge_many").load_table("db.t")
    assert sorted(table.scan().to_arrow()["id"].to_pylist()) == list(range(1, 61))
    sequences = sorted(e["sequence_number"] for e in table.inspect.entries().to_pylist())
    assert sequences == list(range(1, 61))


def test_a_foreign_table_is_read_and_changed(tmp_path):
    catalog = catalog_of(tmp_path)
    catalog.create_namespace("db")
    schema = pa.schema([pa.field("id", pa.int64()), pa.field("name", pa.string())])
    table = catalog.create_table("db.foreign", schema=schema)
    for start in (0, 100):
        table.append(pa.table({"id": list(range(start, start + 100)),
                               "name": [f"py {i}" for i in range(100)]}, schema=schema))
    with table.update_spec() as update:
        update.add_identity("name")
    with table.update_schema() as update:
        update.add_column("extra", IntegerType())
    table.append(pa.table({"id": [500], "name": ["p"], "extra": pa.array([1], pa.int32())}))
    with table.update_schema() as update:
        update.delete_column("extra")
    with table.update_spec() as update:
        update.remove_field("name")
    before = {f.file.file_path: f.file.record_count for f in table.scan().plan_files()}
    catalog.engine.dispose()
    run_tests("JudgeTest.DISABLED_ChangesAForeignTable", LEAT_ICEBERG_IN=str(tmp_path))
    table = catalog_of(tmp_path).load_table("db.foreign")
    after = {f.file.file_path: f.file.record_count for f in table.scan().plan_files()}
    gone = set(before) - set(after)
    assert len(gone) == 1
    ids = table.scan().to_arrow()["id"].to_pylist()
    assert len(ids) == 201 + 2 - before[gone.pop()]
    assert {1001, 1002} <= set(ids)
    # PyIceberg goes on where the other stopped.
    table.append(pa.table({"id": [7777], "name": ["after"]}, schema=schema))
    assert 7777 in table.scan().to_arrow()["id"].to_pylist()


def test_a_table_in_s3(tmp_path):
    if reason := minio.Minio.reason_missing():
        pytest.skip(reason)
    server = minio.Minio(tmp_path / "minio")
    try:
        server.create_bucket("lake")
        run_tests("JudgeTest.DISABLED_WritesToS3", LEAT_ICEBERG_S3="s3://lake/ware/house",
                  LEAT_TEST_OUT=str(tmp_path), AWS_ENDPOINT_URL=server.endpoint,
                  AWS_REGION="us-east-1", **server.environment())
        catalog = SqlCatalog("leat", uri=f"sqlite:///{tmp_path}/catalog.db", **{
            "s3.endpoint": server.endpoint, "s3.region": "us-east-1",
            "s3.access-key-id": minio.ACCESS_KEY, "s3.secret-access-key": minio.SECRET_KEY})
        table = catalog.load_table("db.t")
        assert table.location() == "s3://lake/ware/house/db/t"
        assert sorted(table.scan().to_arrow()["id"].to_pylist()) == list(range(1, 41))
    finally:
        server.stop()


def test_duckdb_reads_the_data_files(written):
    duckdb = pytest.importorskip("duckdb")
    table = catalog_of(written / "judge_many").load_table("db.t")
    files = [f.file.file_path.removeprefix("file://") for f in table.scan().plan_files()]
    assert duckdb.sql(f"SELECT count(*), sum(id) FROM read_parquet({files})").fetchall() == [
        (60, 1830)]
