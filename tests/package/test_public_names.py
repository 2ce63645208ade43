"""What users hold can be imported, and does not change unseen."""

from __future__ import annotations

from .public_names import FILE, names


def test_public_names_and_signatures_are_those_written_down() -> None:
    written = FILE.read_text("utf-8").splitlines()
    assert [*names()] == written, "if the change is meant: python -m tests.package.public_names"
