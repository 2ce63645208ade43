"""The command that publishes the rows of a file."""

from __future__ import annotations

import sys

import click

import brokerkit as bk

from .options import check_confirmed, confirm_topic, opened, pairs_of
from .output import NOT_ALL, show_frame, show_outcome, tell

TYPES = "text, integer, number, decimal comma, boolean, time"


@click.command(
    "publish-rows",
    epilog="In Python: bk.connect(...).publish_frame(topic, bk.read_rows(file, key=...), rate=...)",
)
@click.argument("topic")
@click.argument("file", type=click.Path())
@click.option("--key", metavar="COLUMN", help="The column of keys.")
@click.option("--value", metavar="COLUMN", help="The column of whole payloads.")
@click.option("--field", multiple=True, metavar="COLUMN[=NAME]", help="A field of the JSON object.")
@click.option("--header", multiple=True, metavar="COLUMN[=NAME]", help="A column that becomes a header.")
@click.option("--partition", metavar="COLUMN", help="The column of partitions.")
@click.option("--time", metavar="COLUMN", help="The column of publish times.")
@click.option("--type", "types", multiple=True, metavar="COLUMN=TYPE", help=f"One of: {TYPES}.")
@click.option("--delimiter", help="What separates the fields of CSV. Without it, it is found out.")
@click.option("--encoding", help="The encoding of CSV.")
@click.option(
    "--header-line/--no-header-line",
    default=None,
    help="Whether the first line of CSV has the names of the columns. Without it, it is found out.",
)
@click.option("--rate", type=float, help="How many messages a second are sent at most.")
@click.option("--journal", help="A file of outcomes: the same command continues after an interrupt.")
@click.option("--dry-run", is_flag=True, help="Print the first messages and the bad lines; send nothing.")
@click.option("--skip-bad", is_flag=True, help="Send the good lines although others are bad.")
@confirm_topic
@click.pass_context
def publish_rows(
    context: click.Context,
    /,
    topic: str,
    file: str,
    key: str | None,
    value: str | None,
    field: tuple[str, ...],
    header: tuple[str, ...],
    partition: str | None,
    time: str | None,
    types: tuple[str, ...],
    delimiter: str | None,
    encoding: str | None,
    header_line: bool | None,
    rate: float | None,
    journal: str | None,
    dry_run: bool,
    skip_bad: bool,
    confirm: str | None,
) -> None:
    """Publish each row of FILE (CSV of any separator, JSON lines, Parquet) as a message.

    Nothing is sent where a line is bad, unless --skip-bad is given.
    """
    # the help comes without waiting for pandas
    from brokerkit.session.publish.bad_rows import bad_rows

    rows = bk.read_rows(
        file,
        key=key,
        value=value,
        fields=_named(field) or None,
        headers=_named(header) or None,
        partition=partition,
        time=time,
        types=pairs_of(types, "--type") or None,
        delimiter={"\\t": "\t", "tab": "\t"}.get(delimiter or "", delimiter),
        encoding=encoding,
        header=header_line,
    )
    facts = [f"{len(rows):,} rows", *rows.source.facts]
    tell(f"{rows.source.name}: {', '.join(facts)}")
    session = opened(context)
    form = context.obj["output"]
    bad = bad_rows(rows, session)
    if dry_run:
        show_frame(session.publish_frame(topic, rows, dry_run=True), form)
        tell(f"{len(rows) - len(bad):,} of {len(rows):,} rows can be sent to {topic}; nothing was sent")
    if len(bad) and (dry_run or not skip_bad):
        show_frame(bad, form)
        tell(f"{len(bad):,} of {len(rows):,} lines are bad: nothing was sent; --skip-bad leaves them out")
        raise SystemExit(NOT_ALL)
    if dry_run:
        return
    check_confirmed(session, topic, confirm)
    try:
        outcome = session.publish_frame(topic, rows, rate=rate, journal=journal, progress=sys.stderr.isatty())
    except bk.Interrupted as interrupt:
        done = 0 if interrupt.frame is None else int((interrupt.frame["status"] == "confirmed").sum())
        raise KeyboardInterrupt(f"{done:,} messages were confirmed before") from interrupt
    show_outcome(outcome, "published", topic, form)


def _named(texts: tuple[str, ...]) -> dict[str, str]:
    """Return COLUMN[=NAME] options as a dict."""
    split = [text.partition("=") for text in texts]
    return {column: name or column for column, _, name in split}
