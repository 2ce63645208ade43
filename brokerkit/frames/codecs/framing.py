"""Framings: bytes before a payload, or attributes, that say with which schema it was written.

Sources: Confluent's wire format and its serializers with ids in headers, Apicurio's serializers for Avro and
Protobuf, the AWS Glue library, Azure's encoder for Avro, Pub/Sub's schema service, Pulsar's protocol, and the
Avro specification ("Single-object encoding"). The tests compare with bytes that these serializers wrote.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from brokerkit.registry import SchemaRef

from .varints import unsigned, write_unsigned, write_zigzag, zigzag

Part = Literal["key", "value"]
Encoding = Literal["binary", "json"]

FramingName = Literal["confluent", "headers", "apicurio", "single-object", "bare"]
FRAMINGS: tuple[FramingName, ...] = ("confluent", "headers", "apicurio", "single-object", "bare")
"""The framings that a user may ask for: an id in front, the same in a header, Apicurio's headers, the
fingerprint of an Avro schema in front, or none."""

MOST_INDEXES = 100
LONGEST_NAME = 1000
_CONTENT_TYPE = "avro/binary+"
_SCHEMA_NAME = "googclient_schemaname"
_SCHEMA_ENCODING = "googclient_schemaencoding"
_SCHEMA_REVISION = "googclient_schemarevisionid"
_TOPIC_SCHEMA = "$pulsar.schema"
NUMBERS = (
    ("confluent", "id", 4),
    ("apicurio", "global", 4),
    ("apicurio", "global", 8),
    ("apicurio", "content", 8),
)
"""Who writes a zero byte and then a number, what the number is, and how wide; Apicurio has three ways."""
NAMES = frozenset({"apicurio", "azure", "confluent", "glue", "pubsub", "pulsar", "single-object"})
"""The names of all framings that name a schema by a number or a name."""
_PROTOBUF_TYPE = {"value": "apicurio.protobuf.type", "key": "apicurio.protobuf.type.key"}
_DECLARING = {
    part: {
        f"__{part}_schema_id": ("id", "guid"),
        f"apicurio.{part}.globalId": ("global",),
        f"apicurio.{part}.contentId": ("content",),
        f"apicurio.{part}.encoding": ("global", "content"),
        _PROTOBUF_TYPE[part]: ("global", "content"),
        _TOPIC_SCHEMA: ("pulsar", "pulsar key"),
    }
    for part in ("key", "value")
}
_DECLARING["value"] |= dict.fromkeys((_SCHEMA_NAME, _SCHEMA_ENCODING, _SCHEMA_REVISION), ("pubsub",))
"""The attributes that name the schema of a part, and the kinds of schemas that they may name."""


@dataclass(frozen=True, slots=True)
class Framing:
    """A framing that a payload has, or may have.

    Attributes:
        name: The word that the column `format` shows in front of the format, such as ``confluent``.
        ref: The schema that it names.
        start: Where the body begins. For Protobuf `with_message` finds the place behind the message's name.
        width: How many bytes a number before the payload has; 0 if there is none.
        declared: Whether an attribute names the schema, which is evidence by itself. Bytes at the start of a
            payload are evidence only if the schema exists and uses the body up.
        compressed: Whether the body is compressed with zlib.
        encoding: How the body is encoded, where an attribute says so.
        indexes: Which message of a Protobuf file it is: (1, 0) is the first message inside the second.
        message: The name of the Protobuf message, which Apicurio has instead of indexes.
    """

    name: str
    ref: SchemaRef
    start: int = 0
    width: int = 0
    declared: bool = False
    compressed: bool = False
    encoding: Encoding | None = None
    indexes: tuple[int, ...] | None = None
    message: str | None = None


def declares(name: str, part: Part, kinds: frozenset[str]) -> bool:
    """Return whether an attribute of this name may declare a schema of one of these kinds."""
    if part == "value" and _is_content_type(name):
        return "content-type" in kinds
    return not kinds.isdisjoint(_DECLARING[part].get(name, ()))


def framings(payload: bytes, attributes: Mapping[str, bytes], part: Part) -> list[Framing]:
    """Return the framings that a payload may have, those that attributes declare first.

    Args:
        payload: The bytes of a key or a value.
        attributes: The attributes of the message by name.
        part: Whether the payload is the key or the value.
    """
    found = [
        _schema_id_header(attributes, part),
        _apicurio_header(attributes, part),
        _topic_schema(attributes, part),
    ]
    if part == "value":
        found += [_content_type(attributes), _schema_attributes(attributes)]
    return [*(each for each in found if each is not None), *_prefixes(payload)]


def names_encoding(name: str) -> bool:
    """Return whether an attribute of this name says how a value is encoded, or with which schema."""
    plain = name.lower().replace("-", "").replace("_", "")
    return name in _DECLARING["value"] or plain in ("contentencoding", "contenttype")


def new_framing(name: FramingName | None, ref: SchemaRef) -> Framing:
    """Return the framing of a name, which is not ``bare``; None is an id in front."""
    if name == "apicurio":
        return Framing("apicurio", ref, declared=True, encoding="binary")
    if name == "single-object":
        return Framing("single-object", ref)
    return Framing("confluent", ref, declared=name == "headers")


def framing_like(framing: Framing, ref: SchemaRef) -> Framing:
    """Return a framing for another schema, of the same kind; an id stands for a GUID."""
    if framing.ref.kind == "guid":
        return Framing("confluent", ref, declared=framing.declared)
    return replace(framing, ref=ref, indexes=None, message=None)


def framing_word(framing: Framing) -> str:
    """Return the name by which a user asks for a framing."""
    return "headers" if framing.declared and framing.name == "confluent" else framing.name or framing.ref.kind


def with_message(framing: Framing, payload: bytes) -> list[Framing]:
    """Return the framings of a Protobuf payload with the place of its message in the file.

    Where no attribute has it, it is in the bytes behind the id: indexes, or the name of the message. A few
    bytes can be both, and then the file decides, which has only one of them.

    Raises:
        ValueError: The bytes are neither; the text has the byte offset.
    """
    if framing.declared or framing.name not in ("confluent", "apicurio"):
        return [framing]
    found: list[Framing] = []
    problems: dict[str, ValueError] = {}
    try:
        indexes, start = message_indexes(payload, framing.start)
        found.append(replace(framing, indexes=indexes, start=start))
    except ValueError as error:
        problems["confluent"] = error
    try:
        message, start = _message_name(payload, framing.start)
        found.append(replace(framing, message=message, start=start))
    except ValueError as error:
        problems["apicurio"] = error
    if not found:
        raise problems[framing.name]
    return found


def written(framing: Framing, body: bytes, part: Part) -> tuple[bytes, dict[str, bytes]]:
    """Return the payload and the attributes that name the schema of a body.

    Args:
        framing: As a payload of the same topic has it.
        body: The encoded value.
        part: Whether it is the key or the value.

    Raises:
        ValueError: The id does not fit.
    """
    ref = framing.ref
    message = _written_message(framing)
    match framing.name:
        case "confluent" if framing.declared:
            return body, {f"__{part}_schema_id": _id_bytes(ref) + message}
        case "confluent":
            return _id_bytes(ref) + message + body, {}
        case "apicurio" if framing.declared:
            return body, _apicurio_headers(framing, part)
        case "apicurio":
            return b"\0" + _number(ref, framing.width) + message + body, {}
        case "glue":
            mark = b"\x03\x05" if framing.compressed else b"\x03\x00"
            return mark + UUID(str(ref.id)).bytes + (zlib.compress(body) if framing.compressed else body), {}
        case "single-object":
            return b"\xc3\x01" + int(str(ref.id), 16).to_bytes(8, "little") + body, {}
        case "pulsar":
            return body, {_TOPIC_SCHEMA: str(ref.id).encode()}
        case "azure":
            return body, {"content-type": f"{_CONTENT_TYPE}{ref.id}".encode()}
    name, _, revision = str(ref.id).partition("@")
    attributes = {
        _SCHEMA_NAME: name.encode(),
        _SCHEMA_ENCODING: (framing.encoding or "binary").upper().encode(),
    }
    return body, attributes | ({_SCHEMA_REVISION: revision.encode()} if revision else {})


def message_indexes(payload: bytes, start: int) -> tuple[tuple[int, ...], int]:
    """Return which message of a Protobuf file a body holds, and where the body begins.

    A single zero byte stands for (0,).

    Raises:
        ValueError: The indexes are cut off, negative or too many; the text has the byte offset.
    """
    count, place = zigzag(payload, start)
    if count == 0:
        return (0,), place
    if not 0 < count <= MOST_INDEXES:
        raise ValueError(f"byte {start}: {count} message indexes, expected 1 to {MOST_INDEXES}")
    indexes: list[int] = []
    for _ in range(count):
        index, after = zigzag(payload, place)
        if index < 0:
            raise ValueError(f"byte {place}: the message index {index} is negative")
        indexes.append(index)
        place = after
    return tuple(indexes), place


def _message_name(payload: bytes, start: int) -> tuple[str, int]:
    """Return the name of the message that Apicurio writes behind the id, and where the body begins."""
    size, place = unsigned(payload, start)
    end = place + size
    if not 2 <= size <= LONGEST_NAME or end > len(payload) or payload[place] != 0x0A:
        raise ValueError(f"byte {start}: expected the name of a message")
    length, name = unsigned(payload, place + 1)
    if name + length != end:
        raise ValueError(f"byte {place}: the name of the message does not fill its place")
    try:
        return payload[name:end].decode("utf-8"), end
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {name}: the name of the message is not UTF-8") from error


def _written_message(framing: Framing) -> bytes:
    if framing.message is not None:
        name = framing.message.encode()
        field = b"\x0a" + write_unsigned(len(name)) + name
        return write_unsigned(len(field)) + field
    if framing.indexes is None:
        return b""
    if framing.indexes == (0,):
        return b"\0"
    return b"".join(map(write_zigzag, (len(framing.indexes), *framing.indexes)))


def _fits(number: int, width: int) -> bool:
    """Return whether a number can be an id: they begin at 1, and are signed."""
    return 0 < number < 1 << (8 * width - 1)


def _number(ref: SchemaRef, width: int) -> bytes:
    number = int(ref.id)
    if not _fits(number, width):
        raise ValueError(f"the {ref} does not fit into {width} bytes")
    return number.to_bytes(width, "big")


def _id_bytes(ref: SchemaRef) -> bytes:
    return b"\x01" + UUID(str(ref.id)).bytes if ref.kind == "guid" else b"\0" + _number(ref, 4)


def _schema_id_header(attributes: Mapping[str, bytes], part: Part) -> Framing | None:
    header = attributes.get(f"__{part}_schema_id") or b""
    if len(header) >= 17 and header[0] == 1:
        ref, end = SchemaRef("guid", str(UUID(bytes=header[1:17]))), 17
    elif len(header) >= 5 and header[0] == 0 and _fits(int.from_bytes(header[1:5], "big"), 4):
        ref, end = SchemaRef("id", int.from_bytes(header[1:5], "big")), 5
    else:
        return None
    found = Framing("confluent", ref, declared=True)
    if len(header) == end:
        return found
    try:
        indexes, after = message_indexes(header, end)
    except ValueError:
        return None
    return replace(found, indexes=indexes) if after == len(header) else None


def _apicurio_header(attributes: Mapping[str, bytes], part: Part) -> Framing | None:
    for name, kind in (("globalId", "global"), ("contentId", "content")):
        header = attributes.get(f"apicurio.{part}.{name}")
        if header is None or len(header) != 8 or not _fits(int.from_bytes(header, "big"), 8):
            continue
        said = attributes.get(f"apicurio.{part}.encoding")
        encodings: dict[bytes | None, Encoding] = {b"BINARY": "binary", b"JSON": "json"}
        message = attributes.get(_PROTOBUF_TYPE[part])
        return Framing(
            "apicurio",
            SchemaRef(kind, int.from_bytes(header, "big")),
            declared=True,
            encoding=encodings.get(said),
            message=None if message is None else message.decode("utf-8", "replace"),
        )
    return None


def _apicurio_headers(framing: Framing, part: Part) -> dict[str, bytes]:
    found = {f"apicurio.{part}.{framing.ref.kind}Id": _number(framing.ref, 8)}
    if framing.encoding is not None:
        found[f"apicurio.{part}.encoding"] = framing.encoding.upper().encode()
    if framing.message is not None:
        found[_PROTOBUF_TYPE[part]] = framing.message.encode()
    return found


def _content_type(attributes: Mapping[str, bytes]) -> Framing | None:
    """Return the framing of a content type, which systems keep under names that end alike."""
    for name, value in attributes.items():
        if not _is_content_type(name):
            continue
        said = value.decode("utf-8", "replace")
        number = said.removeprefix(_CONTENT_TYPE)
        if number != said and number and set(number) <= set("0123456789abcdefABCDEF"):
            return Framing("azure", SchemaRef("content-type", number), declared=True, encoding="binary")
    return None


def _is_content_type(name: str) -> bool:
    return name.rpartition(".")[2].replace("_", "-").lower() == "content-type"


def _topic_schema(attributes: Mapping[str, bytes], part: Part) -> Framing | None:
    name = attributes.get(_TOPIC_SCHEMA)
    if not name:
        return None
    kind = "pulsar" if part == "value" else "pulsar key"
    return Framing("pulsar", SchemaRef(kind, name.decode("utf-8", "replace")), declared=True)


def _schema_attributes(attributes: Mapping[str, bytes]) -> Framing | None:
    name = attributes.get(_SCHEMA_NAME)
    if not name:
        return None
    revision = attributes.get(_SCHEMA_REVISION, b"")
    place = b"@".join([name, revision] if revision else [name]).decode("utf-8", "replace")
    encoding: Encoding = "json" if attributes.get(_SCHEMA_ENCODING) == b"JSON" else "binary"
    # the service takes the first message of a file
    ref = SchemaRef("pubsub", place)
    return Framing("pubsub", ref, declared=True, encoding=encoding, indexes=(0,))


def _prefixes(payload: bytes) -> list[Framing]:
    if not payload:
        return []
    found: list[Framing] = []
    if payload[0] == 0:
        for name, kind, width in NUMBERS:
            number = int.from_bytes(payload[1 : 1 + width], "big")
            if len(payload) > width and _fits(number, width):
                found.append(Framing(name, SchemaRef(kind, number), 1 + width, width))
    elif payload[0] == 1 and len(payload) >= 17:
        found.append(Framing("confluent", SchemaRef("guid", str(UUID(bytes=payload[1:17]))), 17))
    elif payload[0] == 3 and len(payload) >= 18 and payload[1] in (0, 5):
        ref = SchemaRef("glue", str(UUID(bytes=payload[2:18])))
        found.append(Framing("glue", ref, 18, compressed=payload[1] == 5))
    elif payload.startswith(b"\xc3\x01") and len(payload) >= 10:
        number = int.from_bytes(payload[2:10], "little")
        found.append(Framing("single-object", SchemaRef("fingerprint", f"{number:016x}"), 10))
    return found
