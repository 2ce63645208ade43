"""Rows as files and on the clipboard, from clicks in the workbench."""

from __future__ import annotations

import base64
import json
import shlex
import threading
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.core import ConfigError, NotSupported, OutboundMessage
from brokerkit.widgets.browse import TopicBrowser
from brokerkit.widgets.browse.copied_rows import copied_rows
from brokerkit.widgets.browse.state import state_of
from brokerkit.workbench import Session

from .test_browse import last, say, told


@pytest.fixture
def shop(s: Session) -> Session:
    s.create_topic("orders", partitions=3)
    s.publish_batch("orders", [
        OutboundMessage(json.dumps({"id": n, "text": '=1+1,"x"\n'}), key=f"c{n}", attributes={"source": "wéb"})
        for n in range(150)
    ])  # fmt: skip
    return s


def browse(session: Session, **options: object) -> tuple[TopicBrowser, list[dict]]:
    browser = session.browse("orders", **options)
    assert browser.wait(60)
    return browser, told(browser)


def exported(browser: TopicBrowser, sent: list[dict], **order: object) -> dict:
    say(browser, "export", **{"rows": "shown", "form": "csv", "path": None, "overwrite": False, **order})
    return [each for each in sent if each["type"] in ("exported", "exporting")][-1]


def test_csv_and_json_lines_have_keys_and_headers_as_text(shop: Session) -> None:
    browser, sent = browse(shop)
    done = exported(browser, sent)
    assert done["name"] == "orders.csv"
    table = pd.read_csv(BytesIO(base64.b64decode(done["data"])))
    assert table["key"].tolist() == browser.frame["key"].tolist()
    assert json.loads(table["attributes"][0]) == [{"name": "source", "value": "wéb", "type": "string"}]
    done = exported(browser, sent, form="jsonl")
    lines = base64.b64decode(done["data"]).decode().splitlines()
    assert len(lines) == 100
    assert json.loads(lines[-1])["key"] == "c149"


@pytest.mark.parametrize(("form", "read"), [("csv", pd.read_csv), ("parquet", pd.read_parquet)])
def test_the_call_writes_the_very_file(shop: Session, tmp_path: Path, form: str, read: object) -> None:
    browser, sent = browse(shop)
    file = tmp_path / "made" / f"rows.{form}"
    done = exported(browser, sent, form=form, path=str(file))
    assert done["text"].startswith("100 rows, ")
    before = file.read_bytes()
    file.unlink()
    shop.publish("orders", "later")
    eval(done["call"], {"s": shop, "bk": bk, "browser": browser})
    assert read(file).equals(read(BytesIO(before)))


def test_all_that_match_are_read_to_the_end_first(shop: Session) -> None:
    browser, sent = browse(shop, where='"id": 1', limit=5)
    done = exported(browser, sent, rows="matching", form="jsonl")
    ids = [
        json.loads(json.loads(line)["value"])["id"] for line in base64.b64decode(done["data"]).splitlines()
    ]
    assert sorted(ids) == sorted(n for n in range(150) if str(n).startswith("1"))
    assert len(browser.frame) == len(ids)


def test_the_chosen_rows_alone_are_exported(shop: Session) -> None:
    browser, sent = browse(shop)
    for place in (0, 2, 5):
        say(browser, "select", place=place, how="toggle")
    done = exported(browser, sent, rows="chosen", form="parquet")
    found = pd.read_parquet(BytesIO(base64.b64decode(done["data"])))
    assert found["id"].tolist() == browser.selected["id"].tolist()
    assert len(found) == 3


def test_no_file_is_overwritten_unasked(shop: Session, tmp_path: Path) -> None:
    browser, sent = browse(shop)
    file = tmp_path / "rows.csv"
    file.write_text("mine")
    assert (
        "exists: choose another name, or overwrite it" in exported(browser, sent, path=str(file))["problem"]
    )
    assert file.read_text() == "mine"
    assert exported(browser, sent, path=str(file), overwrite=True)["type"] == "exported"
    assert file.read_text() != "mine"
    assert "cannot be written" in exported(browser, sent, path=str(file / "below.csv"))["problem"]
    assert list(tmp_path.iterdir()) == [file]


