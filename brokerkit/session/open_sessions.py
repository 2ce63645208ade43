"""The sessions of this process."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .session import Session

SESSIONS: weakref.WeakValueDictionary[str, Session] = weakref.WeakValueDictionary()
"""By token, as long as they are used."""


def open_session(name: object) -> Session | None:
    """An open session of that name."""
    return next(
        (each for each in SESSIONS.values() if each.name == name and not each.connection.closed), None
    )
