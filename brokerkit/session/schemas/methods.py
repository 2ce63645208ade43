"""The methods of a session that show and register schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from brokerkit.core.vocabulary.errors import ConfigError, NotFound, NotSupported, Unauthorized
from brokerkit.frames.arrow import schema
from brokerkit.frames.dataframe import to_pandas
from brokerkit.registry import Compatibility, RegisteredSchema, Registry, SchemaReference, Subjects
from brokerkit.registry.native import type_of

from ..arguments import check_topic
from ..base import BrokerSession
from .registration import Registration
from .versions import SchemaVersions

if TYPE_CHECKING:
    import pandas as pd

SUBJECTS = schema(
    {
        "subject": pa.string(),
        "type": pa.string(),
        "versions": pa.int32(),
        "newest": pa.int32(),
        "id": pa.int64(),
    }
)
PARTS = ("value", "key")
TYPES = ("AVRO", "PROTOBUF", "JSON")
AT_ONCE = 8
"""How many requests are sent at the same time."""
T = TypeVar("T")
R = TypeVar("R")


class SchemaSession(BrokerSession):
    """A session that shows and registers the schemas of its registry."""

    def schemas(self, topic: str | None = None) -> pd.DataFrame:
        """Return the subjects of the schema registry as a frame, one row each.

        Columns are the subject, the type of its newest schema (AVRO, PROTOBUF, JSON), how many versions it
        has, and the number and the id of the newest.

        Args:
            topic: Only the subjects of this topic: those whose names begin with it and a hyphen.

        Raises:
            ConfigError: The session has no registry.
            Unavailable: The registry did not answer.
        """
        registry = self._schema_registry()
        subjects = Subjects(registry.client)
        names = [
            name
            for name in subjects.names()
            if topic is None or name == topic or name.startswith(f"{topic}-")
        ]

        def row(name: str) -> dict[str, Any] | None:
            try:
                found, newest = subjects.versions(name), subjects.version(name)
            except NotFound:
                # deleted since it was listed
                return None
            return {
                "subject": name,
                "type": newest.type,
                "versions": len(found),
                "newest": newest.version,
                "id": newest.ref.id if newest.ref is not None else None,
            }

        rows = [each for each in _at_once(row, names) if each is not None]
        return to_pandas(pa.Table.from_pylist(rows, SUBJECTS))

    def schema(self, topic: str, *, key: bool = False) -> SchemaVersions:
        """Return the versions of the schema of a topic's values, with their texts and differences.

        Args:
            topic: The name of the topic, or of a subject of the registry.
            key: The schema of the keys.

        Raises:
            ConfigError: The session has no registry.
            NotFound: The registry has no schema for it; the text names the subjects that were tried.
        """
        check_topic(topic)
        registry = self._schema_registry()
        subjects = Subjects(registry.client)
        tried = [topic, *(f"{topic}-{part}" for part in (PARTS[1:] if key else PARTS))]
        for subject in tried[1:] if key else tried:
            try:
                numbers = subjects.versions(subject)
            except NotFound:
                continue
            if numbers:
                found = _at_once(partial(subjects.version, subject), numbers)
                return SchemaVersions(subject, subjects.level(subject), found)
        registry.client.refuse_if_no_registry()
        raise NotFound(
            f"the schema registry {registry.name} has no subject {' or '.join(map(repr, tried[key:]))}; "
            "schemas() lists what it has"
        )

    def register_schema(
        self,
        topic: str,
        schema: Any,
        *,
        type: str = "avro",
        references: Sequence[Any] = (),
        key: bool = False,
        dry_run: bool = False,
    ) -> Registration:
        """Register a schema in the registry, unless its subject has it already.

        Args:
            topic: A topic, whose values have the schema, or else the name of a subject. A subject that the
                registry has, or a name that is no topic, is taken as it is.
            schema: The text; for Avro and JSON Schema it may be a dict or a list, too.
            type: "avro", "protobuf" or "json".
            references: The schemas that it uses: ``(name, subject, version)`` each.
            key: The topic's keys have the schema.
            dry_run: Register nothing, and return what the registry says about the schema.

        Raises:
            ConfigError: The session has no registry, the registry cannot read the schema, or it does not fit
                the earlier versions; the text says why in the registry's words.
            NotSupported: The session is read-only, and this is no dry run.
        """
        check_topic(topic)
        registry = self._schema_registry()
        given = _given(schema, type, references)
        if not dry_run:
            self.connection.refuse_if_read_only(
                "it registers no schema; dry_run=True asks whether it would fit"
            )
        subjects = Subjects(registry.client)
        subject, note = self._subject(subjects, topic, key)
        existing = subjects.find(subject, given)
        if existing is not None:
            said = Compatibility(True, subjects.level(subject))
            return Registration(subject, said, existing.version, existing.ref, dry_run=dry_run, note=note)
        if dry_run:
            return Registration(
                subject, subjects.compatibility(subject, given), None, None, dry_run=True, note=note
            )
        ref = subjects.register(subject, given)
        made = subjects.find(subject, given)
        said = Compatibility(True, subjects.level(subject))
        return Registration(
            subject, said, made.version if made is not None else None, ref, dry_run=False, note=note
        )

    def _schema_registry(self) -> Registry:
        self._check_open()
        if self.registry is None:
            raise ConfigError(
                'this session has no schema registry: connect with registry="http://HOST:8081", '
                'or registry="sandbox" for a private one'
            )
        return self.registry

    def _subject(self, subjects: Subjects, name: str, key: bool) -> tuple[str, str]:
        """Return the subject that a name stands for, and what to know about it."""
        part = f"{name}-{PARTS[key]}"
        if key:
            return part, ""
        known = set(subjects.names())
        if name in known:
            return name, ""
        if part in known or self._is_topic(name):
            return part, ""
        if name.endswith(tuple(f"-{each}" for each in PARTS)):
            return name, ""
        note = f"There is no topic {name!r}: that is the name of the subject; a topic's values have {part!r}."
        return name, note

    def _is_topic(self, name: str) -> bool:
        try:
            self.inspector.describe(name)
        except (NotFound, ConfigError):
            return False
        except (NotSupported, Unauthorized):
            # a system, or a user, that cannot look
            return True
        return True


def _at_once(ask: Callable[[T], R], given: Sequence[T]) -> list[R]:
    """Return an answer for each, asked for several at a time. An error or Ctrl-C leaves the rest unasked."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        return list(pool.map(ask, given))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


