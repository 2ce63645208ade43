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
