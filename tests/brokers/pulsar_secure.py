"""A Pulsar standalone that wants tokens, and speaks TLS on a second port."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from brokerkit.sandbox.process import free_ports
from brokerkit.sandbox.pulsar import PulsarServer


def signed_token(key: bytes, subject: str) -> str:
    """A JSON Web Token for a subject, signed with a symmetric key."""

    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    algorithm, claims = json.dumps({"alg": "HS256"}), json.dumps({"sub": subject})
    head = f"{part(algorithm.encode())}.{part(claims.encode())}"
    return f"{head}.{part(hmac.digest(key, head.encode(), 'sha256'))}"


class SecurePulsarServer(PulsarServer):
    """A server that wants a token, and has a port with TLS as well.

    token: of a superuser. guest: a token of a user without rights. ca: the certificate to trust.
    """

    def __init__(self) -> None:
        self._keys = Path(tempfile.mkdtemp(prefix="brokerkit-pulsar-keys-"))
        key = secrets.token_bytes(32)
        self.token = signed_token(key, "admin")
        self.guest = signed_token(key, "guest")
        self.ca, tls_key = self_signed(self._keys)
        (port,) = free_ports(1)
        self.tls_url = f"pulsar+ssl://localhost:{port}"
        client = "org.apache.pulsar.client.impl.auth.AuthenticationToken"
        super().__init__(
            settings={
                "authenticationEnabled": "true",
                "authorizationEnabled": "true",
                "authenticationProviders": "org.apache.pulsar.broker.authentication.AuthenticationProviderToken",
                "tokenSecretKey": f"data:;base64,{base64.b64encode(key).decode()}",
                "superUserRoles": "admin",
                "brokerClientAuthenticationPlugin": client,
                "brokerClientAuthenticationParameters": f"token:{self.token}",
                "brokerServicePortTls": str(port),
                "tlsCertificateFilePath": str(self.ca),
                "tlsKeyFilePath": str(tls_key),
            },
            token=self.token,
        )

    def close(self) -> None:
        super().close()
        shutil.rmtree(self._keys, ignore_errors=True)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its private key, as files."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate_file, key_file
