"""Apicurio's own protocol: its global ids, content ids and groups, which Confluent's does not have."""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.parse import quote

from brokerkit.core.vocabulary.errors import NotFound, Unavailable
from brokerkit.core.vocabulary.freed import freed

from .client import RegistryClient
from .schemas import RegisteredSchema, SchemaRef, SchemaReference

KINDS = {"global": "globalId", "content": "contentId"}
_VERSIONS = ("v3", "v2")
_AVRO_ONLY = ("record", "enum", "fixed", "map", "int", "long", "float", "double", "bytes")
_JSON_SCHEMA_ONLY = frozenset(
    {"$schema", "$id", "$ref", "properties", "anyOf", "oneOf", "allOf", "definitions"}
)


class NativeProtocol:
    """Apicurio's own protocol, if the registry has it. May be used from any thread."""

    def __init__(self, client: RegistryClient) -> None:
        self._client = client
        self._lock = threading.RLock()
        self._base: str | None = None

    def refuse_if_absent(self) -> None:
        """Raise NotFound if it is known that the registry does not have it; nothing is asked."""
        with freed(self._lock), self._lock:
            if self._base == "":
                raise self._absent()

    def by_ref(self, ref: SchemaRef) -> RegisteredSchema:
        """Return the schema with a global or content id. Raises NotFound if the registry is another."""
        kind = KINDS[ref.kind]
        base = self._find_base()
        path = f"{base}/ids/{kind}s/{int(ref.id)}"
        text = self._text(path)
        found = self._client.ask("GET", f"{path}/references", native=True)
        type = self._type(base, {kind: str(ref.id)}) or type_of(text)
        if type is None:
            raise Unavailable(
                f"the schema registry {self._client.name} does not say the type of a schema", retryable=False
            )
        return RegisteredSchema(type, text, _references(found), ref)

    def by_version(self, reference: SchemaReference) -> RegisteredSchema:
        """Return the schema of a reference to an artifact in a group. Raises NotFound."""
        base = self._find_base()
        group = quote(reference.group or "default", safe="")
        path = (
            f"{base}/groups/{group}/artifacts/{quote(reference.subject, safe='')}"
            f"/versions/{quote(str(reference.version), safe='')}"
        )
        text = self._text(path if base.endswith("v2") else f"{path}/content")
        found = self._client.ask("GET", f"{path}/references", native=True)
        return RegisteredSchema("", text, _references(found), None, reference.subject)

    def ids(self, subject: str, version: int, group: str = "default") -> dict[str, int]:
        """Return the global id and the content id of a version, by ``global`` and ``content``.

        Raises:
            NotFound: There is no such version, or the registry is another.
        """
        base = self._find_base()
        path = f"{base}/groups/{quote(group, safe='')}/artifacts/{quote(subject, safe='')}/versions/{version}"
        found = self._client.ask("GET", f"{path}/meta" if base.endswith("v2") else path, native=True)
        try:
            return {kind: int(found[name]) for kind, name in KINDS.items()}
        except (TypeError, KeyError, ValueError):
            raise Unavailable(
                f"the schema registry {self._client.name} does not say the ids of a schema", retryable=False
            ) from None

    def _text(self, path: str) -> str:
        data = self._client.fetch("GET", path, native=True).data
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Unavailable(f"the schema at {path} is not UTF-8 text", retryable=False) from error

    def _type(self, base: str, params: dict[str, str]) -> str | None:
        """Return the type of a schema; None for one of an earlier version, which is not searched for."""
        found = self._client.ask("GET", f"{base}/search/artifacts", params=params, native=True)
        for each in found.get("artifacts", ()) if isinstance(found, dict) else ():
            kind = each.get("artifactType", each.get("type")) if isinstance(each, dict) else None
            if isinstance(kind, str):
                return kind.upper()
        return None

    def _find_base(self) -> str:
        """Return the path of the protocol. Raises NotFound if the registry does not have it."""
        with freed(self._lock), self._lock:
            if self._base is None:
                self._base = next((each for each in _VERSIONS if self._has(each)), "")
            if not self._base:
                raise self._absent()
            return f"/apis/registry/{self._base}"

    def _absent(self) -> NotFound:
        return NotFound(f"the schema registry {self._client.name} is not Apicurio: it has no such ids")

    def _has(self, version: str) -> bool:
        try:
            self._client.ask("GET", f"/apis/registry/{version}/system/info", native=True)
        except NotFound:
            return False
        return True


def type_of(text: str) -> str | None:
    """Return the type of a schema, if its text is one of this type alone."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return "PROTOBUF"
    if isinstance(found, list):
        return "AVRO"
    if not isinstance(found, dict):
        return None
    if found.get("type") in _AVRO_ONLY:
        return "AVRO"
    return "JSON" if found.get("type") == "object" or not _JSON_SCHEMA_ONLY.isdisjoint(found) else None


def _references(found: Any) -> tuple[SchemaReference, ...]:
    try:
        return tuple(
            SchemaReference(
                str(each["name"]),
                str(each["artifactId"]),
                str(each["version"]),
                each.get("groupId") or "default",
            )
            for each in found
        )
    except (TypeError, KeyError, AttributeError):
        raise Unavailable(
            "the schema registry answered with references that cannot be read", retryable=False
        ) from None
