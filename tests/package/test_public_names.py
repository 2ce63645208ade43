"""What users hold can be imported, and does not change unseen."""

from __future__ import annotations

import inspect
import re

import pytest

import brokerkit
import brokerkit.core

from .public_names import FILE, names

LEFT_OUT = {
    "planner": "copies and the tail use it",
    "peeking": "the browser uses it",
    "to_dask": "dask has no types",
}


def test_public_names_and_signatures_are_those_written_down() -> None:
    written = FILE.read_text("utf-8").splitlines()
    assert [*names()] == written, "if the change is meant: python -m tests.package.public_names"


@pytest.mark.parametrize("held", [brokerkit.Session, brokerkit.Scan, brokerkit.Batch, brokerkit.Transaction])
def test_results_of_calls_can_be_imported_and_annotated(held: type) -> None:
    importable = {*brokerkit.__all__, *brokerkit.core.__all__, "None", "Iterator", "Self"}
    returned = {
        f"{name}() -> {word}"
        for name, call in inspect.getmembers(held, inspect.isfunction)
        if not name.startswith("_") and name not in LEFT_OUT
        for word in re.findall(r"(?<![\w.])[A-Z]\w*", str(inspect.signature(call).return_annotation))
        if word not in importable
    }
    assert returned == set()


def test_a_transaction_publishes_frames_with_the_parameters_of_a_session() -> None:
    """They stand twice, since notebooks complete only what a signature names."""
    of_a_session = inspect.signature(brokerkit.Session.publish_frame).parameters
    of_a_whole = {"dry_run", "resume", "journal", "message_ids", "rate", "timeout"}
    expected = [each for name, each in of_a_session.items() if name not in of_a_whole]
    assert list(inspect.signature(brokerkit.Transaction.publish_frame).parameters.values()) == expected
