"""A private Prometheus."""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from . import process

FOLDER = process.CACHE / "prometheus"


def check(*arguments, text=None):
    """What promtool says; it must find nothing wrong."""
    done = subprocess.run([FOLDER / "promtool", "check", *map(str, arguments)], input=text,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


class Prometheus:
    def __init__(self, folder, config):
        self.folder = Path(folder)
        self.port = process.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = process.Process(
            [FOLDER / "prometheus", f"--config.file={config}",
             f"--storage.tsdb.path={self.folder / 'tsdb'}",
             f"--web.listen-address=127.0.0.1:{self.port}"], self.folder / "prometheus.log")
        process.wait_until(self.ready, 60, "Prometheus")

    @staticmethod
    def reason_missing():
        return process.missing("prometheus")

    def ready(self):
        if not self.process.alive():
            raise RuntimeError(f"Prometheus ended:\n{process.tail(self.process.log)}")
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5):
                return True
        except (urllib.error.URLError, ConnectionError):
            return False

    def _get(self, path, **query):
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=30) as reply:
            answer = json.load(reply)
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression):
        return self._get("query", query=expression)["result"]

    def rules(self):
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def stop(self):
        self.process.stop()
