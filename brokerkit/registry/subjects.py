"""The subjects of a registry: their versions, whether a schema fits, and registering one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from urllib.parse import quote

from brokerkit.core.vocabulary.errors import (
    AlreadyExists,
    ConfigError,
    NotFound,
    NotSupported,
    TooLarge,
    Unavailable,
)

from .client import RegistryClient
from .schemas import RegisteredSchema, SchemaRef, parsed

LEVELS = {
    "NONE": "everything is accepted",
    "BACKWARD": "readers with the new schema must read what was written with the last one",
    "BACKWARD_TRANSITIVE": "readers with the new schema must read what was written with every earlier one",
    "FORWARD": "readers with the last schema must read what is written with the new one",
    "FORWARD_TRANSITIVE": "readers with every earlier schema must read what is written with the new one",
    "FULL": "readers with the last and the new schema must read what the other writes",
    "FULL_TRANSITIVE": "readers with every earlier and the new schema must read what the other writes",
}
"""What each level of compatibility demands."""
MOST_LISTED = 1_000
"""How many schemas are asked for one by one, to list them all."""


@dataclass(frozen=True, slots=True)
class Compatibility:
    """What a registry says about a schema that is to be a new version of a subject.

    Attributes:
        compatible: Whether it may be registered; None if the registry does not say.
        level: The level that the subject demands, such as ``BACKWARD``; None if the registry does not say.
        reasons: Why it is not compatible, or why it does not say, in the registry's words.
    """

    compatible: bool | None
    level: str | None
    reasons: tuple[str, ...] = ()


class Subjects:
    """The subjects of one registry. May be used from any thread."""

    def __init__(self, client: RegistryClient) -> None:
        self._client = client

    def names(self) -> list[str]:
        """Return all subjects, sorted."""
        found = self._client.get("/subjects")
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise self._strange("the list of subjects")
        return sorted(found)

    def all(self) -> Iterator[RegisteredSchema]:
        """Iterate over all versions of all subjects, at most `MOST_LISTED` where there is no list of them."""
        try:
            found = self._client.get("/schemas")
        except (NotFound, NotSupported, TooLarge):
            yield from islice(self._one_by_one(), MOST_LISTED)
            return
        if not isinstance(found, list):
            raise self._strange("the list of schemas")
        yield from map(parsed, found)

    def _one_by_one(self) -> Iterator[RegisteredSchema]:
        for subject in self.names():
            numbers: list[int] = []
            # a subject or a version may be deleted since it was listed
            with suppress(NotFound):
                numbers = self.versions(subject)
            for number in numbers:
                with suppress(NotFound):
                    yield self.version(subject, number)

    def versions(self, subject: str) -> list[int]:
        """Return the numbers of the versions, ascending. Raises NotFound."""
        found = self._client.get(f"{_path(subject)}/versions")
        if not isinstance(found, list) or not all(isinstance(each, int) for each in found):
            raise self._strange(f"the versions of {subject!r}")
        return sorted(found)

    def version(self, subject: str, version: int | str = "latest") -> RegisteredSchema:
        """Return one version of a subject as it is now. Raises NotFound."""
        return parsed(self._client.get(f"{_path(subject)}/versions/{version}"))

    def level(self, subject: str) -> str | None:
        """Return the level of compatibility that a subject demands, or None if the registry does not say."""
        for path in (f"/config/{quote(subject, safe='')}", "/config"):
            try:
                found = self._client.get(path, **({"defaultToGlobal": "true"} if path != "/config" else {}))
            except (NotFound, NotSupported):
                continue
            named = found.get("compatibilityLevel") if isinstance(found, dict) else None
            if isinstance(named, str):
                return named.upper()
        return None

    def compatibility(self, subject: str, schema: RegisteredSchema) -> Compatibility:
        """Ask whether a schema may be a new version of a subject. Nothing is registered.

        Raises:
            ConfigError: The registry cannot read the schema, which has no references.
        """
        level = self.level(subject)
        path = f"/compatibility{_path(subject)}/versions/latest"
        try:
            found = self._client.ask("POST", path, params={"verbose": "true"}, body=_body(schema))
        except ConfigError as error:
            if not schema.references:
                raise
            # Apicurio 3 does not look for the references here, and calls the schema wrong
            return Compatibility(None, level, (str(error),))
        except NotFound:
            # the first version of a subject has nothing to be compared with
            return Compatibility(True if self._is_new(subject) else None, level)
        if not isinstance(found, dict) or not isinstance(found.get("is_compatible"), bool):
            raise self._strange("whether the schema is compatible")
        reasons = (
            [] if found["is_compatible"] else [*_texts(found.get("messages")), *_texts(found.get("reason"))]
        )
        return Compatibility(found["is_compatible"], level, tuple(reasons))

    def find(self, subject: str, schema: RegisteredSchema) -> RegisteredSchema | None:
        """Return the version of a subject that has this schema already, or None."""
        try:
            found = parsed(self._client.ask("POST", _path(subject), body=_body(schema)))
        except NotFound:
            return None
        # Apicurio leaves the type out of this answer
        return replace(found, type=schema.type)

    def register(self, subject: str, schema: RegisteredSchema) -> SchemaRef:
        """Register a schema as a version of a subject, unless it is one already, and return its id.

        Raises:
            ConfigError: It does not fit earlier versions, cannot be read, or a reference is missing.
        """
        try:
            found = self._client.ask("POST", f"{_path(subject)}/versions", body=_body(schema))
        except AlreadyExists as error:
            raise ConfigError(f"the schema does not fit the subject {subject!r}: {error}") from error
        number = found.get("id") if isinstance(found, dict) else None
        if not isinstance(number, int):
            raise self._strange("the id of the schema")
        return SchemaRef("id", number)

    def _is_new(self, subject: str) -> bool:
        try:
            return not self.versions(subject)
        except NotFound:
            return True

    def _strange(self, what: str) -> Unavailable:
        return Unavailable(
            f"the schema registry {self._client.name} did not say {what} as expected; check the address",
            retryable=False,
        )


def _path(subject: str) -> str:
    return f"/subjects/{quote(subject, safe='')}"


def _body(schema: RegisteredSchema) -> dict[str, Any]:
    body: dict[str, Any] = {"schema": schema.text}
    if schema.type != "AVRO":
        # the first registries knew Avro only, and refuse the name
        body["schemaType"] = schema.type
    if schema.references:
        body["references"] = [
            {"name": each.name, "subject": each.subject, "version": each.version}
            for each in schema.references
        ]
    return body


def _texts(found: Any) -> Iterator[str]:
    """Iterate over the texts in what may be one, a list of them, or nothing."""
    for each in found if isinstance(found, list) else [found]:
        if each is not None and str(each):
            yield str(each)
