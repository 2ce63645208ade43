"""Sources of schemas of one's own: a function for each kind, declared here or by an installed package."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, TypeAlias

from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotFound

from .native import KINDS
from .schemas import RegisteredSchema, SchemaRef

GROUP = "brokerkit.schema_sources"
"""The entry points of installed packages: the kind of the schemas, and the function that finds them."""

Find: TypeAlias = Callable[[Any], RegisteredSchema | None]

_TAKEN = frozenset({"id", "guid", *KINDS})
_declared: dict[str, FunctionSource] = {}


class FunctionSource:
    """The schemas of one kind, found by a function: a `SchemaSource`.

    Args:
        kind: The kind of `SchemaRef`.
        find: Returns the schema with an id, or None if there is none. It may be called from any thread.
    """

    def __init__(self, kind: str, find: Find) -> None:
        self.kind = kind
        self.find = find

    def __reduce__(self) -> tuple[Any, ...]:
        return FunctionSource, (self.kind, self.find)

    def __repr__(self) -> str:
        return f"<FunctionSource {self.name}>"

    @property
    def name(self) -> str:
        """The kind, and where the function is defined."""
        return f"{self.kind} by {_place(self.find)}"

    @property
    def kinds(self) -> frozenset[str]:
        """The one kind."""
        return frozenset({self.kind})

    def resolve(self, ref: SchemaRef) -> RegisteredSchema:
        """Return what the function finds. Raises NotFound for None, and ConfigError if it fails."""
        try:
            found = self.find(ref.id)
        except BrokerError:
            raise
        except Exception as error:  # every failure of the user's function belongs to its rows
            raise ConfigError(
                f"the schema source {self.name} raised {type(error).__name__}: {error}"
            ) from error
        if found is None:
            raise NotFound(f"the schema source {self.name} has none")
        if not isinstance(found, RegisteredSchema):
            raise ConfigError(
                f"the schema source {self.name} returned {type(found).__name__}: "
                "expected a RegisteredSchema, or None"
            )
        return found

    def with_references(self, schema: RegisteredSchema) -> dict[str, RegisteredSchema]:
        """Return nothing: such schemas are complete."""
        return {}


def schema_source(kind: str) -> Callable[[Find], Find]:
    """Declare a function as the source of a kind of schemas, for sessions that are opened afterwards::

        @bk.schema_source("glue")
        def from_folder(id):
            file = Path("schemas") / f"{id}.avsc"
            return bk.RegisteredSchema("AVRO", file.read_text()) if file.exists() else None

    Args:
        kind: How payloads name the schema: ``glue`` (a UUID in the framing of AWS Glue), ``content-type``
            (the id in the content type ``avro/binary+ID`` of Azure), or ``fingerprint`` (of Avro's
            single-object encoding, 16 hexadecimal digits).

    Returns:
        A decorator that returns the function as it is.

    Raises:
        ConfigError: The kind belongs to schema registries, or to a function of another name.
    """
    _check(kind)

    def declare(find: Find) -> Find:
        before = _declared.get(kind) or _installed().get(kind)
        loaded = before.find if before is not None else None
        own = isinstance(loaded, _Loaded) and of_package(loaded.point, find)
        if before is not None and not own and _place(before.find) != _place(find):
            raise ConfigError(
                f"schemas of the kind {kind!r} come from {_place(before.find)} already, and cannot come from "
                f"{_place(find)} as well"
            )
        _declared[kind] = FunctionSource(kind, find)
        return find

    return declare


def own_sources() -> list[FunctionSource]:
    """Return the sources that were declared or installed."""
    return list({**_installed(), **_declared}.values())


@functools.cache
def _installed() -> dict[str, FunctionSource]:
    found: dict[str, FunctionSource] = {}
    for point in entry_points(group=GROUP):
        _check(point.name)
        if point.name in found:
            raise ConfigError(
                f"two installed packages are sources of schemas of the kind {point.name!r}: "
                f"{_place(found[point.name].find)} and {point.value}; uninstall one"
            )
        found[point.name] = FunctionSource(point.name, _Loaded(point))
    return found


class _Loaded:
    """The function of an entry point, which is loaded when it is needed."""

    def __init__(self, point: Any) -> None:
        self.point = point
        self.__module__, self.__qualname__ = point.value.split(":")[0], point.value.rpartition(":")[2]

    def __call__(self, id: Any) -> RegisteredSchema | None:
        found: RegisteredSchema | None = self.point.load()(id)
        return found


def of_package(point: Any, function: Any) -> bool:
    """Return whether a function is of the package that an entry point leads into."""
    module = str(getattr(function, "__module__", ""))
    return module.partition(".")[0] == str(point.value).partition(":")[0].partition(".")[0]


def _check(kind: str) -> None:
    if not isinstance(kind, str) or not kind:
        raise ConfigError(f"the kind of a schema source must be a name such as 'glue', not {kind!r}")
    if kind in _TAKEN:
        raise ConfigError(f"schemas of the kind {kind!r} are those of schema registries: use registry=")


def _place(find: Any) -> str:
    return f"{getattr(find, '__module__', '?')}.{getattr(find, '__qualname__', type(find).__name__)}"
