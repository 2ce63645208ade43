"""The commands that read without changing the broker."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

import brokerkit as bk

from ..core.vocabulary.errors import ConfigError
from ..display.sanitize import plain_lines
from .options import decode, hiding, opened, position_of, range_options
from .output import NOT_FOUND, Format, show_frame, tell


@click.command(epilog="In Python: bk.connect(...).topics()")
@click.option("--internal", is_flag=True, help="Include the broker's own topics.")
@click.pass_context
def topics(context: click.Context, /, internal: bool) -> None:
    """List the topics."""
    show_frame(opened(context).topics(internal=internal), context.obj["output"])


@click.command(epilog="In Python: bk.connect(...).describe(topic)")
@click.argument("topic")
@click.option("--subscriptions", is_flag=True, help="Print the subscriptions with their lag as rows.")
@click.pass_context
def describe(context: click.Context, /, topic: str, subscriptions: bool) -> None:
    """Show the partitions of a topic and its subscriptions. Formats other than table print the partitions."""
    described = opened(context).describe(topic)
    form: Format = context.obj["output"]
    if form == "table" and not subscriptions:
        click.echo(plain_lines(repr(described)))
    else:
        show_frame(described.subscriptions if subscriptions else described.partitions, form)


@click.command(epilog="In Python: bk.connect(...).peek(topic, limit, start=..., where=...)")
@click.argument("topic")
@click.option("-n", "--limit", type=int, default=100, show_default=True, help="At most so many messages.")
@range_options
@decode
@hiding
@click.option("--expand", is_flag=True, help="A column for each field of JSON values.")
@click.pass_context
def peek(context: click.Context, /, topic: str, **given: Any) -> None:
    """Print messages of a topic without any side effect: the newest, or the first from --start."""
    given |= {"start": position_of(given["start"]), "end": position_of(given["end"])}
    try:
        show_frame(opened(context).peek(topic, **given), context.obj["output"])
    except bk.Interrupted as interrupt:
        if interrupt.frame is not None:
            show_frame(interrupt.frame, context.obj["output"])
        raise KeyboardInterrupt("these are the rows so far") from interrupt


@click.command(epilog="In Python: bk.connect(...).tail(topic)")
@click.argument("topic")
@click.option("-n", "--last", type=int, default=0, show_default=True, help="Begin with so many older ones.")
@click.option("--key", help="Only messages with this key.")
@click.option("--where", metavar="TEXT", help="Only messages whose payload contains this text.")
@decode
@hiding
@click.option("--count", type=int, help="End after so many messages.")
@click.option("--seconds", type=float, help="End after so many seconds.")
@click.option("--interval", type=float, default=0.5, show_default=True, help="Seconds between two looks.")
@click.pass_context
def tail(
    context: click.Context,
    /,
    topic: str,
    last: int,
    count: int | None,
    seconds: float | None,
    interval: float,
    **given: Any,
) -> None:
    """Follow a topic without side effects, until Ctrl-C."""
    from ..session.build_frame import frame_of
    from ..session.options import ReadOptions
    from ..session.read.following import TopicReader
    from ..session.reader_schemas import planned

    form: Format = context.obj["output"]
    if form == "parquet":
        raise ConfigError("a topic that is followed has no end, which Parquet needs: use jsonl or csv")
    session = opened(context)
    session.describe(topic)
    reading = planned(session, [topic], ReadOptions(**given))
    builder = reading.builder(session.schema_source, session.mask)
    reader = TopicReader(session.inspector, topic, builder, reading.filter(builder.schema))
    reader.look_back(last)
    deadline = None if seconds is None else time.monotonic() + seconds
    shown = 0
    while (count is None or shown < count) and (deadline is None or time.monotonic() < deadline):
        found = reader.look()
        for note in found.notes:
            tell(note)
        rows = found.batch if count is None else found.batch.slice(0, count - shown)
        if rows.num_rows:
            frame = frame_of(
                builder.to_table([rows]), builder, source=session.name, expand=False, details={"tail": topic}
            )
            show_frame(frame, form, header=not shown)
            shown += rows.num_rows
        if not found.more:
            time.sleep(interval)


@click.command(epilog="In Python: bk.connect(...).watch(topic, where=..., timeout=...)")
@click.argument("topic")
@click.option("--key", help="Only a message with this key.")
@click.option("--where", metavar="TEXT", help="Only a message whose payload contains this text.")
@click.option("--start", default="latest", show_default=True, help="Where to begin.")
@click.option("--seconds", type=float, help="Give up after so many seconds; without it, never.")
@decode
@hiding
@click.option("--expand", is_flag=True, help="A column for each field of JSON values.")
@click.pass_context
def watch(context: click.Context, /, topic: str, start: str, seconds: float | None, **given: Any) -> None:
    """Wait for the first message of TOPIC that matches, and print it. If none came, the exit code is 3."""
    found = opened(context).watch(topic, start=position_of(start), timeout=seconds, **given)
    if not len(found):
        tell("no message came that matches")
        raise SystemExit(NOT_FOUND)
    show_frame(found, context.obj["output"])


@click.command(epilog="In Python: bk.connect(...).scan(topic, ...).to_parquet(folder)")
@click.argument("topic")
@click.argument("folder", type=click.Path(file_okay=False))
@range_options
@decode
@hiding
@click.option("--overwrite", is_flag=True, help="Replace a finished export of another range.")
@click.pass_context
def export(context: click.Context, /, topic: str, folder: str, overwrite: bool, **given: Any) -> None:
    """Write a range of a topic to a folder of Parquet files. After Ctrl-C the same command continues it."""
    given |= {
        "start": position_of(given["start"]) or "earliest",
        "end": position_of(given["end"]) or "latest",
    }
    scan = opened(context).scan(topic, progress=sys.stderr.isatty(), **given)
    try:
        tell(repr(scan.to_parquet(folder, overwrite=overwrite)))
    except bk.Interrupted as interrupt:
        raise KeyboardInterrupt("what is finished stays, and the same command goes on") from interrupt
