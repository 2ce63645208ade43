"""Personal data that is planted in messages reaches no view of a masked session, nor the saved notebook."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest

import brokerkit as bk
from brokerkit.testing import waiting
from brokerkit.widgets.browse.state import state_of as browser_state
from brokerkit.widgets.tail.view import state_of as tail_state
from brokerkit.workbench import Session
from tests.session.test_masking import EMAIL, MASKS, PLANTED, check, messages
from tests.widgets.test_browse import browse, say, told


@pytest.fixture(params=["paths", "detectors", "allow"])
def planted(request: pytest.FixtureRequest) -> Iterator[Session]:
    name = f"inmem://{uuid.uuid4().hex}"
    with bk.connect(name) as writer, bk.connect(name, mask=MASKS[request.param]) as session:
        writer.create_topic("people")
        writer.publish_batch("people", messages())
        yield session


def test_the_browser_sends_and_keeps_nothing_that_was_planted(planted: Session) -> None:
    browser = browse(planted, "people")
    sent = told(browser)
    say(browser, "hello")
    for place in range(len(browser._model.rows.result)):
        say(browser, "select", place=place)
        for form in ("tree", "text", "hex", "decoded"):
            say(browser, "payload", form=form)
        say(browser, "copy")
    say(browser, "select", place=0)
    say(browser, "select", place=1, how="toggle")
    say(browser, "compare")
    say(browser, "expand", on=True)
    say(browser, "step", by=1, along="key")
    browser._model.count("rows")
    assert len([each for each in sent if each["type"] == "payload"]) >= len(messages())
    shown = json.dumps([sent, browser_state(browser._model)], ensure_ascii=False, default=str)
    check(shown, browser, browser.frame, browser.selected, browser.call)
    with pytest.raises(bk.ConfigError, match="masked"):
        browser._model.compose()


def test_the_browser_finds_only_what_it_shows(planted: Session) -> None:
    assert not len(browse(planted, "people", where=EMAIL).frame)
    assert not len(browse(planted, "people", key=EMAIL).frame)
    shown = browse(planted, "people", unmask=True, key=EMAIL)
    assert len(shown.frame) == 2
    assert "unmask=True" in shown.call
    follower = shown._model.follow()
    assert EMAIL in str(follower.frame["key"].tolist())
    follower.stop()


def test_the_tail_sends_and_keeps_nothing_that_was_planted(planted: Session) -> None:
    with_own = planted.tail("people", mask="**.id")
    tail = planted.tail("people")
    waiting.eventually(lambda: len(tail.frame) == len(messages()), "the tail shows all", within=60)
    number, rows = tail._model.kept.newest(100)
    assert rows.num_rows == len(messages())
    from brokerkit.widgets.row_view import detail_view, rows_view

    views = [rows_view(rows, number), [detail_view(rows.slice(row, 1)) for row in range(rows.num_rows)]]
    shown = json.dumps([tail_state(tail._model), views], ensure_ascii=False, default=str)
    check(shown, tail, tail.frame, tail.call, tail.notes)
    tail.selected = tail.frame["id"][0]
    check(tail.selected)
    with pytest.raises(bk.ConfigError, match="masked"):
        planted.compose("people", message=tail.selected)
    assert "9007199254740993" not in str(with_own.frame["value"].tolist())
    assert "mask=" in with_own.call
    tail.stop()
    with_own.stop()
    assert PLANTED
