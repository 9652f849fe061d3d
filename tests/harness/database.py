"""Private MariaDB 10.11 and MySQL 9.7 servers.

A data folder is made once for each kind and version, kept in the cache, and copied for each
server, so a start takes about a second.
"""

import fcntl
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pymysql

from . import process

PASSWORD = "s3cret-" + "canary"  # must never be seen in a log
ROOT = ["--user=root"] if os.geteuid() == 0 else []


class Database:
    """A running server. `kind` is 'mariadb' or 'mysql'."""

    kind = None
    grants = "SELECT, REPLICATION SLAVE, REPLICATION CLIENT"

    def __init__(self, folder, options=()):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.data = self.folder / "data"
        # Its own: a server that starts deletes what it takes for left over in there.
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        self.options = list(options)
        self.port = process.free_port()
        self.process = None
        subprocess.run(["cp", "-a", "--reflink=auto", str(self.template()), str(self.data)],
                       check=True)
        (self.data / "auto.cnf").unlink(missing_ok=True)  # MySQL: a UUID of its own
        self.start()
        self.execute(f"CREATE USER leat@'%' IDENTIFIED BY '{PASSWORD}'",
                     f"GRANT {self.grants} ON *.* TO leat@'%'",
                     "CREATE DATABASE shop")

    # What differs between the two.
    def program(self):
        raise NotImplementedError

    def initialise(self, folder):
        raise NotImplementedError

    def settings(self):
        raise NotImplementedError

    @classmethod
    def reason_missing(cls):
        return None

    def template(self):
        version = subprocess.run([*self.program(), "--version"], check=True,
                                 capture_output=True, text=True).stdout
        name = "".join(c if c.isalnum() or c in ".-" else "_" for c in version.split("Ver ")[1])
        folder = process.CACHE / "templates" / f"{self.kind}-{name[:40]}-1"
        folder.parent.mkdir(parents=True, exist_ok=True)
        with open(folder.parent / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                fresh = folder.with_suffix(f".{os.getpid()}")
                shutil.rmtree(fresh, ignore_errors=True)
                self.initialise(fresh)
                fresh.rename(folder)
        return folder

    def start(self, options=()):
        """Starts, or starts again, on the same port and data."""
        self.process = process.Process(
            [*self.program(), f"--datadir={self.data}", f"--tmpdir={self.temporary}",
             f"--port={self.port}",
             "--bind-address=127.0.0.1", f"--socket={self.folder}/s.sock",
             f"--pid-file={self.folder}/pid", *ROOT, *self.settings(), *self.options, *options],
            self.folder / "server.log")
        process.wait_until(self.ready, 120, f"{self.kind} on port {self.port}")

    def ready(self):
        if not self.process.alive():
            raise RuntimeError(f"{self.kind} ended:\n{process.tail(self.process.log)}")
        try:
            self.connect(database=None).close()
            return True
        except pymysql.err.OperationalError as error:
            if error.args[0] == 2003:  # not listening yet
                return False
            raise

    def connect(self, database="shop", user="root", password="", **more):
        where = ({"unix_socket": f"{self.folder}/s.sock"} if user == "root"
                 else {"host": "127.0.0.1", "port": self.port})
        return pymysql.connect(user=user, password=password, database=database,
                               autocommit=True, charset="utf8mb4", **where, **more)

    def execute(self, *statements, database=None):
        connection = self.connect(database=database)
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall()
        finally:
            connection.close()

    def query(self, statement, database="shop"):
        return self.execute(statement, database=database)

    def url(self, database="shop", user="leat", password="${SHOP_PASSWORD}", query=""):
        return f"mysql://{user}:{password}@127.0.0.1:{self.port}/{database}{query}"

    def stop(self):
        if self.process:
            self.process.stop()

    def kill9(self):
        self.process.signal(signal.SIGKILL)
        self.process.wait(30)

    def restart(self, options=()):
        self.stop()
        self.start(options)


class MariaDb(Database):
    kind = "mariadb"

    def program(self):
        return ["mariadbd", "--no-defaults"]

    def initialise(self, folder):
        log = process.CACHE / "mariadb-install.log"
        with open(log, "w") as output:
            subprocess.run(
                ["mariadb-install-db", "--no-defaults", f"--datadir={folder}", *ROOT,
                 "--auth-root-authentication-method=normal", "--skip-test-db",
                 "--innodb-log-file-size=32M"], check=True, stdout=output, stderr=output)

    def settings(self):
        return ["--server-id=1", "--log-bin=binlog", "--binlog-format=ROW",
                "--binlog-row-image=FULL", "--binlog-row-metadata=FULL",
                "--gtid-strict-mode=ON", "--character-set-server=utf8mb4",
                "--innodb-log-file-size=32M", "--innodb-buffer-pool-size=256M",
                "--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0",
                "--skip-name-resolve", "--max-connections=100", "--secure-file-priv="]


class MySql(Database):
    kind = "mysql"

    @classmethod
    def reason_missing(cls):
        return process.missing("mysql9")

    def program(self):
        share = process.CACHE / "mysql9/usr/share/mysql"
        return [process.CACHE / "mysql9/bin/mysqld", "--no-defaults",
                f"--basedir={process.CACHE}/mysql9/usr", f"--lc-messages-dir={share}",
                f"--character-sets-dir={share}/charsets",
                f"--plugin-dir={process.CACHE}/mysql9/usr/lib/mysql/plugin"]

    def initialise(self, folder):
        log = process.CACHE / "mysql9-install.log"
        with open(log, "w") as output:
            subprocess.run(
                [*map(str, self.program()), "--initialize-insecure", f"--datadir={folder}",
                 *ROOT, "--innodb-redo-log-capacity=64M", "--secure-file-priv="],
                check=True, stdout=output, stderr=output)

    def settings(self):
        return ["--server-id=1", "--log-bin=binlog", "--binlog-format=ROW",
                "--binlog-row-image=FULL", "--binlog-row-metadata=FULL",
                "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--mysqlx=OFF",
                "--innodb-redo-log-capacity=64M", "--innodb-buffer-pool-size=256M",
                "--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0",
                "--skip-name-resolve", "--max-connections=100", "--secure-file-priv=",
                "--performance-schema=OFF"]


SERVERS = {"mariadb": MariaDb, "mysql": MySql}
