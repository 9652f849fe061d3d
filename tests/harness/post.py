"""A client of the source http."""

import json
import socket
import urllib.error
import urllib.request


class Client:
    def __init__(self, port, path="/api/orders"):
        self.port = port
        self.path = path

    def send(self, body, *, path=None, method="POST", kind="application/json", **headers):
        """The status, and the answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path or self.path}", data=data, method=method,
            headers={"Content-Type": kind, **headers})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def listens(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0
