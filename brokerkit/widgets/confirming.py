"""The confirmations that a change on a broker requires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerkit.core.vocabulary.errors import ConfigError, NotSupported
from brokerkit.display.sanitize import plain

if TYPE_CHECKING:
    from brokerkit.session.session import DataSession


def refusal_of(session: DataSession) -> str | None:
    """Return why this session may change nothing; None if it may."""
    if session.read_only:
        return "this session is read-only (read_only=True): it publishes, acknowledges and deletes nothing"
    return None


def needs_name(session: DataSession) -> bool:
    """Return whether a change requires the topic's name, because the session is marked as production."""
    return session.production


def check_confirmed(session: DataSession, topic: str, confirm: str | None, what: str) -> None:
    """Raise unless the change is allowed; `what` is the verb, for example `publish`."""
    refused = refusal_of(session)
    if refused is not None:
        raise NotSupported(refused)
    if needs_name(session) and confirm != topic:
        raise ConfigError(
            f"{plain(session.name)} is marked as production: to {what}, type the topic's name: "
            f"confirm={topic!r}"
        )
