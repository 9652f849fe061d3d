"""A client of a daemon's HTTP API."""

import requests
from prometheus_client.parser import text_string_to_metric_families

from . import process


class Client:
    def __init__(self, port, token=None):
        self.url = f"http://127.0.0.1:{port}"
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path, code=200):
        reply = requests.get(self.url + path, headers=self.headers, timeout=30)
        assert reply.status_code == code, reply.text
        return reply

    def post(self, path, code=200):
        reply = requests.post(self.url + path, headers=self.headers, timeout=30)
        assert reply.status_code == code, reply.text
        return reply.json()

    def pipelines(self):
        """As `leat status` has them, by name."""
        return {view["name"]: view for view in self.get("/api/pipelines").json()["pipelines"]}

    def wait_state(self, name, state):
        process.wait_until(
            lambda: self.get(f"/api/pipelines/{name}").json()["state"] == state, 60, state)

    def metrics(self):
        """Every sample by its name and labels."""
        families = text_string_to_metric_families(self.get("/metrics").text)
        return {(s.name, frozenset(s.labels.items())): s.value
                for family in families for s in family.samples}
