"""What a schema is, how a payload names one, and what finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from brokerkit.core.vocabulary.errors import Unavailable

_KINDS = {"id": "id {}", "global": "global id {}", "content": "content id {}", "guid": "guid {}"}


@dataclass(frozen=True, slots=True)
class SchemaRef:
    """Which schema a payload names.

    Attributes:
        kind: ``id`` (the number of Confluent's protocol), ``global`` or ``content`` (Apicurio's own numbers),
            ``guid``, the kind of a system's own schemas, or that of another source, such as ``glue``.
        id: The number, or the text.
    """

    kind: str
    id: int | str

    def __str__(self) -> str:
        if isinstance(self.id, str) and "/" in self.id:
            # the whole name of a schema, which says by itself what it is
            return self.id
        return _KINDS.get(self.kind, f"{self.kind} {{}}").format(self.id)


@dataclass(frozen=True, slots=True)
class SchemaReference:
    """Another schema that a schema uses.

    Attributes:
        name: The name it is used by: that of a type, a file or a URI.
        subject: The subject that holds it.
        version: Its version. Only Apicurio has versions that are not numbers.
        group: The group of the subject; only Apicurio has groups.
    """

    name: str
    subject: str
    version: int | str
    group: str | None = None

    def __str__(self) -> str:
        place = self.subject if self.group is None else f"{self.group}/{self.subject}"
        return f"{place} version {self.version}"


@dataclass(frozen=True, slots=True)
class RegisteredSchema:
    """One schema of a registry.

    Attributes:
        type: ``AVRO``, ``PROTOBUF``, ``JSON``, or another one that the registry has.
        text: The schema itself.
        references: The schemas that it uses directly.
        ref: How a payload would name it; None if that is not known.
        subject, version: Where it was found; None if it was found by its id alone.
        message: The Protobuf message that payloads are; None if they say it themselves.
        parts: The schemas of the key and the value, of the type ``PAIR``.
    """

    type: str
    text: str
    references: tuple[SchemaReference, ...] = ()
    ref: SchemaRef | None = None
    subject: str | None = None
    version: int | None = None
    message: str | None = None
    parts: tuple[RegisteredSchema, RegisteredSchema] | None = None

    @property
    def label(self) -> str:
        """Its subject and version, such as ``orders-value v3``, or its id, such as ``id 7``."""
        if self.subject is not None and self.version is not None:
            return f"{self.subject} v{self.version}"
        return "a schema" if self.ref is None else str(self.ref)


class SchemaSource(Protocol):
    """Finds the schemas that payloads name: a registry, a system with schemas of its own, or a plug-in."""

    @property
    def name(self) -> str:
        """What it is called in texts, without secrets."""

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of `SchemaRef` that it knows. It is not asked for others."""

    def resolve(self, ref: SchemaRef) -> RegisteredSchema:
        """Return the schema that a payload names.

        Raises:
            NotFound: There is surely no such schema, or the source does not know this kind of `ref`.
            BrokerError: Whether there is one is not known: the source did not answer, or refused to.
        """

    def with_references(self, schema: RegisteredSchema) -> dict[str, RegisteredSchema]:
        """Return all schemas that a schema uses, by the names they are used by, each after those it uses.

        Raises:
            ConfigError: They are too many or too large, use one another in a circle, or two have one name.
            BrokerError: One of them cannot be found.
        """


@runtime_checkable
class TopicSchemas(Protocol):
    """A source of schemas that knows those of a topic."""

    def of_topic(self, topic: str, part: str) -> str:
        """Return what it has for the keys or the values of a topic, in words. Raises BrokerError."""


def parsed(answer: Any, ref: SchemaRef | None = None) -> RegisteredSchema:
    """Return the schema in an answer of Confluent's protocol. Raises Unavailable for any other answer."""
    if not isinstance(answer, Mapping) or not isinstance(answer.get("schema"), str):
        raise Unavailable("the schema registry answered without a schema; check its address", retryable=False)
    subject, version, number = (answer.get(name) for name in ("subject", "version", "id"))
    if ref is None and isinstance(number, int):
        ref = SchemaRef("id", number)
    return RegisteredSchema(
        str(answer.get("schemaType") or "AVRO").upper(),
        answer["schema"],
        references(answer.get("references")),
        ref,
        subject if isinstance(subject, str) else None,
        version if isinstance(version, int) else None,
    )


def references(found: Any) -> tuple[SchemaReference, ...]:
    """Return the references in an answer. Raises Unavailable if one cannot be read."""
    try:
        return tuple(
            SchemaReference(str(each["name"]), str(each["subject"]), int(each["version"]))
            for each in found or ()
        )
    except (TypeError, KeyError, ValueError):
        raise Unavailable(
            "the schema registry answered with references that cannot be read", retryable=False
        ) from None
