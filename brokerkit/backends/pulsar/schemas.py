"""Look up the schemas of a topic by their versions.

A topic may have messages of several schemas. Each message names the version of its own; messages that
were published without a schema name none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import Unauthorized

if TYPE_CHECKING:
    from .rest import RestEndpoint

KEY_VALUE, SEPARATED = "KEY_VALUE", "SEPARATED"
"""The schema type, and its encoding, with which the key of a message is a part of the value."""


@dataclass(frozen=True, slots=True)
class TopicSchema:
    """One version of the schema of a topic.

    Attributes:
        version: The number of the version, from 0.
        type: The type that Pulsar gives it, such as ``"AVRO"`` or ``"KEY_VALUE"``.
        data: Its definition, as the brokers give it.
        properties: What else belongs to it, such as the encoding of pairs.
    """

    version: int
    type: str
    data: str
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def key_bytes(self) -> bool:
        """Whether keys are bytes, which the protocol carries as base64."""
        return self.type == KEY_VALUE and self.properties.get("kv.encoding.type") == SEPARATED


class TopicSchemas:
    """The schemas of one topic, each asked for once.

    Not for longer than one reader or consumer lives: a topic that is deleted and created begins with
    version 0 again.

    Args:
        rest: The REST endpoint, or None: then no schema is known.
        full: The full name of the topic.
    """

    def __init__(self, rest: RestEndpoint | None, full: str) -> None:
        self._rest = rest
        self._full = full
        self._known: dict[int, TopicSchema | None] = {}

    def learn(self, versions: Collection[int | None], timeout: float) -> None:
        """Ask for the schemas of these versions that are not known.

        Raises:
            Unavailable: The REST endpoint did not answer.
        """
        if self._rest is None:
            return
        for version in sorted(each for each in set(versions) if each is not None and each not in self._known):
            try:
                self._known[version] = _read(self._rest.schema(self._full, timeout, version))
            except Unauthorized:
                self._rest = None
                return

    def of(self, version: int | None) -> TopicSchema | None:
        """Return the schema of a version, or None if there is none or it could not be learned."""
        return None if version is None else self._known.get(version)


def version_of(message: Any) -> int | None:
    """Return the version of the schema of a message of the library, or None without a schema."""
    try:
        content = message.schema_version().encode()
    except UnicodeDecodeError as error:
        # the library reads the eight bytes of a version as text
        content = error.object
    return int.from_bytes(content, "big") if content else None


def _read(found: Mapping[str, Any] | None) -> TopicSchema | None:
    if found is None:
        return None
    return TopicSchema(
        int(found["version"]), found["type"], found.get("data") or "", found.get("properties") or {}
    )
