"""Publish a message with the schema that it was written with.

The brokers give a message the version of the schema with which its producer was created. So there is a
producer for each schema, and the topic gets the schema if it does not have it. The library cannot be given
pairs, which need more than a definition, and some simple types.
"""

from __future__ import annotations

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError

from .client_internals import CarriedSchema
from .definitions import parse_name
from .rest import RestEndpoint

SETTABLE = frozenset({"AVRO", "JSON", "PROTOBUF_NATIVE", "STRING"})
"""The types that the library passes on, and whose definition is all that belongs to them."""


class CarriedSchemas:
    """The schemas that messages to publish name, each asked for once.

    Args:
        rest: The REST endpoint, or None: then no schema can be set.
    """

    def __init__(self, rest: RestEndpoint | None) -> None:
        self._rest = rest
        self._known: dict[str, CarriedSchema | str] = {}

    def of(self, name: str, deadline: Deadline) -> CarriedSchema | str:
        """Return the schema with a name such as ``TOPIC@3``, or the reason why it cannot be set."""
        known = self._known.get(name)
        if known is not None:
            return known
        try:
            found = self._known[name] = self._found(name, deadline)
        except BrokerError as error:
            # it may be answered the next time
            return f"which cannot be read: {error!s:.200}"
        return found

    def _found(self, name: str, deadline: Deadline) -> CarriedSchema | str:
        parsed = parse_name(name)
        if self._rest is None:
            return "which needs admin=http://HOST:8080"
        try:
            found = None if parsed is None else self._rest.schema(parsed[0], deadline.remaining(), parsed[1])
        except BrokerError as error:
            if error.retryable:
                raise
            return f"which cannot be read: {error!s:.200}"
        if found is None:
            return "which these brokers do not have"
        if found["type"] not in SETTABLE:
            return f"since the client library cannot set one of the type {found['type']}"
        return CarriedSchema(found["type"], found.get("data") or "")
