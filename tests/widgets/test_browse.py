"""What a topic browser reads, shows and hands on; state in, calls out, without a browser."""

from __future__ import annotations

import json
import threading

import pandas as pd
import pyarrow.compute as pc
import pytest

import brokerkit as bk
from brokerkit.core import OutboundMessage
from brokerkit.testing import waiting
from brokerkit.widgets.browse import Query, TopicBrowser
from brokerkit.widgets.browse.state import state_of
from brokerkit.workbench import Session


def eventually(condition, within: float = 20.0) -> None:
    waiting.eventually(condition, "the browser did what it should", within=within)


@pytest.fixture
def orders(s: Session) -> Session:
    """`orders` has the ids 0 to 299 in three partitions, with keys, headers and JSON."""
    s.create_topic("orders", partitions=3)
    s.publish_batch(
        "orders",
        [
            OutboundMessage(
                json.dumps({"id": number, "total": number * 1.5, "who": {"name": f"n{number % 5}"}}),
                key=f"c{number % 7}",
                attributes={"source": "web" if number % 2 else "app"},
            )
            for number in range(300)
        ],
    )
    return s


def browse(s: Session, *args, **options) -> TopicBrowser:
    made = s.browse(*args, **options)
    assert made.wait(60)
    return made


def run(call: str, s: Session, browser: TopicBrowser) -> pd.DataFrame:
    """What the shown Python gives in a notebook that has the two variables."""
    return eval(call, {"s": s, "browser": browser})


def told(browser: TopicBrowser) -> list[dict]:
    """Everything that goes to the view from now on."""
    pytest.importorskip("anywidget")
    sent: list[dict] = []
    browser.widget.send = lambda content, buffers=None: sent.append(content)
    return sent


def say(browser: TopicBrowser, kind: str, **content) -> None:
    """A message of the view."""
    assert browser._view is not None
    browser._view.receive({"type": kind, **content})
    browser.wait(60)


def last(sent: list[dict], kind: str) -> dict:
    return [each for each in sent if each["type"] == kind][-1]


FORM = {
    "newest": True, "limit": "100", "start": "", "end": "", "partitions": "", "key": "", "header": "",
    "mode": "text", "where": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("form", "call"),
    [
        ({}, "s.peek('orders')"),
        ({"limit": "7"}, "s.peek('orders', 7)"),
        ({"newest": False}, "s.peek('orders', start='earliest')"),
        ({"newest": False, "start": "-15 min"}, "s.peek('orders', start='-15 min')"),
        ({"start": "20", "end": "60"}, "s.peek('orders', start=20, end=60, newest=True)"),
        ({"start": "2020-01-31T12:00", "end": "-1ms"}, "s.peek('orders', start='2020-01-31T12:00', end='-1ms', newest=True)"),
        ({"end": "{0: 5, 1: 6, 2: 7}"}, "s.peek('orders', end={0: 5, 1: 6, 2: 7})"),
        ({"partitions": "0, 2"}, "s.peek('orders', partitions=[0, 2])"),
        ({"partitions": "1-2"}, "s.peek('orders', partitions=[1, 2])"),
        ({"key": "c3"}, "s.peek('orders', key='c3')"),
        ({"key": "b'c3'"}, "s.peek('orders', key=b'c3')"),
        ({"header": "source"}, "s.peek('orders', header='source')"),
        ({"header": "source=web"}, "s.peek('orders', header={'source': 'web'})"),
        ({"where": '"id": 7,'}, "s.peek('orders', where='\"id\": 7,')"),
        (
            {"mode": "python", "where": 'value["total"] > 100 and value["id"] % 2'},
            's.peek(\'orders\', where=lambda value: value["total"] > 100 and value["id"] % 2)',
        ),
        ({"mode": "python", "where": "lambda v: v['id'] < 5"}, "s.peek('orders', where=lambda v: v['id'] < 5)"),
    ],
)  # fmt: skip
def test_a_typed_query_is_a_call_that_returns_the_same_rows(orders: Session, form: dict, call: str) -> None:
    browser = browse(orders, "orders")
    told(browser)
    say(browser, "query", **FORM | form)
    assert browser.problem is None
    assert browser.call == call
    frame = browser.frame
    assert len(frame)
    pd.testing.assert_frame_equal(frame, run(browser.call, orders, browser))
    pd.testing.assert_frame_equal(frame, run(browser.fixed_call, orders, browser))
    # what the form then shows means the same
    shown = state_of(browser._model)["form"]
    say(browser, "query", **shown)
    assert browser.call == call


