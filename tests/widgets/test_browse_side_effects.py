"""Where a look is not free: what it does is spelled out, chosen, and confirmed in production."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import brokerkit as bk
from brokerkit.sandbox.pubsub import EmulatorServer
from brokerkit.widgets.browse.state import state_of
from brokerkit.workbench import Session
from tests.backends.pubsub.conftest import new_name, url_of
from tests.widgets.test_browse import FORM, browse, last, say, told


@pytest.mark.extended
def test_a_free_look_says_that_it_changes_nothing(s: Session) -> None:
    s.create_topic("orders")
    browser = browse(s, "orders")
    told(browser)
    state = state_of(browser._model)
    assert state["effect"].startswith("Reading only: no position moves")
    assert (state["choices"], state["confirm"]) == ([], False)


@pytest.mark.broker
class TestPubSub:
    """A system that cannot show messages without a side effect."""

    @pytest.fixture
    def session(self, pubsub_emulator: EmulatorServer) -> Iterator[Session]:
        with bk.connect(url_of(pubsub_emulator)) as session:
            yield session

    @pytest.fixture
    def topic(self, session: Session) -> str:
        name = new_name()
        session.create_topic(name, retention=3600)
        session.create_subscription(name, f"{name}-me", start="latest", ordering=False)
        session.publish_batch(name, [{"id": number} for number in range(5)])
        return name

    def test_nothing_is_read_before_a_side_effect_is_chosen(self, session: Session, topic: str) -> None:
        browser = browse(session, topic)
        sent = told(browser)
        say(browser, "hello")
        state = state_of(browser._model)
        assert "cannot show messages without a side effect" in state["effect"]
        assert [each["value"] for each in state["choices"]] == ["give back", "temporary subscription"]
        assert browser._model.search is None
        assert len(browser.frame) == 0
        assert browser.call == f"s.describe({topic!r})"
        assert last(sent, "described")["topic"]["subscriptions"] == 1

    def test_a_temporary_subscription_is_chosen_and_leaves_nothing(
        self, session: Session, topic: str
    ) -> None:
        browser = browse(session, topic)
        sent = told(browser)
        say(browser, "query", **FORM, effect="temporary subscription")
        browser.wait(60)
        assert sorted(browser.frame["value"]) == [f'{{"id":{number}}}' for number in range(5)]
        assert browser.call == f"s.peek({topic!r}, side_effects='temporary subscription')"
        assert len(session.describe(topic).subscriptions) == 1
        say(browser, "select", place=0)
        assert last(sent, "detail")["message"]["kind"] == "text"
        assert browser.message_call == "browser.selected"
        say(browser, "step", by=1)
        say(browser, "step", by=1, along="partition")
        assert "no positions" in state_of(browser._model)["problem"]

    def test_giving_back_names_the_subscription_and_says_it_in_the_call(
        self, session: Session, topic: str
    ) -> None:
        browser = browse(session, topic)
        told(browser)
        say(browser, "query", **FORM, effect="give back", subscription=f"{topic}-me")
        browser.wait(60)
        assert len(browser.frame) == 5
        assert browser.call == f"s.peek({topic!r}, side_effects='give back', subscription='{topic}-me')"
        assert len(session.pull(topic, 5, subscription=f"{topic}-me", idle=3.0)) == 5

    @pytest.mark.parametrize("production", [False, True])
    def test_only_search_reads_with_a_side_effect(
        self, pubsub_emulator: EmulatorServer, topic: str, production: bool
    ) -> None:
        with bk.connect(url_of(pubsub_emulator), production=production, allow_changes=True) as session:
            browser = browse(session, topic)
            told(browser)
            say(browser, "query", **FORM, effect="give back", subscription=f"{topic}-me", confirm=topic)
            browser.wait(60)
            assert len(browser.frame) == 5
            search = browser._model.search
            say(browser, "select", place=0)
            for click in (
                {"kind": "window", "start": 0, "end": None},
                {"kind": "field", "path": [0], "what": "filter"},
                {"kind": "again"},
            ):
                say(browser, **click)
                assert "press Search" in state_of(browser._model)["problem"], click
                assert browser._model.search is search, click
            say(browser, "expand", on=True)
            say(browser, "field", path=[0], what="column")
            assert browser._model.search is search
            assert "value.id" in browser.columns

    def test_in_production_the_name_is_typed_and_read_only_refuses(
        self, pubsub_emulator: EmulatorServer, topic: str
    ) -> None:
        with bk.connect(url_of(pubsub_emulator), production=True, allow_changes=True) as session:
            browser = browse(session, topic)
            told(browser)
            assert state_of(browser._model)["confirm"] is True
            for confirm in (None, "", topic[:-1]):
                say(browser, "query", **FORM, effect="temporary subscription", confirm=confirm)
                assert "type the topic's name" in state_of(browser._model)["problem"]
                assert browser._model.search is None
            say(browser, "query", **FORM, effect="temporary subscription", confirm=topic)
            browser.wait(60)
            assert len(browser.frame) == 5
        with bk.connect(url_of(pubsub_emulator), read_only=True) as session:
            browser = browse(session, topic)
            told(browser)
            say(browser, "query", **FORM, effect="temporary subscription")
            assert "read-only" in state_of(browser._model)["problem"]
