"""Read and write the Atom feeds that describe entities."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from . import errors
from .namespace import Entity
from .rules import DEFAULT, Filter, Rule

ATOM = "http://www.w3.org/2005/Atom"
BUS = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"
COUNTS = "http://schemas.microsoft.com/netservices/2011/06/servicebus"
SCHEMA = "http://www.w3.org/2001/XMLSchema"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"

TYPE = f"{{{INSTANCE}}}type"
KEY_VALUE = "KeyValueOfstringanyType"
CORRELATION = {
    "correlation-id": "CorrelationId",
    "message-id": "MessageId",
    "to": "To",
    "reply-to": "ReplyTo",
    "label": "Label",
    "session-id": "SessionId",
    "reply-to-session-id": "ReplyToSessionId",
    "content-type": "ContentType",
}
KINDS = {"queue": "QueueDescription", "topic": "TopicDescription", "subscription": "SubscriptionDescription"}
NOT_SETTINGS = {
    "SizeInBytes",
    "MessageCount",
    "CreatedAt",
    "UpdatedAt",
    "AccessedAt",
    "CountDetails",
    "SubscriptionCount",
    "AuthorizationRules",
    "DefaultRuleDescription",
}
"""What a client sends back as it got it, or what is no text."""

ElementTree.register_namespace("i", INSTANCE)
ElementTree.register_namespace("d2p1", COUNTS)


def moment(milliseconds: int) -> str:
    """Return a time since the epoch as Atom writes it."""
    at = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _put(parent: Element, name: str, text: object, namespace: str = BUS) -> Element:
    child = SubElement(parent, f"{{{namespace}}}{name}")
    child.text = str(text)
    return child


def written(root: Element) -> str:
    """Return a document as text."""
    return ElementTree.tostring(root, encoding="unicode")


def _entry(title: str, created: int, updated: int) -> tuple[Element, Element]:
    """Return an entry and its content, which is still empty."""
    entry = Element(f"{{{ATOM}}}entry")
    _put(entry, "id", title, ATOM)
    _put(entry, "title", title, ATOM).set("type", "text")
    _put(entry, "published", moment(created), ATOM)
    _put(entry, "updated", moment(updated), ATOM)
    content = SubElement(entry, f"{{{ATOM}}}content", {"type": "application/xml"})
    return entry, content


def entity_entry(entity: Entity, numbers: dict[str, int], counts: dict[str, int]) -> Element:
    """Return the entry of an entity.

    Args:
        entity: The entity.
        numbers: Further elements, such as MessageCount.
        counts: The elements of CountDetails.
    """
    entry, content = _entry(entity.name, entity.created, entity.updated)
    description = SubElement(content, f"{{{BUS}}}{KINDS[entity.kind]}")
    for name, value in (entity.settings | numbers).items():
        _put(description, name, value)
    for name, at in (
        ("CreatedAt", entity.created),
        ("UpdatedAt", entity.updated),
        ("AccessedAt", entity.updated),
    ):
        _put(description, name, moment(at))
    details = SubElement(description, f"{{{BUS}}}CountDetails")
    for name, value in counts.items():
        _put(details, name, value, COUNTS)
    return entry


def rule_entry(rule: Rule) -> Element:
    """Return the entry of a rule."""
    entry, content = _entry(rule.name, rule.created, rule.created)
    description = SubElement(content, f"{{{BUS}}}RuleDescription")
    given = rule.filter
    kind = {
        "true": "TrueFilter",
        "false": "FalseFilter",
        "sql": "SqlFilter",
        "correlation": "CorrelationFilter",
    }
    condition = SubElement(description, f"{{{BUS}}}Filter", {TYPE: kind[given.kind]})
    if given.kind == "correlation":
        for name, tag in CORRELATION.items():
            if name in given.system:
                _put(condition, tag, given.system[name])
        properties = SubElement(condition, f"{{{BUS}}}Properties")
        for key, value in given.properties.items():
            pair = SubElement(properties, f"{{{BUS}}}{KEY_VALUE}")
            _put(pair, "Key", key)
            text = str(value).lower() if isinstance(value, bool) else value
            element = _put(pair, "Value", text)
            element.set(TYPE, f"d6p1:{_schema_type(value)}")
            element.set("xmlns:d6p1", SCHEMA)
    else:
        _put(condition, "SqlExpression", {"true": "1=1", "false": "1=0"}.get(given.kind, given.expression))
        _put(condition, "CompatibilityLevel", 20)
    action = SubElement(
        description, f"{{{BUS}}}Action", {TYPE: "SqlRuleAction" if rule.action else "EmptyRuleAction"}
    )
    if rule.action:
        _put(action, "SqlExpression", rule.action)
        _put(action, "CompatibilityLevel", 20)
    _put(description, "CreatedAt", moment(rule.created))
    _put(description, "Name", rule.name)
    return entry


def _schema_type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return {int: "long", float: "double"}.get(type(value), "string")


def namespace_entry() -> Element:
    """Return the entry of the namespace itself."""
    entry, content = _entry("brokerkit", 0, 0)
    info = SubElement(content, f"{{{BUS}}}NamespaceInfo")
    _put(info, "CreatedTime", moment(0))
    _put(info, "MessagingSKU", "Standard")
    _put(info, "ModifiedTime", moment(0))
    _put(info, "Name", "brokerkit")
    _put(info, "NamespaceType", "Messaging")
    return entry


def feed(path: str, entries: list[Element], skip: int, top: int) -> Element:
    """Return one page of entries, with a link to the next page if there is one."""
    root = Element(f"{{{ATOM}}}feed")
    _put(root, "title", path, ATOM)
    _put(root, "id", path, ATOM)
    _put(root, "updated", moment(0), ATOM)
    SubElement(
        root, f"{{{ATOM}}}link", {"rel": "self", "href": f"https://emulator/{path}?$skip={skip}&$top={top}"}
    )
    if len(entries) > skip + top:
        rest = f"https://emulator/{path}?$skip={skip + top}&$top={top}"
        SubElement(root, f"{{{ATOM}}}link", {"rel": "next", "href": rest})
    root.extend(entries[skip : skip + top])
    return root


def described(body: bytes) -> Element:
    """Return the description in the entry that a client sent. Raises Refusal without one."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise errors.invalid(f"the body is not XML: {error}") from error
    content = root.find(f"{{{ATOM}}}content")
    if content is None or not len(content):
        raise errors.invalid("the entry has no description in its content")
    return content[0]


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def kind_of(description: Element) -> str:
    """Return the kind of the described entity. Raises Refusal for anything else."""
    for kind, tag in KINDS.items():
        if _local(description) == tag:
            return kind
    raise errors.invalid(f"{_local(description)} does not describe an entity")


