"""What client libraries in C, C++ and gRPC write to the terminal at their most verbose shows no secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from brokerkit.sandbox.kafka import KafkaServer
from brokerkit.sandbox.nats import NatsServer
from brokerkit.sandbox.pulsar import PulsarServer
from brokerkit.sandbox.servicebus.server import KEY, ServiceBusServer
from tests.brokers.certificates import Authority

from .canary import CANARY

pytestmark = [pytest.mark.broker, pytest.mark.extended]

CHILD = """
import json, logging, sys, uuid
logging.basicConfig(level=logging.DEBUG)
import brokerkit as bk
target, options = json.load(sys.stdin)
try:
    with bk.connect(target, timeout=10, **options) as session:
        topic = "logs-" + uuid.uuid4().hex[:8]
        session.create_topic(topic)
        session.publish(topic, "1")
        print(f"{len(session.peek(topic))} was read")
except bk.Unauthorized as error:
    print(error)
"""


def written(target: str, options: dict[str, Any], **environment: str) -> str:
    """Return what a process writes to its terminal that uses a broker with everything logged."""
    verbose = {"GRPC_VERBOSITY": "DEBUG", "GRPC_TRACE": "all", "AZURE_LOG_LEVEL": "debug"}
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps([target, options]).encode(),
        env={**os.environ, **verbose, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=True,
    )
    return done.stdout.decode("latin-1")


def test_clients_of_kafka_nats_pulsar_and_servicebus_log_no_secret(
    kafka_server: KafkaServer,
    nats_server: NatsServer,
    pulsar_server: PulsarServer,
    servicebus_server: ServiceBusServer,
) -> None:
    password = {"sasl.password": CANARY, "sasl.username": "u", "security.protocol": "PLAINTEXT"}
    cases: list[tuple[str, dict[str, Any]]] = [
        (f"kafka://{kafka_server.bootstrap}", {**password, "debug": "all"}),
        (nats_server.url, {"token": CANARY}),
        (pulsar_server.url, {"admin": pulsar_server.admin, "token": CANARY}),
        (servicebus_server.connection_string, {}),
    ]
    for target, options in cases:
        text = written(target, options)
        assert "1 was read" in text
        assert not any(each in text for each in (CANARY, KEY, "sig=")), target[:10]


@pytest.fixture
def refusing(tmp_path: Path) -> Iterator[tuple[int, list[str]]]:
    """A service with TLS that refuses every request, and notes the tokens that it was sent."""
    tokens: list[str] = []

    class Refusing(grpc.GenericRpcHandler):
        def service(self, details: Any) -> Any:
            tokens.append(str(dict(details.invocation_metadata).get("authorization")))
            return grpc.unary_unary_rpc_method_handler(
                lambda _, context: context.abort(grpc.StatusCode.PERMISSION_DENIED, "refused")
            )

    certificate, key = Authority(tmp_path).sign("service", hosts=("localhost",))
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((Refusing(),))
    credentials = grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])
    port = server.add_secure_port("localhost:0", credentials)
    server.start()
    yield port, tokens
    server.stop(None)


def test_grpc_logs_neither_the_key_nor_the_tokens_of_a_service_account(
    tmp_path: Path, refusing: tuple[int, list[str]]
) -> None:
    port, tokens = refusing
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "project_id": "p",
        "private_key": key.decode(),
        "client_email": "a@p.iam.gserviceaccount.com",
        "token_uri": "https://localhost/token",
    }
    file = tmp_path / "account.json"
    file.write_text(json.dumps(account))
    text = written(
        "pubsub://p",
        {"endpoint": f"localhost:{port}", "credentials": str(file)},
        GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=str(tmp_path / "ca.pem"),
    )
    assert tokens[0].startswith("Bearer ")
    assert "refused" in text
    secrets = [each.removeprefix("Bearer ") for each in tokens] + key.decode().splitlines()[1:-1]
    assert not any(each in text for each in secrets)
