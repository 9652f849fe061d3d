"""Times that a user waits: start to first row, and commit in MariaDB to readable in the lake;
and what a pipeline costs that has nothing to do."""

import os
import select
import sqlite3
import statistics
import subprocess
import threading
import time

import measure
import pyarrow.compute as pc
from harness import database, leat, process, readers


def environment():
    return {**os.environ, "SHOP_PASSWORD": database.PASSWORD}


def first_row(bench):
    """Seconds from the program's start to its first row on stdout."""
    bench.server.query("CREATE TABLE IF NOT EXISTS few (id INT PRIMARY KEY)")
    bench.server.query("INSERT IGNORE INTO few VALUES (1), (2), (3)")
    project = bench.project("discard", ["few"])
    text = (project.folder / "pipelines/bench.yaml").read_text()
    (project.folder / "pipelines/bench.yaml").write_text(text.replace("discard:", "stdout:")
                                                         .replace('"1s"', '"10ms"'))
    start = time.monotonic()
    with subprocess.Popen([leat.PROGRAM, "run", "."], cwd=project.folder, env=environment(),
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        ready, _, _ = select.select([child.stdout], [], [], 60)
        seconds = time.monotonic() - start
        child.kill()
    if not ready:
        raise RuntimeError("no row within 60 s")
    return seconds


def idle(bench, seconds=10):
    """Anonymous bytes and the share of a core of a pipeline without changes."""
    bench.server.query("CREATE TABLE IF NOT EXISTS few (id INT PRIMARY KEY)")
    project = bench.project("append", ["few"])
    bench.leat(project)
    run = process.Process([leat.PROGRAM, "run", "."], project.folder / "idle.log",
                          cwd=project.folder, env={"SHOP_PASSWORD": database.PASSWORD})
    time.sleep(3)
    before = measure.cpu_seconds(run.pid)
    time.sleep(seconds)
    share = (measure.cpu_seconds(run.pid) - before) / seconds
    memory = measure.anonymous(run.pid)
    run.stop()
    return memory, share


def write_steadily(server, rate, ended):
    """Rows that carry the moment of their commit, `rate` a second."""
    connection = server.connect()
    with connection.cursor() as cursor:
        due = time.monotonic()
        while not ended.is_set():
            cursor.execute("INSERT INTO fresh (at) VALUES (%s)", (time.time(),))
            due += 1 / rate
            time.sleep(max(0, due - time.monotonic()))
    connection.close()


class Watcher:
    """Notices each new state of the table in the catalog, and which rows it brought."""

    def __init__(self, project):
        self.project = project
        self.catalog = sqlite3.connect(
            f"file:{project.warehouse}/catalog.db?mode=ro", uri=True, timeout=30)
        self.location = None
        self.last = 0
        self.ages = []

    def look(self):
        row = self.catalog.execute("SELECT metadata_location FROM iceberg_tables "
                                   "WHERE table_name = 'fresh'").fetchone()
        now = time.time()
        if row is None or row[0] == self.location:
            return
        self.location = row[0]
        rows = readers.table(self.project, "shop.fresh").scan(
            row_filter=f"id > {self.last}").to_arrow()
        if len(rows):
            self.last = pc.max(rows["id"]).as_py()
            self.ages += [now - at for at in rows["at"].to_pylist()]


def freshness(bench, seconds, rate=200):
    """Commit in the database to readable in the lake, at `commit: {every: 1s}`."""
    bench.server.query("CREATE TABLE fresh (id BIGINT AUTO_INCREMENT PRIMARY KEY, at DOUBLE)")
    project = bench.project("append", ["fresh"])
    bench.leat(project)
    run = process.Process([leat.PROGRAM, "run", "."], project.folder / "fresh.log",
                          cwd=project.folder, env={"SHOP_PASSWORD": database.PASSWORD})
    ended = threading.Event()
    writer = threading.Thread(target=write_steadily, args=(bench.server, rate, ended))
    watcher = Watcher(project)
    writer.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end and run.alive():
        watcher.look()
        time.sleep(0.01)
    ended.set()
    writer.join()
    if run.stop() != 0:
        raise RuntimeError(f"leat ended:\n{process.tail(run.log)}")
    ages = watcher.ages
    files = [f for f in project.warehouse.rglob("*") if f.is_file()]
    metadata = [f for f in files if f.parent.name == "metadata"]
    return (f"{len(ages):,} rows at {rate} a second for {seconds} s, `commit: {{every: 1s}}`: "
            f"commit to readable p50 {statistics.median(ages):.2f} s, "
            f"p99 {measure.percentile(ages, 0.99):.2f} s, slowest {max(ages):.2f} s. "
            f"At the end the table has {len(files)} files, "
            f"{sum(f.stat().st_size for f in files) / 1e6:.1f} MB, of which metadata "
            f"{len(metadata)} files, {sum(f.stat().st_size for f in metadata) / 1e6:.1f} MB.")
