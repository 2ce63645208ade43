"""The administration over HTTP: entities, rules and counts in Atom, and requests for tests only."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Callable
from xml.etree.ElementTree import Element

from . import atom, claims, errors
from .broker import Broker
from .claims import Policies
from .namespace import Entity, Part
from .queue import State
from .rules import DEFAULT
from .web import Request, Response

SUBSCRIPTION = re.compile(r"(.+)/subscriptions(?:/([^/]+)(?:/rules(?:/([^/]+))?)?)?", re.IGNORECASE)
RULES = re.compile(r".+/subscriptions/[^/]+/rules", re.IGNORECASE)
FEED = "application/atom+xml;type=feed;charset=utf-8"
HOOKS = "$emulator/"


class Administration:
    """A handler of the requests of the administration.

    Args:
        deleted: Called with the entities that were deleted.
        changed: Called after each request.
    """

    def __init__(
        self,
        broker: Broker,
        policies: Policies,
        deleted: Callable[[list[Entity]], None],
        changed: Callable[[], None],
    ) -> None:
        self._broker = broker
        self._policies = policies
        self._deleted = deleted
        self._changed = changed

    def __call__(self, request: Request) -> Response:
        url = urllib.parse.urlsplit(request.target)
        path = urllib.parse.unquote(url.path).strip("/")
        query = urllib.parse.parse_qs(url.query)
        page = int(query.get("$skip", ["0"])[0]), int(query.get("$top", ["100"])[0])
        try:
            if path.startswith(HOOKS):
                response = self._hook(request, path.removeprefix(HOOKS))
            else:
                grant = self._policies.check(request.headers.get("authorization", ""))
                self._policies.require(claims.MANAGE, path, [grant])
                response = self._serve(request, path, page)
        except errors.Refusal as refusal:
            detail = Element("Error")
            for name, text in (("Code", str(refusal.status)), ("Detail", refusal.description)):
                child = Element(name)
                child.text = text
                detail.append(child)
            response = Response(refusal.status, atom.written(detail), "application/xml; charset=utf-8")
        self._changed()
        return response

    def _serve(self, request: Request, path: str, page: tuple[int, int]) -> Response:
        if path == "$namespaceinfo":
            return Response(200, atom.written(atom.namespace_entry()))
        if path.lower() in ("$resources/queues", "$resources/topics"):
            kind = path.lower().removeprefix("$resources/").removesuffix("s")
            return self._feed(path, [each for each in self._broker.namespace if each.kind == kind], page)
        match = SUBSCRIPTION.fullmatch(path)
        if match is None:
            return self._entity(request, path, "queue or topic")
        topic = self._broker.namespace.get(match[1])
        if match[2] is None:
            return self._feed(path, self._broker.namespace.subscriptions(topic), page)
        subscription = f"{topic.path}/Subscriptions/{match[2]}"
        if not RULES.fullmatch(path) and match[3] is None:
            return self._entity(request, subscription, "subscription")
        entity = self._broker.namespace.get(subscription)
        if match[3] is None:
            entries = [atom.rule_entry(rule) for rule in self._broker.rules.of(entity)]
            return Response(200, atom.written(atom.feed(path, entries, *page)), FEED)
        return self._rule(request, entity, match[3])

    def _feed(self, path: str, entities: list[Entity], page: tuple[int, int]) -> Response:
        entries = [self._entry(each) for each in entities]
        return Response(200, atom.written(atom.feed(path, entries, *page)), FEED)

    def _entity(self, request: Request, path: str, kind: str) -> Response:
        namespace = self._broker.namespace
        if request.method == "GET":
            entity = namespace.find(path)
            if entity is None and kind != "subscription":
                # the service answers with an empty feed, by which clients know it
                return Response(200, atom.written(atom.feed("Publicly Listed Services", [], 0, 0)), FEED)
            return Response(200, atom.written(self._entry(namespace.get(path))))
        if request.method == "DELETE":
            self._deleted(self._broker.delete(namespace.get(path)))
            return Response(200, "")
        if request.method != "PUT":
            raise errors.invalid(f"{request.method} is not a method of this server")
        description = atom.described(request.body)
        if atom.kind_of(description) not in kind:
            raise errors.invalid(f"'{path}' is the path of a {kind}")
        if "if-match" in request.headers:
            entity = namespace.get(path)
            namespace.update(entity, atom.settings_of(description))
            return Response(200, atom.written(self._entry(entity)))
        entity = self._broker.create(atom.kind_of(description), path, atom.settings_of(description))
        default = atom.default_rule_of(description)
        if default is not None:
            name, given, action = atom.rule_of(default)
            self._broker.rules.remove(entity, DEFAULT)
            self._broker.rules.add(entity, name, given, action)
        return Response(201, atom.written(self._entry(entity)))

    def _rule(self, request: Request, subscription: Entity, name: str) -> Response:
        rules = self._broker.rules
        if request.method == "GET":
            return Response(200, atom.written(atom.rule_entry(rules.get(subscription, name))))
        if request.method == "DELETE":
            rules.remove(subscription, name)
            return Response(200, "")
        _, given, action = atom.rule_of(atom.described(request.body))
        if "if-match" in request.headers:
            return Response(
                200, atom.written(atom.rule_entry(rules.replace(subscription, name, given, action)))
            )
        return Response(201, atom.written(atom.rule_entry(rules.add(subscription, name, given, action))))

    def _entry(self, entity: Entity) -> Element:
        states, size = self._broker.messages.counts(entity.holder())
        dead, dead_size = self._broker.messages.counts(entity.holder(Part.DEAD_LETTER))
        transfer, _ = self._broker.messages.counts(entity.holder(Part.TRANSFER_DEAD_LETTER))
        buried, unforwarded = sum(dead.values()), sum(transfer.values())
        numbers = {"SizeInBytes": size + dead_size}
        if entity.kind == "topic":
            numbers["SubscriptionCount"] = len(self._broker.namespace.subscriptions(entity))
        else:
            numbers["MessageCount"] = sum(states.values()) + buried + unforwarded
        return atom.entity_entry(
            entity,
            numbers,
            {
                "ActiveMessageCount": states.get(State.ACTIVE, 0),
                "DeadLetterMessageCount": buried,
                "ScheduledMessageCount": states.get(State.SCHEDULED, 0),
                "TransferMessageCount": 0,
                "TransferDeadLetterMessageCount": unforwarded,
            },
        )

    def _hook(self, request: Request, path: str) -> Response:
        """Serve requests of tests: entities without a client, rights that change, sends that fail."""
        what, _, name = path.partition("/")
        given = json.loads(request.body or b"{}")
        if request.method == "PUT" and what in ("queues", "topics", "subscriptions"):
            self._broker.create(what.removesuffix("s"), name, given)
        elif request.method == "PUT" and what == "rights" and name in self._policies.rights:
            self._policies.rights[name] = frozenset(given)
        elif request.method == "PUT" and what == "refusals":
            refusal = errors.Refusal(given["condition"], "Refused, since a test asked for it.", 400)
            self._broker.refusals.extend([refusal] * given["count"])
        elif request.method != "GET" or path != "rights":
            raise errors.not_found(path)
        rights = {policy: sorted(granted) for policy, granted in self._policies.rights.items()}
        return Response(200, json.dumps(rights), "application/json")
