"""Certificates of a private authority, for servers with TLS."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


class Authority:
    """Signs certificates into `folder`; `ca` is the file that says whom to trust."""

    def __init__(self, folder, name):
        self.folder = folder
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (self.builder(self.subject, self.key, NOW + 10 * DAY)
                       .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
                       .sign(self.key, hashes.SHA256()))
        self.ca = self.write(f"{name}.pem", certificate)

    def builder(self, subject, key, until):
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.subject)
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(NOW - 20 * DAY).not_valid_after(until))

    def write(self, name, item):
        path = self.folder / name
        if isinstance(item, x509.Certificate):
            path.write_bytes(item.public_bytes(serialization.Encoding.PEM))
        else:
            path.write_bytes(item.private_bytes(serialization.Encoding.PEM,
                                                serialization.PrivateFormat.PKCS8,
                                                serialization.NoEncryption()))
        return path

    def options(self, name, *hosts, expired=False):
        """A database server's options for such a certificate."""
        certificate, key = self.certificate(name, *hosts, expired=expired)
        return [f"--ssl-ca={self.ca}", f"--ssl-cert={certificate}", f"--ssl-key={key}"]

    def certificate(self, name, *hosts, expired=False):
        """The files of a certificate of these host names and addresses, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        names = []
        for host in hosts:
            try:
                names.append(x509.IPAddress(ipaddress.ip_address(host)))
            except ValueError:
                names.append(x509.DNSName(host))
        certificate = (self.builder(subject, key, NOW - DAY if expired else NOW + 10 * DAY)
                       .add_extension(x509.SubjectAlternativeName(names), False)
                       .sign(self.key, hashes.SHA256()))
        return self.write(f"{name}.crt", certificate), self.write(f"{name}.key", key)
