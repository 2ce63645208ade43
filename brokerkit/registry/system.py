"""The schemas that a system keeps itself, asked for over the connection to it."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

from brokerkit.core.runtime.connection import connect
from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.vocabulary.errors import BrokerError, NotSupported, Unauthorized, Unavailable
from brokerkit.core.vocabulary.freed import freed
from brokerkit.core.vocabulary.notes import note
from brokerkit.core.vocabulary.schemas import ANY_BYTES, SystemSchema

from .schemas import RegisteredSchema, SchemaRef

ANSWER_SECONDS = 10.0
LEAST_PAUSE = 0.5
"""Seconds for which a system that did not answer is not asked again, at least; and as long as it took."""
KEY = " key"

_open: WeakValueDictionary[str, SystemSchemas] = WeakValueDictionary()


class SchemasUnknownWarning(UserWarning):
    """A warning that messages name schemas of the system, and that these cannot be asked for."""


class SystemSchemas:
    """The schemas of one system: a `SchemaSource`. May be used from any thread.

    Nothing is kept, since a topic that was created again begins with version 0: what reads keeps what it
    found for as long as it reads. Where schemas cannot be asked for, this is said once, and messages are
    read as if they named none.

    Args:
        name: The name of the connection.
        kind: The kind of its schemas, as `Capabilities.schemas` says.
        inspect: Returns the inspector of the connection.
        target: The public URL of the connection, to open it in another process.
    """

    def __init__(
        self, name: str, kind: str, inspect: Callable[[], ConnectedInspector], target: str | None = None
    ) -> None:
        self._name = name
        self._kind = kind
        self._inspect = inspect
        self._target = target
        self._token = uuid.uuid4().hex
        self._lock = threading.RLock()
        self._refused = False
        self._told = False
        self._until = 0.0
        self._failure: BrokerError | None = None
        _open[self._token] = self

    def __reduce__(self) -> tuple[Any, ...]:
        if self._target is None:
            raise TypeError("these schemas have no address to be opened from, and cannot be pickled")
        return _opened_again, (self._token, self._name, self._kind, self._target)

    def __repr__(self) -> str:
        return f"<SystemSchemas of {self._name}>"

    @property
    def name(self) -> str:
        """The name of the connection."""
        return self._name

    @property
    def kinds(self) -> frozenset[str]:
        """The kind of the system's schemas, of values and of keys."""
        return frozenset({self._kind, self._kind + KEY})

    def resolve(self, ref: SchemaRef) -> RegisteredSchema:
        """Return the schema that a message names. Raises NotFound, or Unavailable without an answer."""
        with freed(self._lock), self._lock:
            if self._refused:
                return _registered(ANY_BYTES, ref)
            if self._failure is not None and time.monotonic() < self._until:
                raise type(self._failure)(*self._failure.args, retryable=self._failure.retryable)
        begin = time.monotonic()
        try:
            found = self._inspect().schema(str(ref.id), key=ref.kind.endswith(KEY), timeout=ANSWER_SECONDS)
        except (NotSupported, Unauthorized) as error:
            # a right may be missing for one schema only
            self._refused = isinstance(error, NotSupported)
            self._tell(error)
            return _registered(ANY_BYTES, ref)
        except Unavailable as error:
            with freed(self._lock), self._lock:
                self._until = time.monotonic() + max(LEAST_PAUSE, time.monotonic() - begin)
                self._failure = error if error.retryable else None
            raise
        return _registered(found, ref)

    def with_references(self, schema: RegisteredSchema) -> dict[str, RegisteredSchema]:
        """Return nothing: these schemas are complete."""
        return {}

    def _tell(self, error: BrokerError) -> None:
        with freed(self._lock), self._lock:
            if self._told:
                return
            self._told = True
        note(
            f"messages name schemas of {self._name} that cannot be asked for, and stay as they are: {error}",
            SchemasUnknownWarning,
        )


def _registered(found: SystemSchema, ref: SchemaRef) -> RegisteredSchema:
    parts = None
    if found.parts is not None:
        parts = (_registered(found.parts[0], ref), _registered(found.parts[1], ref))
    return RegisteredSchema(found.type, found.text, ref=ref, message=found.message, parts=parts)


def _opened_again(token: str, name: str, kind: str, target: str) -> SystemSchemas:
    """Return the same schemas in another process: the other side of a pickle."""
    here = _open.get(token)
    if here is not None:
        return here
    lock = threading.RLock()
    opened: list[Any] = []

    def inspect() -> ConnectedInspector:
        with freed(lock), lock:
            if not opened or opened[0].closed:
                opened[:] = [connect(target)]
            found: ConnectedInspector = opened[0].inspector()
            return found

    return SystemSchemas(name, kind, inspect, target)
