"""Many messages from a file or a frame, as a composer shows, checks and sends them, without a browser."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import brokerkit as bk
from brokerkit.frames.mapped import MappedRows
from brokerkit.session import schema_notes
from brokerkit.session.publish.bad_rows import bad_rows
from brokerkit.testing.waiting import eventually
from brokerkit.widgets.compose import Composer
from brokerkit.widgets.compose.bulk import upload
from brokerkit.widgets.compose.bulk.clicks import BulkClicks
from brokerkit.widgets.compose.view import ComposerView, state_of
from brokerkit.workbench import Session
from tests.registry.web import Web

LINES = [f"{n};c-{n};{n},50;late" for n in range(40)]
LINES[10] = "10;c-10;n/a;late"
LINES[20] = '20;c-20;20,50;"late'
REFUNDS = "\r\n".join(["order;customer;amount;reason", *LINES])


class Heard:
    """A channel that keeps what the view says."""

    attended = True

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.sent: list[dict[str, Any]] = []

    def show(self, state: Any) -> None:
        self.state = dict(state())

    def send(self, message: Any) -> None:
        self.sent.append(dict(message))


class Desk:
    """A composer, its view, and what is clicked."""

    def __init__(self, session: Session, **options: Any) -> None:
        self.composer = Composer(session, "refunds", **options)
        self.heard = Heard()
        self.view = ComposerView(self.composer._model, self.heard)  # type: ignore[arg-type]  # what is used of one
        self.say("hello")

    def say(self, kind: str, /, **more: Any) -> None:
        self.view.receive({"type": kind, **more})

    def drop(self, name: str, data: bytes, part: int = 100) -> None:
        self.say("mode", many=True)
        self.say("bulk file", number=7, name=name, size=len(data))
        for at in range(0, len(data), part):
            assert self.heard.sent[-1] == {"type": "bulk received", "number": 7, "at": at}
            self.say("bulk part", number=7, at=at, data=base64.b64encode(data[at : at + part]).decode())
        assert self.composer.wait(60)

    @property
    def bulk(self) -> dict[str, Any]:
        shown = state_of(self.composer._model)["bulk"]
        assert shown is not None
        return dict(shown)

    def choose(self, column: str, **changes: str) -> None:
        place = [each["column"] for each in self.bulk["columns"]].index(column)
        self.say("bulk set", column=place, **changes)
        assert self.composer.wait(60)

    def runs(self) -> Any:
        names = {"s": self.composer.session, "composer": self.composer, "bk": bk}
        return eval(state_of(self.composer._model)["call"], names)


@pytest.fixture
def refunds(s: Session) -> Session:
    s.create_topic("refunds")
    return s


def test_a_dropped_csv_with_two_bad_lines_is_mapped_checked_and_sent(refunds: Session) -> None:
    desk = Desk(refunds)
    desk.drop("C:\\fakepath\\refunds.csv", REFUNDS.encode())
    shown = desk.bulk
    assert shown["source"] == "refunds.csv"
    assert shown["facts"] == ["40 rows", "4 columns", "semicolons", "UTF-8", "header line"]
    assert (shown["ready"], shown["bad"]) == (38, 2)
    assert [(each["line"], each["column"], each["problem"]) for each in shown["lines"]] == [
        ("12", "amount", "'n/a' is not a number with a decimal comma: types= may say text"),
        ("22", "row", "a quote is not closed"),
    ]
    desk.choose("customer", role="key")
    desk.choose("reason", role="header")
    desk.choose("amount", name="total")
    assert desk.bulk["preview"]["parts"] == [
        ("key", "c-0"),
        ("reason", "late"),
        ("value", '{"order":0,"total":0.5}'),
    ]
    desk.say("bulk dry run")
    assert desk.composer.wait(60)
    assert "38 of 40 can be sent" in desk.bulk["dry_run"]
    assert len(refunds.peek("refunds")) == 0
    desk.say("bulk send", confirm=None, again=False)
    assert desk.composer.wait(60)
    assert desk.bulk["counts"] == [("confirmed", 38)]
    assert desk.bulk["left"] == 0
    assert len(refunds.peek("refunds", 100)) == 38
    desk.say("bulk send", confirm=None, again=False)
    assert desk.composer.wait(60)
    assert "was sent already" in desk.composer._model.said
    assert len(refunds.peek("refunds", 100)) == 38
    assert desk.composer.outcome is not None
    assert desk.composer.outcome.counts["failed"] == 2


@pytest.mark.parametrize("how", ["path", "frame", "dropped"])
def test_the_call_below_publishes_the_same(refunds: Session, tmp_path: Path, how: str) -> None:
    if how == "dropped":
        desk = Desk(refunds)
        desk.drop("refunds.csv", REFUNDS.encode())
    elif how == "path":
        (tmp_path / "refunds.csv").write_text(REFUNDS)
        desk = Desk(refunds, rows=tmp_path / "refunds.csv")
    else:
        desk = Desk(refunds, rows=pd.DataFrame({"order": [1, 2], "customer": ["a", "b"], "reason": "late"}))
    assert desk.composer.wait(60)
    desk.choose("customer", role="key")
    desk.choose("reason", role="header", name="why")
    outcome = desk.runs()
    assert outcome.counts["confirmed"] == (2 if how == "frame" else 38)
    ours = refunds.peek("refunds", 100)[["key", "value", "attributes"]].astype(str).values.tolist()
    refunds.purge("refunds", dry_run=False, confirm="refunds")
    desk.say("bulk send", confirm=None, again=False)
    assert desk.composer.wait(60)
    sent = refunds.peek("refunds", 100)[["key", "value", "attributes"]].astype(str).values.tolist()
    assert sent == ours


def test_the_call_of_a_composer_without_a_file_makes_the_same(refunds: Session) -> None:
    desk = Desk(refunds, many=True, rate=5, journal="some")
    again = desk.runs()
    assert (again._model.many, again._model.bulk.now) == (True, desk.composer._model.bulk.now)


@pytest.mark.extended
def test_it_is_stopped_goes_on_and_sends_nothing_twice(refunds: Session) -> None:
    desk = Desk(refunds, rows=pd.DataFrame({"n": range(200)}), rate=3)
    assert desk.composer.wait(60)
    desk.say("bulk send", confirm=None, again=False)
    eventually(lambda: desk.bulk["done"] >= 2, "some are sent")
    desk.say("bulk stop")
    assert desk.composer.wait(60)
    shown = desk.bulk
    assert not shown["running"]
    assert 0 < shown["left"] < 200
    assert "stopped" in shown["said"]
    desk.choose("n", name="m")
    assert "some rows were sent" in desk.composer._model.said
    desk.say("bulk set", rate="")
    desk.say("bulk send", confirm=None, again=True)
    assert desk.composer.wait(60)
    assert desk.bulk["counts"] == [("confirmed", 200)]
    assert sorted(refunds.peek("refunds", 300, decode="json")["value"]) == sorted(
        f'{{"n":{n}}}' for n in range(200)
    )


def test_a_journal_is_kept_and_another_composer_goes_on_with_it(refunds: Session, tmp_path: Path) -> None:
    frame, journal = pd.DataFrame({"n": range(50)}), tmp_path / "journal"
    for _ in range(2):
        desk = Desk(refunds, rows=frame, journal=str(journal))
        assert desk.composer.wait(60)
        desk.say("bulk send", confirm=None, again=False)
        assert desk.composer.wait(60)
        assert desk.bulk["counts"] == [("confirmed", 50)]
    assert len(refunds.peek("refunds", 100)) == 50


def test_production_asks_for_the_name_and_read_only_refuses(s: Session, tmp_path: Path) -> None:
    for options, confirm, what in [
        ({"production": True}, None, "is marked as production"),
        ({"production": True}, "refund", "is marked as production"),
        ({"read_only": True}, None, "read-only"),
    ]:
        with bk.connect("inmem://guarded", allow_changes=True, **options) as session:  # type: ignore[arg-type]  # two flags
            desk = Desk(session, rows=pd.DataFrame({"n": [1]}))
            assert desk.composer.wait(60)
            desk.say("bulk send", confirm=confirm, again=False)
            assert what in desk.composer._model.said
            assert desk.bulk["counts"] == []


def test_a_schema_leaves_out_what_does_not_fit(refunds: Session) -> None:
    pytest.importorskip("jsonschema")
    schema = {"properties": {"n": {"maximum": 2}}}
    desk = Desk(refunds, rows=pd.DataFrame({"n": [1, 2, 3]}), schema=schema)
    assert desk.composer.wait(60)
    assert (desk.bulk["ready"], desk.bulk["bad"]) == (2, 1)
    assert "greater than the maximum" in desk.bulk["lines"][0]["problem"]
    assert desk.runs().counts == {"confirmed": 2, "failed": 1, "unknown": 0}


def test_files_are_bounded_and_parts_must_fit(refunds: Session) -> None:
    desk = Desk(refunds)
    desk.say("mode", many=True)
    desk.say("bulk file", number=1, name="big.csv", size=upload.LARGEST + 1)
    assert desk.heard.sent[-1] == {"type": "bulk received", "number": 1, "at": -1}
    assert "read_rows(PATH)" in desk.composer._model.said
    for data in ("%%%", base64.b64encode(b"too long").decode(), ""):
        desk.say("bulk file", number=2, name="small.csv", size=4)
        desk.say("bulk part", number=2, at=0, data=data)
        assert desk.heard.sent[-1]["at"] == -1
    desk.say("bulk part", number=9, at=0, data="")
    assert desk.heard.sent[-1] == {"type": "bulk received", "number": 9, "at": -1}
    desk.drop("a.csv", b"")
    assert "empty" in desk.composer._model.said
    desk.drop("a.parquet", b"PAR1 broken")
    assert "no Parquet file" in desk.bulk["problem"]


def test_what_is_hostile_stays_text(refunds: Session) -> None:
    evil = "<img src=x onerror=alert(1)>"
    desk = Desk(refunds)
    desk.drop(f"{evil}\u202e.csv", f'"{evil}",formula\n"{evil}\u202e","=HYPERLINK(1)"\nx\n'.encode())
    shown = desk.bulk
    assert shown["columns"][0]["first"].startswith(evil)
    assert all(
        text.isprintable()
        for text in (shown["source"], shown["columns"][0]["first"], shown["columns"][0]["column"])
    )
    desk.choose("formula", role="header")
    desk.say("bulk save bad")
    saved = base64.b64decode(desk.heard.sent[-1]["data"]).decode()
    assert "1 of 2 fields" in saved
    desk.say("bulk send", confirm=None, again=False)
    assert desk.composer.wait(60)
    sent = refunds.peek("refunds", 5)
    assert bk.attr(sent, "formula").tolist() == ["=HYPERLINK(1)"]


def test_the_system_s_parts_only_are_offered(refunds: Session) -> None:
    desk = Desk(refunds, rows=pd.DataFrame({"n": [1], "p": [0]}))
    assert desk.composer.wait(60)
    offered = desk.bulk["roles"]
    can = refunds.capabilities
    assert ("partition" in offered, "time" in offered) == (
        can.publish_partition,
        can.publish_time is not None,
    )
    desk.choose("p", role="nonsense")
    assert "cannot become" in desk.composer._model.said


def test_another_topic_is_checked_again_and_nothing_of_it_counts_as_sent(refunds: Session) -> None:
    refunds.create_topic("other")
    desk = Desk(refunds, rows=pd.DataFrame({"n": [1, 2]}))
    assert desk.composer.wait(60)
    desk.say("bulk send", confirm=None, again=False)
    assert desk.composer.wait(60)
    desk.say("topic", text="other")
    assert desk.composer.wait(60)
    assert (desk.bulk["left"], desk.bulk["again"]) == (2, False)
    desk.say("bulk send", confirm=None, again=False)
    assert desk.composer.wait(60)
    assert len(refunds.peek("other")) == 2


def test_a_separator_may_be_chosen(refunds: Session) -> None:
    desk = Desk(refunds)
    desk.drop("a.csv", b"a;b,c\n1;2,3\n")
    desk.say("bulk set", delimiter=",")
    assert desk.composer.wait(60)
    assert [each["column"] for each in desk.bulk["columns"]] == ["a;b", "c"]
    assert "delimiter=','" in state_of(desk.composer._model)["call"]


def test_the_clicks_of_one_message_are_left_to_the_composer(refunds: Session) -> None:
    assert not BulkClicks(Composer(refunds, "refunds")._model, print).act({"type": "send"})


@pytest.mark.parametrize("dry", [True, False])
def test_rows_that_become_json_although_the_topic_has_a_schema_are_said_to(
    tmp_path: Path, dry: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_notes, "ANSWER_SECONDS", 60.0)  # a busy machine takes longer than a second
    path = "/subjects/refunds-value/versions/latest"
    answer = {"subject": "refunds-value", "version": 3, "id": 7, "schema": '"long"'}
    (tmp_path / "rows.csv").write_text("id\n1\n")
    with Web({path: answer}) as web, bk.connect("inmem://", registry=web.url) as s:
        s.create_topic("refunds")
        desk = Desk(s, rows=tmp_path / "rows.csv")
        assert desk.composer.wait(60)
        said = ""
        for kind in ("bulk dry run", "bulk send") if dry else ("bulk send",):
            desk.say(kind, confirm=None, again=False)
            assert desk.composer.wait(60)
            said = said or desk.bulk["dry_run"] or desk.bulk["said"]
        assert desk.composer.outcome is not None
        assert desk.composer.outcome.counts["confirmed"] == 1
        assert "refunds-value v3 (AVRO)" in said
        assert web.asked.count(path) == 1


# Nothing is sent twice, and what is shown is what is sent.


def stopped_early(desk: Desk, rate: str = "100") -> int:
    """Send, and stop once some rows were sent; return how many were confirmed."""

    def stop() -> None:
        now = desk.composer._model.bulk.now
        if now.running and now.done and not now.stopping:
            desk.say("bulk stop")

    desk.say("bulk set", rate=rate)
    desk.composer._model.on_change.append(stop)
    desk.say("bulk send", confirm=None, again=False)
    assert desk.composer.wait(60)
    desk.composer._model.on_change.remove(stop)
    desk.say("bulk set", rate="")
    ready = desk.bulk["total"] - desk.bulk["bad"]
    assert 0 < desk.bulk["left"] < ready
    return int(ready - desk.bulk["left"])


def stored(session: Session, topic: str = "refunds") -> list[str]:
    return sorted(session.peek(topic, 1_000)["value"])


def test_a_click_at_the_moment_when_sending_ends_sends_nothing_again(refunds: Session) -> None:
    desk = Desk(refunds, rows=pd.DataFrame({"n": range(5)}))
    assert desk.composer.wait(60)
    clicked: list[str] = []

    def click() -> None:
        now = desk.composer._model.bulk.now
        if now.done and not now.running and not clicked:
            clicked.append("before it is sent")
            desk.say("bulk send", confirm=None, again=desk.bulk["again"])
            clicked.append(desk.composer._model.said)

    desk.composer._model.on_change.append(click)
    desk.say("bulk send", confirm=None, again=False)
    assert desk.composer.wait(60)
    assert "was sent already" in clicked[1]
    assert len(stored(refunds)) == 5


def test_the_receipts_are_there_whatever_ends_sending(refunds: Session) -> None:
    desk = Desk(refunds, rows=pd.DataFrame({"n": range(5)}))
    assert desk.composer.wait(60)

    def fail() -> None:
        if desk.composer._model.bulk.now.done and desk.composer._model.bulk.now.running:
            raise RuntimeError("a view that is broken")

    desk.composer._model.on_change.append(fail)
    desk.say("bulk send", confirm=None, again=False)
    assert desk.composer.wait(60)
    assert desk.bulk["problem"] == "RuntimeError: a view that is broken"
    assert (desk.bulk["again"], desk.bulk["left"], desk.bulk["counts"]) == (True, 0, [("confirmed", 5)])
    assert len(stored(refunds)) == 5


def test_a_journal_that_knows_nothing_of_what_was_sent_is_refused(refunds: Session, tmp_path: Path) -> None:
    desk = Desk(refunds, rows=pd.DataFrame({"n": range(40)}))
    assert desk.composer.wait(60)
    stopped_early(desk)
    desk.say("bulk set", journal=str(tmp_path / "journal"))
    assert "some rows were sent" in desk.composer._model.said
    desk.say("bulk send", confirm=None, again=True)
    assert desk.composer.wait(60)
    assert stored(refunds) == sorted(f'{{"n":{n}}}' for n in range(40))
    desk.say("bulk forget")
    desk.say("bulk set", journal=str(tmp_path / "journal"))
    assert desk.bulk["journal"] == str(tmp_path / "journal")


def test_what_was_sent_counts_also_after_a_change_of_the_schema(refunds: Session) -> None:
    pytest.importorskip("jsonschema")
    desk = Desk(refunds, rows=pd.DataFrame({"n": range(40)}))
    assert desk.composer.wait(60)
    sent = stopped_early(desk)
    desk.composer.schema = {"properties": {"n": {"maximum": 37}}}
    assert desk.composer.wait(60)
    assert (desk.bulk["again"], desk.bulk["left"], desk.bulk["bad"]) == (True, 38 - sent, 2)
    desk.composer.schema = {"properties": {"n": {"minimum": 30}}}
    assert desk.composer.wait(60)
    assert (desk.bulk["again"], desk.bulk["left"]) == (True, 10)
    desk.say("bulk send", confirm=None, again=True)
    assert desk.composer.wait(60)
    assert len(stored(refunds)) == sent + 10
    desk.composer.schema = None
    assert desk.composer.wait(60)
    assert (desk.bulk["again"], desk.bulk["left"], desk.bulk["bad"]) == (True, 30 - sent, 0)
    desk.say("bulk send", confirm=None, again=True)
    assert desk.composer.wait(60)
    assert (desk.bulk["left"], desk.bulk["problem"]) == (0, "")
    assert stored(refunds) == sorted(f'{{"n":{n}}}' for n in range(40))


def test_a_wider_schema_brings_rows_back(refunds: Session) -> None:
    pytest.importorskip("jsonschema")
    desk = Desk(refunds, rows=pd.DataFrame({"n": [1, 2, 3]}), schema={"properties": {"n": {"maximum": 2}}})
    assert desk.composer.wait(60)
    desk.composer.schema = {"properties": {"n": {"maximum": 3}}}
    assert desk.composer.wait(60)
    assert (desk.bulk["ready"], desk.bulk["bad"]) == (3, 0)


def test_what_was_sent_counts_when_one_comes_back_to_its_topic(refunds: Session) -> None:
    refunds.create_topic("other")
    desk = Desk(refunds, rows=pd.DataFrame({"n": range(40)}))
    assert desk.composer.wait(60)
    sent = stopped_early(desk)
    desk.say("topic", text="other")
    assert desk.composer.wait(60)
    assert (desk.bulk["again"], desk.bulk["left"]) == (False, 40)
    desk.say("topic", text="refunds")
    assert desk.composer.wait(60)
    assert (desk.bulk["again"], desk.bulk["left"]) == (True, 40 - sent)
    desk.say("bulk send", confirm=None, again=True)
    assert desk.composer.wait(60)
    assert stored(refunds) == sorted(f'{{"n":{n}}}' for n in range(40))
    desk.say("topic", text="other")
    assert desk.composer.wait(60)
    desk.choose("n", name="m")
    desk.say("topic", text="refunds")
    assert desk.composer.wait(60)
    assert (desk.bulk["again"], desk.bulk["left"]) == (False, 40)


@pytest.mark.parametrize("changes", [{"name": "b"}, {"role": "left out"}])
def test_choices_that_make_no_message_send_none_elsewhere_either(
    refunds: Session, changes: dict[str, str]
) -> None:
    refunds.create_topic("other")
    desk = Desk(refunds)
    desk.drop("a.csv", b"a,b\nx,y\n" if "name" in changes else b"a\nx\n")
    desk.choose("a", **changes)
    assert desk.bulk["ready"] == 0
    problem = desk.bulk["problem"]
    assert problem
    desk.say("topic", text="other")
    assert desk.composer.wait(60)
    desk.say("bulk send", confirm=None, again=False)
    assert desk.composer.wait(60)
    assert (desk.bulk["ready"], desk.bulk["preview"], desk.bulk["problem"]) == (0, None, problem)
    assert len(refunds.peek("other")) == 0
    desk.choose("a", role="field", name="c")
    assert (desk.bulk["ready"], desk.bulk["problem"]) == (1, "")


def test_values_that_must_be_json_are_checked_also_when_this_is_said_later(refunds: Session) -> None:
    desk = Desk(refunds, rows=pd.DataFrame({"key": ["a", "b"], "value": ["no JSON", "{}"]}))
    assert desk.composer.wait(60)
    assert desk.bulk["ready"] == 2
    desk.composer.json = True
    assert desk.composer.wait(60)
    assert (desk.bulk["ready"], desk.bulk["bad"]) == (1, 1)
    desk.composer.json = None
    assert desk.composer.wait(60)
    assert (desk.bulk["ready"], desk.bulk["bad"]) == (2, 0)


def test_nothing_is_checked_for_something_else_while_it_is_sent(refunds: Session) -> None:
    desk = Desk(refunds, rows=pd.DataFrame({"n": range(40)}), rate=1)
    assert desk.composer.wait(60)
    desk.say("bulk send", confirm=None, again=False)
    with pytest.raises(bk.ConfigError, match="wait until the rows are sent"):
        desk.composer.schema = None
    with pytest.raises(bk.ConfigError, match="wait until the rows are sent"):
        desk.composer.json = True
    desk.say("bulk stop")
    assert desk.composer.wait(60)


def test_nothing_is_sent_or_chosen_while_another_file_arrives(refunds: Session) -> None:
    desk = Desk(refunds)
    desk.drop("old.csv", b"a,b\n1,2\n")
    desk.say("bulk file", number=9, name="new.csv", size=8)
    for kind, more in [
        ("bulk send", {"confirm": None, "again": False}),
        ("bulk dry run", {}),
        ("bulk set", {"column": 0, "role": "key"}),
        ("bulk set", {"delimiter": ";"}),
    ]:
        desk.say(kind, **more)
        assert desk.composer.wait(60)
        assert "another file is arriving" in desk.composer._model.said, kind
    assert len(refunds.peek("refunds")) == 0
    desk.say("bulk part", number=9, at=0, data=base64.b64encode(b"c,d\n3,4\n").decode())
    assert desk.composer.wait(60)
    desk.say("bulk send", confirm=None, again=False)
    assert desk.composer.wait(60)
    assert stored(refunds) == ['{"c":3,"d":4}']


def test_a_file_that_does_not_arrive_may_be_cancelled(refunds: Session) -> None:
    desk = Desk(refunds)
    desk.drop("old.csv", b"a,b\n1,2\n")
    desk.say("bulk file", number=9, name="new.csv", size=100)
    assert desk.bulk["receiving"]
    desk.say("bulk cancel")
    assert (desk.bulk["receiving"], desk.bulk["ready"]) == ("", 1)
    desk.say("bulk part", number=9, at=0, data=base64.b64encode(b"c").decode())
    assert desk.heard.sent[-1] == {"type": "bulk received", "number": 9, "at": -1}


@pytest.mark.parametrize("size", [0, upload.LARGEST + 1])
def test_a_file_that_is_refused_is_not_waited_for(refunds: Session, size: int) -> None:
    desk = Desk(refunds)
    desk.say("mode", many=True)
    desk.say("bulk file", number=1, name="first.csv", size=100)
    desk.say("bulk file", number=2, name="a.csv", size=size)
    assert desk.heard.sent[-1] == {"type": "bulk received", "number": 2, "at": -1}
    assert ("a.csv is empty" if size == 0 else "a.csv has") in desk.composer._model.said
    assert (desk.bulk["receiving"], desk.composer.unsent) == ("", False)


@pytest.mark.parametrize(
    "cells", [[np.array([1, 2]), np.array([3])], [pd.NA, "x"], [pd.NaT, "x"], [None, "x"]]
)
def test_cells_of_any_kind_are_shown(refunds: Session, cells: list[Any]) -> None:
    desk = Desk(refunds, rows=pd.DataFrame({"v": [1, 2], "cell": cells}, dtype=object))
    assert desk.composer.wait(60)
    assert desk.bulk["columns"][1]["first"] == ("[1 2]" if isinstance(cells[0], np.ndarray) else "")
    assert desk.bulk["total"] == 2


def test_a_file_with_a_header_line_only_sends_nothing(refunds: Session) -> None:
    desk = Desk(refunds)
    desk.drop("a.csv", b"a,b\n")
    shown = desk.bulk
    assert (shown["ready"], shown["preview"], shown["checking"]) == (0, None, False)
    desk.say("bulk send", confirm=None, again=False)
    assert "no row that can be sent" in desk.composer._model.said


def test_the_first_line_is_names_or_a_row_as_one_says(refunds: Session) -> None:
    desk = Desk(refunds)
    desk.drop("a.csv", b"id;name\n1;x\n")
    assert (desk.bulk["header"], desk.bulk["total"]) == ("", 1)
    desk.choose("id", role="key")
    desk.choose("name", name="who")
    desk.say("bulk set", header="no")
    assert desk.composer.wait(60)
    assert (desk.bulk["header"], desk.bulk["total"]) == ("no", 2)
    assert [(each["column"], each["role"], each["name"]) for each in desk.bulk["columns"]] == [
        ("column 1", "key", "column 1"),
        ("column 2", "field", "who"),
    ]
    assert "header=False" in state_of(desk.composer._model)["call"]
    desk.say("bulk set", header="yes")
    assert desk.composer.wait(60)
    assert (desk.bulk["header"], desk.bulk["total"]) == ("yes", 1)
    assert [each["role"] for each in desk.bulk["columns"]] == ["key", "field"]
    desk.say("bulk send", confirm=None, again=False)
    assert desk.composer.wait(60)
    assert stored(refunds) == ['{"who":"x"}']


def test_what_was_chosen_stays_with_another_separator(refunds: Session) -> None:
    desk = Desk(refunds)
    desk.drop("a.csv", b"a;b;c,d\n1;2;3,4\n")
    desk.choose("a", role="header", name="h")
    desk.choose("b", kind="text")
    desk.say("bulk set", delimiter=";")
    assert desk.composer.wait(60)
    chosen = [(each["column"], each["role"], each["name"], each["type"]) for each in desk.bulk["columns"]]
    assert chosen[:2] == [("a", "header", "h", "integer"), ("b", "field", "b", "text")]
    assert desk.bulk["preview"]["parts"] == [("h", "1"), ("value", '{"b":"2","c,d":3.4}')]
    desk.say("bulk set", header="yes")
    assert desk.composer.wait(60)
    assert desk.bulk["delimiter"] == ";"
    desk.say("bulk set", delimiter="|")
    assert desk.composer.wait(60)
    assert [(each["column"], each["role"]) for each in desk.bulk["columns"]] == [("a;b;c,d", "field")]


def test_showing_the_rows_makes_none_of_them_again(refunds: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    outbound = MappedRows.outbound

    def counted(rows: MappedRows, *more: Any) -> Any:
        made.append(len(rows))
        return outbound(rows, *more)

    desk = Desk(refunds)
    desk.drop("refunds.csv", REFUNDS.encode())
    monkeypatch.setattr(MappedRows, "outbound", counted)
    for row in (1, 10, 20):
        desk.say("bulk row", row=row)
    assert made == []
    assert desk.bulk["preview"]["parts"][0][0] == "left out"


def test_an_error_that_was_told_before_is_not_told_with_its_kind_twice(refunds: Session) -> None:
    refunds.create_topic("other")
    desk = Desk(refunds, rows=pd.DataFrame({"n": range(3)}))
    assert desk.composer.wait(60)
    desk.say("bulk send", confirm=None, again=False)
    assert desk.composer.wait(60)
    outcome = desk.composer.outcome
    assert outcome is not None
    outcome["status"] = "unknown"
    outcome["error"] = "BrokerError: interrupted"
    with pytest.warns(bk.UnknownRowsWarning):
        again = refunds.publish_frame(
            "refunds", pd.DataFrame({"n": range(3)}), resume=outcome, progress=False
        )
    assert set(again["error"]) == {"BrokerError: interrupted"}


def test_a_file_that_does_not_tell_its_first_line_is_read_once_one_says_what_it_is(refunds: Session) -> None:
    desk = Desk(refunds)
    desk.drop("years.csv", b"country,2019\nDE,x\nFR,y\n")
    assert "first line" in desk.bulk["problem"]
    assert (desk.bulk["csv"], desk.bulk["header"], desk.bulk["ready"]) == (True, "", 0)
    desk.say("bulk set", header="yes")
    assert desk.composer.wait(60)
    assert (desk.bulk["problem"], desk.bulk["ready"], desk.bulk["header"]) == ("", 2, "yes")
    assert [each["column"] for each in desk.bulk["columns"]] == ["country", "2019"]
    desk.drop("pairs.csv", b"a,a\n")
    assert desk.bulk["csv"]
    desk.say("bulk set", header="no")
    assert desk.composer.wait(60)
    assert (desk.bulk["problem"], desk.bulk["ready"], desk.bulk["header"]) == ("", 1, "no")
    desk.drop("a.jsonl", b"\n")
    assert not desk.bulk["csv"]


def roles(desk: Desk) -> dict[str, str]:
    return {each["column"]: each["role"] for each in desk.bulk["columns"]}


def test_a_column_may_be_the_key_and_a_field(refunds: Session, tmp_path: Path) -> None:
    (tmp_path / "refunds.csv").write_text(REFUNDS)
    rows = bk.read_rows(tmp_path / "refunds.csv", key="customer", fields=["order", "customer"])
    desk = Desk(refunds, rows=rows)
    assert desk.composer.wait(60)
    assert roles(desk) == {
        "order": "field",
        "customer": "key and field",
        "amount": "left out",
        "reason": "left out",
    }
    desk.choose("reason", role="header")
    assert dict(desk.bulk["preview"]["parts"]) == {
        "key": "c-0",
        "reason": "late",
        "value": '{"order":0,"customer":"c-0"}',
    }
    assert desk.runs().counts["confirmed"] == 39
    desk.choose("order", role="key")
    assert (roles(desk)["order"], roles(desk)["customer"]) == ("key", "field")
    desk.choose("order", role="key and field")
    desk.choose("reason", role="value")
    assert roles(desk) == {"order": "key", "customer": "left out", "amount": "left out", "reason": "value"}
    desk.choose("customer", role="key and field")
    assert (roles(desk)["order"], roles(desk)["reason"]) == ("left out", "left out")


def test_a_column_that_is_used_twice_stays_both(refunds: Session, tmp_path: Path) -> None:
    (tmp_path / "refunds.csv").write_text(REFUNDS)
    rows = bk.read_rows(
        tmp_path / "refunds.csv", key="customer", fields=["order", "customer"], headers={"customer": "who"}
    )
    desk = Desk(refunds, rows=rows)
    assert desk.composer.wait(60)
    assert [each["also"] for each in desk.bulk["columns"]] == ["", "and the header who", "", ""]
    desk.choose("reason", role="header")
    sent = {"key": "c-0", "who": "c-0", "reason": "late", "value": '{"order":0,"customer":"c-0"}'}
    assert dict(desk.bulk["preview"]["parts"]) == sent
    # another key takes only that from it
    desk.choose("order", role="key and field")
    assert roles(desk)["customer"] == "field"
    assert dict(desk.bulk["preview"]["parts"]) == {**sent, "key": "0"}
    desk.choose("amount", role="value")
    assert roles(desk)["customer"] == "header"
    assert desk.bulk["columns"][1]["also"] == ""
    desk.choose("order", role="field")
    desk.choose("customer", role="field")
    assert "who" not in dict(desk.bulk["preview"]["parts"])


def test_one_column_as_key_value_and_header_is_sent_as_all_three(refunds: Session, tmp_path: Path) -> None:
    (tmp_path / "refunds.csv").write_text(REFUNDS)
    rows = bk.read_rows(tmp_path / "refunds.csv", key="reason", value="reason", headers=["reason"])
    desk = Desk(refunds, rows=rows)
    assert desk.composer.wait(60)
    assert desk.bulk["columns"][3]["also"] == "and the header reason, and the value"
    desk.choose("order", role="header")
    assert dict(desk.bulk["preview"]["parts"]) == {
        "key": "late",
        "reason": "late",
        "order": "0",
        "value": "late",
    }
    desk.choose("order", role="key")
    assert roles(desk)["reason"] == "header"
    assert desk.bulk["columns"][3]["also"] == "and the value"


def test_what_was_sent_is_counted_once_and_not_for_each_state(refunds: Session) -> None:
    desk = Desk(refunds)
    desk.drop("refunds.csv", REFUNDS.encode())
    desk.say("bulk send", confirm=None, again=False)
    assert desk.composer.wait(60)
    counted = desk.composer._model.bulk.now.receipts
    assert counted is not None
    assert desk.bulk["counts"] == [("confirmed", 38)]
    desk.say("bulk set", rate="5")
    desk.say("bulk row", row=3)
    assert desk.composer._model.bulk.now.receipts is counted
    desk.say("bulk forget")
    assert desk.bulk["counts"] == []


def test_a_row_of_several_lines_is_told_by_the_first_and_the_last_one(refunds: Session) -> None:
    lines = ["n,text", '1,"a', 'b"', '2,"c"', 'x,"d', "", 'e"', "3,f"]
    desk = Desk(refunds)
    desk.drop("notes.csv", "\n".join(lines).encode())
    desk.choose("n", kind="integer")
    assert [(each["line"], each["column"]) for each in desk.bulk["lines"]] == [("5\N{EN DASH}7", "n")]
    desk.say("bulk row", row=0)
    assert desk.bulk["preview"]["line"] == "lines 2\N{EN DASH}3"
    desk.say("bulk row", row=1)
    assert desk.bulk["preview"]["line"] == "line 4"


def test_bad_rows_are_the_same_ones_as_those_of_the_command(s: Session, tmp_path: Path) -> None:
    s.create_topic("refunds", partitions=2)
    lines = [f"{n};{n % 2};k{n}" for n in range(8)]
    lines[3], lines[5] = "3;x;k3", f"5;1;{'k' * 5}"
    (tmp_path / "rows.csv").write_text("\n".join(["n;place;who", *lines]))
    rows = bk.read_rows(tmp_path / "rows.csv", partition="place", key="who", fields=["n"])
    desk = Desk(s, rows=rows)
    assert desk.composer.wait(60)
    ours = [(int(each["line"]), each["column"], each["problem"]) for each in desk.bulk["lines"]]
    assert ours == [tuple(row) for row in bad_rows(rows, s).itertuples(index=False)]
    assert [column for _, column, _ in ours] == ["place"]


def test_a_dry_run_counts_what_goes_to_each_partition(s: Session, tmp_path: Path) -> None:
    s.create_topic("refunds", partitions=3)
    lines = [f"{n};{n % 2 if n < 8 else ''}" for n in range(10)]
    lines[2] = "2;x"
    (tmp_path / "rows.csv").write_text("\n".join(["n;place", *lines]))
    desk = Desk(s, rows=bk.read_rows(tmp_path / "rows.csv", partition="place"))
    assert desk.composer.wait(60)
    desk.say("bulk dry run")
    assert desk.composer.wait(60)
    assert "9 of 10 can be sent" in desk.bulk["dry_run"]
    assert "by partition 0: 3, 1: 4, 2 by their key" in desk.bulk["dry_run"]


def registered(versions: dict[int, str], subject: str = "refunds-value") -> dict[str, Any]:
    """The answers of a registry with one subject."""
    answers: dict[str, Any] = {
        "/subjects": ["other-value", subject],
        f"/subjects/{subject}/versions": [*versions],
    }
    for version, text in versions.items():
        found = {"subject": subject, "version": version, "id": version + 6, "schema": text}
        answers[f"/subjects/{subject}/versions/{version}"] = found
        answers[f"/schemas/ids/{version + 6}"] = {"schema": text}
    return answers


def record(kind: str) -> str:
    fields = [{"name": "order", "type": "long"}, {"name": "amount", "type": kind}]
    return json.dumps({"type": "record", "name": "Refund", "fields": fields})


def test_rows_are_written_with_a_version_of_a_schema_and_what_does_not_fit_is_bad() -> None:
    answers = registered({1: record("double"), 2: record("long")})
    lines = "order,amount\n1,1.5\n2,2\n3,3\n"
    with Web(answers) as web, bk.connect("inmem://", registry=web.url) as s:
        s.create_topic("refunds")
        desk = Desk(s)
        desk.drop("refunds.csv", lines.encode())
        shown = desk.bulk
        # those of the topic come first
        assert (shown["subjects"], shown["subject"]) == (["refunds-value", "other-value"], "")
        desk.say("bulk set", subject="refunds-value")
        assert desk.composer.wait(60)
        shown = desk.bulk
        assert (shown["versions"], shown["version"]) == ([2, 1], 2)
        assert (shown["ready"], shown["bad"]) == (2, 1)
        assert shown["lines"][0]["line"] == "2"
        assert "amount" in shown["lines"][0]["problem"]
        desk.say("bulk row", row=1)
        parts = dict(desk.bulk["preview"]["parts"])
        assert parts["value"] == '{"order":2,"amount":2.0}'
        assert parts["written as"].endswith("with refunds-value:2")
        desk.say("bulk set", subject="refunds-value", version=1)
        assert desk.composer.wait(60)
        assert (desk.bulk["ready"], desk.bulk["version"]) == (3, 1)
        desk.say("bulk dry run")
        assert desk.composer.wait(60)
        assert "3 of 3 can be sent" in desk.bulk["dry_run"]
        call = state_of(desk.composer._model)["call"]
        assert "schema='refunds-value:1'" in call
        desk.say("bulk send", confirm=None, again=False)
        assert desk.composer.wait(60)
        assert desk.bulk["counts"] == [("confirmed", 3)]
        found = s.peek("refunds")
        assert sorted(json.loads(each)["amount"] for each in found["value"]) == [1.5, 2.0, 3.0]
        desk.say("bulk set", subject="")
        assert "some rows were sent" in desk.composer._model.said


def test_a_registry_that_does_not_answer_keeps_nothing_from_being_sent() -> None:
    broken = {"/subjects": (500, {"message": "broken"})}
    with Web(broken) as web, bk.connect("inmem://", registry=web.url) as s:
        s.create_topic("refunds")
        desk = Desk(s)
        desk.drop("refunds.csv", b"n\n1\n")
        assert "could not be listed" in desk.bulk["schemas_said"]
        desk.say("bulk send", confirm=None, again=False)
        assert desk.composer.wait(60)
        assert desk.bulk["counts"] == [("confirmed", 1)]
