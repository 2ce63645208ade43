"""Payloads that are published again: the same bytes, or those of an edited value in the format of the row."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from brokerkit.core.vocabulary.errors import BrokerError
from brokerkit.registry import RegisteredSchema, SchemaSource

from ..codecs import cbor, msgpack
from ..codecs.avro.container import container_written
from ..codecs.body_writers import BodyWriter, body_writer
from ..codecs.compression import compress
from ..codecs.framing import Framing, Part, framings
from ..codecs.misfit import Misfit
from ..codecs.own import own_codecs
from ..decoded import ERROR_LENGTH
from ..json_exact import loads
from .declared import NOTHING, Declared
from .reading import Peeled, peel, read_inside
from .registered import LARGEST_ID

_REWRITERS = {"msgpack": msgpack.rewritten, "cbor": cbor.rewritten, "avro-container": container_written}


def written(payload: bytes, value: bytes, declared: Declared = NOTHING, part: Part = "value") -> bytes:
    """Return the payload to publish for a row that was read from `payload` and has this value now, in UTF-8.

    If that is what is read from the payload, it is the payload itself. A value that was edited is written in
    the same format, and wrapped in the same compressions and encodings. If nothing can be read from the
    payload, it is the value.

    Raises:
        ValueError: The value was edited, and the format cannot hold it; the text names the path.
    """
    peeled = peel(payload, declared)
    found = read_inside(peeled, declared)
    if found.text is None:
        return value
    if found.text.encode() == value:
        return payload
    inside = found.format.rpartition("+")[2]
    own = own_codecs().get(inside)
    try:
        if own is not None:
            return wrapped(peeled, own.rewritten(loads(value)))
    except ValueError as error:
        raise refused(inside, error) from error
    if inside not in _REWRITERS:
        return wrapped(peeled, value)
    try:
        return wrapped(peeled, _REWRITERS[inside](peeled.data, value))
    except ValueError as error:
        raise refused(inside, error, part) from error


def wrapped(peeled: Peeled, data: bytes) -> bytes:
    """Return data in the layers that were removed around a payload."""
    for name, _ in reversed(peeled.layers):
        data = base64.b64encode(data) if name == "base64" else compress(name, data)
    return data


def refused(format: str, error: Exception, part: Part = "value") -> ValueError:
    """Return the error for a value or key that was edited and cannot be written in its format."""
    what = error if isinstance(error, Misfit) else f"it is not one value in JSON: {error}"
    return ValueError(f"its {part} was edited, and does not fit {format}: {str(what)[:ERROR_LENGTH]}")


class RegisteredWriting:
    """Writes values that were read with a schema of a source, and then edited.

    Args:
        source: Where the schemas are.
    """

    def __init__(self, source: SchemaSource) -> None:
        self._source = source
        self._writers: dict[RegisteredSchema, BodyWriter] = {}

    def written(
        self,
        payload: bytes,
        before: str,
        value: bytes,
        declared: Declared = NOTHING,
        attributes: Mapping[str, bytes] | None = None,
        part: Part = "value",
    ) -> bytes:
        """Return the payload for a value that was edited, with the schema and the layers of its row.

        Args:
            payload: What was read.
            before: The text that was read from it.
            value: The text as it is now, in UTF-8.

        Raises:
            ValueError: The schema cannot hold the value; the text names the path.
        """
        peeled = peel(payload, declared)
        problem: Exception | None = None
        for framing, schema in self._schemas(peeled.data, attributes or {}, part):
            try:
                return wrapped(peeled, self._writer(schema).rewritten(peeled.data, framing, before, value))
            except (ValueError, IndexError, BrokerError) as error:
                problem = problem or refused(f"the schema {framing.ref}", error, part)
        raise problem or ValueError(f"its {part} was edited, and its schema is no longer found")

    def _schemas(
        self, data: bytes, attributes: Mapping[str, bytes], part: Part
    ) -> list[tuple[Framing, RegisteredSchema]]:
        found: list[tuple[Framing, RegisteredSchema]] = []
        for framing in framings(data, attributes, part):
            if framing.width == 8 and int(framing.ref.id) >= LARGEST_ID:
                continue
            try:
                found.append((framing, self._source.resolve(framing.ref)))
            except BrokerError:
                continue
            if framing.declared:
                break
        return found

    def _writer(self, schema: RegisteredSchema) -> BodyWriter:
        if schema not in self._writers:
            self._writers[schema] = body_writer(schema, self._source.with_references(schema))
        return self._writers[schema]
