"""The names of topics and subscriptions: ids within the project, full paths elsewhere."""

from __future__ import annotations

import re
from typing import Literal

from brokerkit.core.vocabulary.errors import ConfigError

Kind = Literal["topics", "subscriptions", "snapshots"]

DELETED_TOPIC = "_deleted-topic_"
"""The topic that the service gives for a subscription whose topic was deleted."""

_ID = r"[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}"
_ONE = re.compile(_ID)
_PATH = re.compile(rf"projects/[^/\s]+/(topics|subscriptions|snapshots)/{_ID}")


def path_of(project: str, kind: Kind, name: str) -> str:
    """Return the full path of a name. Raises ConfigError for a name that the service cannot have."""
    match = _PATH.fullmatch(name)
    if match is not None and match[1] == kind:
        return name
    if _ONE.fullmatch(name) is None or name.startswith("goog"):
        raise ConfigError(
            f"{name!r} cannot be a name here: expected 3 to 255 letters, digits and -_.~+%, beginning with a "
            f'letter and not with "goog", or projects/PROJECT/{kind}/NAME'
        )
    return f"projects/{project}/{kind}/{name}"


def shown(project: str, path: str) -> str:
    """Return a path as users write it: the id in this project, the full path of another project."""
    start = f"projects/{project}/"
    return path.removeprefix(start).split("/", 1)[-1] if path.startswith(start) else path
