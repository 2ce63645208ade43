"""Schemas of topics as their brokers define them, each by the version that messages name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brokerkit.core.vocabulary.errors import ConfigError, NotFound, Unavailable
from brokerkit.core.vocabulary.schemas import ANY_BYTES, SystemSchema

from .schemas import KEY_VALUE, SEPARATED

if TYPE_CHECKING:
    from .rest import RestEndpoint

AT = "@"
_NAME = re.compile(r"(?:non-)?persistent://[^/@]+/[^/@]+/(?!\.{1,2}(?:/|@))[^@/]+(?:/[^@/]+)?@[0-9]{1,18}")
_FIELDS = "__PARSING_INFO__"
_ANY = frozenset({"BYTES", "NONE", "AUTO", "AUTO_CONSUME", "AUTO_PUBLISH"})
_LABELS = {"LABEL_OPTIONAL": "", "LABEL_REQUIRED": "required ", "LABEL_REPEATED": "repeated "}
_NOT_FLAT = frozenset({"MESSAGE", "ENUM", "GROUP"})


def schema_name(topic: str, version: int) -> str:
    """Return how a message names its schema: by its topic and the version, such as ``TOPIC@3``."""
    return f"{topic}{AT}{version}"


def parse_name(name: str) -> tuple[str, int] | None:
    """Return the topic and the version that a name of `schema_name` holds, or None if it is none."""
    topic, _, version = name.rpartition(AT)
    return None if _NAME.fullmatch(name) is None else (topic, int(version))


def find_schema(rest: RestEndpoint, name: str, *, key: bool, timeout: float) -> SystemSchema:
    """Return the schema with a name that `schema_name` made.

    Args:
        key: Whether to return the schema of keys, which only pairs have that are encoded apart.

    Raises:
        NotFound: The topic has no such version.
        Unavailable: The definition cannot be read.
    """
    parsed = parse_name(name)
    if parsed is None:
        raise NotFound(f"{name!r} does not name the schema of a topic: expected TOPIC{AT}VERSION")
    topic, version = parsed
    found = rest.schema(topic, timeout, version)
    if found is None:
        raise NotFound(f"the topic {topic!r} has no schema of version {version}")
    try:
        whole = _definition(found["type"], found.get("data") or "", found.get("properties") or {})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unavailable(f"the schema {name} cannot be read: {error!r:.200}", retryable=False) from error
    apart = found["type"] == KEY_VALUE and found["properties"].get("kv.encoding.type") == SEPARATED
    if not apart:
        return ANY_BYTES if key else whole
    assert whole.parts is not None
    return whole.parts[0 if key else 1]


def _definition(type: str, data: str, properties: Mapping[str, str]) -> SystemSchema:
    if type in _ANY:
        return ANY_BYTES
    if type == KEY_VALUE:
        return SystemSchema("PAIR", parts=(_part("key", data, properties), _part("value", data, properties)))
    if type == "PROTOBUF_NATIVE":
        found = json.loads(data)
        return SystemSchema("PROTOBUF", found["fileDescriptorSet"], found["rootMessageTypeName"])
    if type == "PROTOBUF":
        return SystemSchema("PROTOBUF", _proto(json.loads(data), json.loads(properties[_FIELDS])))
    # the brokers define JSON by a record of Avro, which is no JSON Schema
    return SystemSchema(type, "true" if type == "JSON" else data)


def _part(name: str, data: str, properties: Mapping[str, str]) -> SystemSchema:
    """Return the schema of the keys or the values of pairs."""
    found = json.loads(data)[name]
    text = found if isinstance(found, str) else json.dumps(found)
    own = json.loads(properties.get(f"{name}.schema.properties") or "{}")
    return _definition(properties[f"{name}.schema.type"], text, own)


def _proto(record: Mapping[str, Any], fields: list[Mapping[str, Any]]) -> str:
    """Return the text of a file with the message that the client library in Java describes by its fields."""
    wrong = next((each for each in fields if each["type"] in _NOT_FLAT), None)
    if wrong is not None:
        raise ConfigError(
            f"a schema of the type PROTOBUF does not define the type of the field {wrong['name']!r}; one of "
            "the type PROTOBUF_NATIVE does"
        )
    required = any(each["label"] == "LABEL_REQUIRED" for each in fields)
    optional = "optional " if required else ""
    lines = []
    for each in fields:
        label, type = _LABELS[each["label"]] or optional, each["type"].lower()
        lines.append(f"  {label}{type} {each['name']} = {int(each['number'])};")
    package = [f"package {record['namespace']};"] if record.get("namespace") else []
    syntax = f'syntax = "proto{2 if required else 3}";'
    return "\n".join([syntax, *package, f"message {record['name']} {{", *lines, "}", ""])
