"""A pytest plugin for the suite: its markers, and at the end of a run a table with one column per system.

Switch it on with ``pytest_plugins = ["brokerkit.testing.plugin"]`` in the topmost ``conftest.py``. Tests that
are marked `extended` or `soak` then run only where ``-m extended`` or ``-m soak`` asks for them.
"""

from __future__ import annotations

from typing import Any

import pytest

OUTCOMES = ("passed", "failed", "error", "skipped")
MARKERS = (
    "slow: takes longer than ten seconds",
    "extended: takes long; only by name, -m extended",
    "soak: runs for minutes; only by name, -m soak",
)
BY_NAME = ("extended", "soak")
"""The markers whose tests run only where they are asked for."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers of the suite."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that run only by name, unless they are asked for."""
    unnamed = [marker for marker in BY_NAME if marker not in (config.option.markexpr or "")]
    left_out = [item for item in items if any(map(item.get_closest_marker, unnamed))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not any(map(item.get_closest_marker, unnamed))]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write the counts per system, and a line for each behaviour that is declared or broken."""
    rows = []
    for outcome in OUTCOMES:
        for report in terminalreporter.stats.get(outcome, []):
            for name, value in getattr(report, "user_properties", []):
                if name == "conformance":
                    rows.append((*value, outcome))
    if not rows:
        return
    terminalreporter.section("conformance")
    for system in sorted({row[0] for row in rows}):
        mine = sorted((row for row in rows if row[0] == system), key=lambda row: row[1])
        shown = [row for row in mine if row[4] == "passed" and not row[3]]
        gaps = [row for row in mine if row[4] == "passed" and row[3]]
        broken = [row for row in mine if row[4] != "passed"]
        terminalreporter.write_line(
            f"{system}: {len(shown)} shown, {len(gaps)} declared, {len(broken)} broken"
        )
        for _, number, name, gap, _ in gaps:
            terminalreporter.write_line(f"  {number:02} {name}: declared {gap}")
        for _, number, name, _, outcome in broken:
            terminalreporter.write_line(f"  {number:02} {name}: {outcome}", red=True)
