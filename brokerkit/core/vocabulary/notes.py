"""Warnings that are shown each time, and read the same on every machine."""

from __future__ import annotations

import warnings


def note(text: str, category: type[Warning]) -> None:
    """Warn with an origin of its own, so that every run of a notebook's cell shows it."""
    warnings.warn_explicit(text, category, filename="brokerkit", lineno=0)
