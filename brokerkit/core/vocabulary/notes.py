"""Warnings that are shown each time, with the same text on every machine."""

from __future__ import annotations

import warnings


def note(text: str, category: type[Warning]) -> None:
    """Issue a warning with a fixed origin, so that every run of a notebook cell shows it."""
    warnings.warn_explicit(text, category, filename="brokerkit", lineno=0)
