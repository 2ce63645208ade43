"""The command that opens the workbench in a browser tab, without a notebook."""

from __future__ import annotations

import html
import os
import tempfile
import webbrowser
from functools import partial
from pathlib import Path
from typing import Any

import click

import brokerkit as bk

from .options import system_options

REDIRECT = """<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0;url={0}">
<title>brokerkit</title>
<a href="{0}">Open the workbench</a>
"""


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
            folder = context.with_resource(tempfile.TemporaryDirectory(prefix="brokerkit-"))
            webbrowser.open(_leading_to(page.url, Path(folder)).as_uri())
        try:
            page.wait()
        except KeyboardInterrupt:
            return


def _leading_to(url: str, folder: Path) -> Path:
    """Return a new file that leads a browser to an address, which other users would see in its arguments."""
    path = folder / "open.html"
    address = html.escape(url)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(REDIRECT.format(address))
    return path


def _widget(context: click.Context, target: str | None, topic: str | None) -> Any:
    given: dict[str, Any] = context.obj
    options: dict[str, Any] = {
        "read_only": given["read_only"] or None,
        "allow_changes": given["allow_changes"],
        "timeout": given["timeout"],
        **system_options(given["option"]),
    }
    if target is None and not os.environ.get("BROKERKIT_URL"):
        from ..widgets.opening import ConnectionChooser

        return ConnectionChooser(partial(bk.connect, **options))
    return context.with_resource(bk.connect(target, **options)).browse(topic)