def test_the_fixed_call_gives_the_same_rows_when_others_have_come(orders: Session) -> None:
    browser = browse(orders, "orders", limit=20)
    frame = browser.frame
    orders.publish_batch("orders", [{"id": number} for number in range(50)])
    pd.testing.assert_frame_equal(frame, run(browser.fixed_call, orders, browser))
    assert not frame.equals(run(browser.call, orders, browser))


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"limit": "many"}, "At most: expected a whole number"),
        ({"start": "tomorrow"}, "is not a position"),
        ({"start": "{0: "}, "From: '{0:' cannot be read"),
        ({"partitions": "a"}, "Partitions: expected a whole number"),
        ({"partitions": "9"}, "no partition 9"),
        ({"mode": "python", "where": "value["}, "not a Python expression"),
        ({"mode": "python", "where": "value, limit=5"}, "not a Python expression"),
        ({"limit": "0"}, "limit must be"),
    ],
)
def test_unreadable_entries_are_reported_and_break_nothing(orders: Session, form: dict, problem: str) -> None:
    browser = browse(orders, "orders")
    told(browser)
    say(browser, "query", **FORM | form)
    assert problem in state_of(browser._model)["problem"]
    say(browser, "query", **FORM)
    assert state_of(browser._model)["problem"] == ""
    assert len(browser.frame) == 100


def test_a_topic_is_found_by_words_chosen_and_described(orders: Session) -> None:
    orders.create_topic("shop.orders.eu")
    orders.create_topic("shop.invoices")
    orders.create_subscription("orders", "billing", start="earliest")
    browser = browse(orders)
    sent = told(browser)
    say(browser, "topics", first=0, count=50, text="ORD sh")
    assert [row["name"] for row in last(sent, "topics")["rows"]] == ["shop.orders.eu"]
    say(browser, "topics", first=0, count=50, text="", sort="messages")
    listed = last(sent, "topics")
    assert (listed["rows"][0]["name"], listed["rows"][0]["messages"]) == ("orders", "300")
    assert browser.call == "s.topics()"
    say(browser, "topic", n=listed["rows"][0]["n"], generation=listed["generation"])
    assert browser.topic == "orders"
    assert browser.call == "s.peek('orders')"
    described = last(sent, "described")["topic"]
    assert described["messages"] == "300"
    assert described["lag"] == "billing: lag 300"
    assert [row["backlog"] for row in last(sent, "topics")["rows"] if row["chosen"]] == ["300"]


def test_a_click_on_a_list_that_is_gone_opens_nothing(orders: Session) -> None:
    browser = browse(orders)
    told(browser)
    generation = browser._model.topics.generation
    say(browser, "refresh")
    say(browser, "topic", n=0, generation=generation)
    assert browser.topic is None


