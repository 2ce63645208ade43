"""The settings of a stream and the places of its copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brokerkit.core.vocabulary.topics import Placement, Setting

from .durable import NANOSECONDS

DEFAULTS: Mapping[str, Any] = {
    "retention": "limits",
    "storage": "file",
    "discard": "old",
    "max_consumers": -1,
    "max_msgs": -1,
    "max_msgs_per_subject": -1,
    "max_bytes": -1,
    "max_age": 0,
    "max_msg_size": -1,
    "duplicate_window": 120 * NANOSECONDS,
    "num_replicas": 1,
    "compression": "none",
}
"""What the server takes where a stream says nothing. Flags are off."""
IN_NANOSECONDS = ("max_age", "duplicate_window", "subject_delete_marker_ttl")
IN_BYTES = ("max_msg_size",)
NO_LIMIT = ("max_consumers", "max_msgs", "max_msgs_per_subject", "max_bytes", "max_msg_size")
NOT_SETTINGS = ("name", "metadata")


def settings_of(config: Mapping[str, Any]) -> tuple[Setting, ...]:
    """Return the limits, subjects and flags of a stream, and which of them were chosen for it."""
    return tuple(_setting(name, value) for name, value in sorted(config.items()) if name not in NOT_SETTINGS)


def _setting(name: str, value: Any) -> Setting:
    if name in DEFAULTS:
        changed: bool | None = value != DEFAULTS[name]
    elif isinstance(value, bool):
        # a direct read is no limit, and clients ask for it by themselves
        changed = value and name != "allow_direct"
    else:
        changed = None
    if name in IN_NANOSECONDS:
        return Setting(f"{name}_seconds", value / NANOSECONDS if value else "unlimited", changed)
    if name in NO_LIMIT and value == -1:
        return Setting(name, "unlimited", changed)
    return Setting(f"{name}_bytes" if name in IN_BYTES else name, value, changed)


def placement(cluster: Mapping[str, Any], size: int | None) -> Placement:
    """Return where a stream is. A server without a cluster names no leader."""
    leader = cluster.get("leader") if cluster.get("name") else None
    if not leader:
        return Placement(bytes=size)
    others = cluster.get("replicas") or ()
    current = [each["name"] for each in others if each.get("current") and not each.get("offline")]
    names = [each["name"] for each in others]
    return Placement(leader, (leader, *names), (leader, *current), size)
