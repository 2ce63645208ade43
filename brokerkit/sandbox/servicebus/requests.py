"""Answer the requests to the nodes `$cbs` and `$management`."""

from __future__ import annotations

import logging
import uuid
from abc import ABC, abstractmethod
from typing import Any

from proton import Delivery, Link, Message, ProtonException, int32, symbol

from . import errors
from .claims import Grant, Policies
from .links import CREDIT, attach
from .management import Management
from .namespace import Entity, Part

log = logging.getLogger(__name__)


class Requests(ABC):
    """A handler of the requests to `$cbs` or to an entity's `$management`.

    Args:
        grants: The grants of the connection's tokens. `$cbs` adds to them.
    """

    def __init__(self, policies: Policies, grants: dict[str, Grant], link: Link) -> None:
        self._policies = policies
        self._grants = grants
        self.link = link
        attach(link)
        link.flow(CREDIT)

    def receive(self, delivery: Delivery, raw: bytes, reply: Link | None) -> None:
        """Handle one request, and answer it on the link `reply`."""
        delivery.update(Delivery.ACCEPTED)
        delivery.settle()
        self.link.flow(1)
        request = Message()
        try:
            _decode(request, raw)
            status, body = self._do(request)
            answer = self._encoded(request, status, "OK" if status == 200 else "Accepted", body)
        except errors.Refusal as refusal:
            answer = self._encoded(request, refusal.status, refusal.description, {}, refusal.condition)
        except Exception:
            # a request that fails does not end the connection
            log.exception("a request could not be served")
            failure = errors.internal()
            answer = self._encoded(request, failure.status, failure.description, {}, failure.condition)
        if reply is None:
            return
        sent = reply.delivery(uuid.uuid4().bytes_le)
        reply.stream(answer)
        reply.advance()
        sent.settle()

    def _encoded(
        self, request: Message, status: int, description: str, body: Any, condition: str | None = None
    ) -> bytes:
        answer = self._answer(status, description, body, condition)
        answer.correlation_id = request.id if request.correlation_id is None else request.correlation_id
        return bytes(answer.encode())

    @abstractmethod
    def _do(self, request: Message) -> tuple[int, Any]:
        """Return the status code and the body of the answer. Raises Refusal."""

    @abstractmethod
    def _answer(self, status: int, description: str, body: Any, condition: str | None = None) -> Message:
        """Return an answer in the form of this node."""


def _decode(request: Message, raw: bytes) -> None:
    """Decode a request. Raises Refusal for an invalid one, such as a map with binaries for names."""
    try:
        request.decode(raw)
    except (ProtonException, ValueError, TypeError) as error:
        raise errors.undecodable(f"the request cannot be read: {error}") from error


class TokenRequests(Requests):
    """A handler of `$cbs`, the claims-based security."""

    def _do(self, request: Message) -> tuple[int, Any]:
        properties = request.properties or {}
        if properties.get("operation") != "put-token":
            raise errors.invalid("$cbs takes the operation put-token")
        # a client may call a shared access signature "jwt", which the service accepts
        if properties.get("type") not in ("servicebus.windows.net:sastoken", "jwt"):
            raise errors.invalid(f"'{properties.get('type')}' is not a type of tokens")
        self._grants[str(properties.get("name"))] = self._policies.check(str(request.body))
        return 202, None

    def _answer(self, status: int, description: str, body: Any, condition: str | None = None) -> Message:
        return Message(properties={"status-code": int32(status), "status-description": description})


class ManagementRequests(Requests):
    """A handler of the `$management` of an entity."""

    def __init__(
        self,
        policies: Policies,
        grants: dict[str, Grant],
        link: Link,
        management: Management,
        place: tuple[Entity, Part],
    ) -> None:
        super().__init__(policies, grants, link)
        self._management = management
        self.entity, self._part = place

    def _do(self, request: Message) -> tuple[int, Any]:
        operation = str((request.properties or {}).get("operation"))
        claim = self._management.claim(operation)
        self._policies.require(claim, self.entity.part_path(self._part), list(self._grants.values()))
        return self._management.answer(operation, self.entity, self._part, request.body)

    def _answer(self, status: int, description: str, body: Any, condition: str | None = None) -> Message:
        properties: dict[str, Any] = {"statusCode": int32(status), "statusDescription": description}
        if condition is not None:
            properties["errorCondition"] = symbol(condition)
        return Message(properties=properties, body=body)
