"""All topics at a glance: rates, backlogs, dead letters, and what needs a look."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.cancellation import Cancellation
from brokerkit.core.vocabulary.topics import Bounds, SubscriptionInfo, TopicInfo
from brokerkit.testing.waiting import eventually
from brokerkit.widgets.dashboard import Dashboard, looks
from brokerkit.widgets.dashboard.looks import Looks
from brokerkit.widgets.dashboard.model import seconds_of
from brokerkit.widgets.dashboard.summary import age_text, concerns, figures, points, rate_text, topic_looks
from brokerkit.widgets.dashboard.tracks import SAMPLES, Series, SubscriptionTrack, TopicTrack
from brokerkit.workbench import Session

from .screens import Screen


@pytest.fixture
def shop(s: Session) -> Session:
    s.create_topic("orders", partitions=2)
    s.create_topic("quiet")
    s.create_topic("orders-dead-letters")
    s.create_subscription("orders", "billing", start="earliest")
    s.publish_batch("orders", [f'{{"id": {n}}}' for n in range(40)])
    s.publish_batch("orders-dead-letters", ["{}"] * 3)
    return s


@pytest.fixture
def shown(shop: Session) -> Iterator[tuple[Dashboard, Screen]]:
    dashboard, screen = shop.dashboard(every="1s"), Screen()
    dashboard._show_at(screen)
    eventually(lambda: screen.state["refreshed"], "it has looked", within=60)
    yield dashboard, screen
    dashboard.close()


def look(looks: Looks) -> None:
    looks.look(Cancellation())


def test_what_comes_and_goes_is_counted_from_look_to_look(shop: Session) -> None:
    found = Looks(shop)
    look(found)
    assert (found.topics["orders"].came.last, found.topics["orders"].held.last) == (0, 40)
    shop.publish_batch("orders", ["{}"] * 10)
    assert len(shop.pull("orders", 25, subscription="billing")) == 25
    look(found)
    orders = {each.name: each for each in topic_looks(found)}["orders"]
    assert found.topics["orders"].came.last == 10
    assert found.topics["orders"].gone.last == 25
    assert (orders.backlog, orders.dead) == (25, 3)
    assert orders.coming is not None
    assert orders.coming > 0
    said = {each["subject"]: each["text"] for each in concerns(found, topic_looks(found))}
    assert said["billing"] == "has no members: 25 of orders wait to be read"
    assert said["orders-dead-letters"] == "holds 3 dead letters"


def test_the_view_shows_topics_and_finds_others(shown: tuple[Dashboard, Screen]) -> None:
    _, screen = shown
    screen.say("hello")
    rates = screen.last("rates")
    assert [row["name"] for row in rates["rows"]] == ["orders"]
    assert (rates["busy"], rates["all"]) == (1, 3)
    assert (rates["rows"][0]["backlog"], rates["rows"][0]["dead"]) == ("40", "3")
    screen.say("find", text="qui", all=False)
    assert [row["name"] for row in screen.last("rates")["rows"]] == ["quiet"]
    screen.say("find", text="", all=True)
    assert len(screen.last("rates")["rows"]) == 3


def test_a_topic_opens_in_the_same_place_and_leads_back(shown: tuple[Dashboard, Screen]) -> None:
    dashboard, screen = shown
    (concern,) = [each for each in screen.state["concerns"] if each["subject"] == "billing"]
    screen.say("topic", n=concern["n"], tab=concern["tab"])
    assert dashboard.browser is not None
    assert (screen.state["topic"], screen.state["first_tab"]) == ("orders", "subscriptions")
    assert screen.state["back"] == "Dashboard"
    screen.say("back")
    assert screen.state["screen"] == "dashboard"
    assert dashboard.browser is None


def test_it_stops_pauses_and_goes_on(shown: tuple[Dashboard, Screen]) -> None:
    dashboard, screen = shown
    screen.say("pause")
    assert (dashboard.running, screen.state["paused"]) == (False, True)
    screen.say("resume")
    assert dashboard.running
    screen.say("stop")
    assert not dashboard.running
    before = dashboard._model.looks.at
    dashboard.refresh()
    eventually(lambda: dashboard._model.looks.at != before, "it looked again", within=60)
    screen.say("every", seconds=0)
    assert "every=" in screen.state["problem"]
    screen.say("every", seconds=30)
    assert screen.state["call"] == "s.dashboard(every='30s')"


@pytest.mark.extended
def test_a_closed_session_is_said_and_ends_the_looks(shop: Session) -> None:
    dashboard, screen = shop.dashboard(every=1), Screen()
    dashboard._show_at(screen)
    eventually(lambda: screen.state["refreshed"], "it has looked", within=60)
    shop.close()
    eventually(lambda: screen.state["closed"] and not screen.state["running"], "it says so", within=60)


def test_the_call_runs_as_it_stands_and_the_frame_has_the_types(shown: tuple[Dashboard, Screen]) -> None:
    dashboard, _ = shown
    with eval(dashboard.call, {"s": dashboard._model.session})._model.session:
        frame = dashboard.frame
        assert str(frame.dtypes["oldest_unread"]) == "datetime64[us, UTC]"
        assert frame.set_index("topic").loc["orders", "backlog"] == 40
        assert len(frame) == 3
        assert "orders" in dashboard._repr_html_()


def test_memory_is_bounded(shop: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    series = Series()
    for n in range(10 * SAMPLES):
        series.add(float(n), float(n))
    assert len(series) == SAMPLES
    monkeypatch.setattr(looks, "MOST_TOPICS", 2)
    found = Looks(shop)
    look(found)
    assert set(found.topics) == {"orders", "orders-dead-letters"}
    assert found.all == 3
    assert "2 topics" in found.notes[0]
    shop.delete_topic("orders-dead-letters", confirm="orders-dead-letters")
    look(found)
    assert set(found.topics) == {"orders", "quiet"}


@pytest.mark.extended
@pytest.mark.usefixtures("small_heap")
def test_one_that_is_dropped_ends_its_thread(shop: Session) -> None:
    dashboard = shop.dashboard(every=1)
    gone = weakref.ref(dashboard._model)
    del dashboard

    def ended() -> bool:
        gc.collect()
        return gone() is None and not any("dashboard of" in each.name for each in threading.enumerate())

    eventually(ended, "its thread has ended", within=60)


def test_a_topic_that_was_made_again_and_a_reset_count_nothing() -> None:
    topic = TopicTrack(1, TopicInfo("orders"))
    for now, end in ((0.0, 100), (1.0, 110), (2.0, 4), (3.0, 5)):
        topic.measure(now, [Bounds(0, 0, end)])
    assert topic.came.last == 11
    reader = SubscriptionTrack(SubscriptionInfo("billing", "group", lag=5, position={0: 0}))
    settled = [
        reader.take(
            float(now), SubscriptionInfo("billing", "group", lag=5 - place, position={0: place}), topic
        )
        for now, place in enumerate((0, 3, 5, 1, 2))
    ]
    assert settled == [0, 3, 2, 0, 1]


def test_a_backlog_that_grows_is_said_with_its_beginning() -> None:
    series = Series()
    for now, value in enumerate((9, 3, 5, 8, 20)):
        series.add(float(now), value)
    assert series.growing_since == 1.0
    assert series.rate() == pytest.approx(11 / 4)
    series.add(5.0, 20)
    assert series.growing_since is None


def test_numbers_are_short() -> None:
    now = datetime.fromtimestamp(100_000, UTC)
    assert [rate_text(each) for each in (None, 0.0, 0.01, 12.04, 1234.5)] == [
        "",
        "0/s",
        "0.6/min",
        "12/s",
        "1,234/s",
    ]
    ages = [age_text(round(1e6 * (100_000 - ago)), now) for ago in (3, 200, 34_400, 90_000)]
    assert ages == ["3 s", "3 min", "9 h 33 min", "1 d 1 h"]
    one, two = Series(), Series()
    for n in range(4):
        one.add(float(n), n * n)
    for n in range(2, 4):
        two.add(float(n), 10 * n)
    assert points([one, two]) == [7, 20, 100]
    assert points([]) == []


@pytest.mark.parametrize("every", [0, 0.5, "1ms", "often", "9999999999999d", -1, 4_000])
def test_a_rhythm_that_cannot_be_is_refused(every: object) -> None:
    with pytest.raises(bk.ConfigError):
        seconds_of(every)  # type: ignore[arg-type]
    assert seconds_of("2min") == 120.0


def test_nothing_is_asked_without_a_viewer(shown: tuple[Dashboard, Screen]) -> None:
    dashboard, _ = shown
    dashboard.close()
    model, before = dashboard._model, dashboard._model.looks.at
    model.attended = lambda: False
    assert model.step(Cancellation(), float("-inf")) == float("-inf")
    assert model.looks.at == before
    model.attended = lambda: True
    assert model.step(Cancellation(), float("-inf")) > 0
    assert model.looks.at != before


def test_one_topic_that_does_not_answer_leaves_the_others_and_the_backlogs(
    shop: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = type(shop.inspector).bounds

    def answered(inspector: Any, topic: str, **more: Any) -> object:
        if topic == "orders":
            raise bk.Unavailable("its partition has no leader")
        return bounds(inspector, topic, **more)

    monkeypatch.setattr(type(shop.inspector), "bounds", answered)
    found = Looks(shop)
    look(found)
    assert found.notes == ("The ends of 'orders' are not known: its partition has no leader",)
    assert found.topics["orders-dead-letters"].held.last == 3
    assert found.subscriptions["orders", "billing"].lag.last == 40


@pytest.mark.extended
def test_an_error_of_any_kind_is_said_and_refresh_begins_again(
    shown: tuple[Dashboard, Screen], monkeypatch: pytest.MonkeyPatch
) -> None:
    dashboard, screen = shown

    def broken(looks: Looks, cancellation: Cancellation) -> None:
        raise RuntimeError("no look")

    with monkeypatch.context() as patched:
        patched.setattr(Looks, "look", broken)
        screen.say("refresh")
        eventually(lambda: "RuntimeError: no look" in screen.state["problem"], "the error is said")
    assert screen.state["running"] is False
    screen.say("refresh")
    eventually(lambda: screen.state["problem"] == "", "it looks again")
    assert dashboard._model.running


def test_a_series_is_read_while_another_thread_adds() -> None:
    series, ended = Series(), threading.Event()

    def add() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            series.add(float(number), float(number))

    adding, interval = threading.Thread(target=add), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    adding.start()
    try:
        eventually(lambda: len(series) == SAMPLES, "it is full")
        for _ in range(2000):
            assert series.growing_since is not None
            assert len(series.rates()) == SAMPLES - 1
    finally:
        sys.setswitchinterval(interval)
        ended.set()
        adding.join()


def test_dead_letters_that_the_system_keeps_and_copies_that_lag_are_said(
    s: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    infos = [
        TopicInfo("orders", 6, 40, lacking=2, dead_letters=3),
        TopicInfo("clicks", 2, 5, lacking=0, dead_letters=0),
    ]
    monkeypatch.setattr(s.inspector, "topics", lambda **_: infos)
    found = Looks(s)
    look(found)
    known = topic_looks(found)
    shown = {each["name"]: each for each in figures(found, known)}
    assert (shown["Dead letters"]["value"], shown["Dead letters"]["level"]) == ("3", "bad")
    assert (shown["In sync"]["value"], shown["In sync"]["note"]) == ("6 of 8", "orders")
    assert {each.name: each.dead for each in known} == {"orders": 3, "clicks": 0}
    said = [(each["subject"], each["text"], each["tab"]) for each in concerns(found, known)]
    assert said == [
        ("orders", "2 of 6 partitions lack a copy that is up to date", "partitions"),
        ("orders", "has 3 dead letters", "letters"),
    ]


def test_one_broker_that_is_down_leaves_room_for_what_else_needs_a_look(s: Session) -> None:
    found = Looks(s)
    found._take_topics(
        [TopicInfo(f"t{n:02}", partitions=3, messages=1, lacking=1 + (n == 7)) for n in range(20)]
        + [TopicInfo("q", messages=1, dead_letters=900)]
    )
    lacking, letters = concerns(found, topic_looks(found))
    assert (lacking["sign"], lacking["subject"], lacking["action"]) == ("bad", "20 topics", "Show the worst")
    assert lacking["text"] == (
        "21 of 60 partitions lack a copy that is up to date: t00, t01, t02 and 17 more"
    )
    assert lacking["n"] == found.topics["t07"].number
    assert (letters["subject"], letters["text"]) == ("q", "has 900 dead letters")


def test_where_the_system_says_nothing_of_copies_the_figure_is_not_there(shop: Session) -> None:
    found = Looks(shop)
    look(found)
    assert "In sync" not in {each["name"] for each in figures(found, topic_looks(found))}
