"""Protobuf schemas from text, files, descriptors and generated classes, each with a pool of its own."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from brokerkit.core.vocabulary.errors import ConfigError

from ..extras import extra
from .columns import ProtobufColumns
from .compile import compile_file, compile_texts
from .plan import Times
from .writer import ProtobufWriter

_PURPOSE = "Protobuf"
_BASE64 = re.compile(r"\s*[A-Za-z0-9+/_-][A-Za-z0-9+/_\s-]*=*\s*")
"""What no schema as text is made of: each has at least a quotation mark, a semicolon or a brace."""
_MAIN = "schema.proto"
_WELL_KNOWN = frozenset({
    "any", "api", "descriptor", "duration", "empty", "field_mask", "source_context", "struct", "timestamp",
    "type", "wrappers",
})  # fmt: skip


class ProtobufSchema:
    """A file with message types, and all it imports. Two schemas may use the same names for other types.

    Args:
        files: Serialized `FileDescriptorProto` in any order.
        main: The name of the file whose messages are meant; None is the last.

    Raises:
        ConfigError: The files are not valid, or an import is missing.
        MissingExtra: The libraries for Protobuf are not installed.
    """

    def __init__(self, files: Iterable[bytes], main: str | None = None) -> None:
        self._files = list(files)
        protos = [_file(data) for data in self._files]
        if not protos:
            raise ConfigError("a Protobuf schema needs at least one file")
        self.main = main or protos[-1].name
        by_name = {proto.name: proto for proto in protos}
        if self.main not in by_name:
            raise ConfigError(
                f"there is no file {self.main!r} in the schema; it has {', '.join(sorted(by_name))}"
            )
        self.pool: Any = extra("google.protobuf.descriptor_pool", "protobuf", _PURPOSE).DescriptorPool()
        added: set[str] = set()
        for name in [*by_name, self.main]:
            self._add(name, by_name, added, ())
        self._proto = by_name[self.main]

    def __reduce__(self) -> Any:
        # a pool cannot be pickled
        return ProtobufSchema, (self._files, self.main)

    @classmethod
    def from_text(
        cls, text: str, imports: Mapping[str, str] | None = None, name: str = _MAIN
    ) -> ProtobufSchema:
        """Compile a schema from the text of a ``.proto`` file.

        Args:
            imports: The texts of imported files, by the names with which they are imported. The well-known
                types need not be given.
            name: The name of the file, for errors.

        Raises:
            ConfigError: A text is not valid; the error names file and line.
        """
        return cls.from_descriptor(compile_texts({**(imports or {}), name: text}, name), main=name)

    @classmethod
    def from_path(cls, path: str | Path, folders: Sequence[str | Path] = ()) -> ProtobufSchema:
        """Read a schema from a ``.proto`` file, or from a file with a serialized descriptor.

        Args:
            folders: Where imports are looked for. None given is the folder of the file.
        """
        path = Path(path)
        if path.suffix == ".proto":
            return cls.from_descriptor(compile_file(path, folders))
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigError(f"the schema {str(path)!r} cannot be read: {error}") from error
        return cls.from_descriptor(data)

    @classmethod
    def from_descriptor(
        cls, data: bytes | str, imports: Mapping[str, bytes | str] | None = None, main: str | None = None
    ) -> ProtobufSchema:
        """Read a serialized `FileDescriptorSet` or `FileDescriptorProto`, as bytes or base64.

        Args:
            imports: Descriptors of imported files that are not in `data`.
        """
        files: list[bytes] = []
        for name, each in (imports or {}).items():
            for proto in _files(each):
                if len(proto.name) == 0:
                    proto.name = name
                files.append(proto.SerializeToString())
        own = _files(data)
        return cls([*files, *(proto.SerializeToString() for proto in own)], main)

    @classmethod
    def from_registered(cls, schema: str, references: Mapping[str, str] | None = None) -> ProtobufSchema:
        """Read a schema as registries hold it: the text of a ``.proto`` file, or a base64 descriptor.

        Args:
            references: The schemas of imported files, by the names with which they are imported.

        Raises:
            ConfigError: A schema is not valid, an import is missing, or some are text and others are not.
        """
        references = references or {}
        described = {name for name, each in references.items() if _BASE64.fullmatch(each)}
        if _BASE64.fullmatch(schema):
            if described == references.keys():
                return cls.from_descriptor(schema, references)
        elif not described:
            return cls.from_text(schema, references)
        raise ConfigError("a schema and its references must either all be text or all be base64 descriptors")

    @classmethod
    def from_class(cls, message: Any) -> ProtobufSchema:
        """Take the schema of a generated class, of a message, or of a descriptor."""
        descriptor = getattr(message, "DESCRIPTOR", message)
        file = getattr(descriptor, "file", descriptor)
        if not hasattr(file, "serialized_pb"):
            raise ConfigError(f"expected a generated message class or a descriptor, not {message!r:.100}")
        found: dict[str, bytes] = {}
        waiting = [file]
        while waiting:
            each = waiting.pop()
            if each.name not in found:
                found[each.name] = each.serialized_pb
                waiting.extend(each.dependencies)
        return cls(found.values(), main=file.name)

    @property
    def names(self) -> list[str]:
        """The full names of the messages of the file, inner ones behind the one they are in."""
        package = f"{self._proto.package}." if self._proto.package else ""
        return [name for message in self._proto.message_type for name in _names(message, package)]

    def message(self, name: str | None = None) -> Any:
        """Return the descriptor of a message.

        Args:
            name: Its full name, or the end of it if it is the only one; None if the file has one message.

        Raises:
            ConfigError: There is no such message, or several.
        """
        names = self.names
        if name is None:
            outer = [each for each in names if not any(each.startswith(f"{other}.") for other in names)]
            if len(outer) != 1:
                raise ConfigError(
                    f"the schema has several messages; choose one of {', '.join(names) or 'none'}"
                )
            return self.pool.FindMessageTypeByName(outer[0])
        full = name.lstrip(".")
        ending = [each for each in names if each == full or each.endswith(f".{full}")]
        if full in names or len(ending) == 1:
            return self.pool.FindMessageTypeByName(full if full in names else ending[0])
        if ending:
            raise ConfigError(f"{name!r} is the end of several messages: {', '.join(ending)}")
        try:
            return self.pool.FindMessageTypeByName(full)
        except KeyError:
            known = ", ".join(names) or "no messages"
            raise ConfigError(f"the schema has no message {name!r}; it has {known}") from None

    def message_at(self, path: Sequence[int]) -> Any:
        """Return the descriptor of a message by its place in the file, as registries' frames give it.

        Args:
            path: The number of the outer message, then of the message within it, and so on.

        Raises:
            ConfigError: There is no message at that place.
        """
        messages, name = self._proto.message_type, self._proto.package
        for number in path:
            if not 0 <= number < len(messages):
                raise ConfigError(
                    f"the schema has no message at {list(path)}; it has {', '.join(self.names)}"
                )
            name = f"{name}.{messages[number].name}".lstrip(".")
            messages = messages[number].nested_type
        if not path:
            raise ConfigError("the place of a message needs at least one number")
        return self.pool.FindMessageTypeByName(name)

    def columns(self, message: Any, times: Times = "ns") -> ProtobufColumns:
        """Return a reader of payloads of a message, by its descriptor."""
        return ProtobufColumns(message, self.pool, times)

    def writer(self, message: Any) -> ProtobufWriter:
        """Return a writer of payloads of a message, by its descriptor."""
        return ProtobufWriter(message, self.pool)

    def _add(self, name: str, files: dict[str, Any], added: set[str], above: tuple[str, ...]) -> None:
        if name in added:
            return
        if name in above:
            raise ConfigError(f"the schema imports itself: {' imports '.join([*above, name])}")
        proto = files.get(name) or _well_known(name)
        if proto is None:
            raise ConfigError(f"the schema imports {name!r}, which is missing; pass it in imports=")
        for dependency in proto.dependency:
            self._add(dependency, files, added, (*above, name))
        try:
            self.pool.Add(proto)
        except TypeError as error:
            raise ConfigError(f"the descriptor of {name!r} is not valid: {error}") from error
        added.add(name)


def _names(message: Any, within: str) -> Iterable[str]:
    name = f"{within}{message.name}"
    if not message.options.map_entry:
        yield name
        for inner in message.nested_type:
            yield from _names(inner, f"{name}.")


def _files(data: bytes | str) -> list[Any]:
    """Return the files of a serialized set, or the one file that the bytes are."""
    if isinstance(data, str):
        try:
            data = binascii.a2b_base64(data, strict_mode=False)
        except binascii.Error as error:
            raise ConfigError(f"the descriptor is not base64: {error}") from error
    pb2 = extra("google.protobuf.descriptor_pb2", "protobuf", _PURPOSE)
    refused: type[Exception] = extra("google.protobuf.message", "protobuf", _PURPOSE).DecodeError
    with suppress(refused):
        files = list(pb2.FileDescriptorSet.FromString(data).file)
        if files and all(proto.name for proto in files):
            return [_file(proto.SerializeToString()) for proto in files]
    with suppress(refused):
        proto = pb2.FileDescriptorProto.FromString(data)
        if proto.name and (proto.message_type or proto.syntax):
            return [_file(data)]
    raise ConfigError("the bytes are not a serialized FileDescriptorSet or FileDescriptorProto")


def _file(data: bytes) -> Any:
    pb2 = extra("google.protobuf.descriptor_pb2", "protobuf", _PURPOSE)
    try:
        proto = pb2.FileDescriptorProto.FromString(data)
    except Exception as error:
        raise ConfigError(f"the bytes are not a serialized FileDescriptorProto: {error}") from error
    # an extension would be a field that no column shows; without it, it is an unknown field and counted
    _drop_extensions(proto)
    return proto


def _drop_extensions(container: Any) -> None:
    del container.extension[:]
    inner: Any = getattr(container, "message_type", None) or getattr(container, "nested_type", ())
    for message in inner:
        _drop_extensions(message)


def _well_known(name: str) -> Any:
    folder, _, file = name.rpartition("/")
    stem = file.removesuffix(".proto")
    if folder != "google/protobuf" or stem not in _WELL_KNOWN:
        return None
    return _file(extra(f"google.protobuf.{stem}_pb2", "protobuf", _PURPOSE).DESCRIPTOR.serialized_pb)
