"""Filters that are kept over a restart: those that were saved, and those that were typed and used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.saved import filters as kept
from brokerkit.widgets.browse.view import SCRIPTS
from brokerkit.widgets.panel import Panel
from brokerkit.workbench import Session

from .screens import Screen

FORM: dict[str, Any] = {
    "newest": True,
    "limit": "100",
    "partitions": "",
    "key": "",
    "header": "",
    "mode": "text",
    "where": "",
    "start": "",
    "end": "",
    "decode": "auto",
    "decode_key": "auto",
    "kept": False,
    "effect": None,
    "subscription": None,
    "confirm": None,
}
VALUE = "from-a-payload"


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BROKERKIT_CONFIG", str(tmp_path / "connections.toml"))
    return tmp_path


def shown(session: Session) -> tuple[Any, Screen]:
    browser, screen = session.browse("orders"), Screen()
    browser._show_in(Panel(SCRIPTS, {}, lambda message: None, screen))
    assert browser.wait(60)
    return browser, screen


@pytest.fixture
def shop(s: Session) -> Session:
    s.create_topic("orders")
    s.publish("orders", {"who": VALUE}, key="c1", attributes={"trace": VALUE})
    return s


def used(screen: Screen) -> list[str]:
    screen.say("filters")
    return [
        each["where"] or each["key"] or each["header"] or each["start"]
        for each in screen.last("filters")["used"]
    ]


def test_what_was_typed_and_used_is_there_in_the_next_process(shop: Session) -> None:
    _, screen = shown(shop)
    for changed in ({"where": "paid"}, {"key": "c1"}, {}, {"where": "paid"}, {"start": "-15min"}):
        screen.say("query", **{**FORM, **changed})
    _, another = shown(shop)
    assert used(another) == ["-15min", "paid", "c1"]
    another.say("delete_filter", name="")
    assert used(another) == []


def test_a_saved_filter_is_kept_until_it_is_deleted(shop: Session, config: Path) -> None:
    browser, screen = shown(shop)
    wanted = {**FORM, "name": "", "mode": "python", "where": 'value["total"] > 3', "odd": "x"}
    screen.say("save_filter", name=" large ", filter=wanted)
    (found,) = screen.last("filters")["saved"]
    assert (found["name"], found["where"], found["mode"]) == ("large", 'value["total"] > 3', "python")
    assert "odd" not in found
    screen.say("save_filter", name=" ", filter=wanted)
    assert "needs a name" in screen.state["problem"]
    assert (config / "filters.json").stat().st_mode & 0o077 == 0
    screen.say("delete_filter", name="large")
    assert screen.last("filters")["saved"] == []
    assert browser.problem is None


def test_nothing_that_a_click_took_from_a_message_is_kept(shop: Session, config: Path) -> None:
    browser, screen = shown(shop)
    browser.selected = 0
    screen.say("field", path=[0], what="filter")
    assert browser.wait(60)
    taken = screen.state["form"]["where"]
    assert VALUE in taken
    screen.say("query", **{**FORM, "mode": "python", "where": taken})
    assert browser.wait(60)
    for edited in (f"{taken} and True", f'value["whom"] == "{VALUE}"'):
        screen.say("query", **{**FORM, "mode": "python", "where": edited})
        assert browser.wait(60)
    screen.say("query", **{**FORM, "where": VALUE})
    assert browser.wait(60)
    browser.selected = 0
    screen.say("header", place=0)
    assert browser.wait(60)
    screen.say("query", **{**FORM, "header": screen.state["form"]["header"]})
    screen.say("query", **{**FORM, "key": f"k-{VALUE}"})
    assert used(screen) == []
    screen.say("query", **{**FORM, "key": "another"})
    assert used(screen) == ["another"]
    assert VALUE not in "".join(each.read_text() for each in config.iterdir() if each.is_file())


def test_nothing_is_remembered_where_personal_data_is_masked(shop: Session, config: Path) -> None:
    with bk.connect("inmem://masked-filters", mask="who") as s:
        s.create_topic("orders")
        _, screen = shown(s)
        screen.say("query", **{**FORM, "where": "ada@example.org"})
        assert used(screen) == []
        assert "masked" in screen.last("filters")["note"]
    assert not (config / "filters.json").exists()


def test_a_file_that_cannot_be_written_is_said_and_the_search_goes_on(shop: Session, config: Path) -> None:
    browser, screen = shown(shop)
    (config / "filters.json").mkdir()
    screen.say("query", **{**FORM, "key": "c1"})
    assert browser.wait(60)
    assert browser.problem is None
    assert len(browser.frame) == 1
    assert used(screen) == []
    assert "not remembered" in screen.last("filters")["note"]


@pytest.mark.parametrize(
    "text", ["", "[]", "3", '{"saved": [], "used": {}}', '{"saved": {"a": 1}, "used": [2]}']
)
def test_a_file_that_holds_something_else_holds_no_filters(config: Path, text: str) -> None:
    (config / "filters.json").write_text(text)
    assert kept.filters() == ({}, [])
    kept.note_filter({"where": "x"})
    assert kept.filters().used == [{"where": "x"}]


def test_a_damaged_file_is_said_and_stays_as_it_is(shop: Session, config: Path) -> None:
    kept.save_filter("mine", {"where": "x", "mode": "text"})
    path = config / "filters.json"
    damaged = path.read_text().replace("{", "{,", 1)
    path.write_text(damaged)
    _, screen = shown(shop)
    screen.say("query", **{**FORM, "key": "c1"})
    screen.say("save_filter", name="other", filter=FORM)
    assert "is not valid JSON: mend it first" in screen.state["problem"]
    assert used(screen) == []
    assert "is not valid JSON: mend it first" in screen.last("filters")["note"]
    assert path.read_text() == damaged


def test_what_is_kept_is_bounded(config: Path) -> None:
    for n in range(kept.MOST_USED + 5):
        kept.note_filter({"where": str(n)})
    kept.note_filter({"where": "x" * kept.LONGEST})
    assert [each["where"] for each in kept.filters().used][:2] == [
        str(kept.MOST_USED + 4),
        str(kept.MOST_USED + 3),
    ]
    assert len(json.loads((config / "filters.json").read_text())["used"]) == kept.MOST_USED
