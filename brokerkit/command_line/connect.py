"""The commands about connections: try them, save them, and start a private server."""

from __future__ import annotations

from typing import Any

import click

import brokerkit as bk

from ..display.sanitize import plain_lines
from .options import pairs_of
from .output import show_frame


@click.command(epilog="In Python: bk.doctor(target, topic=...)")
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


@click.group(invoke_without_command=True, epilog="In Python: bk.connections()")
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


@click.command(epilog="In Python: brokerkit.sandbox.start(system, data=..., demo=...)")
@click.argument("system", required=False)
@click.option("--data", help="A folder to keep its data in between runs.")
@click.option("--demo", is_flag=True, help="Fill it with a small shop.")
def sandbox(system: str | None, data: str | None, demo: bool) -> None:
    """Run a private server until Ctrl-C, and print its address; without SYSTEM, list those there are."""
    from ..sandbox.__main__ import main as run

    given = [
        *([system] if system else []),
        *(["--data", data] if data else []),
        *(["--demo"] if demo else []),
    ]
    raise SystemExit(run(given))
