"""The names of topics, ``persistent://TENANT/NAMESPACE/TOPIC``, and of subscriptions.

Of the name of a topic, users may leave out all but the last part.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from brokerkit.core.vocabulary.errors import ConfigError

DEFAULT_NAMESPACE = "public/default"
_DOMAINS = ("persistent", "non-persistent")
_PARTITION = re.compile(r"-partition-(\d+)$")
_LOCAL = re.compile(r"[-=:.\w]+", re.ASCII)


def full_name(topic: str, namespace: str) -> str:
    """Return the full name of a topic. A short name belongs to `namespace`. Raises ConfigError."""
    domain, found, path = topic.partition("://")
    if not found:
        domain, path = "persistent", topic
    parts = path.split("/")
    if len(parts) == 1:
        parts = [*namespace.split("/"), *parts]
    if domain not in _DOMAINS or len(parts) != 3 or not all(_LOCAL.fullmatch(part) for part in parts):
        raise ConfigError(
            f"{topic!r} is not a topic of Pulsar: expected TOPIC, TENANT/NAMESPACE/TOPIC or "
            "persistent://TENANT/NAMESPACE/TOPIC, of letters, digits and - = : . _"
        )
    return f"{domain}://{'/'.join(parts)}"


def rest_path(full: str) -> str:
    """Return the path of a topic on the REST endpoint."""
    domain, _, path = full.partition("://")
    return f"{domain}/{quote(path)}"


def split_partition(full: str) -> tuple[str, int | None]:
    """Return the topic that a partition belongs to, and its number, which is None for other names."""
    found = _PARTITION.search(full)
    return (full, None) if found is None else (full[: found.start()], int(found[1]))


def partition_name(full: str, partition: int | None) -> str:
    """Return the name under which one partition of a topic is read."""
    return full if partition is None else f"{full}-partition-{partition}"


def check_subscription(name: str) -> None:
    """Raise ConfigError for a name that the broker would change or refuse."""
    if "\x00" in name:
        raise ConfigError(f"{name!r} cannot be the name of a subscription: it contains a NUL character")
    if name != name.strip():
        raise ConfigError(f"{name!r} cannot be the name of a subscription: remove the space around it")
