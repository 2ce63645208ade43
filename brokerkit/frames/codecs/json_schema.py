"""JSON texts checked against a JSON Schema. Nothing is loaded from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin

from brokerkit.core.vocabulary.errors import ConfigError

from ..decoded import ERROR_LENGTH, PayloadFailure
from ..json_exact import read
from .extras import extra

LAYER = "json schema"
MOST_COUNTED = 100
"""How many violations of one text are counted."""


def check(
    texts: Iterable[str | bytes | None],
    schema: str | Mapping[str, Any] | bool,
    references: Mapping[str, str] | None = None,
) -> list[PayloadFailure]:
    """Return the texts that a schema does not allow, one failure each. None is not looked at.

    Args:
        texts: JSON texts.
        schema: The schema, or its JSON text. Without `$schema` it is one of the draft 2020-12.
        references: The texts of the schemas that it refers to, by the names that it uses.

    Returns:
        The failures in the order of the texts: `path` is the place of the first violation, such as
        ``lines[0].price``.

    Raises:
        ConfigError: The schema is not valid, or refers to one that is not given.
        MissingExtra: The library is not installed.
    """
    text = schema if isinstance(schema, str) else json.dumps(schema)
    return _schema(text, tuple(sorted((references or {}).items()))).check(texts)


class JsonSchema:
    """A JSON Schema. May be used from any thread. The arguments and errors are those of `check`."""

    def __init__(self, text: str, references: Mapping[str, str] | None = None) -> None:
        library = extra("jsonschema_rs", "schema", "a JSON Schema")
        known = {name: _parsed(each) for name, each in (references or {}).items()}
        found = _parsed(text)
        base = found.get("$id", "") if isinstance(found, dict) else ""

        def retrieve(uri: str) -> Any:
            for name, each in known.items():
                if uri in (name, urljoin(str(base), name)) or uri == f"json-schema:///{name}":
                    return each
            raise ValueError("it is not among the references of the schema")

        try:
            self._validator = library.validator_for(found, retriever=retrieve)
        except ValueError as error:
            reason = str(getattr(error, "message", error))
            raise ConfigError(f"the JSON Schema cannot be used: {reason[:ERROR_LENGTH]}") from error

    def check(self, texts: Iterable[str | bytes | None]) -> list[PayloadFailure]:
        """Return the texts that the schema does not allow, one failure each."""
        failures: list[PayloadFailure] = []
        for row, text in enumerate(texts):
            if text is None:
                continue
            try:
                value, leniency = read(text)
            except ValueError as error:
                failures.append(PayloadFailure(row, str(error)[:ERROR_LENGTH], LAYER))
                continue
            if leniency is not None:
                # the library would take NaN for null
                failures.append(PayloadFailure(row, f"not plain JSON: it has {leniency}", LAYER))
                continue
            found = self._violation(value)
            if found is not None:
                path, reason = found
                failures.append(PayloadFailure(row, reason, LAYER, path=path or None))
        return failures

    def _violation(self, value: Any) -> tuple[str, str] | None:
        """Return the place and the reason of the first violation."""
        try:
            if self._validator.is_valid(value):
                return None
            errors = list(zip(range(MOST_COUNTED), self._validator.iter_errors(value), strict=False))
        except (ValueError, RecursionError) as error:
            return "", f"the schema could not be applied: {error}"[:ERROR_LENGTH]
        first = errors[0][1]
        more = f"; and {len(errors) - 1} more" if len(errors) > 1 else ""
        # the library names the object that lacks a property
        lacking = [first.kind.property] if first.kind.name == "required" else []
        return _path([*first.instance_path, *lacking]), f"{_shortened(str(first.message))}{more}"


def _parsed(text: str) -> Any:
    try:
        value, leniency = read(text)
    except ValueError as error:
        raise ConfigError(f"the JSON Schema cannot be used: {error}") from error
    if leniency is not None or not isinstance(value, dict | bool):
        raise ConfigError("the JSON Schema cannot be used: expected a JSON object, true or false")
    return value


def _shortened(message: str) -> str:
    """Cut a long value out of the middle of a message, which begins with it and ends with what is wrong."""
    half = ERROR_LENGTH // 2 - 10
    return message if len(message) <= 2 * half else f"{message[:half]}...{message[-half:]}"


def _path(places: Iterable[str | int]) -> str:
    return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in places).removeprefix(".")


@lru_cache(maxsize=100)
def _schema(text: str, references: tuple[tuple[str, str], ...]) -> JsonSchema:
    return JsonSchema(text, dict(references))
