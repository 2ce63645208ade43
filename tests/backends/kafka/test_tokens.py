"""Tokens that expire are renewed in reads that last longer, on a real broker and a local token server."""

from __future__ import annotations

import base64
import http.server
import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.sandbox.kafka import KafkaServer
from tests.conftest import missing
from tests.session.canary import CANARY, check, texts_of

pytestmark = pytest.mark.broker

LIFE = 8.0
LONGER = 12.0
MODULE = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
LISTENER = "listener.name.sasl_plaintext.oauthbearer"
SETTINGS = {
    "sasl.enabled.mechanisms": "PLAIN,OAUTHBEARER",
    f"{LISTENER}.sasl.jaas.config": f'{MODULE} required unsecuredLoginStringClaim_sub="admin";',
    # ends a connection whose token has expired
    f"{LISTENER}.connections.max.reauth.ms": "600000",
}


def token(life: float = LIFE) -> str:
    """Return an unsigned token, which the broker of these tests accepts until it expires."""

    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    now = time.time()
    claims = {"sub": "alice", "iat": int(now), "exp": now + life, "scope": "kafka"}
    return f"{part({'alg': 'none'})}.{part(claims)}."


class TokenServer(http.server.ThreadingHTTPServer):
    """A token endpoint for client credentials; it refuses once `refusing` is set."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.issued: list[dict[str, list[str]]] = []
        self.refusing = False
        self.url = f"http://127.0.0.1:{self.server_port}/token"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: TokenServer

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.issued.append(urllib.parse.parse_qs(sent))
        granted = {"access_token": token(), "token_type": "Bearer", "expires_in": int(LIFE)}
        answer = json.dumps({"error": "invalid_client"} if self.server.refusing else granted).encode()
        self.send_response(401 if self.server.refusing else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    with TokenServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(60)


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    try:
        made = KafkaServer(settings=SETTINGS)
    except bk.ConfigError as error:
        missing("kafka", str(error))
    with made, bk.connect(f"kafka://{made.bootstrap}") as s:
        s.create_topic("orders")
        s.publish_batch("orders", [str(number) for number in range(10)])
        yield made


def oidc(server: TokenServer) -> dict[str, Any]:
    return {
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.client.id": "me",
        "sasl.oauthbearer.client.secret": CANARY,
        "sasl.oauthbearer.token.endpoint.url": server.url,
    }


def read_beyond_expiry(s: bk.Session) -> None:
    """Use one consumer, one publisher and the inspector until each token of the start has expired."""
    begin, taken = time.monotonic(), 0
    sent = s.describe("orders").messages
    with s.consumer("orders", f"group-{begin}", start="earliest") as consumer:
        while time.monotonic() - begin < LONGER:
            sent += s.publish("orders", "x").ok
            received = consumer.next_batch(10, timeout=1.0)
            taken += len(received)
            assert len(s.peek("orders", 3)) == 3
        while taken < sent and time.monotonic() - begin < 3 * LONGER:
            taken += len(consumer.next_batch(10, timeout=1.0))
    assert taken == sent > 0


@pytest.mark.extended
def test_tokens_of_a_function_are_renewed_in_long_reads(server: KafkaServer) -> None:
    calls: list[float] = []

    def give(_: str) -> tuple[str, float]:
        calls.append(time.monotonic())
        return token(), time.time() + LIFE

    with bk.connect(f"kafka://{server.sasl_bootstrap}", oauth_cb=give) as s:
        assert len(calls) == 1
        read_beyond_expiry(s)
    assert len(calls) > 4


@pytest.mark.extended
def test_tokens_of_a_token_server_are_renewed_in_long_reads(server: KafkaServer, tokens: TokenServer) -> None:
    with bk.connect(f"kafka://{server.sasl_bootstrap}", **oidc(tokens)) as s:
        first = len(tokens.issued)
        read_beyond_expiry(s)
        assert CANARY not in repr(s) + s._repr_html_()
    assert len(tokens.issued) > first
    assert tokens.issued[0]["grant_type"] == ["client_credentials"]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (RuntimeError("the vault is sealed"), "RuntimeError: the vault is sealed"),
        ("not a pair", r"must return \(token, the time"),
        (("abc", "soon"), r"must return \(token, the time"),
        (("abc", 5.0), "expired"),
    ],
)
def test_a_function_without_a_token_is_named_at_once(server: KafkaServer, found: Any, said: str) -> None:
    def give(_: str) -> Any:
        if isinstance(found, Exception):
            raise found
        return found

    begin = time.monotonic()
    with pytest.raises(bk.Unauthorized, match=f"oauth_cb= gave no token: .*{said}") as caught:
        bk.connect(f"kafka://{server.sasl_bootstrap}", oauth_cb=give, timeout=90)
    assert time.monotonic() - begin < 60
    if isinstance(found, Exception):
        assert caught.value.__cause__ is found


@pytest.mark.extended
def test_a_function_that_fails_later_is_the_cause_of_the_error_of_the_read(server: KafkaServer) -> None:
    failing = threading.Event()

    def give(_: str) -> tuple[str, float]:
        if failing.is_set():
            raise RuntimeError("the vault is sealed")
        return token(), time.time() + LIFE

    with bk.connect(f"kafka://{server.sasl_bootstrap}", oauth_cb=give) as s:
        assert len(s.peek("orders", 3)) == 3
        failing.set()
        deadline = time.monotonic() + 6 * LIFE
        with pytest.raises(bk.Unauthorized, match="the vault is sealed"):
            while time.monotonic() < deadline:
                s.peek("orders", 3)


@pytest.mark.parametrize("refusing", [False, True])
def test_a_token_server_that_gives_none_is_named(
    server: KafkaServer, tokens: TokenServer, refusing: bool
) -> None:
    options = oidc(tokens)
    tokens.refusing = refusing
    if not refusing:
        options["sasl.oauthbearer.token.endpoint.url"] = "http://127.0.0.1:9/token"
    with pytest.raises(bk.Unauthorized, match=r"acquire .* token: .*token\.endpoint\.url") as caught:
        bk.connect(f"kafka://{server.sasl_bootstrap}", **options)
    check(texts_of(caught.value))


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(bk.ConfigError, match="oauth_cb must be a function"):
        bk.connect("kafka://host", oauth_cb=3)
