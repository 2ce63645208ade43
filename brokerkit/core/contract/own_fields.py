"""Properties of messages that have names like those of a system's own fields.

A system shows its own fields of a message as attributes whose names begin with a prefix. Producers may set
a property with such a name. It is shown with ``bk-`` before its name, and sent without, so that neither is
taken for the other, on any way between systems.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

OURS = "bk-"


class OwnFields:
    """The names of the fields of one system.

    Args:
        prefix: What the names of its fields begin with.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._alike = re.compile(f"(?:{OURS})*{re.escape(prefix)}").match

    def shown(self, name: str) -> str:
        """Return the name of the attribute for a property."""
        return OURS + name if self.prefix in name and self._alike(name) else name

    def sent(self, name: str) -> str:
        """Return the name of the property for an attribute that is no field."""
        return name.removeprefix(OURS) if self.prefix in name and self._alike(name) else name

    def note(self, names: Sequence[str]) -> str | None:
        """Return a note about attributes that were sent as properties, because they cannot be fields."""
        if not names:
            return None
        return (
            f"sent as properties, which are read with {OURS} before their names, since they cannot be set as "
            f"fields: {', '.join(names)}"
        )
