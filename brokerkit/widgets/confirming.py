"""What must be confirmed before something on a broker is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.errors import ConfigError, NotSupported
from brokerkit.display.sanitize import plain

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession


def refusal_of(session: DataSession) -> str | None:
    """Why this session changes nothing at all; None where it may."""
    if session.read_only:
        return "this session is read-only (read_only=True): it publishes, acknowledges and deletes nothing"
    return None


def needs_name(session: DataSession) -> bool:
    """Whether a change wants the topic's name typed: on what is marked as production."""
    return session.production


def check_confirmed(session: DataSession, topic: str, confirm: str | None, what: str) -> None:
    """Raise unless the change may be made. what: the verb, `publish` for example."""
    refused = refusal_of(session)
    if refused is not None:
        raise NotSupported(refused)
    if needs_name(session) and confirm != topic:
        raise ConfigError(
            f"{plain(session.name)} is marked as production: to {what}, type the topic's name: "
            f"confirm={topic!r}"
        )
