"""What a view sends is answered by its number, after all that it brought about; what is refused stays typed."""

from __future__ import annotations

import pytest

from brokerkit.widgets.compose import Composer
from brokerkit.workbench import Session

from .screens import Screen


@pytest.fixture
def composer(s: Session) -> Composer:
    s.create_topic("orders")
    return s.compose("orders")


@pytest.fixture
def screen(composer: Composer) -> Screen:
    screen = Screen()
    composer._show_at(screen)
    return screen


def test_a_message_is_answered_by_its_number_after_all_that_it_brought_about(screen: Screen) -> None:
    seen: list[object] = []
    send = screen.send

    def look(message: dict[str, object]) -> None:
        seen.append((message, screen.state["value"]))
        send(message)

    screen.send = look  # type: ignore[method-assign]
    screen.say("edit", value=["text", "hello"], nth="view:1")
    assert seen[-1] == ({"type": "here", "nth": "view:1"}, ["text", "hello"])


@pytest.mark.parametrize("nth", [None, 7, ["view:1"], "x" * 1_000])
def test_a_number_that_no_view_gives_is_not_sent_back(screen: Screen, nth: object) -> None:
    screen.say("hello", nth=nth)
    assert screen.sent[-1] == {"type": "here"}


def test_what_was_typed_beside_something_wrong_is_taken_with_its_correction(
    screen: Screen, composer: Composer
) -> None:
    screen.say("edit", value=["escaped", "\\x"], key=["text", "c1"])
    assert screen.state["typed_wrong"]
    assert composer.key is None
    screen.say("edit", value=["text", "a"])
    assert not screen.state["typed_wrong"]
    assert (composer.key, composer.value) == (b"c1", b"a")
    # what was corrected in code is not undone by what was typed before
    screen.say("edit", value=["escaped", "\\x"], key=["text", "c2"])
    composer.value = b"b"
    screen.say("edit", attributes=[])
    assert (composer.key, composer.value) == (b"c1", b"b")
