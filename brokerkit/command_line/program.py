"""The command `brokerkit` and what all of its commands take."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import click

from .._version import __version__
from .browse import browse
from .capture import capture, restore
from .compare import diff, profile
from .connect import connections, doctor, sandbox
from .operate import dead_letters, lag, purge, redrive, reset, subscriptions
from .output import FORMATS, MEANINGS, exiting, tell
from .publish import copy, publish
from .publish_rows import publish_rows
from .read import describe, export, peek, tail, topics, watch

COMMANDS = (
    browse, topics, describe, peek, tail, watch, export, capture, publish, publish_rows, copy, restore,
    subscriptions, lag, reset, dead_letters, redrive, purge, diff, profile, doctor, connections, sandbox,
)  # fmt: skip
"""The commands in the order of the help: those that look come first."""


class _InThisOrder(click.Group):
    """Commands that the help lists in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InThisOrder, epilog=MEANINGS)
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


for _each in COMMANDS:
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
