"""Names of topics: ``persistent://TENANT/NAMESPACE/TOPIC``, and what users may leave out of it."""

from __future__ import annotations

import re
from urllib.parse import quote

from brokerkit.core.vocabulary.errors import ConfigError

DEFAULT_NAMESPACE = "public/default"
_DOMAINS = ("persistent", "non-persistent")
_PARTITION = re.compile(r"-partition-(\d+)$")
_LOCAL = re.compile(r"[-=:.\w]+", re.ASCII)


def full_name(topic: str, namespace: str) -> str:
    """A topic's full name; a short one is of `namespace`. Raises ConfigError."""
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
    """A topic as the REST endpoint spells it."""
    domain, _, path = full.partition("://")
    return f"{domain}/{quote(path)}"


def split_partition(full: str) -> tuple[str, int | None]:
    """The topic that a partition belongs to, and its number; None for what is no partition."""
    found = _PARTITION.search(full)
    return (full, None) if found is None else (full[: found.start()], int(found[1]))


def partition_name(full: str, partition: int | None) -> str:
    """The name under which one partition of a topic is read."""
    return full if partition is None else f"{full}-partition-{partition}"
