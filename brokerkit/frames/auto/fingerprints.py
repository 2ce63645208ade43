"""Avro schemas by their fingerprint, which no registry can be asked for: found among all that one has."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotFound, Unavailable
from brokerkit.core.vocabulary.freed import freed
from brokerkit.registry import RegisteredSchema, Registry, SchemaRef, Subjects

from ..codecs.avro.fingerprint import fingerprint, logical_form
from ..codecs.avro.schema import Type
from ..codecs.body_writers import avro_type

KIND = "fingerprint"
LISTED_SECONDS = 60.0
"""How long an unknown fingerprint does not let all schemas be listed again."""


class SeveralSchemas(ConfigError):
    """A fingerprint is that of several schemas whose logical types differ."""


class FingerprintedRegistry:
    """The schemas of a registry, also by the fingerprint of Avro: a `SchemaSource` for any thread.

    All Avro schemas of the registry are listed when a payload names a fingerprint that is not known yet, and
    at most once in `LISTED_SECONDS`.

    Args:
        registry: The registry.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._lock = threading.RLock()
        self._known: dict[str, dict[str, RegisteredSchema]] = {}
        self._seen: set[RegisteredSchema] = set()
        self._listed: float | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return FingerprintedRegistry, (self._registry,)

    def __repr__(self) -> str:
        return f"<FingerprintedRegistry {self.name}>"

    @property
    def name(self) -> str:
        """The address of the registry, without credentials."""
        return self._registry.name

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of the registry, and ``fingerprint``."""
        return self._registry.kinds | {KIND}

    def resolve(self, ref: SchemaRef) -> RegisteredSchema:
        """Return the schema that a payload names. Raises SeveralSchemas, and as `Registry.resolve` does."""
        if ref.kind != KIND:
            return self._registry.resolve(ref)
        wanted = str(ref.id)
        with freed(self._lock), self._lock:
            now = time.monotonic()
            if wanted not in self._known and (self._listed is None or now - self._listed > LISTED_SECONDS):
                self._list()
                self._listed = now
            found = list(self._known.get(wanted, {}).values())
        if not found:
            raise NotFound(f"none of its {len(self._known):,} Avro schemas has this fingerprint")
        if len(found) > 1:
            raise SeveralSchemas(
                f"{' and '.join(each.label for each in found[:3])} have this fingerprint, which leaves their "
                "logical types out; give the schema, as decode=bk.avro(schema)"
            )
        return found[0]

    def with_references(self, schema: RegisteredSchema) -> dict[str, RegisteredSchema]:
        """Return all schemas that a schema uses, as `Registry.with_references` does."""
        return self._registry.with_references(schema)

    def of_topic(self, topic: str, part: str) -> str:
        """Return what the registry has for a topic, as `Registry.of_topic` does."""
        return self._registry.of_topic(topic, part)

    def _list(self) -> None:
        for schema in Subjects(self._registry.client).all():
            if schema.type == "AVRO" and schema not in self._seen:
                self._add(schema)
                self._seen.add(schema)

    def _add(self, schema: RegisteredSchema) -> None:
        try:
            type = avro_type(schema, self._registry.with_references(schema))
        except BrokerError as error:
            if isinstance(error, Unavailable) and error.retryable:
                raise
            return  # a schema that cannot be used has no fingerprint
        self._known.setdefault(_hexadecimal(type), {})[logical_form(type)] = schema


def fingerprint_ref(schema: RegisteredSchema, references: Mapping[str, RegisteredSchema]) -> SchemaRef:
    """Return how single objects name an Avro schema.

    Args:
        references: The schemas that it uses, each after those that it uses itself.

    Raises:
        ConfigError: The schema cannot be used.
    """
    return SchemaRef(KIND, _hexadecimal(avro_type(schema, references)))


def _hexadecimal(type: Type) -> str:
    return f"{fingerprint(type):016x}"
