"""A registry that is lost between two schemas of one read: what it had not told is a failure, and nothing is guessed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.registry import registry as registry_module
from brokerkit.testing import eventually
from tests.registry.web import Web, respond

LONG = {"schema": '{"type":"record","name":"A","fields":[{"name":"a","type":"long"}]}'}
TEXT = {"schema": '{"type":"record","name":"B","fields":[{"name":"b","type":"string"}]}'}
ROWS = 600
KINDS = ["refuses", "hangs up"]


class Registry:
    """Two schemas. The second is not told while the registry is lost, and neither is the first once more."""

    def __init__(self, kind: str) -> None:
        self.lost = True
        self._kind = kind
        self.web = Web({"/schemas/ids/1": LONG, "/schemas/ids/2": self._second})

    def _second(self, handler: BaseHTTPRequestHandler) -> None:
        if not self.lost:
            respond(handler, 200, json.dumps(TEXT).encode())
        elif self._kind == "refuses":
            respond(handler, 503, b"{}")
        else:
            handler.close_connection = True


def payload(row: int) -> bytes:
    """Avro of the two schemas in turn. The body of one is one of the other as well."""
    return b"\0" + (row % 2 + 1).to_bytes(4, "big") + (b"\2" if row % 2 == 0 else b"\2x")


WANTED = ['{"a":1}' if row % 2 == 0 else '{"b":"x"}' for row in range(ROWS)]


@pytest.fixture(params=KINDS)
def registry(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Registry]:
    monkeypatch.setenv("BROKERKIT_SCHEMAS", str(tmp_path / "schemas"))
    # as in a session of minutes, not of seconds
    monkeypatch.setattr(registry_module, "NOT_FOUND_SECONDS", 0.0)
    found = Registry(request.param)
    with found.web:
        yield found


@pytest.fixture
def s(registry: Registry) -> Iterator[bk.Session]:
    name = f"inmem://lost-{uuid.uuid4().hex[:8]}"
    with bk.connect(name, registry=registry.web.url) as session:
        session.create_topic("t")
        session.publish("t", payload(0))
        # of a registry that has not answered yet it is not known which ids it has
        assert session.peek("t")["value"].tolist() == WANTED[:1]
        session.publish_batch("t", [payload(row) for row in range(1, ROWS)])
        yield session


def column(frame: pd.DataFrame, name: str) -> list[Any]:
    """A column with None where there is nothing."""
    return [None if each is pd.NA else each for each in frame[name].tolist()]


def check_lost(frame: pd.DataFrame) -> None:
    assert column(frame, "value") == [None if row % 2 else text for row, text in enumerate(WANTED)]
    assert column(frame, "raw") == [payload(row) for row in range(ROWS)]
    failures = bk.failures(frame)
    assert failures["row"].tolist() == list(range(1, ROWS, 2))
    assert all("id 2" in each for each in failures["error"])
    assert set(failures["layer"]) == {"confluent"}


READINGS: dict[str, Callable[[bk.Session], pd.DataFrame]] = {
    "peek": lambda s: s.peek("t", ROWS, start="earliest"),
    "scan": lambda s: s.scan("t", start="earliest").to_pandas(),
}


@pytest.mark.extended
@pytest.mark.parametrize("how", READINGS)
def test_rows_whose_schema_was_not_told_fail_and_reading_again_gives_all(
    s: bk.Session, registry: Registry, how: str
) -> None:
    def read() -> pd.DataFrame:
        return READINGS[how](s)

    check_lost(read())
    check_lost(read())  # the schema that was told is kept, and the other not held against its rows
    registry.lost = False
    eventually(lambda: column(read(), "value") == WANTED, "all rows are read", within=60)
    found = read()
    assert len(bk.failures(found)) == 0
    assert s.explain(found.iloc[1]).format == "confluent+avro"
    registry.lost = True
    assert column(read(), "value") == WANTED, "what was told once is kept"


def test_typed_rows_whose_schema_was_not_told_fail_and_are_no_values_of_the_other(
    s: bk.Session, registry: Registry
) -> None:
    decode = bk.avro(reader=LONG["schema"])
    frame = s.peek("t", ROWS, start="earliest", decode=decode, expand=True)
    assert column(frame, "value.a") == [None if row % 2 else 1 for row in range(ROWS)]
    assert bk.failures(frame)["row"].tolist() == list(range(1, ROWS, 2))


@pytest.mark.extended
def test_a_registry_that_is_lost_at_first_contact_leads_to_no_guess(registry: Registry) -> None:
    """An id of the first schema may be one of Apicurio's own as well, as far as is known."""
    with bk.connect("inmem://", registry=registry.web.url) as s:
        s.create_topic("t")
        s.publish_batch("t", [payload(row) for row in range(ROWS)])
        frame = s.peek("t", ROWS, start="earliest")
        values = column(frame, "value")
        assert all(value in (None, wanted) for value, wanted in zip(values, WANTED, strict=True))
        assert bk.failures(frame)["row"].tolist() == [
            row for row, value in enumerate(values) if value is None
        ]
        assert values[1::2] == [None] * (ROWS // 2)
        registry.lost = False
        again = READINGS["peek"]
        eventually(lambda: column(again(s), "value") == WANTED, "all rows are read", within=60)


def followed(s: bk.Session) -> pd.DataFrame:
    tail = s.tail("t", start="earliest", rows=ROWS)
    try:
        eventually(lambda: len(tail.frame) == ROWS, "all rows are shown", within=60)
        frame: pd.DataFrame = tail.frame
        return frame
    finally:
        tail.close()


@pytest.mark.extended
def test_a_tail_shows_what_was_told_and_fails_the_rest(s: bk.Session, registry: Registry) -> None:
    check_lost(followed(s))
    registry.lost = False
    eventually(lambda: column(followed(s), "value") == WANTED, "a tail that begins then reads all", within=60)
