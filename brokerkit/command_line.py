"""The command `brokerkit`: a thin layer on the calls of a session. Each ``--help`` names the call."""

from __future__ import annotations

import sys
import time
import warnings
from typing import Any

import click

import brokerkit as bk

from ._version import __version__
from .command_compare import diff, profile, watch
from .command_operate import dead_letters, lag, purge, redrive, reset, subscriptions
from .command_options import (
    POSITION,
    check_confirmed,
    confirm_topic,
    decode,
    hiding,
    opened,
    pairs_of,
    position_of,
    range_options,
    unmask,
)
from .command_output import FORMATS, MEANINGS, NOT_ALL, Format, exiting, show_frame, tell
from .core.vocabulary.errors import ConfigError
from .display.sanitize import plain_lines

ORDER = (
    "topics", "describe", "peek", "tail", "watch", "export", "publish", "copy", "subscriptions", "lag",
    "reset", "dead-letters", "redrive", "purge", "diff", "profile", "doctor", "connections", "sandbox",
)  # fmt: skip


class _Commands(click.Group):
    """The commands, those that look first."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self.commands, key=ORDER.index)


@click.group(cls=_Commands, epilog=MEANINGS)
@click.version_option(__version__, package_name="brokerkit-notebook", prog_name="brokerkit")
@click.option(
    "-c",
    "--connection",
    metavar="NAME|URL",
    help="The broker: a saved connection, a URL, or the configuration of another tool. "
    "Without it, the variable BROKERKIT_URL.",
)
@click.option("-O", "--option", multiple=True, metavar="NAME=VALUE", help="An option of the system.")
@click.option("-o", "--output", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--read-only", is_flag=True, help="Refuse everything that would change the broker.")
@click.option("--allow-changes", is_flag=True, help="Let a script change a broker marked as production.")
@click.option(
    "--timeout", type=float, default=10.0, show_default=True, help="Seconds to wait for the broker."
)
@click.pass_context
def commands(context: click.Context, /, **given: Any) -> None:
    """Look at message brokers, and move messages. In Python: `import brokerkit as bk`."""
    context.obj = given


@commands.command(epilog="In Python: bk.connect(...).topics()")
@click.option("--internal", is_flag=True, help="Include the broker's own topics.")
@click.pass_context
def topics(context: click.Context, /, internal: bool) -> None:
    """List the topics."""
    show_frame(opened(context).topics(internal=internal), context.obj["output"])


@commands.command(epilog="In Python: bk.connect(...).describe(topic)")
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


@commands.command(epilog="In Python: bk.connect(...).peek(topic, limit, start=..., where=...)")
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


@commands.command(epilog="In Python: bk.connect(...).tail(topic)")
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
    from .session.build_frame import frame_of
    from .session.options import ReadOptions
    from .session.read.following import TopicReader
    from .session.reader_schemas import planned

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


@commands.command(epilog="In Python: bk.connect(...).scan(topic, ...).to_parquet(folder)")
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


@commands.command(epilog="In Python: bk.connect(...).publish(topic, value, key=..., attributes=...)")
@click.argument("topic")
@click.argument("value", required=False)
@click.option("--key", help="The key of the message.")
@click.option("--attribute", multiple=True, metavar="NAME=VALUE", help="A header; can be repeated.")
@click.option("--lines", is_flag=True, help="Each line of the input is a message (publish_batch).")
@confirm_topic
@click.pass_context
def publish(
    context: click.Context,
    /,
    topic: str,
    value: str | None,
    key: str | None,
    attribute: tuple[str, ...],
    lines: bool,
    confirm: str | None,
) -> None:
    """Publish VALUE, or what stands on the standard input, and wait until the broker confirms it."""
    if lines and (value is not None or key is not None or attribute):
        raise click.UsageError("--lines publishes the lines of the input alone, without key and attributes")
    session = opened(context)
    check_confirmed(session, topic, confirm)
    if lines:
        results = session.publish_batch(
            topic, [line.rstrip(b"\r\n") for line in sys.stdin.buffer if line.strip()]
        )
    else:
        sent = sys.stdin.buffer.read() if value is None else value
        attributes = pairs_of(attribute, "--attribute") or None
        results = [session.publish(topic, sent, key=key, attributes=attributes)]
    tell(f"published {len(results):,} to {topic}: confirmed")


@commands.command(epilog="In Python: bk.connect(...).copy(source, bk.connect(to), target, journal=...)")
@click.argument("source")
@click.argument("target")
@click.option("--to", metavar="NAME|URL", help="The broker of the target. Without it, the same one.")
@click.option("--start", default="earliest", show_default=True, help=POSITION)
@click.option("--end", default="latest", show_default=True, help="Exclusive, written like --start.")
@click.option("--journal", help="A file of outcomes: the same command continues after an interrupt.")
@unmask
@confirm_topic
@click.pass_context
def copy(
    context: click.Context,
    /,
    source: str,
    target: str,
    to: str | None,
    start: str,
    end: str,
    journal: str | None,
    unmask: bool,
    confirm: str | None,
) -> None:
    """Copy the messages of SOURCE to TARGET, and print the outcomes that are not confirmed."""
    session = opened(context)
    other = session if to is None else opened(context, to)
    check_confirmed(other, target, confirm)
    try:
        outcome = session.copy(
            source,
            other,
            target,
            start=position_of(start),
            end=position_of(end),
            journal=journal,
            unmask=unmask,
            progress=sys.stderr.isatty(),
        )
    except bk.Interrupted as interrupt:
        done = 0 if interrupt.frame is None else int((interrupt.frame["status"] == "confirmed").sum())
        raise KeyboardInterrupt(f"{done:,} messages were confirmed before") from interrupt
    stored = outcome["status"].isin(["confirmed", "duplicate"])
    tell(f"copied {int(stored.sum()):,} of {len(outcome):,} messages to {target}")
    if not stored.all():
        show_frame(outcome[~stored], context.obj["output"])
        raise SystemExit(NOT_ALL)


@commands.command(epilog="In Python: bk.doctor(target, topic=...)")
@click.option("--topic", help="A topic to look into, too.")
@click.pass_context
def doctor(context: click.Context, /, topic: str | None) -> None:
    """Try a connection step by step, and say which step fails and what to do."""
    given = context.obj
    options = pairs_of(given["option"], "--option")
    found = bk.doctor(given["connection"], topic=topic, timeout=given["timeout"], **options)
    if given["output"] == "table":
        click.echo(plain_lines(repr(found)))
    else:
        show_frame(found.frame, given["output"])
    if not found.ok:
        raise SystemExit(1)


@commands.group(invoke_without_command=True, epilog="In Python: bk.connections()")
@click.pass_context
def connections(context: click.Context) -> None:
    """List the saved connections, without secrets."""
    if context.invoked_subcommand is None:
        show_frame(bk.connections(), context.obj["output"])


@connections.command(epilog="In Python: bk.save_connection(name, url, secret=...)")
@click.argument("name")
@click.argument("url")
@click.option("--secret", help='Where the secret is: "keyring", "env:NAME" or "prompt".')
@click.option("--read-only", is_flag=True)
@click.option("--production", is_flag=True)
@click.option("--registry", metavar="URL", help="The schema registry.")
@click.pass_context
def save(
    context: click.Context, /, name: str, url: str, read_only: bool, production: bool, **given: Any
) -> None:
    """Save a connection. The file holds no secret. Options of the system stand before: -O NAME=VALUE."""
    options = pairs_of(context.obj["option"], "--option")
    bk.save_connection(
        name, url, read_only=read_only or None, production=production or None, **given, **options
    )


@connections.command(epilog="In Python: bk.delete_connection(name)")
@click.argument("name")
def delete(name: str) -> None:
    """Delete a saved connection, and what the keyring keeps for it."""
    bk.delete_connection(name)


@commands.command(epilog="In Python: brokerkit.sandbox.start(system, data=..., demo=...)")
@click.argument("system", required=False)
@click.option("--data", help="A folder to keep its data in between runs.")
@click.option("--demo", is_flag=True, help="Fill it with a small shop.")
def sandbox(system: str | None, data: str | None, demo: bool) -> None:
    """Run a private server until Ctrl-C, and print its address; without SYSTEM, list those there are."""
    from .sandbox.__main__ import main as run

    given = [
        *([system] if system else []),
        *(["--data", data] if data else []),
        *(["--demo"] if demo else []),
    ]
    raise SystemExit(run(given))


for _each in (watch, subscriptions, lag, reset, dead_letters, redrive, purge, diff, profile):
    commands.add_command(_each)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. Ends the process with a code; `brokerkit --help` lists them."""

    def told(message: Warning | str, *_: Any, **__: Any) -> None:
        tell(f"note: {message}")

    with warnings.catch_warnings(), exiting():
        warnings.showwarning = told
        # not `commands.main`, which has codes of its own for Ctrl-C and a reader that went away
        given = sys.argv[1:] if arguments is None else arguments
        with commands.make_context("brokerkit", list(given)) as context:
            commands.invoke(context)
