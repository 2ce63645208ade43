"""The commands that operate: subscriptions and their lag, dead letters, purges."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

import brokerkit as bk

from .options import POSITION, decode, hiding, opened, position_of
from .output import NOT_ALL, Format, show_frame, tell

if TYPE_CHECKING:
    import pandas as pd

dry_run_option = click.option("--dry-run", is_flag=True, help="Print the plan and change nothing.")
confirm_name = click.option("--confirm", metavar="NAME", help="The name again: without it nothing changes.")
give_back = click.option(
    "--give-back",
    "side_effects",
    flag_value="give back",
    help="Take them and give them back, where the system does not show them otherwise.",
)
filters = (
    click.option("--key", help="Only messages with this key."),
    click.option("--where", metavar="TEXT", help="Only messages whose payload contains this text."),
)


def show_receipts(frame: pd.DataFrame, form: Format, good: tuple[str, ...], *, removed: bool = False) -> None:
    """Print notes and receipts, and end with a code of its own unless all of them are good.

    Args:
        frame: The receipts.
        form: How they are printed.
        good: Each `status` that is good.
        removed: Whether the originals are to be removed too.
    """
    for note in frame.attrs.get("brokerkit", {}).get("notes", ()):
        tell(f"note: {note}")
    show_frame(frame, form)
    if "status" in frame.columns and not frame["status"].isin(good).all():
        raise SystemExit(NOT_ALL)
    if removed and not frame["removed"].all():
        raise SystemExit(NOT_ALL)


@click.command(epilog="In Python: bk.connect(...).subscriptions(topic)")
@click.argument("topic", required=False)
@click.pass_context
def subscriptions(context: click.Context, /, topic: str | None) -> None:
    """List subscriptions with their lag: those of TOPIC, or all."""
    show_frame(opened(context).subscriptions(topic), context.obj["output"])


@click.command(
    context_settings={"ignore_unknown_options": True},  # a position such as -1h is no option
    epilog="In Python: bk.connect(...).reset(topic, subscription, to, dry_run=...)",
)
@click.argument("topic")
@click.argument("subscription")
@click.argument("to")
@dry_run_option
@click.option("--confirm", metavar="SUBSCRIPTION", help="The subscription again: without it nothing moves.")
@click.pass_context
def reset(
    context: click.Context, /, topic: str, subscription: str, to: str, dry_run: bool, confirm: str | None
) -> None:
    """Move SUBSCRIPTION to the position TO, and print what became of each partition."""
    position = position_of(to)
    done = opened(context).reset(topic, subscription, position, dry_run=dry_run, confirm=confirm)
    show_receipts(done, context.obj["output"], ("done", "accepted"))


@click.command(epilog="In Python: bk.connect(...).lag(subscription, topic, every=..., until=...)")
@click.argument("subscription")
@click.option("--topic", help="The topic that it reads, if it reads several.")
@click.option("--every", type=float, help="Seconds between two samples; without it there is one.")
@click.option("--seconds", type=float, help="End after so many seconds.")
@click.option("--until", type=int, help="End when the lag is not more than this; 0 is caught up.")
@click.pass_context
def lag(
    context: click.Context, /, subscription: str, topic: str | None, until: int | None, **given: Any
) -> None:
    """Print the lag of SUBSCRIPTION now, or over time. With --until the exit code says if it came to that."""
    form: Format = context.obj["output"]
    try:
        found = opened(context).lag(subscription, topic, until=until, progress=sys.stderr.isatty(), **given)
    except bk.Interrupted as interrupt:
        if interrupt.frame is not None:
            show_frame(interrupt.frame, form)
        raise KeyboardInterrupt("these are the samples so far") from interrupt
    if form == "table":
        tell("\n".join(repr(found).splitlines()[: 2 if given["every"] else 1]))
    show_frame(found, form)
    if until is not None and int(found.total.iloc[-1]) > until:
        raise SystemExit(NOT_ALL)


@click.command("dead-letters", epilog="In Python: bk.connect(...).dead_letters(topic, by=..., where=...)")
@click.argument("topic")
@click.option("--by", multiple=True, metavar="COLUMN", help="Count them by this column, such as reason.")
@click.option("-n", "--limit", type=int, help="At most so many rows.")
@filters[0]
@filters[1]
@click.option("--naming", help="How topics of dead letters are named, such as dlq.{topic}.")
@click.option("--through", help="The group that remembers what was redriven.")
@give_back
@decode
@hiding
@click.pass_context
def dead_letters(context: click.Context, /, topic: str, by: tuple[str, ...], **given: Any) -> None:
    """Print the dead letters of TOPIC with why each was given up."""
    found = opened(context).dead_letters(topic, by=list(by) or None, **given)
    show_frame(found, context.obj["output"])


@click.command(epilog="In Python: bk.connect(...).redrive(topic, to=..., where=..., dry_run=...)")
@click.argument("topic")
@click.option("--to", help="The topic to send them to; without it, each goes to where it came from.")
@filters[0]
@filters[1]
@click.option("-n", "--limit", type=int, help="At most so many.")
@click.option("--rate", type=float, help="At most so many per second.")
@click.option("--headers", type=click.Choice(["strip", "keep"]), default="strip", show_default=True)
@click.option("--naming", help="How topics of dead letters are named, such as dlq.{topic}.")
@click.option("--through", help="The group that remembers what was redriven.")
@click.option("--journal", help="A file of outcomes: the same command continues after an interrupt.")
@give_back
@dry_run_option
@confirm_name
@click.pass_context
def redrive(context: click.Context, /, topic: str, **given: Any) -> None:
    """Send the dead letters of TOPIC again, each removed once its copy is confirmed."""
    try:
        done = opened(context).redrive(topic, progress=sys.stderr.isatty(), **given)
    except bk.Interrupted as interrupt:
        if interrupt.frame is not None:
            show_frame(interrupt.frame, context.obj["output"])
        raise KeyboardInterrupt("these were sent; the same command goes on") from interrupt
    if given["dry_run"]:
        show_frame(done, context.obj["output"])
        return
    show_receipts(done, context.obj["output"], ("confirmed", "duplicate"), removed=True)


@click.command(
    context_settings={"ignore_unknown_options": True},
    epilog="In Python: bk.connect(...).purge(topic, before=..., where=..., dry_run=...)",
)
@click.argument("topic")
@click.option("--subscription", help="Remove what waits for this subscription only.")
@click.option("--before", metavar="POSITION", help=f"The first position that stays: {POSITION}.")
@click.option("--keep", type=int, help="Keep so many of the newest messages of each partition.")
@filters[0]
@filters[1]
@dry_run_option
@confirm_name
@click.pass_context
def purge(context: click.Context, /, topic: str, before: str | None, **given: Any) -> None:
    """Remove messages of TOPIC: all, those before a position, or those that match."""
    done = opened(context).purge(topic, before=position_of(before), progress=sys.stderr.isatty(), **given)
    show_receipts(done, context.obj["output"], ("done", "accepted", "removed", "gone", "planned"))