def settings_of(description: Element) -> dict[str, str]:
    """Return the settings that a description gives."""
    return {
        _local(child): child.text.strip()
        for child in description
        if _local(child) not in NOT_SETTINGS and child.text and child.text.strip()
    }


def rule_of(description: Element) -> tuple[str, Filter, str]:
    """Return the name, the filter and the action in the description of a rule."""
    name = description.findtext(f"{{{BUS}}}Name") or DEFAULT
    given = description.find(f"{{{BUS}}}Filter")
    action = description.findtext(f"{{{BUS}}}Action/{{{BUS}}}SqlExpression") or ""
    return name, _filter_of(given), action


def default_rule_of(description: Element) -> Element | None:
    """Return the rule that comes with the description of a subscription, if there is one."""
    return description.find(f"{{{BUS}}}DefaultRuleDescription")


def _filter_of(given: Element | None) -> Filter:
    if given is None:
        return Filter("true")
    kind = given.get(TYPE, "").rpartition(":")[2]
    if kind == "CorrelationFilter":
        system = {name: given.findtext(f"{{{BUS}}}{tag}") for name, tag in CORRELATION.items()}
        return Filter(
            "correlation",
            system={name: text for name, text in system.items() if text},
            properties=dict(_pairs(given.iterfind(f"{{{BUS}}}Properties/{{{BUS}}}{KEY_VALUE}"))),
        )
    if kind in ("TrueFilter", "FalseFilter"):
        return Filter(kind.removesuffix("Filter").lower())
    return Filter("sql", expression=given.findtext(f"{{{BUS}}}SqlExpression") or "")


CONVERSIONS: Mapping[str, Callable[[str], Any]] = {
    "int": int,
    "long": int,
    "double": float,
    "boolean": lambda word: word == "true",
}


def _pairs(elements: Iterable[Element]) -> Iterable[tuple[str, Any]]:
    for each in elements:
        value = each.find(f"{{{BUS}}}Value")
        if value is None:
            continue
        text, kind = value.text or "", value.get(TYPE, "").rpartition(":")[2]
        yield each.findtext(f"{{{BUS}}}Key") or "", CONVERSIONS.get(kind, str)(text)
