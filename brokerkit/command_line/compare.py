"""The commands that compare topics and profile what they hold."""

from __future__ import annotations

import sys
from typing import Any

import click

import brokerkit as bk

from .options import decode, hiding, opened, position_of, range_options
from .output import DIFFERENT, Format, show_frame, tell


@click.command(epilog="In Python: bk.diff(s.scan(a), other.scan(b), on=..., ignore=...)")
@click.argument("a")
@click.argument("b")
@click.option("--to", metavar="NAME|URL", help="The broker of B. Without it, the same one.")
@click.option("--on", multiple=True, default=("key",), show_default=True, help="What a row is known by.")
@click.option("--ignore", multiple=True, metavar="PATH", help="Leave out fields such as value.meta.*")
@click.option("--order", is_flag=True, help="Print the rows that moved, too.")
@click.option("-n", "--limit", type=int, default=10_000, show_default=True, help="At most so many rows.")
@range_options
@decode
@hiding
@click.pass_context
def diff(
    context: click.Context,
    /,
    a: str,
    b: str,
    to: str | None,
    on: tuple[str, ...],
    ignore: tuple[str, ...],
    order: bool,
    limit: int,
    **given: Any,
) -> None:
    """Print what differs between the topics A and B. The exit code is 8 if something does."""
    session = opened(context)
    other = session if to is None else opened(context, to)
    reading = _range(given)
    found = bk.diff(
        session.scan(a, **reading), other.scan(b, **reading), on=on, ignore=ignore, order=order, limit=limit
    )
    form: Format = context.obj["output"]
    tell(repr(found).partition("\n")[0])
    if len(found) or form != "table":
        show_frame(found, form)
    if not found.equal:
        raise SystemExit(DIFFERENT)


@click.command(epilog="In Python: bk.profile(s.scan(topic), against=s.scan(other))")
@click.argument("topic")
@click.option("--against", metavar="TOPIC", help="Say how it drifts from this topic, of the same range.")
@click.option("--against-start", help="Where the other range begins, by default of the same topic.")
@click.option("--against-end", help="Where the other range ends, exclusive.")
@range_options
@decode
@hiding
@click.pass_context
def profile(
    context: click.Context,
    /,
    topic: str,
    against: str | None,
    against_start: str | None,
    against_end: str | None,
    **given: Any,
) -> None:
    """Print what the fields of TOPIC hold: types, nulls, ranges, examples, and how they drift."""
    session = opened(context)
    reading = _range(given)
    earlier = None
    if (against, against_start, against_end) != (None,) * 3:
        ends = {"start": against_start or given["start"], "end": against_end or given["end"]}
        earlier = session.scan(against or topic, **_range({**given, **ends}))
    found = bk.profile(session.scan(topic, **reading), against=earlier)
    tell(repr(found).partition("\n")[0])
    show_frame(found, context.obj["output"])


def _range(given: dict[str, Any]) -> dict[str, Any]:
    start, end = position_of(given["start"]), position_of(given["end"])
    ends = {"start": "earliest" if start is None else start, "end": "latest" if end is None else end}
    return {**given, **ends, "progress": sys.stderr.isatty()}
