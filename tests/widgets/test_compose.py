"""What a composer checks, shows and sends, without a browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.display.sanitize import hides
from brokerkit.widgets.compose import Composer
from brokerkit.widgets.compose.view import state_of
from brokerkit.widgets.editing import name_to_text, text_to_name, to_bytes, to_text
from brokerkit.workbench import Session

BYTES = [
    None,
    b"",
    b"plain",
    "größe \U0001f389".encode(),
    b"\xff\xfe",
    b"a\x00b",
    b"a\r\nb",
    b"\\x41",
    "\u202eabc".encode(),
    b"\x1b[31m",
    bytes(range(256)),
    b"\xc2\x85\\\n\t",
    "\\ 👩\u200d💻 a\u200db\u202e\n".encode(),
]


@pytest.fixture
def orders(s: Session) -> Session:
    s.create_topic("orders")
    return s


@pytest.mark.parametrize("data", BYTES)
def test_whatever_is_put_into_a_text_field_comes_back_the_same(data: bytes | None) -> None:
    mode, text = to_text(data)
    assert to_bytes(mode, text) == data
    assert not any(map(hides, re.split("[\n\t]", text)))


@pytest.mark.parametrize("data", BYTES)
def test_a_field_of_one_line_keeps_line_ends_too(data: bytes | None) -> None:
    mode, text = to_text(data, one_line=True)
    assert to_bytes(mode, text) == data
    assert not hides(text)


@pytest.mark.parametrize(
    "name", ["plain", "<b>", "\u202eabc\x00", "a\nb", "back\\slash", "\ud800", "👩\u200d💻\u200d"]
)
def test_names_are_shown_printable_and_come_back_the_same(name: str) -> None:
    assert not hides(name_to_text(name))
    assert text_to_name(name_to_text(name)) == name


def test_a_picture_of_several_characters_is_edited_as_it_is() -> None:
    assert to_text("👩\u200d💻".encode()) == ("text", "👩\u200d💻")
    assert to_text("👩\u200d💻\x00".encode()) == ("escaped", "👩\u200d💻\\x00")
    assert name_to_text("👩\u200d💻") == "👩\u200d💻"


def test_an_escape_that_means_nothing_is_refused() -> None:
    for text in ("\\", "\\q", "\\x4", "\\ud800"):
        with pytest.raises(bk.ConfigError):
            to_bytes("escaped", text)


def test_edit_and_resend_keeps_what_was_not_edited(orders: Session) -> None:
    orders.publish("orders", '{"copies": one}', key=b"\xff", attributes=[("a", "1"), ("a", b"\xfe")])
    composer = Composer(orders, "orders", message=orders.peek("orders"), json=True)
    assert [each.level for each in composer.problems] == ["error"]
    composer._shown_view().receive({"type": "edit", "value": ["text", '{"copies": 1}']})
    assert composer.problems == []
    outcome = composer.send()
    assert outcome.counts["confirmed"] == 1
    assert composer.outcome is outcome
    sent = orders.peek("orders", 1)
    assert (sent["value"][0], sent["raw_key"][0]) == ('{"copies": 1}', b"\xff")
    assert [pair["value"] for pair in sent["attributes"][0]] == [b"1", b"\xfe"]


def test_a_dry_run_sends_nothing_and_shows_every_byte(orders: Session) -> None:
    composer = Composer(orders, "orders", value=b"\xff\x00", key="k", attributes={"h": "1"})
    plan = composer.dry_run()
    assert plan.loc[0, ["topic", "key", "value", "attributes", "bytes"]].tolist() == [
        "orders",
        b"k",
        b"\xff\x00",
        [("h", "1")],
        2,
    ]
    assert len(orders.peek("orders")) == 0


def test_a_schema_is_checked_while_typing(orders: Session) -> None:
    pytest.importorskip("jsonschema")
    schema = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
    composer = Composer(orders, "orders", value={"id": "x"}, schema=schema)
    assert "is not of type 'integer'" in composer.problems[0].text
    composer._shown_view().receive({"type": "edit", "value": ["text", '{"id": 9007199254740993}']})
    assert composer.problems == []
    with pytest.raises(bk.ConfigError):
        composer.schema = {"type": "nonsense"}


def test_rows_with_an_error_are_not_sent_and_the_rest_is(orders: Session) -> None:
    frame = pd.DataFrame({"value": ['{"id": 1}', "broken", '{"id": 3}']})
    composer = Composer(orders, "orders", frame=frame, kind="messages", json=True)
    assert composer.dry_run()["error"].notna().tolist() == [False, True, False]
    outcome = composer.send()
    assert outcome["status"].tolist() == ["confirmed", "failed", "confirmed"]
    composer.row = 1
    composer.value = {"id": 2}
    assert composer.dry_run()["error"].isna().all()


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_file_becomes_messages(orders: Session, tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"some.{kind}"
    if kind == "csv":
        file.write_text("id,code\n1,007\n2,008\n")
    elif kind == "jsonl":
        file.write_text('{"id":1,"code":"007"}\n{"id":2,"code":"008"}\n')
    else:
        pd.DataFrame({"id": [1, 2], "code": ["007", "008"]}).to_parquet(file)
    composer = Composer(orders, "orders", file=file)
    assert composer.send().counts["confirmed"] == 2
    assert orders.peek("orders")["value"].tolist() == ['{"id":1,"code":"007"}', '{"id":2,"code":"008"}']


def test_a_message_goes_to_another_topic_of_another_session(orders: Session) -> None:
    with bk.connect("inmem://") as other:
        other.create_topic("copy")
        composer = Composer(orders, "orders", value="x", sessions=[other])
        composer._shown_view().receive({"type": "to", "index": 1})
        composer._shown_view().receive({"type": "topic", "text": "copy"})
        composer._shown_view().receive({"type": "send", "confirm": None})
        assert other.peek("copy")["value"].tolist() == ["x"]
        assert len(orders.peek("orders")) == 0


def test_read_only_refuses_in_code_and_says_so_in_the_view() -> None:
    with bk.connect("inmem://", read_only=True) as session:
        composer = Composer(session, "orders", value="x")
        with pytest.raises(bk.NotSupported, match="read-only"):
            composer.send(confirm="orders")
        shown = state_of(composer._model)
        assert "read-only" in shown["refused"]
        assert "ready to send" not in shown["checked"]
        assert "ready to send" not in composer._repr_html_()


def test_production_wants_the_name_of_the_topic() -> None:
    with bk.connect("inmem://", production=True, allow_changes=True) as orders:
        orders.create_topic("orders")
        composer = Composer(orders, "orders", value="x")
        assert state_of(composer._model)["confirm"]
        for confirm in (None, "", "order"):
            with pytest.raises(bk.ConfigError, match="confirm='orders'"):
                composer.send(confirm=confirm)
        composer._shown_view().receive({"type": "send", "confirm": "order"})
        assert "marked as production" in state_of(composer._model)["said"]
        assert len(orders.peek("orders")) == 0
        composer._shown_view().receive({"type": "send", "confirm": "orders"})
        assert len(orders.peek("orders")) == 1


@pytest.mark.parametrize("value", ["text 'quoted'", b"\xff", None, "", "\u202eabc"])
def test_the_call_below_makes_the_same_composer(orders: Session, value: Any) -> None:
    composer = Composer(orders, "orders", value=value, key="k", attributes=[("a", "1")])
    code = composer.call.replace("s.compose(", "Composer(s, ")
    again = eval(code, {"Composer": Composer, "s": orders})
    assert again.message == composer.message
    assert code.isprintable()


def test_a_value_too_long_for_a_text_field_is_sent_whole(orders: Session) -> None:
    composer = Composer(orders, "orders", value="x" * 900_000)
    state = state_of(composer._model)
    assert len(str(state)) < 10_000
    assert "too long to edit" in state["large"]
    composer.send()
    assert len(orders.peek("orders")["value"][0]) == 900_000
