"""Topics grouped by the parts of their names."""

from __future__ import annotations

import random
import time

import pytest

from brokerkit.core.vocabulary.dead_letters import by_their_topics, is_telling, named_after
from brokerkit.core.vocabulary.topics import TopicInfo
from brokerkit.widgets.browse.topic_tree import Branches, TopicTree, separator_of
from brokerkit.widgets.browse.topics import Finding, TopicList
from brokerkit.workbench import Session

from .test_browse import browse, last, say, told

NAMES = [
    "clicks", "emails.outbox", "inventory.changes", "inventory.eu.stock", "inventory.eu.prices", "orders",
    "orders-x", "orders.dlq", "orders.import",
]  # fmt: skip


def drawn(names: list[str], branches: Branches | None = None, finding: bool = False) -> list[str]:
    """The lines of a tree as text, indented; a branch ends in how many topics it has."""
    tree = TopicTree(names, range(len(names)), separator_of(names))
    shown = branches or Branches()
    return [
        f"{'  ' * each.depth}{names[each.number][each.begin : each.end]}"
        + (f" {each.size}{'-' if each.open else '+'}" if each.branch else "")
        for each in tree.lines(lambda prefix: shown.is_open(prefix, finding=finding))
    ]


@pytest.mark.parametrize(
    ("names", "separator"),
    [
        (["a.b", "a.c", "a-b"], "."),
        (["a/b", "a/c", "x"], "/"),
        (["a_b", "a_c", "x.y"], "_"),
        (["a-b.c", "a-b.d"], "."),
        (["a", "b"], ""),
        ([], ""),
    ],
)
def test_the_separator_is_that_of_most_names(names: list[str], separator: str) -> None:
    assert separator_of(names) == separator


def test_names_with_a_common_beginning_are_one_branch() -> None:
    assert drawn(NAMES) == ["clicks", "emails.outbox", "inventory 3+", "orders 3+", "orders-x"]
    branches = Branches()
    branches.turn("orders", on=True)
    branches.turn("inventory", on=True)
    assert drawn(NAMES, branches) == [
        "clicks", "emails.outbox", "inventory 3-", "  .changes", "  .eu 2+", "orders 3-", "  orders", "  .dlq",
        "  .import", "orders-x",
    ]  # fmt: skip
    branches.turn("orders", on=False)
    assert "  .dlq" not in drawn(NAMES, branches)


def test_a_branch_with_one_branch_in_it_is_one_line() -> None:
    assert drawn(["eu.shop.orders", "eu.shop.paid"]) == ["eu.shop 2+"]


def test_while_topics_are_looked_for_the_branches_are_open_and_can_be_closed() -> None:
    branches = Branches()
    assert drawn(NAMES[5:], branches, finding=True)[1:3] == ["  orders", "  .dlq"]
    branches.turn("orders", on=False)
    assert drawn(NAMES[5:], branches, finding=True) == ["orders 3+", "orders-x"]


def test_each_line_knows_how_far_up_the_branch_is_that_it_lies_in() -> None:
    tree = TopicTree(NAMES, range(len(NAMES)), separator_of(NAMES))
    lines = tree.lines(lambda prefix: True)
    above = [
        next((place - each for each in range(place, -1, -1) if lines[each].depth < line.depth), 0)
        for place, line in enumerate(lines)
    ]
    assert [line.up for line in lines] == above
    assert max(above) > 2


def test_names_that_begin_alike_are_told_apart(s: Session) -> None:
    for end in "xy":
        s.create_topic(f"{'z' * 190}.{end}")
    topics = TopicList(s)
    topics.load()
    lines = topics.part(Finding(), Branches(), 0, 2, None)["rows"]
    assert lines[0]["name"] != lines[1]["name"]


