"""The warehouse on an S3 store, by changing one line."""

import random
import shutil

import pytest
from harness import compare, leat, minio, readers

BUCKET = "lake"


@pytest.fixture
def s3(store, project):
    store.create_bucket(BUCKET)
    project.environment.update(store.environment())
    project.store = store
    return {"warehouse": f"s3://{BUCKET}/warehouse",
            "iceberg": {"s3": {"endpoint": store.endpoint, "region": "us-east-1"}}}


def shop(server):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))")
    server.query("INSERT INTO t VALUES " + ", ".join(f"({i}, 'v{i}')" for i in range(2000)))


def test_snapshot_stream_and_upsert(server, project, s3):
    shop(server)
    project.pipeline(server, ["t"], **s3)
    project.catch_up()
    server.query("UPDATE t SET v = 'new' WHERE id % 3 = 0")
    server.query("DELETE FROM t WHERE id % 7 = 0")
    project.catch_up()
    compare.assert_equal(project, server, "shop.t", store=project.store)


def test_the_catalog_outlives_the_cache(mariadb, project, s3):
    shop(mariadb)
    project.pipeline(mariadb, ["t"], **s3)
    assert project.command("check", ".").wait() == leat.DONE
    project.catch_up()
    assert [path.parent for path in project.data.rglob("catalog.db")] == [project.data]
    before = readers.table(project, "shop.t", project.store).metadata.table_uuid
    shutil.rmtree(project.data / "cache")
    mariadb.query("UPDATE t SET v = 'new' WHERE id % 3 = 0")
    project.catch_up()
    compare.assert_equal(project, mariadb, "shop.t", store=project.store)
    assert readers.table(project, "shop.t", project.store).metadata.table_uuid == before


def test_kill_9_on_s3(mariadb, project, s3):
    shop(mariadb)
    project.pipeline(mariadb, ["t"], commit={"every": "50ms"}, **s3)
    choose = random.Random(3)
    for round in range(5):
        run = project.start()
        for _ in range(20):
            mariadb.query(f"REPLACE INTO t VALUES ({choose.randrange(3000)}, 'r{round}')")
        try:
            run.wait(choose.uniform(0.1, 1.0))
        except AssertionError:
            pass
        run.kill9()
    project.catch_up()
    compare.assert_equal(project, mariadb, "shop.t", store=project.store)


def test_scar_20_an_outage_of_the_store_loses_and_doubles_nothing(mariadb, project, s3):
    """The store dies at any moment, also between a commit and its reply."""
    shop(mariadb)
    project.pipeline(mariadb, ["t"], commit={"every": "50ms"}, **s3)
    run = project.start()
    choose = random.Random(4)
    for round in range(4):
        for _ in range(30):
            mariadb.query(f"REPLACE INTO t VALUES ({choose.randrange(3000)}, 'o{round}')")
        project.store.process.kill9()
        mariadb.query(f"REPLACE INTO t VALUES ({round}, 'while it was away')")
        project.store.start()
        assert run.alive(), run.text[-3000:]
    run.terminate()
    project.catch_up()
    compare.assert_equal(project, mariadb, "shop.t", store=project.store)


def test_a_missing_bucket_and_wrong_keys_are_named(mariadb, project, s3):
    shop(mariadb)
    project.pipeline(mariadb, ["t"], **{**s3, "warehouse": "s3://absent/warehouse"})
    run = project.command("check", ".")
    assert run.wait() in (leat.FAILED, leat.BAD_CONFIG)
    assert "absent" in run.text
    project.environment["AWS_SECRET_ACCESS_KEY"] = "wrong"
    project.pipeline(mariadb, ["t"], **s3)
    run = project.command("check", ".")
    assert run.wait() in (leat.FAILED, leat.BAD_CONFIG)
    assert "check the credentials" in run.text


def test_scar_30_the_stores_secret_is_in_no_log(mariadb, project, s3):
    shop(mariadb)
    project.pipeline(mariadb, ["t"], **s3)
    run = project.catch_up()
    project.store.process.kill9()
    broken = project.start("--until-caught-up")
    broken.wait_log("127.0.0.1")
    broken.kill9()
    project.store.start()
    for text in (run.text, broken.text):
        assert minio.SECRET_KEY not in text
    assert readers.count(project, "shop.t", project.store) == 2000
