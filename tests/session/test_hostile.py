"""Whatever a broker says is shown as text: no markup comes alive, and nothing gets slow."""

from __future__ import annotations

import html
import time
from functools import partial
from io import StringIO

import pandas as pd
import pytest
import tqdm.notebook

import brokerkit as bk
from brokerkit.display import progress
from brokerkit.display.sanitize import hides, plain
from brokerkit.workbench import Session

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"
ESCAPES = "\x1b[31mred\x1b]0;title\x07\x00\r\n\u202eltr\u2066\u200b"
HOSTILE = [SCRIPT, ESCAPES, "'\"&<b>", SCRIPT + ESCAPES]
CONTROLS = ["\x1b", "\x07", "\x00", "\r", "\u202e", "\u2066", "\u200b"]


def assert_harmless(text: str, markup: str) -> None:
    assert not [each for each in CONTROLS if each in text + markup]
    assert "<script" not in markup
    assert "<img" not in markup
    assert "<b>'" not in markup


@pytest.mark.parametrize("name", HOSTILE)
def test_names_show_as_text_in_every_output(s: Session, name: str) -> None:
    s.create_topic(name)
    s.create_subscription(name, name + "me", start="earliest")
    s.publish(name, name, key=name, attributes={name: name})
    described, scan = s.describe(name), s.scan(name, where=name)
    assert_harmless(repr(described), described._repr_html_().replace("<b>", "", 1))
    assert_harmless(repr(scan), scan._repr_html_())
    assert_harmless(repr(s.batches(name, subscription=name + "me")), "")
    assert len(scan.to_pandas()) == 1
    assert s.peek(name, key=name, where=name, decode="text")["value"].tolist() == [name]


@pytest.mark.parametrize("name", HOSTILE)
def test_frames_escape_what_they_show(s: Session, name: str) -> None:
    s.create_topic(name)
    s.publish(name, name, key=name, attributes={name: name})
    outcome = s.publish_frame(name + "nope", pd.DataFrame({"a": [1]}))
    for frame in (s.topics(), s.peek(name), outcome):
        markup = frame._repr_html_()
        assert "<script" not in markup
        assert "<img" not in markup


@pytest.mark.parametrize("name", HOSTILE)
def test_a_progress_bar_of_a_notebook_shows_names_as_text(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("tqdm.auto.tqdm", tqdm.notebook.tqdm)
    shown = progress.tqdm_bar(f"peek {name}", 5, "msg", "exact")
    label = shown.container.children[0]
    assert_harmless("", label.value)
    shown.refresh()
    assert_harmless("", label.value)
    assert html.unescape(label.value).replace("\u2007", " ").startswith(plain(f"peek {name}", 60))
    shown.close()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_progress_bar_of_a_terminal_shows_names_as_they_are(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("tqdm.auto.tqdm", partial(tqdm.tqdm, file=StringIO()))
    shown = progress.tqdm_bar(f"peek {name}", 5, "msg", "exact")
    assert_harmless(str(shown), "")
    assert str(shown).startswith(plain(f"peek {name}", 60))


def test_errors_name_hostile_topics_without_their_control_characters(s: Session) -> None:
    for call in (lambda: s.peek(ESCAPES), lambda: s.publish(ESCAPES, "x"), lambda: s.delete_topic(ESCAPES)):
        with pytest.raises(bk.BrokerError) as caught:
            call()
        assert not [each for each in CONTROLS if each in str(caught.value)]


def test_plain_keeps_ordinary_text_and_cuts_long_text() -> None:
    assert plain("größe 🎈 <b>") == "größe 🎈 <b>"
    assert plain("a\nb") == "a\\nb"
    assert len(plain("x" * 10_000_000)) == 200


@pytest.mark.parametrize(
    "picture",
    [
        "👩\u200d💻",
        "👨🏽\u200d👩🏻\u200d👧",
        "❤\ufe0f\u200d🔥",
        "🏳\ufe0f\u200d🌈",
        "1\ufe0f\u20e3",
        "葛\U000e0100",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    ],
)
def test_plain_keeps_pictures_of_several_characters(picture: str) -> None:
    assert plain(f"a {picture}, b") == f"a {picture}, b"
    assert plain(f"{picture}\x1b\u202e") == f"{picture}\\x1b\\u202e"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "a\u200db",
            "👩\u200d",
            "\u200d👩",
            "👩\u200d\u200d💻",
            "👩\u200db",
            "👩\u200c💻",
            "🏴\U000e0062\U000e007f",
        ),
        *("a\ufe0f", "a\U000e0141", "❤\ufe0f\ufe0f", "\ufe0f", "👩\u2066💻"),
    ],
)
def test_plain_shows_what_hides_beside_pictures_and_letters(text: str) -> None:
    assert plain(text).encode("ascii", "replace").decode().count("\\") == sum(
        each in "\u200d\u200c\ufe0f\U000e0141\U000e0062\U000e007f\u2066" for each in text
    ) - (text.startswith("❤"))
    assert not hides(plain(text))


def test_plain_cuts_no_picture_behind_its_joiner() -> None:
    assert plain("👩\u200d💻" * 9, 6) == "👩\u200d💻👩…"


@pytest.mark.extended
def test_large_and_deep_payloads_are_read_whole_and_shown_at_once(s: Session) -> None:
    s.create_topic("t")
    large, deep = "x" * 8_000_000, "[" * 20_000 + "]" * 20_000
    s.publish_batch("t", [large, deep, '{"a":' + deep + "}", b"\xff" * 1_000_000])
    began = time.process_time()
    frame = s.peek("t", where=lambda value: True, expand=True)
    assert frame["value"].tolist()[:2] == [large, deep]
    assert len(repr(frame)) < 5_000
    assert len(frame._repr_html_()) < 20_000
    assert len(repr(s.scan("t"))) < 1_000
    assert time.process_time() - began < 5


def test_a_topic_with_a_name_of_ten_megabytes_is_shown_short(s: Session) -> None:
    name = "x" * 10_000_000
    s.create_topic(name)
    s.publish(name, "x")
    assert len(repr(s.describe(name))) < 1_000
    assert len(repr(s.scan(name))) < 1_000
    assert len(s.describe(name)._repr_html_()) < 5_000
