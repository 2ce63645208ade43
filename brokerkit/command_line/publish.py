"""The commands that publish messages of a user or of another topic."""

from __future__ import annotations

import sys

import click

import brokerkit as bk

from .options import POSITION, check_confirmed, confirm_topic, opened, pairs_of, position_of, unmask
from .output import show_outcome, tell


@click.command(epilog="In Python: bk.connect(...).publish(topic, value, key=..., attributes=...)")
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


@click.command(epilog="In Python: bk.connect(...).copy(source, bk.connect(to), target, journal=...)")
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
    show_outcome(outcome, "copied", target, context.obj["output"])
