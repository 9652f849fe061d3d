"""examples/nft-holders: two tables that only grow, polled into topics, and from there into
Iceberg tables; on the embedded broker in a folder, and on Kafka in an S3 bucket."""

import shutil

import pytest
from harness import database, kafka, leat, minio, readers
from pyarrow import fs

TABLES = ("erc721_holders", "erc20_holders")
ROWS = 1500  # more than one commit of 1,000


@pytest.fixture(params=["embedded", "kafka_s3"])
def example(request, tmp_path, own_server):
    """The project, the source and where the tables lie."""
    project = leat.Project(tmp_path / "project")
    shutil.copytree(leat.ROOT / "examples/nft-holders", project.folder, dirs_exist_ok=True)
    project.warehouse = project.folder / "iceberg-warehouse"
    server = own_server("mariadb")
    server.execute("CREATE DATABASE tx_collector", "GRANT ALL ON tx_collector.* TO leat@'%'")
    project.environment.update(MYSQL_USER="leat", MYSQL_PASSWORD=database.PASSWORD,
                               MYSQL_PORT=str(server.port), POLL_EVERY="200ms", NFT_API="off",
                               BATCH_EVERY="2s")
    stopped = [project.stop_all]
    store = None
    if request.param == "kafka_s3":
        for part in (kafka.Kafka, minio.Minio):
            if reason := part.reason_missing():
                pytest.skip(reason)
        store = minio.Minio(tmp_path / "minio")
        store.create_bucket("emr-data-pipeline-test")
        broker = kafka.Kafka(tmp_path / "kafka")
        stopped += [broker.stop, store.stop]
        settings = (project.folder / "leat.yaml").read_text()
        assert settings.count("broker: embedded\n") == 1
        project.write("leat.yaml", settings.replace("embedded\n", broker.url() + "\n"))
        project.environment.update(store.environment(), AWS_ENDPOINT_URL=store.endpoint,
                                   WAREHOUSE="s3://emr-data-pipeline-test/iceberg-warehouse")
    yield project, server, store
    for stop in stopped:
        stop()


def generate(project, server, *more):
    url = f"mysql://leat:{database.PASSWORD}@127.0.0.1:{server.port}/tx_collector"
    project.command("generate", "nft", "--to", url, *more).expect(leat.DONE)


def same(server, project, store):
    for table in TABLES:
        query = f"SELECT _id, contract_address, holder_address, block_number FROM {table}"
        want = sorted(server.query(query, "tx_collector"))
        assert readers.rows(project, f"tx_collector.{table}", [
            "_id", "contract_address", "holder_address", "block_number"], store) == want


def test_rows_are_polled_into_tables_once(example):
    project, server, store = example
    generate(project, server, "--rows", ROWS)
    run = project.start()
    run.wait_for(lambda: all(readers.count(project, f"tx_collector.{t}", store) == ROWS
                             for t in TABLES), "all rows")
    run.kill9()
    generate(project, server, "--live", 200, "--for", "3s")
    counts = [server.query(f"SELECT COUNT(*) FROM {t}", "tx_collector")[0][0] for t in TABLES]
    assert min(counts) > ROWS
    run = project.start()
    run.wait_for(lambda: [readers.count(project, f"tx_collector.{t}", store)
                          for t in TABLES] == counts, "the rows that came")
    assert run.terminate() == leat.DONE
    same(server, project, store)
    if store:
        bucket = "emr-data-pipeline-test/iceberg-warehouse/"
        files = [file.path.removeprefix(bucket) for file in store.file_system().get_file_info(
            fs.FileSelector(bucket, recursive=True))]
    else:
        files = [str(f.relative_to(project.warehouse)) for f in project.warehouse.rglob("*")]
    folders = {"/".join(file.split("/")[:2]) for file in files}
    assert {f"{t}/{part}" for t in TABLES for part in ("metadata", "data")} <= folders
