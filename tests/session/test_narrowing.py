"""Some rows of a frame of dead letters are sent again: those that a filter keeps."""

from __future__ import annotations

import pandas as pd
import pyarrow.compute as pc
import pytest

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.session.filters import FilterWarning
from brokerkit.session.operate.narrowing import NUMBER
from brokerkit.workbench import Session

from .letters import desk, ids

__all__ = ["desk"]


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({"where": lambda value: value["id"] < 4}, [0, 1, 2, 3]),
        ({"where": '"id": 1'}, [1, 10, 11]),
        ({"where": pc.field("key") == "k2"}, [2, 6, 10]),
        ({"key": "k2"}, [2, 6, 10]),
        ({"header": {"trace": "t5"}}, [5]),
        ({"key": "k2", "where": lambda value: value["id"] > 2}, [6, 10]),
        ({"where": lambda value: False}, []),
    ],
)
def test_rows_of_a_frame_that_a_filter_keeps_are_sent_again(
    desk: Session, filters: dict[str, object], wanted: list[int]
) -> None:
    letters = desk.dead_letters("orders")
    places = dict(zip(letters["id"], ids(letters), strict=True))
    plan = desk.redrive(letters, **filters, dry_run=True)
    assert sorted(places[each] for each in plan["source_id"]) == wanted
    done = desk.redrive(letters, **filters, confirm="orders", progress=False)
    assert sorted(places[each] for each in done["source_id"]) == wanted
    assert len(desk.dead_letters("orders")) == 12 - len(wanted)


def test_a_filter_may_use_what_is_told_of_dead_letters(desk: Session) -> None:
    plan = desk.redrive(desk.dead_letters("orders"), where=pc.field("reason") == "BadCard", dry_run=True)
    assert list(plan["reason"]) == ["BadCard"] * 4


def test_a_filter_looks_at_what_was_edited(desk: Session) -> None:
    letters = desk.dead_letters("orders")
    letters.loc[letters.index[0], "value"] = '{"id": 1000}'
    sent = desk.redrive(letters, where=lambda value: value["id"] > 99, confirm="orders", progress=False)
    assert list(sent["status"]) == ["confirmed"]
    assert len(desk.peek("orders", where=lambda value: value["id"] == 1000)) == 1


def test_rows_that_a_filter_cannot_examine_stay_with_a_warning(desk: Session) -> None:
    letters = desk.dead_letters("orders")
    with pytest.warns(FilterWarning, match="failed on 12 of 12 messages"):
        assert desk.redrive(letters, where=lambda value: value["none"] > 1, dry_run=True).empty


def test_a_filter_needs_the_columns_that_were_read(desk: Session) -> None:
    letters = desk.dead_letters("orders")
    with pytest.raises(ConfigError, match="missing: raw"):
        desk.redrive(letters.drop(columns="raw"), where="x", dry_run=True)
    with pytest.raises(ConfigError, match="a frame says where its rows are"):
        desk.redrive(letters, naming="{topic}.dead", dry_run=True)
    with pytest.raises(ConfigError, match="frame"):
        desk.redrive(["no", "frame"], where="x", dry_run=True)  # type: ignore[arg-type]


def test_columns_that_a_filter_does_not_use_may_be_anything(desk: Session) -> None:
    letters = desk.dead_letters("orders")
    odd = letters.assign(
        when=complex(1), mixed=[1, "a"] * 6, interval=pd.interval_range(0, len(letters)), **{NUMBER: 0}
    )
    assert len(desk.redrive(odd, where='"id": 1', dry_run=True)) == 3
    with pytest.raises(ConfigError, match="does not fit"):
        desk.redrive(odd, where=pc.field("mixed") == 1, dry_run=True)
    twice = pd.concat([letters, letters[["value"]]], axis=1)
    with pytest.raises(ConfigError, match="must be unique"):
        desk.redrive(twice, where='"id": 1', dry_run=True)