def test_odd_names_are_each_there_once() -> None:
    rng = random.Random(7)
    for _ in range(60):
        names = list({"".join(rng.choices("ab.-\0\1/", k=rng.randint(1, 9))) for _ in range(40)})
        tree = TopicTree(names, range(len(names)), rng.choice("./-"))
        lines = tree.lines(lambda prefix: True)
        assert sorted(each.number for each in lines if not each.branch) == list(range(len(names)))
        closed = tree.lines(lambda prefix: False)
        assert sum(each.size for each in closed) == len(names)
    deep = [".".join("a" * 400), ".".join("a" * 500), ".".join("a" * 399) + ".b"]
    assert sum(not each.branch for each in TopicTree(deep, range(3), ".").lines(lambda prefix: True)) == 3


@pytest.mark.extended
def test_sixty_thousand_topics_are_a_tree_in_no_time() -> None:
    names = [f"team{n % 300}.service{n % 7_000}.events-{n}" for n in range(60_000)]
    begin = time.process_time()
    tree = TopicTree(names, range(len(names)), separator_of(names))
    opened = tree.lines(lambda prefix: True)
    # some 0.2 s; what is quadratic would take minutes
    assert time.process_time() - begin < 20
    assert sum(not each.branch for each in opened) == 60_000
    assert len(tree.lines(lambda prefix: False)) == 300


def test_the_list_of_the_workbench_is_a_tree_on_request(s: Session) -> None:
    for name in ("orders", "orders.dlq", "orders.import", "clicks"):
        s.create_topic(name)
    s.publish_batch("orders", ["{}"] * 5)
    s.publish_batch("orders.dlq", ["{}"] * 3)
    browser = browse(s)
    sent = told(browser)
    asked = {"first": 0, "count": 50, "text": "", "sort": "name", "internal": False, "backlogs": False}
    say(browser, "topics", **asked, tree=True)
    shown = last(sent, "topics")
    assert (shown["separator"], shown["total"], shown["found"], shown["all"]) == (".", 2, 4, 4)
    clicks, orders = shown["rows"]
    assert (clicks["label"], clicks["branch"], clicks["dead"]) == ("clicks", 0, "")
    assert (orders["label"], orders["size_of"], orders["open"]) == ("orders", 3, False)
    assert (orders["messages"], orders["dead"]) == ("8", "3")
    say(browser, "branch", n=orders["n"], branch=orders["branch"], open=True, generation=shown["generation"])
    rows = last(sent, "topics")["rows"]
    assert [(row["label"], row["depth"], row["dead"]) for row in rows] == [
        ("clicks", 0, ""), ("orders", 0, "3"), ("orders", 1, "3"), (".dlq", 1, ""), (".import", 1, ""),
    ]  # fmt: skip
    say(browser, "topics", **{**asked, "text": "dlq"}, tree=True)
    assert [row["label"] for row in last(sent, "topics")["rows"]] == ["orders.dlq"]
    say(browser, "topics", **asked, tree=False)
    assert [row["label"] for row in last(sent, "topics")["rows"]] == [
        "clicks",
        "orders",
        "orders.dlq",
        "orders.import",
    ]
    # an old list, a branch that is none
    for odd in ({"n": 10_000}, {"n": -1}, {"generation": 0}, {"branch": 10_000}, {"branch": "x"}):
        say(
            browser, "branch", **{"n": 1, "branch": 6, "open": True, "generation": shown["generation"], **odd}
        )