def test_all_that_match_are_exported_within_the_bound_of_memory(shop: Session) -> None:
    browser, sent = browse(shop, where="id", start="earliest", limit=1_000, max_bytes=3_000)
    problem = exported(browser, sent, rows="matching")["problem"]
    assert problem.startswith("more than 3.0 kB match: write them in parts with ")
    call = problem.partition("in parts with ")[2]
    assert call == "s.scan('orders', start='earliest', where='id').to_parquet('orders')"
    assert len(eval(call.removesuffix(".to_parquet('orders')"), {"s": shop}).to_pandas()) == 150


def test_an_export_is_of_the_rows_that_were_shown_when_it_was_ordered(shop: Session) -> None:
    browser, sent = browse(shop)
    shop.create_topic("other")
    shop.publish("other", "o")
    gate = threading.Event()
    browser._model.run("export", lambda cancellation: gate.wait(20))
    order = {"rows": "shown", "form": "csv", "path": None, "overwrite": False}
    browser._view.receive({"type": "export", **order})
    browser.query = "other"
    gate.set()
    assert browser.wait(60)
    assert last(sent, "exporting")["problem"] == "another search was begun: export again"
    assert [each for each in sent if each["type"] == "exported"] == []


@pytest.mark.parametrize(
    "order",
    [
        {"rows": "odd"}, {"form": "exe"}, {"path": "  "}, {"path": 3},
        {"path": "~nosuchuser/x.csv"}, {"path": "a\0b.csv"}, {"path": "x\ud800.csv"},
    ],
)  # fmt: skip
def test_an_order_that_is_none_is_refused(shop: Session, order: dict) -> None:
    browser, sent = browse(shop)
    assert exported(browser, sent, **order)["problem"]
    assert [each for each in sent if each["type"] == "exported"] == []


def test_chosen_rows_are_copied_as_json_and_python_and_the_query_as_a_command_line(shop: Session) -> None:
    browser, sent = browse(shop, start="earliest", limit=20, key=None)
    say(browser, "copy_rows", form="json")
    assert "choose a row first" in state_of(browser._model)["problem"]
    for place in (1, 4):
        say(browser, "select", place=place, how="toggle")
    say(browser, "copy_rows", form="json")
    assert [each["key"] for each in json.loads(last(sent, "copied_rows")["text"])] == ["c1", "c4"]
    say(browser, "copy_rows", form="python")
    calls = last(sent, "copied_rows")["text"].splitlines()
    assert [eval(call, {"s": shop})["key"][0] for call in calls] == ["c1", "c4"]
    say(browser, "copy_rows", form="command")
    text = "brokerkit -c inmem:// -o jsonl peek -n 20 --start=earliest orders"
    assert last(sent, "copied_rows")["text"] == text
    browser.query = {"where": lambda value: True}
    browser.wait(60)
    say(browser, "copy_rows", form="command")
    assert "the command line has no where of this kind" in state_of(browser._model)["problem"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"where": "x'; $(id)"}, ["--where=x'; $(id)", "--mask=id", "orders"]),
        ({"unmask": True}, ["--unmask", "orders"]),
        ({"mask": "text; name:*card*=last4"}, ["--mask=id; text; name:*card*=last4", "orders"]),
        ({"expand": True}, ["--expand", "--mask=id", "orders"]),
        ({"topic": "-h"}, ["--mask=id", "--", "-h"]),
        ({"where": "a\nb"}, None),
        ({"key": "k\u202e"}, None),
        ({"mask": bk.Mask("id", action="hash", hash_key="another")}, None),
    ],
)
def test_the_command_line_reads_and_hides_what_is_shown(options: dict, words: list[str] | None) -> None:
    with bk.connect("inmem://", mask="id") as s:
        for topic in ("orders", "-h"):
            s.create_topic(topic)
        browser = s.browse(**{"topic": "orders", **options})
        if words is None:
            with pytest.raises(ConfigError):
                copied_rows(browser._model, "command")
        else:
            found = shlex.split(copied_rows(browser._model, "command"))
            assert found == ["brokerkit", "-c", "inmem://", "-o", "jsonl", "peek", *words]


def test_rows_without_positions_are_copied_as_one_call(
    shop: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_place(*_: object) -> None:
        raise NotSupported("this system has no positions")

    browser, sent = browse(shop)
    for place in (1, 4):
        say(browser, "select", place=place, how="toggle")
    monkeypatch.setattr(type(shop.inspector), "place", no_place)
    say(browser, "copy_rows", form="python")
    assert last(sent, "copied_rows")["text"] == "browser.selected"
