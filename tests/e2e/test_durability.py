"""The order of writes and fsyncs: what a checkpoint or a catalog names is on the disk before it
is named. Seen from outside, in the system calls of real runs."""

import json
import re
from pathlib import Path

import pytest
from harness import compare, leat, readers, trace
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import read_manifest_list

STAGED = re.compile(rb'file:/+([^"\\\s]+\.parquet)')
METADATA = re.compile(rb"file:/+([^\x00-\x20\"]+?\.metadata\.json)")


def reachable(metadata):
    """Every file that a reader of this version of a table's metadata can come to."""
    files = PyArrowFileIO()
    found = {metadata}
    content = json.loads(Path(metadata).read_text())
    for snapshot in content.get("snapshots", []):
        location = snapshot["manifest-list"]
        found.add(location.removeprefix("file://"))
        for manifest in read_manifest_list(files.new_input(location)):
            found.add(manifest.manifest_path.removeprefix("file://"))
            for entry in manifest.fetch_manifest_entry(files):
                found.add(entry.data_file.file_path.removeprefix("file://"))
    return found


class Judge:
    """Goes through a trace, and notes each save and each commit that names what a crash of the
    machine could still take away."""

    def __init__(self, project):
        self.state = trace.Durability(project.folder)
        self.logs = {}
        self.faults = []
        self.saves = self.staged = self.commits = 0
        self.committed = set()
        self.unsynced_saves = {}  # log -> when a checkpoint was written to it

    def judge(self, lines):
        for file, data in self.state.replay(lines):
            if re.search(r"/store/\d+\.log$", file):
                self.store_write(file, data)
            elif file.endswith("/catalog.db-wal"):
                self.catalog_write(file, data)
        return self

    def need(self, path, what):
        self.faults += [f"{what}: {fault}" for fault in self.state.missing(path)]

    def store_write(self, log, data):
        for record in self.logs.setdefault(log, trace.RocksDbLog()).add(data):
            if b'"manifest":' not in record:
                continue
            epoch = re.search(rb'"epoch":(\d+)', record)[1].decode()
            names = {"/" + name.decode() for name in STAGED.findall(record)}
            for name in names:
                self.need(name, f"saving epoch {epoch}")
            self.saves += 1
            self.staged += len(names)
            self.unsynced_saves[log] = self.state.clock
            if self.committed:
                self.need(next(iter(self.catalogs)), f"saving epoch {epoch}, the last commit")

    @property
    def catalogs(self):
        return [f for f in self.state.named if f.endswith("/catalog.db-wal")]

    def catalog_write(self, file, data):
        new = {"/" + name.decode() for name in METADATA.findall(data)} - self.committed
        if not new:
            return
        # A page keeps the names before it too; those were judged when they were new.
        self.committed |= new
        self.commits += len(new)
        for metadata in new:
            what = f"committing {Path(metadata).name}"
            for path in reachable(metadata):
                self.need(path, what)
            for log, when in self.unsynced_saves.items():
                if self.state.synced.get(log, 0) < when:
                    self.faults.append(f"{what}: the save before it was not fsynced")
                self.need_named(log, what)

    def need_named(self, log, what):
        self.faults += [f"{what}: {fault}" for fault in self.state.missing(log)
                        if not fault.startswith(log)]


@pytest.fixture
def traced(tmp_path_factory, mariadb, project):
    """A snapshot and a few epochs of changes; the lines of the trace of the whole run."""
    folder = tmp_path_factory.mktemp("trace")
    if reason := trace.reason_missing(folder):
        pytest.skip(reason)
    mariadb.query("CREATE TABLE a (id INT PRIMARY KEY, v INT)")
    mariadb.query("CREATE TABLE b (id INT PRIMARY KEY, region VARCHAR(9))")
    mariadb.query("INSERT INTO a VALUES " + ", ".join(f"({i}, {i})" for i in range(100)))
    mariadb.query("INSERT INTO b VALUES (1, 'x'), (2, 'y')")
    project.pipeline(mariadb, ["a", "b"], commit={"rows": 30, "every": "50ms"})
    file = folder / "trace"
    run = project.start(under=[*trace.COMMAND, str(file)])
    run.wait_for(lambda: readers.count(project, "shop.a") == 100
                 and readers.count(project, "shop.b") == 2, "the snapshot")
    for step in range(4):
        mariadb.query(f"UPDATE a SET v = v + 1 WHERE id % 4 = {step}")
        mariadb.query(f"REPLACE INTO b VALUES ({step}, 'z')")
        mariadb.query(f"DELETE FROM a WHERE id = {90 + step}")
        run.wait_for(lambda: not compare.difference(project, mariadb, "shop.a"), "shop.a")
        run.wait_for(lambda: not compare.difference(project, mariadb, "shop.b"), "shop.b")
    assert run.terminate() == leat.DONE
    return trace.lines_of(file, run.pid)


