"""The commands that keep topics in data sets of Parquet files."""

from __future__ import annotations

import sys

import click

import brokerkit as bk

from .options import POSITION, check_confirmed, confirm_topic, opened, position_of, unmask
from .output import show_frame, show_outcome, tell


@click.command(epilog="In Python: bk.connect(...).capture(topic, folder, partition_by=...)")
@click.argument("topic")
@click.argument("folder", type=click.Path(file_okay=False))
@click.option(
    "--start", default="earliest", show_default=True, help=f"Where the first call begins: {POSITION}."
)
@click.option("--partition-by", metavar="day|value.FIELD", help="Folders by day, or by a field of the value.")
@click.option("--decode", help="auto, json, text, raw, avro, protobuf, msgpack or cbor.")
@click.option("--expand", is_flag=True, default=None, help="A column for each field of JSON values.")
@unmask
@click.pass_context
def capture(
    context: click.Context,
    /,
    topic: str,
    folder: str,
    start: str,
    partition_by: str | None,
    decode: str | None,
    expand: bool | None,
    unmask: bool,
) -> None:
    """Write what is new in TOPIC to a folder of Parquet files. The same command adds what came since."""
    try:
        found = opened(context).capture(
            topic,
            folder,
            start=position_of(start),
            partition_by=partition_by,
            decode=decode,
            expand=expand,
            unmask=unmask,
            progress=sys.stderr.isatty(),
        )
    except bk.Interrupted as interrupt:
        raise KeyboardInterrupt("what was committed stays, and the same command goes on") from interrupt
    tell(repr(found))


@click.command(epilog="In Python: bk.connect(...).restore(folder, topic, dry_run=..., journal=...)")
@click.argument("folder", type=click.Path(file_okay=False))
@click.argument("topic")
@click.option("--start", default="earliest", show_default=True, help=POSITION)
@click.option("--end", default="latest", show_default=True, help="Exclusive, written like --start.")
@click.option("--dry-run", is_flag=True, help="Print what would be sent, by partition, and send nothing.")
@click.option("--journal", help="A file of outcomes: the same command continues after an interrupt.")
@confirm_topic
@click.pass_context
def restore(
    context: click.Context,
    /,
    folder: str,
    topic: str,
    start: str,
    end: str,
    dry_run: bool,
    journal: str | None,
    confirm: str | None,
) -> None:
    """Publish a data set that capture wrote to TOPIC, and print the outcomes that are not confirmed."""
    session = opened(context)
    span = {"start": position_of(start), "end": position_of(end)}
    if dry_run:
        show_frame(session.restore(folder, topic, dry_run=True, **span), context.obj["output"])
        return
    check_confirmed(session, topic, confirm)
    try:
        outcome = session.restore(folder, topic, journal=journal, progress=sys.stderr.isatty(), **span)
    except bk.Interrupted as interrupt:
        done = 0 if interrupt.frame is None else int((interrupt.frame["status"] == "confirmed").sum())
        raise KeyboardInterrupt(f"{done:,} messages were confirmed before") from interrupt
    show_outcome(outcome, "restored", topic, context.obj["output"])
