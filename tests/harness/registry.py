"""A stand-in for Confluent's Schema Registry, in memory: the requests that clients of Avro
make. That it answers as the real one does is what confluent-kafka's own SchemaRegistryClient,
AvroSerializer and AvroDeserializer prove, which the tests use against it."""

import base64
import http.server
import json
import ssl
import threading
import urllib.parse

MEDIA = "application/vnd.schemaregistry.v1+json"


class Registry:
    """Serves on a free port of 127.0.0.1. `auth`: (user, password) that it asks for; `tls`:
    the files of its certificate and key."""

    def __init__(self, auth=None, tls=None):
        self.auth = auth
        self.schemas = []  # by id - 1
        self.subjects = {}  # name: ids of its versions
        self.requests = []  # (method, path)
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.answer("GET")

            def do_POST(self):
                self.answer("POST")

            def answer(self, method):
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                path = urllib.parse.urlsplit(self.path).path
                registry.requests.append((method, path))
                code, content = registry.authorized(self.headers) or \
                    registry.handle(method, [urllib.parse.unquote(p)
                                             for p in path.strip("/").split("/")], body)
                text = json.dumps(content).encode()
                self.send_response(code)
                self.send_header("Content-Type", MEDIA)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' * bool(tls)}://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def authorized(self, headers):
        if not self.auth:
            return None
        want = "Basic " + base64.b64encode(":".join(self.auth).encode()).decode()
        if headers.get("Authorization") == want:
            return None
        return 401, {"error_code": 401, "message": "Unauthorized"}

    def handle(self, method, path, body):
        match (method, path):
            case ("GET", ["schemas", "ids", number]):
                return self.by_id(int(number))
            case ("GET", ["subjects"]):
                return 200, sorted(self.subjects)
            case ("POST", ["subjects", subject, "versions"]):
                return self.register(subject, body)
            case ("POST", ["subjects", subject]):
                return self.look_up(subject, body)
            case ("GET", ["subjects", subject, "versions", version]):
                return self.version(subject, version)
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def by_id(self, number):
        if not 0 < number <= len(self.schemas):
            return 404, {"error_code": 40403, "message": f"Schema {number} not found"}
        return 200, {"schema": self.schemas[number - 1]}

    def register(self, subject, body):
        if body.get("schemaType", "AVRO") != "AVRO":
            return 422, {"error_code": 42201, "message": "Invalid schema"}
        schema = json.dumps(json.loads(body["schema"]))
        if schema not in self.schemas:
            self.schemas.append(schema)
        number = self.schemas.index(schema) + 1
        versions = self.subjects.setdefault(subject, [])
        if number not in versions:
            versions.append(number)
        return 200, {"id": number}

    def look_up(self, subject, body):
        schema = json.dumps(json.loads(body["schema"]))
        number = self.schemas.index(schema) + 1 if schema in self.schemas else 0
        if number not in self.subjects.get(subject, []):
            return 404, {"error_code": 40403, "message": "Schema not found"}
        return 200, self.described(subject, number)

    def version(self, subject, version):
        versions = self.subjects.get(subject)
        if not versions:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        number = versions[-1] if version == "latest" else versions[int(version) - 1]
        return 200, self.described(subject, number)

    def described(self, subject, number):
        return {"subject": subject, "id": number, "schema": self.schemas[number - 1],
                "version": self.subjects[subject].index(number) + 1}
