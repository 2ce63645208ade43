"""The meaning of a stream's confirmation: how many servers have the message, and where."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from brokerkit.core.vocabulary.errors import ConfigError

log = logging.getLogger("brokerkit.jetstream")
MONITOR_SECONDS = 2.0
MOST_BYTES = 4 * 1024 * 1024
"""Most bytes of the monitor's answer that are read. It usually has a few thousand."""
NOT_TOLD = "unknown: connect with monitor=http://HOST:8222; 2 min by default"


def monitor_of(name: str, value: object) -> str:
    """Return the option ``monitor`` without a slash at its end.

    Raises:
        ConfigError: The value is not the URL of a monitor.
    """
    text = str(value).rstrip("/")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError("monitor must be the URL of a server's monitor, for example http://localhost:8222")
    if "@" in parts.netloc:
        raise ConfigError(
            "monitor must not contain a user or password: the monitor of a NATS server does not use them"
        )
    return text


def sync_interval(monitor: str | None, timeout: float) -> str:
    """Return in words how often a server writes to its disk.

    The server's monitor is asked, if its URL is known.
    """
    if monitor is None:
        return NOT_TOLD
    request = Request(f"{monitor}/varz", headers={"Accept": "application/json"})
    try:
        with urlopen(request, timeout=min(MONITOR_SECONDS, timeout)) as answer:
            config = json.loads(answer.read(MOST_BYTES))["jetstream"]["config"]
        if config.get("sync_always"):
            return "always: each message before it is confirmed"
        seconds = config["sync_interval"] / 1e9
    except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
        log.info("asking the monitor for its sync_interval: %s", error)
        return "unknown: the monitor did not report it; 2 min by default"
    return f"{_span(seconds)}, according to the monitor of one server"


def _span(seconds: float) -> str:
    minutes = seconds / 60
    return f"{minutes:g} min" if minutes >= 1 and math.isclose(minutes, round(minutes)) else f"{seconds:g} s"


def _current(cluster: Mapping[str, Any]) -> int:
    """Return how many replicas of a stream have what its leader has, the leader included."""
    others = [each for each in cluster.get("replicas") or () if each.get("current")]
    return bool(cluster.get("leader")) + sum(not each.get("offline") for each in others)


def confirmation(config: Mapping[str, Any], synced: str, cluster: Mapping[str, Any]) -> str:
    """Return in words what a confirmation of a stream means.

    Args:
        config: The configuration of the stream.
        cluster: What the server tells of the stream's leader and its other replicas.
        synced: The server's `sync_interval` in words, as `sync_interval` returns it.
    """
    replicas = int(config.get("num_replicas") or 1)
    memory = config.get("storage") == "memory"
    place = "in memory" if memory else "in files"
    majority = f"{replicas // 2 + 1} of {replicas} replicas ({_current(cluster)} up to date now)"
    where = f"{place} of {majority if replicas > 1 else 'one server'}"
    if memory:
        return f"{where}; lost when it stops"
    later = str(config.get("persist_mode") or "") == "async"
    said = "before it is written (persist_mode async)" if later else "written"
    return f"{where}, {said}; on the disk after the server's sync_interval ({synced})"
