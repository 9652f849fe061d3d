"""A stand-in for what messages go to: Slack's incoming webhooks, and any other webhook.

What it refuses, and how, is what Slack's documentation says of incoming webhooks; that it takes
what Slack takes is what Slack's own WebhookClient proves, which the tests use against it."""

import collections
import contextlib
import http.server
import json
import socket
import ssl
import threading
from urllib.parse import urlsplit

SECRET = "/services/T0CANARY/B0CANARY/verySecretCanaryOfSlack"
LONGEST = 40_000  # characters of a text; Slack cuts off what is more
MOST_BLOCKS, MOST_ATTACHMENTS = 50, 100

# `answer`: (code, body, headers) to give instead of taking the message; `lose`: take it and
# end the connection without a word.
Fault = collections.namedtuple("Fault", "answer lose", defaults=(None, False))


class Slack:
    """Serves on a port of 127.0.0.1: SECRET as Slack does, any other path as a webhook that
    takes JSON. `messages` are Slack's, `calls` (headers, body) the other's. `faults` come
    first, one a request."""

    def __init__(self, certificate=None, key=None):
        self.messages = []
        self.calls = []
        self.faults = collections.deque()
        self.lost = []  # ids of Slack's messages whose replies were lost
        self.requests = 0
        self.connections = set()
        self.port = 0
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate, key)
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}{SECRET}"

    def start(self):
        """On the port it had before."""
        slack = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                slack.connections.add(self.connection)

            def finish(self):
                slack.connections.discard(self.connection)
                super().finish()

            def answer(self):
                slack.answer(self)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        if self.tls:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True,
                                                      do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        """Connections that are open end too."""
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def answer(self, request):
        size = int(request.headers.get("Content-Length") or 0)
        body = request.rfile.read(size)
        self.requests += 1
        fault = self.faults.popleft() if self.faults else Fault()
        code, text, headers = fault.answer or self.take(request, body)
        if fault.lose:
            self.lost += self.ids()[-1:]
            request.close_connection = True
            request.connection.shutdown(socket.SHUT_RDWR)
            return
        request.send_response(code)
        for name, value in {"Content-Length": len(text.encode()), **headers}.items():
            request.send_header(name, str(value))
        request.end_headers()
        request.wfile.write(text.encode())

    def take(self, request, body):
        path = urlsplit(request.path).path
        if path == SECRET:
            return self.take_as_slack(request, body)
        if path.startswith("/services/"):
            return 404, "no_service", {}
        self.calls.append((dict(request.headers.items()), body))
        return 204, "", {}

    def take_as_slack(self, request, body):
        if request.command != "POST":
            return 405, "method_not_allowed", {}
        try:
            kind = (request.headers.get("Content-Type") or "").split(";")[0]
            message = json.loads(body) if kind == "application/json" else None
        except ValueError:
            message = None
        if not isinstance(message, dict) or not well_formed(message):
            return 400, "invalid_payload", {}
        if len(message.get("attachments") or []) > MOST_ATTACHMENTS:
            return 400, "too_many_attachments", {}
        if len(message.get("blocks") or []) > MOST_BLOCKS:
            return 400, "invalid_blocks", {}
        text = message.get("text") or ""
        if not text.strip() and not message.get("blocks") and not message.get("attachments"):
            return 400, "no_text", {}
        self.messages.append({**message, "text": text[:LONGEST]})
        return 200, "ok", {}

    def texts(self):
        return [message["text"] for message in self.messages]

    def ids(self):
        return [message["metadata"]["event_payload"]["id"] for message in self.messages
                if "metadata" in message]

    def once(self):
        """(text, id) of each message in order, and how often one came again by the same id
        and with the same text."""
        pairs = list(zip(self.texts(), self.ids(), strict=True))
        once = list(dict.fromkeys(pairs))
        assert len({id for _, id in once}) == len(once), "two messages of one id"
        return once, len(pairs) - len(once)


def well_formed(message):
    metadata = message.get("metadata")
    good = metadata is None or (isinstance(metadata, dict)
                                and isinstance(metadata.get("event_type"), str)
                                and isinstance(metadata.get("event_payload"), dict))
    lists = all(isinstance(message.get(name), list | None) for name in ("attachments", "blocks"))
    return good and lists and isinstance(message.get("text"), str | None)
