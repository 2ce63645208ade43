"""Several sources of schemas as one: each reference goes to the source that knows its kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from brokerkit.core.vocabulary.errors import ConfigError, NotFound

from .schemas import RegisteredSchema, SchemaRef, SchemaSource, TopicSchemas


class SchemaSources:
    """Sources of different kinds of schemas: a `SchemaSource`. May be used from any thread.

    Args:
        sources: The sources.

    Raises:
        ConfigError: Two of them know the same kind.
    """

    def __init__(self, sources: Iterable[SchemaSource]) -> None:
        self._sources = tuple(sources)
        self._by_kind: dict[str, SchemaSource] = {}
        for source in self._sources:
            for kind in source.kinds:
                other = self._by_kind.setdefault(kind, source)
                if other is not source:
                    raise ConfigError(
                        f"both {other.name} and {source.name} are sources of schemas of the kind {kind!r}: "
                        "use one of them"
                    )

    def __reduce__(self) -> tuple[Any, ...]:
        return SchemaSources, (self._sources,)

    def __repr__(self) -> str:
        return f"<SchemaSources {self.name}>"

    @property
    def name(self) -> str:
        """The names of the sources."""
        return ", ".join(source.name for source in self._sources)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that one of the sources knows."""
        return frozenset(self._by_kind)

    def resolve(self, ref: SchemaRef) -> RegisteredSchema:
        """Return the schema that a payload names, from the source that knows its kind."""
        return self._source(ref).resolve(ref)

    def with_references(self, schema: RegisteredSchema) -> dict[str, RegisteredSchema]:
        """Return all schemas that a schema uses, from the source that it came from."""
        if schema.ref is None or not schema.references:
            return {}
        return self._source(schema.ref).with_references(schema)

    def of_topic(self, topic: str, part: str) -> str:
        """Return what the first source that knows topics has for one, in words; empty if none does."""
        return next(
            (each.of_topic(topic, part) for each in self._sources if isinstance(each, TopicSchemas)), ""
        )

    def _source(self, ref: SchemaRef) -> SchemaSource:
        found = self._by_kind.get(ref.kind)
        if found is None:
            raise NotFound(f"no source of schemas knows {ref}")
        return found


def as_one(sources: Iterable[SchemaSource]) -> SchemaSource | None:
    """Return one source in place of several; None for none. Raises ConfigError."""
    found = tuple(sources)
    if len(found) < 2:
        return found[0] if found else None
    return SchemaSources(found)
