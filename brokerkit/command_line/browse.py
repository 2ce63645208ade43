"""The command that opens the workbench in a browser tab, without a notebook."""

from __future__ import annotations

import os
import webbrowser
from typing import Any

import click

import brokerkit as bk

from .options import pairs_of


@click.command(epilog="In Python: bk.connect(target).browse(topic), or bk.open() without a target")
@click.argument("target", required=False)
@click.argument("topic", required=False)
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="The port; 0 takes a free one.")
@click.option("--no-open", is_flag=True, help="Print the address, and leave opening it to you.")
@click.pass_context
def browse(
    context: click.Context, /, target: str | None, topic: str | None, port: int, no_open: bool
) -> None:
    """Open the workbench in a browser tab, on this machine only, until Ctrl-C.

    TARGET is a URL or a saved connection. Without it, and without -c, choose one on the first screen.
    """
    from ..widgets.alone import served

    given: dict[str, Any] = context.obj
    if given["connection"] is not None:
        target, topic = given["connection"], target or topic
    with served(_widget(context, target, topic), port) as page:
        click.echo(f"{page.url}\nIt works on this machine only. Ctrl-C ends it.", nl=True)
        if not no_open:
            webbrowser.open(page.url)
        try:
            page.wait()
        except KeyboardInterrupt:
            return


def _widget(context: click.Context, target: str | None, topic: str | None) -> Any:
    given: dict[str, Any] = context.obj
    if target is None and not os.environ.get("BROKERKIT_URL"):
        return bk.open()
    session = bk.connect(
        target,
        read_only=given["read_only"] or None,
        allow_changes=given["allow_changes"],
        timeout=given["timeout"],
        **pairs_of(given["option"], "--option"),
    )
    return context.with_resource(session).browse(topic)
