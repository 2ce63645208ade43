"""Tokens, TLS and OAuth2 on a real server that wants them, and what is said when they are wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

import brokerkit as bk
from brokerkit.core import BrokerError, OutboundMessage, Unauthorized, Unavailable, connect
from brokerkit.sandbox.pulsar import PulsarServer
from tests.brokers.pulsar_secure import SecurePulsarServer, self_signed

from .conftest import messages_of, new_name, publish, settled, take

pytestmark = [pytest.mark.broker, pytest.mark.slow]


@pytest.fixture(scope="module")
def secure(pulsar_server: PulsarServer) -> Iterator[SecurePulsarServer]:
    with SecurePulsarServer() as server:
        yield server


def _round_trip(url: str, **options: object) -> None:
    """Create, publish, consume and look, which asks the broker and the REST endpoint."""
    topic = new_name()
    with connect(url, timeout=60, **options) as broker:
        broker.create_topic(topic)
        publish(broker, topic, b"x")
        with messages_of(broker, topic) as consumer:
            assert settled(take(consumer, 1)) == [b"x"]
        assert broker.inspector().describe(topic).messages == 1


def test_a_token_opens_the_broker_and_the_rest_endpoint(secure: SecurePulsarServer) -> None:
    _round_trip(secure.url, admin=secure.admin, token=secure.token)
    host = secure.url.partition("://")[2]
    _round_trip(f"pulsar://{secure.token}@{host}", admin=secure.admin)


def test_tls_is_spoken_where_the_scheme_says_so(secure: SecurePulsarServer) -> None:
    _round_trip(secure.tls_url, admin=secure.admin, token=secure.token, tls_ca=str(secure.ca))


@pytest.mark.parametrize("with_admin", [True, False])
def test_a_wrong_token_is_unauthorized_and_shown_nowhere(
    secure: SecurePulsarServer, with_admin: bool
) -> None:
    wrong = secure.token[:-6] + "AAAAAA"
    options = {"admin": secure.admin} if with_admin else {}
    began = time.monotonic()
    with pytest.raises(Unauthorized) as refused:
        connect(secure.url, timeout=90, token=wrong, **options)
    assert time.monotonic() - began < 60
    assert not refused.value.retryable
    shown = f"{refused.value!r} {refused.value} {refused.value.__cause__!r}"
    assert wrong not in shown
    assert wrong.rpartition(".")[2] not in shown


def test_missing_permissions_are_reported(secure: SecurePulsarServer) -> None:
    topic = new_name()
    with connect(secure.url, admin=secure.admin, token=secure.token) as broker:
        broker.create_topic(topic)
    with connect(secure.url, admin=secure.admin, token=secure.guest) as broker:
        for ask in (broker.inspector().topics, lambda: broker.inspector().describe(topic)):
            with pytest.raises(Unauthorized):
                ask()
    with connect(secure.url, token=secure.guest) as broker, broker.publisher() as publisher:
        (result,) = publisher.topic(topic).publish_batch([OutboundMessage(b"x")])
    assert isinstance(result.error, Unauthorized)


def test_what_an_account_may_not_see_is_named(secure: SecurePulsarServer) -> None:
    topic = new_name()
    with bk.connect(secure.url, admin=secure.admin, token=secure.token) as session:
        session.create_topic(topic)
        session.create_subscription(topic, "me", start="earliest")
        assert session.describe(topic).not_shown == ()
        assert session.describe_subscription("me", topic).not_shown == ()
    path = f"{secure.admin}/admin/v2/persistent/public/default/{topic}/permissions/guest"
    header = {"Authorization": f"Bearer {secure.token}"}
    httpx.post(path, json=["consume", "produce"], headers=header, trust_env=False).raise_for_status()
    with bk.connect(secure.url, admin=secure.admin, token=secure.guest) as session:
        beside, policies = session.describe(topic).not_shown
        assert beside.startswith("topics of dead letters and retries: not shown")
        assert policies.startswith("retention, message_ttl_seconds, deduplication, ")
        (said,) = session.describe_subscription("me", topic).not_shown
        assert said.startswith("message_ttl_seconds, retention: not shown")


def test_an_error_never_asks_for_a_token(secure: SecurePulsarServer) -> None:
    with pytest.raises(Unauthorized):
        connect(secure.url, timeout=60)


def test_a_certificate_that_is_not_trusted_is_refused(secure: SecurePulsarServer, tmp_path: Path) -> None:
    other, _ = self_signed(tmp_path)
    with pytest.raises(Unavailable, match="not trusted") as refused:
        connect(secure.tls_url, token=secure.token, tls_ca=str(other))
    assert not refused.value.retryable


def test_tls_to_a_plain_port_and_plain_text_to_a_tls_port_say_so(secure: SecurePulsarServer) -> None:
    with pytest.raises(Unavailable, match="TLS handshake") as refused:
        connect(secure.url.replace("pulsar://", "pulsar+ssl://"), timeout=60, token=secure.token)
    assert not refused.value.retryable
    began = time.monotonic()
    with pytest.raises(BrokerError, match=r"pulsar\+ssl") as silent:
        connect(secure.tls_url.replace("pulsar+ssl", "pulsar"), timeout=3, token=secure.token)
    assert time.monotonic() - began < 60
    # a broker that is still starting closes the connection in the same way
    assert silent.value.retryable


@pytest.fixture
def issuer(secure: SecurePulsarServer) -> Iterator[str]:
    """An issuer of access tokens: it gives a token for the right client secret."""

    class Issuer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host, port = self.server.server_address[:2]
            self._say(200, {"token_endpoint": f"http://{host!s}:{port}/token"})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            if "open-sesame" in body and "client_credentials" in body:
                self._say(200, {"access_token": secure.token, "expires_in": 3600, "token_type": "Bearer"})
            else:
                self._say(401, {"error": "invalid_client"})

        def _say(self, code: int, answer: dict[str, object]) -> None:
            content = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(60)


def _key_file(folder: Path, secret: str) -> str:
    path = folder / "key.json"
    path.write_text(json.dumps({"type": "client_credentials", "client_id": "me", "client_secret": secret}))
    return str(path)


def test_oauth2_gets_an_access_token_for_both(
    secure: SecurePulsarServer, issuer: str, tmp_path: Path
) -> None:
    _round_trip(
        secure.url,
        admin=secure.admin,
        oauth2_issuer=issuer,
        oauth2_key_file=_key_file(tmp_path, "open-sesame"),
        oauth2_audience="brokers",
    )


def test_a_wrong_oauth2_secret_is_unauthorized_and_shown_nowhere(
    secure: SecurePulsarServer, issuer: str, tmp_path: Path
) -> None:
    with pytest.raises(Unauthorized) as refused:
        connect(
            secure.url,
            timeout=10,
            oauth2_issuer=issuer,
            oauth2_key_file=_key_file(tmp_path, "knock-knock"),
        )
    assert "knock-knock" not in f"{refused.value!r} {refused.value.__cause__!r}"
