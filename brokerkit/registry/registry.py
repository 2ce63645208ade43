"""The schemas of a registry: each found once, and kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

from brokerkit.core.vocabulary.address import Address, resolve
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, NotFound, Unavailable
from brokerkit.core.vocabulary.freed import freed

from .cache import SchemaCache, keeps
from .client import RegistryClient
from .native import KINDS, NativeProtocol
from .options import RegistryOptions
from .schemas import RegisteredSchema, SchemaRef, SchemaReference, parsed

MOST_REFERENCES = 500
"""Schemas that one schema may use, directly or through others."""
DEEPEST = 50
"""How many schemas may use one another in a row."""
LARGEST = 32 * 2**20
"""The most characters of a schema with all that it uses."""
NOT_FOUND_SECONDS = 5.0
"""How long a schema that is not there is not asked for again."""
FRESH_SECONDS = 60.0
"""How long a schema of a registry that may be made new is known without asking again."""
MOST_FAILURES = 10_000
_KINDS = frozenset({"id", "guid", *KINDS})
LEAST_PAUSE = 0.5
"""Seconds for which a registry that did not answer is not asked again, at least; and as long as it took."""


def opened(address: Address) -> Registry | None:
    """Return the registry of a connection's address; None if it names none. Nothing is sent.

    Raises:
        ConfigError: An option cannot be used.
    """
    options = RegistryOptions.read(address.registry)
    return None if options is None else Registry(RegistryClient(options), address.public_url)


class Registry:
    """The schemas of one registry: a `SchemaSource`. May be used from any thread.

    A schema never changes under its id, so each is asked for once. Where a registry may be made new, as those
    are not that `cache.keeps` names, it is asked for again after `FRESH_SECONDS`. If the registry does not
    answer, the error is kept for a while, so that a batch of rows costs one timeout and not one each.

    Its pickle holds no credentials: another process takes them from its own environment.

    Args:
        client: The client of the registry.
        address: The public URL of the connection that it belongs to, to be opened from in another process.
    """

    def __init__(self, client: RegistryClient, address: str | None = None) -> None:
        self.client = client
        self._address = address
        self._native = NativeProtocol(client)
        self._cache = SchemaCache(client.name) if keeps(client.name) else None
        self._lock = threading.RLock()
        self._known: dict[SchemaRef | SchemaReference, tuple[float, RegisteredSchema]] = {}
        self._failed: dict[SchemaRef | SchemaReference | None, tuple[float, BrokerError]] = {}
        self._is_registry = False

    def __reduce__(self) -> tuple[Any, ...]:
        if self._address is None:
            raise TypeError("this registry was not opened by a connection, and cannot be pickled")
        return _opened_again, (self._address,)

    def __repr__(self) -> str:
        return f"<Registry {self.name}>"

    @property
    def name(self) -> str:
        """The address of the registry, without credentials."""
        return self.client.name

    @property
    def kinds(self) -> frozenset[str]:
        """The numbers and GUIDs of the protocols of registries."""
        return _KINDS

    def resolve(self, ref: SchemaRef) -> RegisteredSchema:
        """Return the schema that a payload names: by ``id``, ``guid``, ``global`` or ``content`` id.

        Raises:
            NotFound: The registry surely has no such schema, or no such kind of id.
            Unauthorized: The credentials are missing or refused.
            Unavailable: The registry did not answer.
            ConfigError: There is no registry at this address.
        """
        if ref.kind in KINDS:
            # a registry that does not answer now has no such ids nevertheless
            self._native.refuse_if_absent()
            return self._find(ref, lambda: self._native.by_ref(ref))
        if ref.kind not in _KINDS:
            raise NotFound(f"a schema registry does not know schemas by {ref}")
        path = f"/schemas/{ref.kind}s/{quote(str(ref.id), safe='')}"
        return self._find(ref, lambda: parsed(self.client.get(path), ref))

    def by_version(self, subject: str, version: int | str = "latest") -> RegisteredSchema:
        """Return one version of a subject. ``latest`` is asked for each time. Raises NotFound."""

        def ask() -> RegisteredSchema:
            path = f"/subjects/{quote(subject, safe='')}/versions/{quote(str(version), safe='')}"
            return parsed(self.client.get(path))

        return ask() if version == "latest" else self._find(SchemaReference("", subject, version), ask)

    def of_topic(self, topic: str, part: str) -> str:
        """Return what it has for the keys or the values of a topic, in words. Raises BrokerError."""
        subject = f"{topic}-{part}"
        try:
            newest = self.by_version(subject)
        except NotFound:
            return f"no subject {subject!r}"
        return f"a subject {subject!r}, whose newest schema is {newest.ref}"

    def native_ids(self, subject: str, version: int) -> dict[str, int]:
        """Return the ids that Apicurio's own protocol has for a version, by ``global`` and ``content``.

        Raises:
            NotFound: The registry is another, or has no such version.
        """
        return self._native.ids(subject, version)

    def with_references(self, schema: RegisteredSchema) -> dict[str, RegisteredSchema]:
        """Return all schemas that a schema uses, by the names they are used by, each after those it uses.

        Raises:
            ConfigError: They are too many or too large, use one another in a circle, or two have one name.
            NotFound: One of them is not in the registry.
        """
        found: dict[str, RegisteredSchema] = {}
        self._collect(schema, found, [], len(schema.text))
        return found

    def _collect(
        self, schema: RegisteredSchema, found: dict[str, RegisteredSchema], above: list[str], size: int
    ) -> int:
        if len(above) > DEEPEST:
            raise ConfigError(f"more than {DEEPEST} schemas use one another in a row, from {above[0]}")
        for reference in schema.references:
            place = str(reference)
            if place in above:
                raise ConfigError(f"schemas use one another in a circle: {' -> '.join([*above, place])}")
            # one with references is of the type of those, and not every answer says it
            other = replace(self._used(schema, reference), type=schema.type)
            if reference.name in found:
                if found[reference.name].text != other.text:
                    raise ConfigError(f"two different schemas are used by the name {reference.name!r}")
                continue
            size += len(other.text)
            if len(found) >= MOST_REFERENCES or size > LARGEST:
                raise ConfigError(
                    f"{schema.label} uses more than {MOST_REFERENCES} schemas, or more than "
                    f"{LARGEST // 2**20} MB of them"
                )
            size = self._collect(other, found, [*above, place], size)
            found[reference.name] = other
        return size

    def _used(self, schema: RegisteredSchema, reference: SchemaReference) -> RegisteredSchema:
        try:
            return self._referred(reference)
        except NotFound as error:
            grouped = self._in_group(schema, reference)
            if grouped is not None:
                return self._used(schema, grouped)
            raise NotFound(
                f"{schema.label} uses {reference.name!r} ({reference}), which is missing: {error}"
            ) from error

    def _in_group(self, schema: RegisteredSchema, reference: SchemaReference) -> SchemaReference | None:
        """Return a reference with its group, which only Apicurio's own protocol says; None without one."""
        if reference.group is not None:
            return None
        asks: list[Callable[[], RegisteredSchema]] = []
        if schema.subject is not None and schema.version is not None:
            place = SchemaReference("", schema.subject, schema.version, "default")
            asks.append(partial(self._native.by_version, place))
        if schema.ref is not None and schema.ref.kind == "id":
            # which of its ids it gives to Confluent's protocol is a matter of its settings
            asks += [partial(self._native.by_ref, SchemaRef(kind, schema.ref.id)) for kind in KINDS]
        for ask in asks:
            try:
                found = ask()
            except NotFound:
                continue
            if found.text == schema.text:
                return next((each for each in found.references if each.name == reference.name), None)
        return None

    def _referred(self, reference: SchemaReference) -> RegisteredSchema:
        if reference.group is None:
            return self.by_version(reference.subject, reference.version)
        # by its place alone: one schema may be used by several names
        key = SchemaReference("", reference.subject, reference.version, reference.group)
        return self._find(key, lambda: self._native.by_version(reference))

    def _find(
        self, key: SchemaRef | SchemaReference, ask: Callable[[], RegisteredSchema]
    ) -> RegisteredSchema:
        with freed(self._lock), self._lock:
            since, known = self._known.get(key, (0.0, None))
            if known is not None and (self._cache is not None or time.monotonic() - since < FRESH_SECONDS):
                return known
            for each in (key, None):
                until, failure = self._failed.get(each, (0.0, None))
                if failure is None or time.monotonic() >= until:
                    continue
                if known is not None and each is None:
                    return known
                raise type(failure)(*failure.args, retryable=failure.retryable)
        kept = self._cache.load(key) if self._cache is not None and isinstance(key, SchemaRef) else None
        begin = time.monotonic()
        try:
            schema = self._asked(ask) if kept is None else kept
        except BrokerError as error:
            self._remember(key, error, time.monotonic() - begin)
            if known is not None and isinstance(error, Unavailable) and error.retryable:
                return known
            raise
        with freed(self._lock), self._lock:
            self._known[key] = time.monotonic(), schema
        if self._cache is not None and kept is None and isinstance(key, SchemaRef):
            self._cache.save(key, schema)
        return schema

    def _asked(self, ask: Callable[[], RegisteredSchema]) -> RegisteredSchema:
        try:
            found = ask()
        except NotFound:
            if not self._is_registry:
                # at a wrong address nothing is found, and that says nothing about a schema
                self.client.refuse_if_no_registry()
                self._is_registry = True
            raise
        self._is_registry = True
        return found

    def _remember(self, key: SchemaRef | SchemaReference, error: BrokerError, took: float) -> None:
        with freed(self._lock), self._lock:
            if len(self._failed) >= MOST_FAILURES:
                self._failed.clear()
            if isinstance(error, Unavailable) and error.retryable:
                # one that does not answer does not answer for any schema
                self._failed[None] = (time.monotonic() + max(LEAST_PAUSE, took), error)
            else:
                self._failed[key] = (time.monotonic() + NOT_FOUND_SECONDS, error)


def _opened_again(address: str) -> Registry | None:
    """Open a registry in another process: the other side of a pickle."""
    return opened(resolve(address, {}))