_MESSAGE = re.compile(r"\b(?:message|enum)\s+\w+\s*\{")


def _given(schema: Any, type: str, references: Sequence[Any]) -> RegisteredSchema:
    """Return a schema as a user gave it. Raises ConfigError."""
    kind = type.upper() if isinstance(type, str) else ""
    if kind not in TYPES:
        known = ", ".join(repr(each.lower()) for each in TYPES)
        raise ConfigError(f"type must be one of {known}, not {type!r:.60}")
    if isinstance(schema, Mapping | list) and kind != "PROTOBUF":
        schema = json.dumps(schema)
    if not isinstance(schema, str) or not schema.strip():
        raise ConfigError(f"schema must be the text of the schema, not {schema!r:.60}")
    likely = type_of(schema) or kind
    unclear = likely == "PROTOBUF" and _MESSAGE.search(schema) is None
    if kind == "AVRO" and likely != kind and not unclear:
        raise ConfigError(f"the schema is none of Avro; say what it is with type={likely.lower()!r}")
    return RegisteredSchema(kind, schema, tuple(_reference(each) for each in references))


def _reference(given: Any) -> SchemaReference:
    if isinstance(given, SchemaReference):
        return given
    parts = tuple(given) if isinstance(given, tuple | list) else ()
    if (
        len(parts) != 3
        or not isinstance(parts[2], int)
        or not all(isinstance(each, str) for each in parts[:2])
    ):
        raise ConfigError(f"a reference must be (name, subject, version), not {given!r:.60}")
    return SchemaReference(*parts)
