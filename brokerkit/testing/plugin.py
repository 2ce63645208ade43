"""A pytest plugin that ends a run with the table of behaviours, one column per system.

Switch it on with ``pytest_plugins = ["brokerkit.testing.plugin"]`` in the topmost ``conftest.py``.
"""

from __future__ import annotations

from typing import Any

OUTCOMES = ("passed", "failed", "error", "skipped")


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
