"""What a program made durable and when, from a trace of its system calls by strace.

A file is durable at a moment when every byte written to it before had been fsynced, and the
folder that names it, and every folder above it that was made in the trace, was fsynced after
the name came to be. Bytes count as written when the call starts and a sync counts when it has
returned, and only for what was written before it started.
"""

import os
import re
import subprocess

from . import process

CALLS = ("openat,open,creat,mkdir,mkdirat,write,pwrite64,writev,pwritev,fsync,fdatasync,"
         "sync_file_range,rename,renameat,renameat2,link,linkat,unlink,unlinkat,ftruncate")
# -D: the traced program keeps the process id, and so gets the signals.
COMMAND = ["strace", "-D", "-f", "-y", "-s", "1000000", "-e", f"trace={CALLS}", "-o"]

CALL = re.compile(r"(\d+) +(\w+)\((.*)$")
RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)$")
RESULT = re.compile(r"\) += (-?\d+)")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
FD = re.compile(r"^(\d+)<([^>]*)>")


def reason_missing(folder):
    """Why calls cannot be traced here; None when they can."""
    try:
        probe = subprocess.run([*COMMAND, str(folder / "probe"), "true"], capture_output=True,
                               text=True, check=False)
    except FileNotFoundError:
        return "no strace"
    return None if probe.returncode == 0 else f"strace may not trace: {probe.stderr.strip()[:200]}"


def lines_of(file, pid):
    """The trace of a process that has ended; the tracer ends a little later, and pads short
    process ids with spaces."""
    process.wait_until(lambda: re.search(rf"^{pid} +\+\+\+ (exited|killed)", file.read_text(
        errors="replace"), re.M), 120, f"the trace of {pid} is complete")
    return file.read_text(errors="replace").splitlines()


def data_of(arguments):
    found = STRING.search(arguments)
    return found[1].encode("latin-1").decode("unicode_escape").encode("latin-1") if found else b""


class Durability:
    """Replays a trace; `folder` is what relative names are below."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.clock = 0
        self.written = {}  # file -> when something was last written to it
        self.synced = {}   # file or folder -> up to when it is on the disk
        self.named = {}    # file or folder made in the trace -> when its name came to be

    def path(self, name):
        return os.path.normpath(os.path.join(self.folder, name))

    def missing(self, path):
        """What a crash of the machine now could take of this file; empty when it is durable."""
        if path not in self.named:
            return [f"{path} was not made"]
        gone = []
        if self.written.get(path, 0) > self.synced.get(path, 0):
            gone.append(f"{path} was written and not fsynced")
        while path in self.named:
            folder = os.path.dirname(path)
            if self.named[path] > self.synced.get(folder, 0):
                gone.append(f"{folder} was not fsynced since {os.path.basename(path)} came")
            path = folder
        return gone

    def replay(self, lines):
        """Yields (file, bytes) before each write and each name given, then applies it."""
        open_calls = {}
        for line in lines:
            if resumed := RESUMED.match(line):
                call, arguments, began = open_calls.pop((resumed[1], resumed[2]))
                self.end(call, arguments, began, resumed[3])
                continue
            found = CALL.match(line)
            if not found:
                continue
            self.clock += 1
            thread, call, rest = found.groups()
            if write := self.writes(call, rest):
                yield write
                self.written[write[0]] = self.clock
            if rest.endswith("<unfinished ...>"):
                open_calls[thread, call] = call, rest, self.clock
            else:
                self.end(call, rest, self.clock, rest)

    @staticmethod
    def writes(call, arguments):
        file = FD.match(arguments)
        if not file or call not in ("write", "pwrite64", "writev", "pwritev", "ftruncate"):
            return None
        return file[2], data_of(arguments)

    def end(self, call, arguments, began, result):
        results = RESULT.findall(result)
        if not results or int(results[-1]) < 0:
            return
        self.clock += 1
        names = [self.path(name) for name in STRING.findall(arguments)]
        if call in ("fsync", "fdatasync"):
            file = FD.match(arguments)[2]
            self.synced[file] = max(began, self.synced.get(file, 0))
        elif call in ("mkdir", "mkdirat") or (
                call in ("open", "openat", "creat") and "O_CREAT" in arguments):
            self.named.setdefault(names[0], self.clock)
        elif call.startswith(("rename", "link")):
            for state in (self.written, self.synced):
                state.pop(names[1], None)
                if names[0] in state:
                    state[names[1]] = state[names[0]]
            self.named[names[1]] = self.clock
            if call.startswith("rename"):
                self.named.pop(names[0], None)
        elif call.startswith("unlink"):
            for state in (self.written, self.synced, self.named):
                state.pop(names[0], None)


class RocksDbLog:
    """The records of a RocksDB write-ahead log as it grows: blocks of 32 KiB, each fragment
    with a header of 7 bytes (checksum, length, type)."""

    BLOCK = 32768
    FULL, FIRST, LAST = 1, 2, 4

    def __init__(self):
        self.bytes = b""
        self.at = 0
        self.partial = b""

    def add(self, data):
        """The records completed by these bytes."""
        self.bytes += data
        records = []
        while True:
            left = self.BLOCK - self.at % self.BLOCK
            if left < 7:
                self.at += left
            header = self.bytes[self.at:self.at + 7]
            if len(header) < 7:
                return records
            size, kind = int.from_bytes(header[4:6], "little"), header[6]
            body = self.bytes[self.at + 7:self.at + 7 + size]
            if len(body) < size:
                return records
            self.at += 7 + size
            self.partial = body if kind in (self.FULL, self.FIRST) else self.partial + body
            if kind in (self.FULL, self.LAST):
                records.append(self.partial)
