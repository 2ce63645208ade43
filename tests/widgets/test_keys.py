"""Keys that are text and keys that are bytes, as the widgets show, follow and hand on."""

from __future__ import annotations

import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.testing.waiting import eventually
from brokerkit.widgets.browse import TopicBrowser
from brokerkit.widgets.compose import Composer
from brokerkit.widgets.tail import Tail
from brokerkit.workbench import Session

KEYS = [b"c1", b"\xff\x00", b"\\xff\\x00", None, b"", b"\xff\x00", b"c1"]


@pytest.fixture
def keyed(s: Session) -> Session:
    s.create_topic("keyed", partitions=1)
    s.publish_batch("keyed", [bk.OutboundMessage(f'{{"n":{n}}}', key) for n, key in enumerate(KEYS)])
    return s


def browse(s: Session, **options: object) -> TopicBrowser:
    made = s.browse("keyed", **options)
    assert made.wait(60)
    return made


def cells(browser: TopicBrowser, column: str) -> list[str | None]:
    return [row["cells"][0] for _, row in browser._model.rows.result.page(0, 100, [column])]


def test_the_table_tells_bytes_from_text_that_looks_like_them(keyed: Session) -> None:
    browser = browse(keyed)
    assert "key" in browser.columns
    shown = cells(browser, "key")
    assert shown[0] == shown[6] == "c1"
    assert shown[1] == shown[5] != shown[2]
    assert shown[1].startswith("bytes: \\xff")
    assert not shown[2].startswith("bytes")
    assert (shown[3], shown[4]) == (None, "")


def test_a_result_of_only_binary_keys_still_shows_the_key_column(keyed: Session) -> None:
    browser = browse(keyed, key=b"\xff\x00")
    assert "key" in browser.columns
    assert browser.frame["offset"].tolist() == [1, 5]
    assert cells(browser, "raw_key")[0].startswith("\\xff")


def test_an_order_by_key_is_that_of_the_call(keyed: Session) -> None:
    browser = browse(keyed)
    for ascending in (True, False):
        browser.sort = ("key", ascending)
        again = eval(browser.call, {"s": keyed, "browser": browser})
        pd.testing.assert_frame_equal(browser.frame, again)


@pytest.mark.parametrize(("place", "other"), [(1, 5), (0, 6)])
def test_a_message_is_followed_along_its_key(keyed: Session, place: int, other: int) -> None:
    browser = browse(keyed)
    browser.selected = place
    assert browser.message.key == KEYS[place]
    browser.step(1, along="key")
    assert browser.wait(60)
    assert browser.message.offset == other


def test_two_messages_with_a_text_and_a_binary_key_differ_in_both_columns(keyed: Session) -> None:
    browser = browse(keyed)
    browser.selected = [1, 2]
    rows = {each.field: (each.left, each.right) for each in browser.compared}
    assert rows["key"] == ("\\xff\\x00", None)
    assert rows["raw_key"] == (None, "\\xff\x00")


def test_the_fields_of_a_message_say_what_the_key_is(keyed: Session) -> None:
    browser = browse(keyed)
    shown = []
    for offset in range(len(KEYS)):
        browser.selected = offset
        shown.append(dict(browser.message.view()["fields"])["key"])
    assert shown[0] == "c1"
    assert shown[1].startswith("bytes: \\xff")
    assert shown[2] == "\\xff\\x00"
    assert shown[3:5] == ["none", ""]


def test_a_tail_shows_and_filters_both(keyed: Session) -> None:
    tail = Tail(keyed, "keyed", start="earliest", interval=0.02)
    try:
        assert tail.frame["raw_key"].dropna().tolist() == [b"\xff\x00"] * 2
        assert "bytes: " in tail._repr_html_()
        tail.key = b"\xff\x00"
        eventually(lambda: tail.frame["offset"].tolist() == [1, 5], "the tail filtered", within=60)
        tail.key = "c1"
        eventually(lambda: tail.frame["offset"].tolist() == [0, 6], "the tail filtered", within=60)
    finally:
        tail.stop()


def test_a_row_with_either_key_is_composed_and_sent_as_it_was(keyed: Session) -> None:
    frame = keyed.peek("keyed")
    for row, key in enumerate(KEYS):
        composer = Composer(keyed, "keyed", message=frame.iloc[[row]])
        assert composer.key == key
        assert eval(composer.call, {"s": keyed}).key == key
    composer = Composer(keyed, "keyed", frame=frame)
    composer.send()
    again = keyed.peek("keyed", len(KEYS))
    assert again[["key", "raw_key"]].equals(frame[["key", "raw_key"]])
