"""What machines do to a pipeline: full disks, clocks that jump, logs that rot on the server.
It says so, loses nothing and goes on once that is mended."""

import re
import subprocess
import time

import pytest
from harness import compare, leat, readers

CANARY = b"4040"  # the bytes of a value, to be found in a log
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder],
                             capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("which", ["warehouse", "data"])
def test_scar_32_disk_full(mariadb, project, small_disk, which):
    """It says so and loses nothing: with room again, it goes on."""
    mariadb.query("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(1000))")
    lake = small_disk / "lake" if which == "warehouse" else project.warehouse
    data = small_disk / "data" if which == "data" else project.data
    project.write("leat.yaml", {"data": str(data)})
    project.pipeline(mariadb, ["t"], warehouse=str(lake), commit={"every": "100ms"})
    project.warehouse = lake
    project.catch_up()
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (6 << 20))
    mariadb.query("INSERT INTO t SELECT seq, REPEAT(MD5(RAND(seq)), 30) FROM seq_1_to_20000")
    with open(filler, "ab", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass
    run = project.start("--until-caught-up")
    full = (f"disk of the data folder {data} is full: No space left on device" if which == "data"
            else f"{lake}/catalog.db: disk I/O error (No space left on device)")
    run.wait_log(full, 120)
    run.terminate()
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=200m", small_disk], check=True)
    project.catch_up()
    assert readers.count(project, "shop.t") == 20_000


def two_rows(server):
    server.query("CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    server.query("INSERT INTO t VALUES (1, 1), (2, 2)")


def followed_up_to_a_statement(server, project):
    """A pipeline that stands before the last statement of a log that the server has closed.
    The log's name, its file, and where in it the statement's last value is."""
    two_rows(server)
    project.pipeline(server, ["t"])
    project.catch_up()
    server.query(f"INSERT INTO t VALUES (3, 3), (4, {int.from_bytes(CANARY, 'little')})")
    name = server.query("SHOW BINARY LOGS")[-1][0]
    server.query("FLUSH BINARY LOGS")
    file = server.data / name
    return name, file, file.read_bytes().rindex(CANARY)


def error_of(project):
    run = project.start("--until-caught-up").expect(leat.BAD_CONFIG)
    [error] = [line["error"] for line in run.lines() if line["msg"] == "pipeline failed"]
    return error


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_a_corrupt_event(own_server, project, kind):
    """A bit flips on the server's disk. Mended, the pipeline goes on as if nothing was."""
    server = own_server(kind)
    name, file, at = followed_up_to_a_statement(server, project)
    good = file.read_bytes()
    file.write_bytes(good[:at] + b"5" + good[at + 1:])
    error = error_of(project)
    assert re.fullmatch(
        rf"log {name}:\d+: the WRITE_ROWS\w* event's checksum is [0-9a-f]{{8}}, its bytes have "
        r"[0-9a-f]{8}: the log is corrupt; check the server's disk and memory, and take a new "
        "snapshot if the log cannot be restored", error), error
    assert readers.rows(project, "shop.t") == [(1, 1), (2, 2)]
    file.write_bytes(good)
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_a_truncated_event(own_server, project, kind):
    server = own_server(kind)
    name, file, at = followed_up_to_a_statement(server, project)
    good = file.read_bytes()
    file.write_bytes(good[:at])
    error = error_of(project)
    assert "error 1236: binlog truncated in the middle of event; " in error
    assert error.endswith(
        "; the server cannot read its own log: check its disk and memory, and take a new "
        "snapshot if the log cannot be restored")
    assert readers.rows(project, "shop.t") == [(1, 1), (2, 2)]
    file.write_bytes(good)
    project.catch_up()
    compare.assert_equal(project, server, "shop.t")


def test_scar_32_the_clock_jumps(mariadb, project, tmp_path):
    """Ten years ahead, twenty back: changes flow on, and Iceberg's times never fall."""
    clock = tmp_path / "clock"
    project.environment |= {
        "LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    clock.write_text("+0")
    two_rows(mariadb)
    project.pipeline(mariadb, ["t"], commit={"every": "50ms"})
    project.catch_up()
    for start in range(2):  # the second one begins with the clock that is behind
        run = project.start()
        for key, offset in enumerate(["+0", "+3650d", "-3650d"], 10 * (start + 1)):
            clock.write_text(offset)
            mariadb.query(f"INSERT INTO t VALUES ({key}, 0)")
            mariadb.query("UPDATE t SET v = v + 1")
            run.wait_for(lambda k=key: k in readers.arrow(project, "shop.t")["id"].to_pylist(),
                         f"the row written at {offset}")
        assert run.terminate() == leat.DONE
    project.catch_up()
    compare.assert_equal(project, mariadb, "shop.t")
    times = [s.timestamp_ms for s in readers.table(project, "shop.t").metadata.snapshot_log]
    assert times == sorted(times)
    assert times[-1] / 1000 > time.time() + 9 * 365 * 86400, "the clock did not jump"