def test_dead_letters_that_the_system_keeps_are_counted(s: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    infos = [TopicInfo("orders", messages=5, dead_letters=2), TopicInfo("clicks", messages=1, dead_letters=0)]
    monkeypatch.setattr(s.inspector, "topics", lambda **_: infos)
    browser = browse(s)
    sent = told(browser)
    say(browser, "topics", first=0, count=50)
    assert [row["dead"] for row in last(sent, "topics")["rows"]] == ["2", ""]


def listed(s: Session, infos: list[TopicInfo], monkeypatch: pytest.MonkeyPatch) -> TopicList:
    monkeypatch.setattr(s.inspector, "topics", lambda **_: infos)
    found = TopicList(s)
    found.load()
    return found


def test_a_branch_sums_what_its_lines_show(s: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    infos = [
        TopicInfo("orders.eu", messages=5), TopicInfo("orders.us", messages=3),
        TopicInfo("dlq.orders.eu", messages=7), TopicInfo("dlq.orders.us"),
    ]  # fmt: skip
    topics, branches = listed(s, infos, monkeypatch), Branches()
    rows = topics.part(Finding(tree=True), branches, 0, 10, None)["rows"]
    assert [(row["label"], row["messages"], row["dead"]) for row in rows] == [
        ("dlq.orders", "7+", ""),
        ("orders", "8", "7+"),
    ]
    branches.turn("orders", on=True)
    rows = topics.part(Finding(tree=True), branches, 0, 10, None)["rows"]
    assert [row["dead"] for row in rows] == ["", "7+", "7", "?"]


def test_the_sums_of_closed_branches_are_those_of_counts_that_came_since(s: Session) -> None:
    for name in ("shop.orders", "shop.orders.dlq", "shop.paid"):
        s.create_topic(name)
    topics, branches, tree = TopicList(s), Branches(), Finding(tree=True)
    topics.load()

    def shown() -> list[tuple[str, str, str]]:
        rows = topics.part(tree, branches, 0, 10, None)["rows"]
        return [(each["label"], each["messages"], each["dead"]) for each in rows]

    assert shown() == [("shop", "0", "")]
    s.publish_batch("shop.paid", ["x"] * 3)
    s.publish_batch("shop.orders.dlq", ["x"] * 2)
    topics.describe("shop.paid")
    assert shown() == [("shop", "3", "")]
    topics.describe("shop.orders.dlq")
    assert shown() == [("shop", "5", "2")]
    branches.turn("shop", on=True)
    branches.turn("shop.orders", on=True)
    assert ("orders", "0", "2") in [(name.strip("."), *more) for name, *more in shown()]
    s.purge("shop.orders.dlq", confirm="shop.orders.dlq", progress=False)
    topics.describe("shop.orders.dlq")
    branches.turn("shop", on=False)
    assert shown() == [("shop", "3", "")]


def test_a_sum_to_which_some_do_not_tell_their_part_is_marked(
    s: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    infos = [TopicInfo("a.x", messages=5, counted="at most"), TopicInfo("a.y"), TopicInfo("a.z", messages=3)]
    topics = listed(s, infos, monkeypatch)

    def branch() -> tuple[str, str, str]:
        (row,) = topics.part(Finding(tree=True), Branches(), 0, 10, None)["rows"]
        return row["messages"], row["exactly"], row["backlog"]

    assert branch() == ("8+", "up to 8 messages in 2 of 3 topics", "")
    topics.backlogs["a.x"] = 5
    assert branch()[2] == "5+"
    topics.backlogs["a.y"] = "?"
    topics.backlogs["a.z"] = None
    assert branch()[2] == "5+"
    topics.backlogs["a.y"] = 2
    assert branch()[2] == "7"
    topics.backlogs.update({"a.x": None, "a.y": None})
    assert branch()[2] == "none"


@pytest.mark.extended
def test_dead_letters_of_all_topics_are_those_of_each() -> None:
    """One look at the names finds what is found for each topic."""
    chance = random.Random(7)
    parts = ["orders", "Orders", "eu", "dlq", "dead-letters", "retry", "error", "x"]
    for _ in range(150):
        names = sorted(
            {
                "".join(
                    part + chance.choice(".-_") for part in chance.choices(parts, k=chance.randint(1, 4))
                )[:-1]
                for _ in range(9)
            }
        )
        expected = {
            topic: found
            for topic in names
            if (
                found := sorted(
                    name
                    for name, kind in named_after(topic, names).items()
                    if kind == "dead letters" and is_telling(name)
                )
            )
        }
        assert {topic: sorted(found) for topic, found in by_their_topics(names).items()} == expected
    # a name of many parts takes no longer
    assert by_their_topics(["orders", "error." + "d." * 10_000 + "dlq"]) == {}
