"""What the commands share: positions, the session, and options for what to read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

import brokerkit as bk

from ..core.vocabulary.errors import ConfigError

if TYPE_CHECKING:
    from ..workbench import Session

OWN = ("target", "read_only", "allow_changes", "timeout")
"""What commands have options of their own for."""
POSITION = "earliest, latest, an offset, -N from the end, or a time such as -15min"


def position_of(text: str | None) -> Any:
    """Return a position as it was typed, an offset as a number."""
    return int(text) if text is not None and re.fullmatch(r"-?\d+", text) else text


def pairs_of(texts: tuple[str, ...], option: str) -> dict[str, Any]:
    """Return NAME=VALUE options as a dict."""
    found: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise click.BadParameter("expected NAME=VALUE", param_hint=option)
        found[name] = value
    return found


def system_options(texts: tuple[str, ...]) -> dict[str, Any]:
    """Return what --option names, for `connect`."""
    found = pairs_of(texts, "--option")
    for name in OWN:
        if name in found:
            raise click.BadParameter(f"{name} is no option of a system: see --help", param_hint="--option")
    return found


def opened(context: click.Context, target: str | None = None) -> Session:
    """Open the session of a command, or another one, closed when the command ends."""
    given = context.obj
    options: dict[str, Any] = system_options(given["option"]) if target is None else {}
    session = bk.connect(
        target or given["connection"],
        read_only=given["read_only"] or None,
        allow_changes=given["allow_changes"],
        timeout=given["timeout"],
        **options,
    )
    return context.with_resource(session)


def check_confirmed(session: Session, topic: str, confirm: str | None) -> None:
    """Raise ConfigError unless a topic of a production broker was typed again."""
    if session.production and confirm != topic:
        raise ConfigError(f"{session.name} is marked as production: repeat the topic, --confirm {topic}")


def range_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a range and a filter."""
    for option in reversed(
        (
            click.option("--start", help=f"Where the range begins: {POSITION}."),
            click.option("--end", help="Where it ends, exclusive, written like --start."),
            click.option("--key", help="Only messages with this key."),
            click.option("--where", metavar="TEXT", help="Only messages whose payload contains this text."),
        )
    ):
        command = option(command)
    return command


decode = click.option("--decode", default="auto", show_default=True, help="auto, json, text or raw.")
unmask = click.option("--unmask", is_flag=True, help="Show what the mask of the connection hides.")


def hiding(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of what is hidden."""
    mask = click.option(
        "--mask", metavar="RULES", help="Hide personal data as well, such as 'customer.email; detect:card'."
    )
    return mask(unmask(command))


confirm_topic = click.option("--confirm", metavar="TOPIC", help="The topic again, on a production broker.")
