"""The example orders-sink as it is in examples/, on servers of the caller's: `broker` is a
Kafka cluster, or None for the embedded one, which is a change of one line."""

import shutil
from pathlib import Path

from . import database, leat, post, process

DATABASE = "app_consumer"
NAMES = ("accept", "enrich", "sink")


class Orders:
    def __init__(self, folder, server, broker=None):
        self.folder = Path(folder)
        self.server = server
        self.broker = broker
        shutil.copytree(leat.ROOT / "examples" / "orders-sink", self.folder)
        if not broker:
            settings = self.folder / "leat.yaml"
            text = settings.read_text()
            line = "broker: kafka://${KAFKA_BROKERS:kafka:9092}\n"
            assert text.count(line) == 1
            settings.write_text(text.replace(line, "broker: embedded\n"))
        server.execute(f"CREATE DATABASE {DATABASE}", f"GRANT ALL ON {DATABASE}.* TO leat@'%'")
        self.client = post.Client(process.free_port())
        self.runs = 0

    def environment(self):
        brokers = {"KAFKA_BROKERS": self.broker.brokers} if self.broker else {}
        return {**brokers, "ORDERS_PORT": str(self.client.port), "MYSQL_HOST": "127.0.0.1",
                "MYSQL_PORT": str(self.server.port), "MYSQL_USER": "leat",
                "MYSQL_PASSWORD": database.PASSWORD}

    def leat(self, *arguments):
        self.runs += 1
        return process.Process([leat.PROGRAM, *arguments], self.folder / f"run-{self.runs}.log",
                               env=self.environment(), cwd=self.folder)

    def start(self):
        """Runs the three pipelines in one process, until they are there."""
        run = self.leat("run", ".")

        def ready():
            if not run.alive():
                raise RuntimeError(f"leat ended:\n{process.tail(run.log)}")
            return self.client.listens()
        process.wait_until(ready, 60, "POST /api/orders is there")
        return run

    def ask(self, *arguments):
        """What a command prints."""
        command = self.leat(*arguments)
        code = command.wait(60)
        text = command.log.read_text()
        assert code == leat.DONE, text
        return text

    def rows(self, columns="COUNT(*)", more=""):
        try:
            return self.server.query(f"SELECT {columns} FROM orders {more}", DATABASE)
        except Exception as error:
            if "doesn't exist" in str(error):
                return []
            raise

    def count(self):
        found = self.rows()
        return found[0][0] if found else 0
