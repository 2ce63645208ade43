"""The mask that users write: rules for personal data, and their text form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Literal, NamedTuple, TypeAlias, cast

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.secrets import Secret, as_secret

from .actions import ACTIONS, HASH_KEY_VARIABLE, Action, Writer, hash_key_of, keyed_digest
from .detectors import DETECTORS
from .documents import DocumentMask
from .places import Rules, name_pattern, parse_path
from .searching import Searching

KeyAction: TypeAlias = Literal["hide", "hash", "last4", "show"]
_KEY_ACTIONS: tuple[KeyAction, ...] = (*ACTIONS, "show")
_ACTION = re.compile(rf"^(.*)=\s*({'|'.join(ACTIONS)})\s*$", re.DOTALL)


class _Rule(NamedTuple):
    """One rule: its kind is "path", "name" or "detect"."""

    kind: str
    what: str
    action: Action


class Mask:
    """Rules for personal data, which frames hide::

        bk.Mask("customer.email", "lines.*.phone")
        bk.Mask(name="*card*", action="last4") + bk.Mask(detect=["email", "iban"])
        bk.Mask(allow=["id", "lines.sku"])

    ``+`` joins masks: each hides what it hides alone. Where several rules hide one value, "hide" counts
    before "hash", and that before "last4".

    Args:
        *paths: Fields of JSON and of typed values by path. Arrays are passed through; ``*`` is any name, or
            any part of one, and ``**`` any number of names.
        name: Patterns of names of fields and attributes, at any depth; upper and lower case are the same.
        detect: What is looked for in all text: "email", "card", "iban", "phone".
        allow: Only these paths are shown.
        action: What happens to the values: "hide" shows ``***``; "hash" a keyed hash, equal for equal values;
            "last4" the last four characters.
        key: What happens to message keys without fields: an action, or "show". None hides them, unless there
            are only detectors, which search them.
        hash_key: The secret key of hashes. None takes it from the environment variable
            BROKERKIT_MASK_HASH_KEY.
        locked: Refuse ``unmask=True`` on a connection with this mask.

    Raises:
        ConfigError: A rule cannot be read, there is none, or a hash has no key.
    """

    def __init__(
        self,
        *paths: str,
        name: str | Sequence[str] = (),
        detect: str | Sequence[str] = (),
        allow: str | Sequence[str] | None = None,
        action: Action = "hide",
        key: KeyAction | None = None,
        hash_key: str | bytes | Secret | None = None,
        locked: bool = False,
    ) -> None:
        # a traceback may show the variables of this function
        hash_key = None if hash_key is None else as_secret(hash_key)
        if action not in ACTIONS:
            raise ConfigError(f"action must be one of {', '.join(map(repr, ACTIONS))}, not {action!r:.60}")
        if key not in (None, *_KEY_ACTIONS):
            raise ConfigError(f"key must be one of {', '.join(map(repr, _KEY_ACTIONS))}, not {key!r:.60}")
        rules = [_Rule("path", path, action) for path in paths]
        rules += [_Rule("name", each, action) for each in _several(name, "name")]
        rules += [_Rule("detect", each, action) for each in _several(detect, "detect")]
        lists = [] if allow is None else [tuple(_several(allow, "allow"))]
        self._set(tuple(rules), tuple(lists), key, hash_key, bool(locked))

    def _set(
        self,
        rules: tuple[_Rule, ...],
        lists: tuple[tuple[str, ...], ...],
        key: KeyAction | None,
        hash_key: Secret | None,
        locked: bool,
    ) -> None:
        if not rules and not lists:
            raise ConfigError("a mask needs a rule: a path, name=, detect= or allow=")
        self._rules, self._lists, self._key, self._hash_key = rules, lists, key, hash_key
        self.locked = locked
        writer = Writer(hash_key_of(hash_key) if self._hashes else None)
        detectors: dict[str, Action] = {}
        for rule in rules:
            if rule.kind == "detect":
                if rule.what not in DETECTORS:
                    raise ConfigError(f"detect must be of {', '.join(DETECTORS)}, not {rule.what!r:.60}")
                detectors[rule.what] = min(
                    rule.action, detectors.get(rule.what, rule.action), key=ACTIONS.index
                )
        fields = Rules(
            [(parse_path(rule.what), rule.action) for rule in rules if rule.kind == "path"],
            [(name_pattern(rule.what, any_case=True), rule.action) for rule in rules if rule.kind == "name"],
            [[parse_path(path) for path in each] for each in lists],
        )
        self.document = DocumentMask(fields, Searching(detectors, writer), writer)

    @property
    def _hashes(self) -> bool:
        return self._key == "hash" or any(rule.action == "hash" for rule in self._rules)

    @property
    def keys(self) -> Action | None:
        """What happens to message keys without fields; None searches them by the detectors."""
        if self._key is None:
            return "hide" if self.document.has_rules else None
        return None if self._key == "show" else self._key

    @classmethod
    def parse(cls, text: str, *, hash_key: Secret | None = None, locked: bool = False) -> Mask:
        """Return the mask of a text such as ``customer.email; name:*card*=last4; detect:iban; locked``.

        Items are ``path``, ``name:pattern``, ``detect:kind``, each with ``=action`` unless it is hidden;
        ``allow:path,path``, ``key:action`` and ``locked``.

        Raises:
            ConfigError: It cannot be read.
        """
        rules: list[_Rule] = []
        lists: list[tuple[str, ...]] = []
        key: KeyAction | None = None
        for item in filter(None, map(str.strip, re.split("[;\n]", text))):
            kind, colon, rest = item.partition(":")
            if item == "locked":
                locked = True
            elif colon and kind == "allow":
                lists.append(tuple(filter(None, map(str.strip, rest.split(",")))))
            elif colon and kind == "key":
                if rest.strip() not in _KEY_ACTIONS:
                    raise ConfigError(f"key:{rest:.60} cannot be read; expected {', '.join(_KEY_ACTIONS)}")
                key = cast("KeyAction", rest.strip())
            else:
                found = _ACTION.match(item)
                what, action = (found[1].strip(), found[2]) if found else (item, "hide")
                known, _, pattern = what.partition(":")
                if known in ("name", "detect") and pattern:
                    rules.append(_Rule(known, pattern.strip(), cast("Action", action)))
                else:
                    rules.append(_Rule("path", what, cast("Action", action)))
        return _made(tuple(rules), tuple(lists), key, hash_key, locked)

    def __add__(self, other: Mask | str) -> Mask:
        # a text has no key of its own
        added = Mask.parse(other, hash_key=self._hash_key) if isinstance(other, str) else as_mask(other)
        if self._hash_key is not None and added._hash_key not in (None, self._hash_key):
            raise ConfigError(
                "these masks have different keys for their hashes: give both the same hash_key="
            )
        return _made(
            tuple(dict.fromkeys((*self._rules, *added._rules))),
            tuple(dict.fromkeys((*self._lists, *added._lists))),
            _strictest(self._key, added._key),
            self._hash_key if self._hash_key is not None else added._hash_key,
            self.locked or added.locked,
        )

    def as_locked(self) -> Mask:
        """Return the same mask, locked."""
        return _made(self._rules, self._lists, self._key, self._hash_key, True)

    def __str__(self) -> str:
        items = [
            ("" if rule.kind == "path" else f"{rule.kind}:")
            + rule.what
            + ("" if rule.action == "hide" else f"={rule.action}")
            for rule in self._rules
        ]
        items += [f"allow:{','.join(each)}" for each in self._lists]
        items += [f"key:{self._key}"] if self._key is not None else []
        return "; ".join([*items, *(["locked"] if self.locked else [])])

    def __repr__(self) -> str:
        return f"Mask({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return self._parts == other._parts if isinstance(other, Mask) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._parts)

    @property
    def _parts(self) -> tuple[Any, ...]:
        return self._rules, self._lists, self._key, self._hash_key, self.locked

    @property
    def fingerprint(self) -> str:
        """A text that is equal for masks that show the same, and does not tell the key."""
        key = keyed_digest(hash_key_of(self._hash_key), b"brokerkit mask") if self._hashes else ""
        return sha256(f"{self._rules}{self._lists}{self._key}{key}".encode()).hexdigest()[:16]

    def __reduce__(self) -> Any:
        if self._hash_key is not None and self._hashes:
            raise TypeError(
                "the key of a mask is a secret, which cannot be pickled: let the other process take it from "
                f"its environment variable {HASH_KEY_VARIABLE}, and leave hash_key= out"
            )
        return _made, (self._rules, self._lists, self._key, None, self.locked)

    def __dask_tokenize__(self) -> Any:
        return "brokerkit.Mask", self.fingerprint


def as_mask(given: Mask | str) -> Mask:
    """Return a mask, or the mask of a text.

    Raises:
        ConfigError: It is neither.
    """
    if isinstance(given, Mask):
        return given
    if isinstance(given, str):
        return Mask.parse(given)
    raise ConfigError(
        f"mask must be a bk.Mask, or its text such as 'customer.email; detect:card', "
        f"not {type(given).__name__}"
    )


def added(mask: Mask | None, other: Mask | str | None) -> Mask | None:
    """Return both masks as one; None if there is none."""
    if other is None:
        return mask
    return as_mask(other) if mask is None else mask + other


def _made(
    rules: Iterable[_Rule],
    lists: tuple[tuple[str, ...], ...],
    key: KeyAction | None,
    hash_key: Secret | None,
    locked: bool,
) -> Mask:
    made = Mask.__new__(Mask)
    made._set(tuple(map(_Rule._make, rules)), lists, key, hash_key, locked)
    return made


def _several(given: str | Sequence[str], name: str) -> list[str]:
    texts = [given] if isinstance(given, str) else list(given)
    if not all(isinstance(each, str) and each for each in texts):
        raise ConfigError(f"{name} must be a text or a list of texts, not {given!r:.60}")
    return texts


def _strictest(one: KeyAction | None, other: KeyAction | None) -> KeyAction | None:
    found = [each for each in (one, other) if each is not None]
    return min(found, key=_KEY_ACTIONS.index, default=None)
