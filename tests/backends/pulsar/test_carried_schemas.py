"""The schemas that messages to publish name, asked of an endpoint that does not always answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from brokerkit.backends.pulsar import rest as rest_module
from brokerkit.backends.pulsar.carried_schemas import CarriedSchemas
from brokerkit.backends.pulsar.client_internals import CarriedSchema
from brokerkit.backends.pulsar.options import read_options
from brokerkit.backends.pulsar.rest import PAUSES, RestEndpoint
from brokerkit.core.vocabulary.address import Address
from brokerkit.core.vocabulary.cancellation import Deadline

NAME = "persistent://public/default/orders@0"


@contextmanager
def answering(codes: list[int]) -> Iterator[tuple[CarriedSchemas, list[int]]]:
    """Yield the schemas of an endpoint that answers with these codes in turn, and those that are left."""
    left = list(codes)

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code = left.pop(0)
            told = {"type": "STRING", "data": ""} if code == 200 else {"reason": "busy"}
            body = json.dumps(told).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    address = f"pulsar://127.0.0.1:1?admin=http://127.0.0.1:{server.server_port}"
    rest = RestEndpoint(read_options(Address.parse(address)))
    try:
        yield CarriedSchemas(rest), left
    finally:
        rest.close()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_module, "PAUSES", tuple(pause / 20 for pause in PAUSES))


@pytest.mark.usefixtures("_short_pauses")
@pytest.mark.parametrize("code", [500, 503, 429])
def test_a_schema_that_could_not_be_asked_for_is_asked_for_again(code: int) -> None:
    with answering([*[code] * (len(PAUSES) + 1), 200, 500]) as (schemas, left):
        assert "cannot be read" in str(schemas.of(NAME, Deadline(10)))
        assert isinstance(schemas.of(NAME, Deadline(10)), CarriedSchema)
        assert isinstance(schemas.of(NAME, Deadline(10)), CarriedSchema)
        assert left == [500]


@pytest.mark.usefixtures("_short_pauses")
@pytest.mark.parametrize("code", [500, 502, 503, 504, 429])
def test_an_error_of_the_endpoint_that_passes_is_not_met(code: int) -> None:
    with answering([code, code, 200]) as (schemas, left):
        assert isinstance(schemas.of(NAME, Deadline(30)), CarriedSchema)
        assert left == []


def test_an_error_of_the_endpoint_is_told_when_the_time_is_over() -> None:
    with answering([500] * 9) as (schemas, left):
        assert "cannot be read" in str(schemas.of(NAME, Deadline(PAUSES[0])))
        assert len(left) == 8


def test_a_refusal_is_asked_for_once() -> None:
    with answering([403, 200]) as (schemas, left):
        for _ in range(2):
            assert "cannot be read" in str(schemas.of(NAME, Deadline(10)))
        assert left == [200]
