#!/usr/bin/env python3
"""The demo of examples/nft-holders: a private MariaDB and MinIO, and somebody who takes Slack's
messages. Two tables flow through topics into Iceberg tables under a daemon; MinIO is killed, and
so is the daemon; breakers, messages and logs tell of it, and PyIceberg judges that every row is
there once. Ends with 1 where it is not.

Everything lies in build/demo-nft and is made anew each time; all servers listen on loopback
only and are stopped at the end. usage: demo_nft.py [--rows 20000] [--rate 50] [--keep]
"""

import argparse
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from harness import database, leat, minio, process, readers, slack  # noqa: E402
from showing import (TERMINAL, Clock, command, last_word, note, paint,  # noqa: E402
                     progress, progress_ends, title, verdict)

FOLDER = ROOT / "build" / "demo-nft"
DATABASE = "tx_collector"
TABLES = {"erc721_holders": "_id, contract_address, token_id, holder_address, block_number, "
                            "transaction_hash",
          "erc20_holders": "_id, contract_address, holder_address, balance, block_number, "
                           "transaction_hash"}
BUCKET = "emr-data-pipeline-test"
WAREHOUSE = f"s3://{BUCKET}/iceberg-warehouse"
# The example's line that tells people, without its #; the rest lets things happen while one
# watches.
NOTIFY = '#notify: {slack: "${SLACK_WEBHOOK}", max_lag: 5m}\n'
QUICK = """\
notify: {slack: "${SLACK_WEBHOOK}", max_lag: 5m, settle: 3s}
defaults:
  retry: {first: 200ms, longest: 1s}
  breaker: {failures: 2, recovery: 6s}
"""


