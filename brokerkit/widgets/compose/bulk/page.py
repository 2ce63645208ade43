"""Many messages without a kernel: what the columns become, the bad lines and the receipts, as HTML."""

from __future__ import annotations

from brokerkit.display.markup import bullets, table

from ...protocol.bulk import BulkShown

ROWS = 20


def page(bulk: BulkShown) -> str:
    """Return what is shown of many messages as HTML that nothing updates."""
    if not bulk["source"]:
        return bullets([bulk["problem"]]) if bulk["problem"] else ""
    said = [
        f"{bulk['source']}: {', '.join(bulk['facts'])}",
        f"{bulk['ready']:,} ready, {bulk['bad']:,} bad",
        *[f"{count:,} {status}" for status, count in bulk["counts"]],
        *[each for each in (bulk["said"], bulk["problem"]) if each],
    ]
    columns = [
        [each["column"], each["first"], " ".join([each["role"], each["also"]]).strip(), each["name"]]
        for each in bulk["columns"]
    ]
    bad = [[each["line"], each["column"], each["problem"]] for each in bulk["lines"]]
    shown = [table(["column", "first row", "becomes", "name there"], columns, limit=ROWS)]
    shown += [table(["bad line", "column", "problem"], bad, limit=ROWS)] if bad else []
    return bullets(said) + "".join(shown)