def test_what_is_named_was_fsynced_before(traced, project):
    judged = Judge(project).judge(traced)
    assert not judged.faults, "\n".join(judged.faults[:20])
    assert judged.saves >= 5 and judged.staged >= 8 and judged.commits >= 10, vars(judged)
    lose_each_sync(traced, project)


def test_a_save_is_fsynced_for_what_the_store_alone_has(tmp_path_factory, mariadb, project):
    """A transaction of the target has its position with it: the disk is waited for where there
    are dead letters as well, and in the epoch behind them, which may not overtake their move."""
    folder = tmp_path_factory.mktemp("trace")
    if reason := trace.reason_missing(folder):
        pytest.skip(reason)
    mariadb.execute("CREATE TABLE a (id INT PRIMARY KEY, v INT)",
                    "CREATE OR REPLACE DATABASE copy", "GRANT ALL ON copy.* TO leat@'%'",
                    "CREATE TABLE copy.a (id INT PRIMARY KEY, v TINYINT)", database="shop")
    project.write("pipelines/p.yaml", {
        "name": "p", "from": {"mysql": {"url": mariadb.url(), "tables": ["a"]}},
        "to": {"mysql": {"url": mariadb.url("copy")}}, "commit": {"every": "10ms"}})
    file = folder / "trace"
    run = project.start(under=[*trace.COMMAND, str(file)])
    for number, rows in enumerate(["(1, 1)", "(2, 2)", "(3, 3)", "(4, 4000), (5, 5)", "(6, 6)",
                                   "(7, 7)", "(8, 8)", "(9, 9)"]):
        mariadb.query(f"INSERT INTO a VALUES {rows}")
        run.wait_for(lambda n=number: mariadb.query("SELECT COUNT(*) FROM copy.a")[0][0] == n + 1,
                     rows)
    assert run.terminate() == leat.DONE
    # What stands before it are positions that the sink does not get: where it begins, and
    # that there was nothing to take a snapshot of.
    saves = saves_of(trace.lines_of(file, run.pid), project)
    assert re.search("--ss--+$", saves), saves


def saves_of(lines, project):
    """s: fsynced before the next one, -: not."""
    state, log, found, last = trace.Durability(project.folder), trace.RocksDbLog(), "", 0
    for file, data in state.replay(lines):
        if not re.search(r"/store/\d+\.log$", file):
            continue
        if not any(b'"manifest":' in record for record in log.add(data)):
            continue
        found += "s" if state.synced.get(file, 0) >= last else "-"
        last = state.clock
    return found[1:]


def without(lines, pattern, count):
    """The trace as if the first so many of these calls had not been made."""
    kept, cut = [], set()  # calls that were cut, and go on in a later line
    for line in lines:
        resumed = trace.RESUMED.match(line)
        if resumed and (resumed[1], resumed[2]) in cut:
            cut.discard((resumed[1], resumed[2]))
        elif count > 0 and not resumed and re.search(pattern, line):
            count -= 1
            if "<unfinished ...>" in line:
                cut.add(trace.CALL.match(line).groups()[:2])
        else:
            kept.append(line)
    return kept


def lose_each_sync(lines, project):
    """The judge must see every kind of fsync that is left out."""
    for kind, pattern in {
            "a data file": r"fsync\(\d+<\S+\.parquet>[ )]",
            "the data files' folder": r"fsync\(\d+<\S+/data>[ )]",
            "a manifest": r"fsync\(\d+<\S+-m\.avro>[ )]",
            "a manifest list": r"fsync\(\d+<\S+/snap-\S+\.avro>[ )]",
            "a metadata file": r"fsync\(\d+<\S+\.metadata\.json>[ )]",
            "the metadata's folder": r"fsync\(\d+<\S+/metadata>[ )]",
            "the store's log": r"fdatasync\(\d+<\S+/store/\d+\.log>"}.items():
        assert any(re.search(pattern, line) for line in lines), f"{kind} is never fsynced"
        # Of the store's log the first one is of Begin, which names nothing; a folder's next
        # one makes up for one that is left out in the same epoch.
        all_of_them = kind == "the store's log" or "folder" in kind
        doctored = without(lines, pattern, len(lines) if all_of_them else 1)
        assert Judge(project).judge(doctored).faults, f"{kind} that is not fsynced is not seen"