def test_internal_topics_are_hidden_until_asked_for(s: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    from brokerkit.core.vocabulary.topics import TopicInfo

    infos = [TopicInfo("orders", 1, 5), TopicInfo("__offsets", 1, 9, internal=True)]
    monkeypatch.setattr(s.inspector, "topics", lambda **_: infos)
    browser = browse(s)
    sent = told(browser)
    say(browser, "topics", first=0, count=50)
    assert [row["name"] for row in last(sent, "topics")["rows"]] == ["orders"]
    say(browser, "topics", first=0, count=50, internal=True)
    assert [row["internal"] for row in last(sent, "topics")["rows"]] == [False, True]


def test_backlogs_of_the_topics_in_view_are_asked_for_on_demand(orders: Session) -> None:
    orders.create_topic("quiet")
    orders.create_subscription("orders", "billing", start="earliest")
    browser = browse(orders)
    sent = told(browser)
    say(browser, "topics", first=0, count=50)
    assert [row["backlog"] for row in last(sent, "topics")["rows"]] == ["", ""]
    say(browser, "topics", first=0, count=50, backlogs=True)
    assert [row["backlog"] for row in last(sent, "topics")["rows"]] == ["300", "none"]


@pytest.mark.extended
def test_a_search_can_be_stopped_and_continued_and_misses_nothing(s: Session) -> None:
    s.create_topic("t", partitions=2)
    for start in range(0, 30_000, 10_000):
        s.publish_batch("t", [str(number) for number in range(start, start + 10_000)])
    gate, reached = threading.Event(), threading.Event()

    def wanted(value: int) -> bool:
        if value == 15_000:
            reached.set()
            gate.wait(20)
        return value % 50 == 0

    browser = s.browse("t", start="earliest", limit=10_000, where=wanted)
    assert reached.wait(60)
    assert browser.running
    browser.stop()
    gate.set()
    assert browser.wait(60)
    assert browser._model.search.status == "stopped"
    found = browser.frame
    assert 0 < len(found) < 600
    again = run(browser.call, s, browser)
    assert sorted(again["value"]) == sorted(found["value"])
    browser.go_on()
    assert browser.wait(60)
    assert sorted(map(int, browser.frame["value"])) == list(range(0, 30_000, 50))
    assert browser._model.search.status == "at the end"
    assert browser.call == "s.peek('t', 10000, start='earliest', where=browser.query.where)"


def test_more_rows_continue_where_the_limit_was(orders: Session) -> None:
    browser = browse(orders, "orders", limit=30)
    assert browser._model.search.status == "at the limit"
    read = browser._model.search.read
    browser.go_on()
    assert browser.wait(60)
    assert browser.call == "s.peek('orders', 60)"
    assert browser._model.search.read == 2 * read
    pd.testing.assert_frame_equal(browser.frame, run(browser.call, orders, browser))


def test_a_filter_that_fails_is_counted_and_stops_nothing(orders: Session) -> None:
    orders.publish("orders", "no json")
    browser = browse(orders, "orders", limit=1_000, where=lambda value: value["id"] == 7)
    assert len(browser.frame) == 1
    errors = _state(browser)["search"]["errors"]
    assert errors.startswith("The filter could not look at 1 of 301 messages (not JSON: TypeError")


def _state(browser: TopicBrowser) -> dict:
    pytest.importorskip("anywidget")
    assert browser.widget is not None
    return state_of(browser._model)


def test_a_predicate_is_tried_on_the_rows_shown_before_it_is_searched_for(orders: Session) -> None:
    browser = browse(orders, "orders")
    sent = told(browser)
    say(browser, "try", mode="python", where='value["id"] >= 290')
    assert last(sent, "tried")["text"] == "matches 10 of 100 rows shown now"
    say(browser, "try", mode="python", where='value["nope"]')
    assert last(sent, "tried")["text"].startswith(
        "matches 0 of 100 rows shown now; it failed on 100 messages (KeyError"
    )
    say(browser, "try", mode="python", where="value[")
    assert last(sent, "tried")["text"].startswith("✕ not a Python expression")
    assert browser.call == "s.peek('orders')"


def test_a_search_whose_broker_is_away_says_so_and_can_go_on(orders: Session) -> None:
    browser = browse(orders, "orders")
    orders.native.faults.stop()
    browser.query = {"limit": 5}
    eventually(lambda: not browser.running, within=60)
    assert browser._model.search.status == "failed"
    assert isinstance(browser._model.search.problem, bk.BrokerError)
    orders.native.faults.start()
    browser.go_on()
    assert browser.wait(60)
    assert len(browser.frame) == 5


def test_state_set_in_code_moves_the_widget(orders: Session) -> None:
    browser = browse(orders, "orders")
    sent = told(browser)
    browser.query = {"limit": 12, "key": "c1"}
    assert browser.wait(60)
    assert _state(browser)["form"]["key"] == "c1"
    assert last(sent, "rows")["total"] == 12
    browser.query = Query("orders", 5)
    assert browser.wait(60)
    assert last(sent, "rows")["total"] == 5
    offset = browser.frame["offset"].iloc[-1], browser.frame["partition"].iloc[-1]
    browser.selected = (int(offset[1]), int(offset[0]))
    assert browser.selected["offset"].tolist() == [offset[0]]
    assert last(sent, "detail")["message"]["id"] == browser.selected["id"].iloc[0]
    with pytest.raises(bk.ConfigError, match="not among the rows"):
        browser.selected = 99_999
    with pytest.raises(bk.ConfigError, match="peek has no argument"):
        browser.query = {"offset": 5}
    browser.query = "orders"
    assert browser.call == "s.peek('orders')"
    browser.query = {"where": lambda value: value["id"] < 3}
    assert browser.call == "s.peek('orders', where=browser.query.where)"


def test_columns_and_order_are_part_of_the_call(orders: Session) -> None:
    browser = browse(orders, "orders", limit=50)
    sent = told(browser)
    say(browser, "expand", on=True)
    assert {"value.id", "value.total", "value.who"} <= set(browser.columns)
    browser.sort = ("value.total", False)
    browser.columns = ["offset", "value.total", "key"]
    assert browser.call == (
        "s.peek('orders', 50, expand=True).sort_values('value.total', ascending=False, kind='stable')"
        "[['offset', 'value.total', 'key']]"
    )
    pd.testing.assert_frame_equal(browser.frame, run(browser.call, orders, browser))
    shown = last(sent, "rows")
    assert shown["columns"] == ["offset", "value.total", "key"]
    totals = [float(row["cells"][1]) for row in shown["rows"]]
    assert totals == sorted(totals, reverse=True)
    say(browser, "sort", column=2)
    assert browser.sort == ("key", True)
    pd.testing.assert_frame_equal(browser.frame, run(browser.call, orders, browser))
    say(browser, "columns", shown=None)
    say(browser, "sort", column=0)
    pd.testing.assert_frame_equal(browser.frame, run(browser.call, orders, browser))
    with pytest.raises(bk.ConfigError, match="no order"):
        browser.sort = "attributes"


def test_an_order_by_a_field_that_no_row_has_still_gives_a_call_that_runs(orders: Session) -> None:
    browser = browse(orders, "orders", limit=50, expand=True, sort="value.total")
    browser.query = {"where": "nothing has this"}
    assert browser.wait(60)
    assert len(run(browser.call, orders, browser)) == len(browser.frame) == 0


def test_rows_are_chosen_one_by_one_in_ranges_and_compared(orders: Session) -> None:
    browser = browse(orders, "orders")
    sent = told(browser)
    say(browser, "select", place=3)
    say(browser, "select", place=6, how="range")
    assert len(browser.selected) == 4
    say(browser, "select", place=4, how="toggle")
    assert len(browser.selected) == 3
    say(browser, "select", place=10)
    say(browser, "select", place=12, how="toggle")
    pd.testing.assert_frame_equal(
        browser.selected.reset_index(drop=True), browser.frame.iloc[[87, 89]].reset_index(drop=True)
    )
    say(browser, "compare")
    rows = {field: (left, right, same) for field, left, right, same in last(sent, "compared")["rows"]}
    # as they are shown: the newest on top
    right, left = (json.loads(value) for value in browser.selected["value"])
    assert rows["value.id"] == (str(left["id"]), str(right["id"]), False)
    assert rows["topic"] == ("orders", "orders", True)
    assert "header source" in rows
    assert "value.who.name" in rows
    say(browser, "unselect")
    assert len(browser.selected) == 0


def test_what_is_empty_is_compared_as_json_has_it(s: Session) -> None:
    s.create_topic("orders")
    s.publish_batch("orders", ['{"one": {}, "two": []}', '{"one": [], "two": {}}'])
    browser = browse(s, "orders", newest=False)
    browser.selected = [0, 1]
    found = {each.field: (each.left, each.right) for each in browser.compared}
    assert (found["value.one"], found["value.two"]) == (("{}", "[]"), ("[]", "{}"))


@pytest.mark.parametrize(("newest", "sort"), [(True, None), (False, None), (True, "offset")])
def test_of_three_chosen_rows_the_first_two_shown_are_compared(
    s: Session, newest: bool, sort: str | None
) -> None:
    s.create_topic("orders")
    s.publish_batch("orders", [str(number) for number in range(50)])
    browser = browse(s, "orders", newest=newest, sort=sort)
    sent = told(browser)
    for place in (2, 0, 1):
        say(browser, "select", place=place, how="toggle")
    say(browser, "rows", first=0, count=2)
    index = last(sent, "rows")["columns"].index("value")
    shown = [row["cells"][index] for row in last(sent, "rows")["rows"]]
    say(browser, "compare")
    (value,) = [each for each in last(sent, "compared")["rows"] if each[0] == "value"]
    assert list(value[1:3]) == shown
    assert [[each.left, each.right] for each in browser.compared if each.field == "value"] == [shown]


def test_a_click_chooses_the_row_that_was_clicked_however_many_have_been_found_since(
    orders: Session,
) -> None:
    browser = browse(orders, "orders", limit=10)
    sent = told(browser)
    say(browser, "rows", first=0, count=10)
    clicked = last(sent, "rows")["rows"][3]
    for change in (
        {"limit": 200},
        {"newest": False, "start": "earliest", "limit": 300},
        {"start": None, "newest": None},
    ):
        browser.query = change
        browser.wait(60)
        say(browser, "select", place=clicked["place"], id=clicked["id"])
        assert browser.selected["id"].tolist() == [clicked["id"]]
    browser.query = {"partitions": [browser.selected["partition"].iloc[0] ^ 1]}
    browser.wait(60)
    say(browser, "select", place=clicked["place"], id=clicked["id"])
    assert len(browser.selected) == 0


@pytest.mark.parametrize("wrong", [-1, -3, 1_000, True, "0", 0.0])
def test_a_column_that_is_not_there_is_not_another_one(orders: Session, wrong: object) -> None:
    browser = browse(orders, "orders")
    told(browser)
    say(browser, "columns", shown=[0, wrong])
    assert browser.columns == [browser._model.rows.result.names[0]]


def test_a_message_is_followed_along_rows_positions_and_its_key(orders: Session) -> None:
    browser = browse(orders, "orders", where='"id": 210,')
    told(browser)
    say(browser, "select", place=0)
    first = browser.message
    say(browser, "step", by=1, along="partition")
    assert (browser.message.partition, browser.message.offset) == (first.partition, first.offset + 1)
    say(browser, "step", by=-1, along="partition")
    assert browser.message.offset == first.offset
    say(browser, "step", by=-1, along="key")
    assert browser.message.key == first.key
    assert browser.message.offset < first.offset
    assert len(run(browser.message_call, orders, browser)) == 1
    pd.testing.assert_frame_equal(browser.selected, run(browser.message_call, orders, browser))
    browser.query = {"where": None}
    assert browser.wait(60)
    say(browser, "select", place=0)
    # the newest row is on top
    assert browser.selected["id"].tolist() == browser.frame["id"].iloc[[-1]].tolist()
    say(browser, "step", by=1)
    assert browser.selected["id"].tolist() == browser.frame["id"].iloc[[-2]].tolist()
    say(browser, "step", by=-1)
    say(browser, "step", by=-1)
    assert browser.selected["id"].tolist() == browser.frame["id"].iloc[[-1]].tolist()


def test_stepping_beyond_the_end_says_so(s: Session) -> None:
    s.create_topic("t")
    s.publish("t", "only", key="k")
    browser = browse(s, "t")
    told(browser)
    say(browser, "select", place=0)
    for by, along, text in (
        (1, "partition", "no later message in"),
        (-1, "key", "no earlier message of this key"),
    ):
        say(browser, "step", by=by, along=along)
        assert text in _state(browser)["problem"]
    assert browser.selected["value"].tolist() == ["only"]


def test_it_leads_to_a_composer_and_a_tail(orders: Session) -> None:
    browser = browse(orders, "orders", key="c1")
    told(browser)
    say(browser, "select", place=0)
    say(browser, "compose", what="edit")
    assert browser._model.companions.composer.value == browser.selected["value"].iloc[0].encode()
    say(browser, "follow")
    assert browser._model.companions.tail.key == "c1"
    say(browser, "put_away", which="compose")
    assert browser._model.companions.composer is None
    assert browser._model.companions.tail.running
    say(browser, "put_away", which="live")
    assert browser._model.companions.tail is None
    browser.follow()
    browser.stop("its cell was run again")
    eventually(lambda: not browser._model.companions.tail.running)


def test_it_leaves_no_thread_and_changes_nothing_on_the_broker(orders: Session) -> None:
    orders.create_subscription("orders", "me", start="earliest")
    before = orders.describe("orders")
    browser = browse(orders, "orders")
    browser._model.count()
    assert browser.wait(60)
    after = orders.describe("orders")
    assert after.subscriptions.equals(before.subscriptions)
    assert after.partitions.equals(before.partitions)
    browser.close()
    eventually(lambda: not [each for each in threading.enumerate() if "of the browser of" in each.name])


def test_forgotten_rows_take_no_memory_and_can_be_asked_for_again(orders: Session) -> None:
    browser = browse(orders, "orders")
    browser._model.forget()
    assert len(browser.frame) == len(browser.selected) == 0
    assert browser.call == "s.peek('orders')"
    browser.query = {"limit": 5}
    assert len(browser.frame) == 5


def test_a_closed_session_ends_it_with_a_reason(orders: Session) -> None:
    browser = browse(orders, "orders")
    orders.close()
    with pytest.raises(bk.Closed):
        browser.query = {"limit": 5}
    browser.go_on()
    assert browser.wait(60)
    assert "closed" in _state(browser)["problem"]


def test_a_topic_that_is_gone_or_options_without_one_are_said(s: Session) -> None:
    browser = browse(s, "nope")
    assert isinstance(browser._model.search.problem, bk.NotFound)
    assert "no topic 'nope'" in _state(browser)["problem"]
    with pytest.raises(bk.ConfigError, match="need a topic"):
        s.browse(limit=5)


@pytest.mark.extended
def test_of_thousands_of_topics_a_page_is_sent(s: Session) -> None:
    for number in range(3_000):
        s.create_topic(f"topic-{number:05}")
    browser = browse(s)
    sent = told(browser)
    say(browser, "hello")
    say(browser, "topics", first=0, count=60, text="99")
    assert last(sent, "topics")["total"] == 57
    assert max(len(json.dumps(each)) for each in sent) < 20_000


def test_it_shows_itself_where_there_is_no_kernel(orders: Session) -> None:
    browser = browse(orders, "orders", where='"id": 7,')
    bundle = browser._repr_mimebundle_()
    assert bundle["text/plain"] == "<TopicBrowser of inmem:// at orders>"
    assert ">c0</td>" in bundle["text/html"]
    assert "s.peek(&#x27;orders&#x27;, where=" in bundle["text/html"]
    assert "orders" in browse(orders)._repr_mimebundle_()["text/html"]


def test_a_frame_remembers_where_it_came_from_and_can_be_read_again(orders: Session) -> None:
    browser = browse(orders, "orders", limit=20, expand=True)
    kept = browser.frame.attrs["brokerkit"]
    assert (kept["source"], kept["peek"], kept["read"]["matched"]) == ("inmem://", "orders", 20)
    assert kept["expanded"] == run(browser.call, orders, browser).attrs["brokerkit"]["expanded"]
    assert orders.reread(browser.frame)["value"].tolist() == browser.frame["value"].tolist()


def test_json_fields_come_and_go_without_reading_again(orders: Session) -> None:
    browser = browse(orders, "orders", limit=50)
    search = browser._model.search
    browser.query = {"expand": True}
    assert browser.wait(60)
    assert browser._model.search is search
    assert "value.total" in browser.frame.columns
    assert browser.frame.equals(run(browser.call, orders, browser))
    browser.query = {"expand": False}
    assert "value.total" not in browser.frame.columns
    assert browser.call == "s.peek('orders', 50)"


def test_an_arrow_expression_is_a_filter_too(orders: Session) -> None:
    browser = browse(orders, "orders", where=pc.field("offset") == 5)
    assert browser.frame["offset"].tolist() == [5, 5, 5]
    browser.query = {"where": pc.field("offset") == 6}
    assert browser.frame["offset"].tolist() == [6, 6, 6]
    assert browser.frame.equals(run(browser.call, orders, browser))
