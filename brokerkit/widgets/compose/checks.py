"""Checks of a message before it is sent: JSON, a schema, the limits of the system."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from brokerkit.core.runtime.refusal import refusal
from brokerkit.core.vocabulary.capabilities import Capabilities
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError
from brokerkit.core.vocabulary.messages import OutboundMessage
from brokerkit.display.sanitize import plain
from brokerkit.frames.json_exact import read

INSTALL = "pip install 'brokerkit-notebook[schema]'"
Validate = Callable[[Any], list[str]]
Broken = Callable[[Any], list[tuple[list[str | int], str]]]


class Problem(NamedTuple):
    """A problem of a message. An `error` keeps it from being sent, a `warning` does not."""

    level: Literal["error", "warning"]
    text: str


class Checks:
    """What messages are checked for.

    Attributes:
        json: Whether values must be JSON. None checks those that look like JSON, as a warning only.
        schema: The JSON Schema that values must satisfy; None for none.
    """

    def __init__(self, json: bool | None = None, schema: Any = None) -> None:
        self.json = json
        self.use_schema(schema)

    def use_schema(self, schema: Any) -> None:
        """Check values against a JSON Schema; None for none.

        Raises:
            ConfigError: The schema is not valid, or the library is not installed.
        """
        self._broken = None if schema is None else places(schema)
        self._validate = None if self._broken is None else _in_words(self._broken)
        self.schema = schema

    def broken(self, text: str) -> list[tuple[list[str | int], str]]:
        """Return where a text breaks the schema, and how; nothing where it is not JSON."""
        if self._broken is None:
            return []
        try:
            return self._broken(read(text)[0])
        except ValueError:
            return []

    def problems(
        self, message: OutboundMessage, capabilities: Capabilities, text: str | None = None
    ) -> list[Problem]:
        """Return all problems of a message.

        Args:
            message: The message.
            capabilities: What the system can do.
            text: What the payload was encoded from, if it is not the value itself.
        """
        looks = text is None and self.json is None and (message.data or b"").lstrip()[:1] in (b"{", b"[")
        must = self.json is True or looks
        found = problems_of(message, capabilities, json=must, validate=self._validate, text=text)
        if not looks or self._validate is not None:
            return found
        return [Problem("warning", each.text) if each.text.startswith("not JSON") else each for each in found]


def problems_of(
    message: OutboundMessage,
    capabilities: Capabilities,
    *,
    json: bool,
    validate: Validate | None,
    text: str | None = None,
) -> list[Problem]:
    """Return all problems of a message.

    Args:
        json: Whether its value must be JSON.
        validate: The check against a schema.
        text: What the payload was encoded from, if it is not the value itself.
    """
    found: list[Problem] = []
    refused = _refusal(message, capabilities)
    if refused is not None:
        found.append(Problem("error", plain(str(refused), 300)))
    limit, size = capabilities.max_message_bytes, len(message.data or b"")
    if limit is not None and size > limit:
        found.append(Problem("warning", f"{size:,} bytes are above the usual limit of {limit:,}"))
    if message.data is None or not (json or validate):
        return found
    try:
        value, leniency = read(message.data if text is None else text)
    except ValueError as error:
        reason = str(error).removeprefix("not valid JSON: ")
        return [*found, Problem("error", plain(f"not JSON: {reason}", 300))]
    if leniency is not None:
        found.append(Problem("warning", f"JSON that many programs refuse: it has {leniency}"))
    if validate is not None:
        found.extend(Problem("error", plain(text, 300)) for text in validate(value))
    return found


def _refusal(message: OutboundMessage, capabilities: Capabilities) -> BrokerError | None:
    try:
        return refusal(message, capabilities)
    except TypeError as error:
        return ConfigError(str(error))


def validator(schema: Any) -> Validate:
    """Return a check against a JSON Schema, which says what is wrong; see `places`."""
    return _in_words(places(schema))


def _in_words(broken: Broken) -> Validate:
    def validate(value: Any) -> list[str]:
        return [said for _, said in broken(value)]

    return validate


def places(schema: Any) -> Broken:
    """Return a check against a JSON Schema that loads nothing from elsewhere: what breaks it, and where.

    Raises:
        ConfigError: The schema is not valid, or the library is not installed.
    """
    try:
        import jsonschema
        import referencing
    except ImportError as error:
        raise ConfigError(f"schema= needs the package jsonschema: {INSTALL}") from error
    kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ConfigError(f"schema= is not a JSON Schema: {plain(error.message)}") from error
    made = kind(schema, registry=referencing.Registry())

    def broken(value: Any) -> list[tuple[list[str | int], str]]:
        try:
            errors = [error for _, error in zip(range(5), made.iter_errors(value), strict=False)]
        except (RecursionError, ArithmeticError, TypeError, referencing.exceptions.Unresolvable) as error:
            return [([], f"the schema could not be applied: {type(error).__name__}: {error}")]
        return [(list(error.absolute_path), f"{error.json_path}: {error.message}") for error in errors]

    return broken
