"""One attribute as a column, and the outcome of publishing a frame."""

from __future__ import annotations

import pickle

import pandas as pd
import pytest

from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, TooLarge
from brokerkit.core.vocabulary.results import PublishFailed, PublishResult
from brokerkit.frames import FrameBuilder, OutcomeFrame, attr, outcome_frame, to_pandas


def frame(*attributes):
    builder = FrameBuilder()
    columns = Columns(len(attributes), topic="t", value=[b""] * len(attributes), attributes=list(attributes))
    parts = [columns.slice(0, 1), columns.slice(1, 99)]
    return to_pandas(builder.to_table([builder.batch(part) for part in parts]))


def test_an_attribute_is_the_last_value_of_its_name_as_text():
    both = [("a", b"1"), ("b", b"x"), ("a", b"2")]
    df = frame(both, None, [("a", None)], [("b", 5)], [("a", b"\xff")], [("a", "ž")])
    assert attr(df, "a").fillna("NA").tolist() == ["2", "NA", "NA", "NA", "\ufffd", "ž"]
    assert attr(df, "b").dropna().tolist() == ["x", "5"]
    assert attr(df, "c").isna().all()
    assert attr(df, "a").index.equals(df.index)


def test_an_attribute_can_be_taken_from_a_filtered_and_from_an_empty_frame():
    df = frame([("a", b"1")], [("a", b"2")], [("a", b"3")])
    part = df[[False, True, True]]
    assert attr(part, "a").tolist() == ["2", "3"]
    assert attr(part, "a").index.tolist() == [1, 2]
    assert attr(df.head(0), "a").tolist() == []
    with pytest.raises(ConfigError, match="no column 'attributes'"):
        attr(df[["value"]], "a")


RESULTS = [
    PublishResult("confirmed", "0-1"),
    PublishResult("failed", error=TooLarge("<b>1 MB</b> is too large")),
    PublishResult("unknown"),
]


def test_an_outcome_says_first_how_many_rows_have_which_status():
    outcome = outcome_frame(RESULTS)
    assert list(outcome.columns) == ["row", "status", "id", "error"]
    assert repr(outcome).startswith("3 rows: 1 confirmed, 1 failed, 1 unknown\n")
    assert "<b>1 MB" not in outcome._repr_html_()
    assert outcome.failed["row"].tolist() == [1]
    assert outcome.unknown["row"].tolist() == [2]
    assert isinstance(outcome.failed, OutcomeFrame)
    assert repr(outcome[["row"]]) == repr(pd.DataFrame(outcome[["row"]]))


def test_an_outcome_says_first_which_confirmed_rows_are_in_doubt():
    twice = BrokerError("it may be stored twice: <b>the connection</b> was lost")
    results = [
        PublishResult("confirmed", str(row), twice if row in (3, 4_000) else None) for row in range(5_000)
    ]
    outcome = outcome_frame(results)
    assert outcome.counts == {"confirmed": 5_000, "failed": 0, "unknown": 0}
    said = "5,000 rows: 5,000 confirmed, 0 failed, 0 unknown; 2 of the confirmed: BrokerError: it may be stored twice"
    assert repr(outcome).startswith(f"{said}: <b>the connection</b> was lost\n")
    assert outcome._repr_html_().startswith(f"<p>{said}: &lt;b&gt;the connection&lt;/b&gt; was lost</p>")
    assert "of the confirmed" not in repr(outcome_frame(RESULTS))
    assert "of the confirmed" not in repr(outcome_frame([])) + repr(outcome[["row", "status"]])


def test_failures_raise_with_every_outcome():
    outcome = outcome_frame(RESULTS, rows=[10, 11, 12])
    with pytest.raises(PublishFailed, match=r"1 failed and 1 are unknown.*too large") as caught:
        outcome.raise_for_failures()
    assert [result.status for result in caught.value.results] == ["confirmed", "failed", "unknown"]
    assert isinstance(caught.value.results[1].error, TooLarge)
    assert outcome[outcome["status"] == "confirmed"].raise_for_failures() is None
    again = pickle.loads(pickle.dumps(outcome))
    with pytest.raises(PublishFailed):
        again.failed.raise_for_failures()
    assert outcome_frame([]).raise_for_failures() is None


@pytest.mark.parametrize(
    ("rows", "said"), [(0, "0 rows: 0"), (1, "1 row: 1"), (2, "2 rows: 2"), (1_200, "1,200 rows: 1,200")]
)
def test_an_outcome_counts_its_rows_in_words(rows: int, said: str) -> None:
    outcome = outcome_frame([PublishResult("confirmed")] * rows)
    assert repr(outcome).startswith(f"{said} confirmed, 0 failed, 0 unknown\n")
