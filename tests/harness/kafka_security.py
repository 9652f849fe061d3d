"""Listeners of a Kafka broker that want passwords, tokens or certificates, and the options
a client gives them. Certificates are made for each cluster; the token endpoint is a stand-in
that gives unsigned tokens, which Kafka's own unsecured validator takes."""

import base64
import http.server
import json
import subprocess
import threading
import time
import urllib.parse

from confluent_kafka import admin

from . import process

USER = "leat"
PASSWORD = "s3cret-kafka-" + "canary"  # must never be seen in a log
LISTENERS = {"SASL": "SASL_PLAINTEXT", "TLS": "SSL", "MTLS": "SSL", "SASLTLS": "SASL_SSL"}
_MODULES = "org.apache.kafka.common.security"


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Certificates:
    """A certificate authority, and what it signed for the broker and for a client."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.ca = folder / "ca.pem"
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 30, "-subj",
                 "/CN=test-ca", "-keyout", folder / "ca.key", "-out", self.ca)
        self.sign("broker")
        self.sign("client")

    def sign(self, name):
        key, request, cert = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        (self.folder / "san").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost")
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key,
                 "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey",
                 self.folder / "ca.key", "-CAcreateserial", "-days", 30, "-extfile",
                 self.folder / "san", "-out", cert)
        (self.folder / f"{name}-both.pem").write_text(key.read_text() + cert.read_text())


class TokenEndpoint:
    """Gives a token to who shows the client's id and secret."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):  # noqa: N805
                given = handler.headers.get("Authorization", "")
                wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
                good = given == f"Basic {wanted}"
                handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
                body = json.dumps({"access_token": self.token(), "expires_in": 300}
                                  if good else {"error": "invalid_client"}).encode()
                handler.send_response(200 if good else 401)
                handler.send_header("Content-Length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body)
                self.asked += 1

            def log_message(handler, *_):  # noqa: N805
                pass

        self.asked = 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/token"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def token():
        def part(value):
            return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
        now = int(time.time())
        return f"{part({'alg': 'none'})}.{part({'sub': USER, 'iat': now, 'exp': now + 300})}."

    def stop(self):
        self.server.shutdown()


class Security:
    def __init__(self, folder):
        self.certificates = Certificates(folder)
        self.ports = {name: process.free_port() for name in LISTENERS}
        self.tokens = TokenEndpoint()

    def settings(self, plain):
        """Over a node's own settings `plain`."""
        listeners = ",".join(f"{n}://127.0.0.1:{p}" for n, p in self.ports.items())
        kinds = ",".join(f"{n}:{kind}" for n, kind in LISTENERS.items())
        files = self.certificates.folder
        settings = {
            "listeners": f"{plain['listeners']},{listeners}",
            "advertised.listeners": f"{plain['advertised.listeners']},{listeners}",
            "listener.security.protocol.map":
                f"{plain['listener.security.protocol.map']},{kinds}",
            "inter.broker.listener.name": "PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
            "ssl.keystore.type": "PEM", "ssl.keystore.location": files / "broker-both.pem",
            "ssl.truststore.type": "PEM", "ssl.truststore.location": files / "ca.pem",
            "listener.name.mtls.ssl.client.auth": "required",
        }
        for name in ("sasl", "sasltls"):
            prefix = f"listener.name.{name}"
            settings[f"{prefix}.plain.sasl.jaas.config"] = (
                f'{_MODULES}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";')
            for kind in ("scram-sha-256", "scram-sha-512"):
                settings[f"{prefix}.{kind}.sasl.jaas.config"] = (
                    f"{_MODULES}.scram.ScramLoginModule required;")
            settings[f"{prefix}.oauthbearer.sasl.jaas.config"] = (
                f"{_MODULES}.oauthbearer.OAuthBearerLoginModule required "
                'unsecuredLoginStringClaim_sub="broker";')
        return settings

    def add_users(self, client):
        # One mechanism a request: it may not name a user twice.
        for kind in (admin.ScramMechanism.SCRAM_SHA_256, admin.ScramMechanism.SCRAM_SHA_512):
            wanted = admin.UserScramCredentialUpsertion(
                USER, admin.ScramCredentialInfo(kind, 4096), PASSWORD.encode())
            client.alter_user_scram_credentials([wanted])[USER].result(60)

    def url(self, how, password=PASSWORD):
        """kafka://... for a login by PLAIN, SCRAM-SHA-256, ..., TLS, mTLS or SASL_SSL."""
        files = self.certificates.folder
        listener, options = "SASL", {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": how,
                                     "sasl.username": USER, "sasl.password": password}
        tls = {"security.protocol": "SSL", "ssl.ca.location": self.certificates.ca}
        if how == "OAUTHBEARER":
            options = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": how,
                       "sasl.oauthbearer.token.endpoint.url": self.tokens.url,
                       "sasl.oauthbearer.client.id": USER,
                       "sasl.oauthbearer.client.secret": password}
        elif how == "TLS":
            listener, options = "TLS", tls
        elif how == "mTLS":
            listener, options = "MTLS", {
                **tls, "ssl.certificate.location": files / "client.pem",
                "ssl.key.location": files / "client.key"}
        elif how == "SASL_SSL":
            listener = "SASLTLS"
            options.update(tls, **{"security.protocol": "SASL_SSL",
                                   "sasl.mechanism": "SCRAM-SHA-512"})
        return (f"kafka://127.0.0.1:{self.ports[listener]}?"
                + urllib.parse.urlencode({k: str(v) for k, v in options.items()}))

    def stop(self):
        self.tokens.stop()