class Demo:
    def __init__(self, options):
        self.options = options
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        self.folder = FOLDER / "nft-holders"
        self.data = self.folder / "data"
        self.server = self.store = self.slack = self.writer = None
        self.port = process.free_port()

    # The program, as somebody at a shell has it.

    def environment(self):
        return {"MYSQL_USER": "leat", "MYSQL_PASSWORD": database.PASSWORD,
                "MYSQL_PORT": str(self.server.port), "WAREHOUSE": WAREHOUSE,
                "AWS_ENDPOINT_URL": self.store.endpoint, **self.store.environment(),
                "SLACK_WEBHOOK": self.slack.url, "NFT_API": f"127.0.0.1:{self.port}",
                "POLL_EVERY": "1s", "BATCH_EVERY": "2s"}

    def ask(self, *words, shown=True):
        """A command's output, and shows what was typed."""
        if shown:
            command("leat " + shlex.join(words))
        done = subprocess.run([leat.PROGRAM, *words], cwd=self.folder, text=True,
                              env={**os.environ, **self.environment()}, capture_output=True)
        if done.returncode:
            raise SystemExit(f"leat {shlex.join(words)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def show(self, *words):
        for line in shorter(self.ask(*words)).splitlines():
            note(line)

    def views(self):
        return json.loads(self.ask("status", "--output", "json", shown=False))["pipelines"]

    def generate(self, *more):
        return process.Process(
            [leat.PROGRAM, "generate", "nft", "--to", self.server.url(
                DATABASE, password=database.PASSWORD), *more], FOLDER / "generate.log")

    def kill_leat(self):
        """By kill -9; what holds the data folder is gone then."""
        pid = int((self.data / "leat.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        process.wait_until(lambda: not Path(f"/proc/{pid}").exists(), 30, "leat is gone")
        return pid

    # What there is.

    def source_counts(self):
        return [self.server.query(f"SELECT COUNT(*) FROM {name}", DATABASE)[0][0]
                for name in TABLES]

    def lake_counts(self):
        return [readers.count(self, f"{DATABASE}.{name}", self.store) for name in TABLES]

    def topic_counts(self):
        topics = json.loads(self.ask("topics", "--output", "json", shown=False))
        found = {topic["name"]: sum(part["end"] for part in topic["partitions"])
                 for topic in topics}
        return [found.get(f"{name}_topic", 0) for name in TABLES]

    # What is shown, in this order.

    def start_servers(self):
        title("A private MariaDB, MinIO, and somebody who takes Slack's messages")
        clock = Clock()
        self.server = database.MariaDb(FOLDER / "mariadb")
        self.server.execute(f"CREATE DATABASE {DATABASE}", f"GRANT ALL ON {DATABASE}.* TO leat@'%'")
        self.store = minio.Minio(FOLDER / "minio")
        self.store.create_bucket(BUCKET)
        self.slack = slack.Slack()
        note(f"MariaDB 127.0.0.1:{self.server.port}   MinIO 127.0.0.1:{self.store.port}   "
             f"Slack 127.0.0.1:{self.slack.port} {clock}")
        shutil.copytree(ROOT / "examples/nft-holders", self.folder,
                        ignore=shutil.ignore_patterns("data", "iceberg-warehouse"))
        settings = (self.folder / "leat.yaml").read_text()
        assert settings.count(NOTIFY) == 1
        (self.folder / "leat.yaml").write_text(settings.replace(NOTIFY, QUICK))
        (FOLDER / "env").write_text("".join(
            f"export {name}={shlex.quote(value)}\n" for name, value in self.environment().items()))

    def fill(self):
        title(f"Two tables of {self.options.rows:,} rows")
        command(f"leat generate nft --to mysql://…/{DATABASE} --rows {self.options.rows}")
        writer = self.generate("--rows", self.options.rows)
        if writer.wait(600):
            raise SystemExit(f"leat generate nft failed:\n{process.tail(writer.log)}")

    def start(self):
        title("A daemon polls them into topics, and the topics into Iceberg tables on S3")
        self.show("start")
        clock = Clock()
        want = self.source_counts()
        while (have := self.lake_counts()) != want:
            progress(f"{sum(have):>11,} of {sum(want):,} rows {clock}")
            time.sleep(0.3)
        progress(f"{sum(have):>11,} of {sum(want):,} rows {clock}")
        progress_ends()
        self.show("status")

    def live(self, seconds=8):
        title(f"Live, about {self.options.rate} rows a second")
        self.writer = self.generate("--live", self.options.rate)
        note(paint("2", f"{'':<9}{'erc721_holders':>33}{'erc20_holders':>33}"))
        note(paint("2", f"{'':<9}" + f"{'MariaDB':>11}{'topic':>11}{'Iceberg':>11}" * 2))
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            counts = zip(self.source_counts(), self.topic_counts(), self.lake_counts())
            note(f"{seconds - left:>5.0f} s  "
                 + "".join(f"{number:>11,}" for table in counts for number in table))
            time.sleep(2)

    def lose_the_store(self):
        title("MinIO is killed")
        self.store.process.kill9()
        note(paint("31", f"kill -9 {self.store.process.pid}"))
        clock = Clock()

        while not any(view["breakers"]["sink"]["state"] == "open"
                      for view in self.views().values()):
            progress(f"rows in MariaDB {sum(self.source_counts()):>8,}   in topics "
                     f"{sum(self.topic_counts()):>8,}   retries "
                     f"{sum(view['retries'] for view in self.views().values())} {clock}")
            time.sleep(1 if TERMINAL else 5)
        progress_ends()
        note(f"a breaker has opened: no attempt for a while {clock}")
        self.show("status")
        note("the producers go on; what they have read waits in the topics, on disk")
        title("MinIO is back")
        self.store.start()
        clock = Clock()
        process.wait_until(self.well, 120, "every pipeline runs")
        note(f"every pipeline runs again, by itself {clock}")
        self.show("status")
        self.messages()

    def well(self):
        return all(view["state"] == "running" and
                   all(side["state"] == "closed" for side in view["breakers"].values())
                   for view in self.views().values())

    def lose_leat(self):
        title("Leat itself is killed, while rows come in")
        note(paint("31", f"kill -9 {self.kill_leat()}"))
        time.sleep(2)
        self.show("start")
        time.sleep(3)
        self.writer.stop()

    def messages(self):
        title("What Slack has been sent")
        process.wait_until(lambda: any("🟢" in text for text in self.slack.texts()), 120,
                           "the recovery is told")
        for text in self.slack.texts():
            for line in shorter(text).splitlines():
                note(line)

    def judge(self):
        title("Every row once, judged by PyIceberg")
        clock = Clock()
        process.wait_until(lambda: self.lake_counts() == self.source_counts(), 120,
                           f"{self.source_counts()} rows in the lake, not {self.lake_counts()}")
        note(f"caught up {clock}")
        note(paint("2", f"{'':<28}{'MariaDB':>18}{'Iceberg':>18}"))
        same = True
        for name, columns in TABLES.items():
            mine = sorted(self.server.query(f"SELECT {columns} FROM {name}", DATABASE))
            theirs = readers.rows(self, f"{DATABASE}.{name}", columns.split(", "), self.store)
            same &= verdict(f"{name + ', rows':<28}{len(mine):>18,}{len(theirs):>18,}",
                            len(mine) == len(theirs) > self.options.rows)
            same &= verdict(f"{'  their values':<28}{fingerprint(mine):>18}"
                            f"{fingerprint(theirs):>18}", mine == theirs)
        return same

    def logs(self):
        title("What it has logged")
        self.show("logs", "--level", "warn", "-n", "8")

    def stop(self):
        title("The end")
        if self.options.keep:
            self.where()
            note()
            note(paint("1", "all of it runs until Ctrl-C; in another shell:"))
            command(f". {FOLDER.relative_to(ROOT)}/env; build/leat top --project "
                    f"{self.folder.relative_to(ROOT)}")
            try:
                signal.pause()
            except KeyboardInterrupt:
                print()
        self.show("stop")

    def where(self):
        title("What lies where")
        here = self.folder.relative_to(ROOT)
        note(f"{here}             the project: leat.yaml, pipelines/")
        note(f"{here}/data/logs   what each pipeline said")
        note(f"{here}/data/pipeline_status.json")
        note(f"{FOLDER.relative_to(ROOT)}/minio/data/{BUCKET}/iceberg-warehouse   the tables")
        title("Try next")
        note("the same, left running, with leat top, its API and its metrics:")
        command("make demo-nft ARGS=--keep")
        note("your own database: copy examples/nft-holders; its README.md has the variables, then")
        command("build/leat check my-project && build/leat start my-project")
        note("updates and deletes, and no queries: read: cdc, in its README.md")

    def close(self):
        if (self.data / "leat.pid").exists():
            self.kill_leat()
        for part in (self.writer, self.server, self.store, self.slack):
            if part:
                part.stop()


def shorter(text):
    """Lines that fit the terminal."""
    width = max(100, shutil.get_terminal_size((160, 0)).columns - 2)
    return "\n".join(line if len(line) <= width else line[:width - 1] + "…"
                     for line in text.splitlines())


def fingerprint(rows):
    """Short, and another one for other rows."""
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20000, help="of each table")
    parser.add_argument("--rate", type=int, default=50, help="rows a second, later")
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C")
    if reason := minio.Minio.reason_missing():
        raise SystemExit(reason)
    demo = Demo(parser.parse_args())
    clock = Clock()
    try:
        demo.start_servers()
        demo.fill()
        demo.start()
        demo.live()
        demo.lose_the_store()
        demo.lose_leat()
        same = demo.judge()
        demo.logs()
        demo.stop()
        if not demo.options.keep:
            demo.where()
    finally:
        demo.close()
    return last_word(same, "every row is there, once", "rows DIFFER from the database", clock)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
