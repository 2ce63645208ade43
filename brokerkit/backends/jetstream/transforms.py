"""Subject transforms: the subjects under which a stream stores what is published to a subject.

A transform has a source pattern and a destination, whose tokens may be ``{{wildcard(1)}}`` (or ``$1``),
``{{partition(10,1,2)}}`` and others. Only functions whose result follows from the subject alone are computed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .subjects import covers, overlap

_FUNCTION = re.compile(r"\{\{\s*(\w+)\s*\((.*)\)\s*\}\}")
_SHORT = re.compile(r"\$(\d+)")


@dataclass(frozen=True)
class Mapped:
    """The result of applying a transform to a subject.

    Attributes:
        pattern: The pattern of the subjects.
        exact: Whether no message published elsewhere is stored under them.
    """

    pattern: str
    exact: bool


@dataclass(frozen=True)
class Transform:
    """A transform of subjects that match `source` to `destination`."""

    source: str
    destination: str

    def __str__(self) -> str:
        return f"{self.source} -> {self.destination}"

    @property
    def pattern(self) -> str:
        """The pattern of all subjects that the transform can produce."""
        return self.mapped(self.source).pattern

    def mapped(self, subject: str) -> Mapped:
        """Return where messages published to `subject` are stored, if they match the source."""
        common = _intersection(self.source, subject)
        wildcards, rest = _wildcards(self.source, common)
        used: set[int] = set()
        tokens: list[str] = []
        certain = True
        for token in _tokens(self.destination):
            if token == ">":
                tokens.extend(rest)
                continue
            made, known = _replaced(token, wildcards, used)
            certain = certain and known
            tokens.append(made)
            if made == ">":
                break
        # messages can be told apart only if the destination contains each token that is not "*"
        lost = any(token != "*" and number not in used for number, token in enumerate(wildcards, 1))
        return Mapped(".".join(tokens), covers(subject, self.source) or (certain and not lost))


def transform_of(config: Mapping[str, Any] | None) -> Transform | None:
    """Return the transform in a part of a stream's configuration, or None."""
    if not config or not config.get("dest"):
        return None
    return Transform(str(config.get("src") or ">"), str(config["dest"]))


def copied_transforms(config: Mapping[str, Any]) -> Sequence[Transform]:
    """Return the transforms of messages that a stream copies as a mirror or from sources."""
    places = [config.get("mirror"), *(config.get("sources") or ())]
    found = (
        transform_of(each) for place in places if place for each in place.get("subject_transforms") or ()
    )
    return [each for each in found if each is not None]


def _tokens(destination: str) -> list[str]:
    """Return the tokens of a destination. A function is one token, even if it contains dots."""
    return re.findall(r"(?:\{\{.*?\}\}|[^.])+", destination)


def _intersection(source: str, subject: str) -> list[str]:
    """Return the tokens of the pattern that matches what both patterns match."""
    left, right = source.split("."), subject.split(".")
    common: list[str] = []
    for index in range(max(len(left), len(right))):
        a = left[index] if index < len(left) else ">"
        b = right[index] if index < len(right) else ">"
        if a == ">":
            return common + right[index:]
        if b == ">":
            return common + left[index:]
        common.append(b if a == "*" else a)
    return common


def _wildcards(source: str, common: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the tokens that match each ``*`` of a source, and those that match its ``>``."""
    wildcards: list[str] = []
    for index, token in enumerate(source.split(".")):
        if token == ">":
            return wildcards, list(common[index:])
        if token == "*":
            wildcards.append(common[index])
    return wildcards, []


def _replaced(token: str, wildcards: Sequence[str], used: set[int]) -> tuple[str, bool]:
    """Return a token of the result, and whether its function is known.

    The token is a wildcard if it cannot be computed.
    """
    short = _SHORT.fullmatch(token)
    function = _FUNCTION.fullmatch(token)
    if short is None and function is None:
        return ("*", False) if "{{" in token else (token, True)
    name, text = ("wildcard", short[1]) if short is not None else (function[1].lower(), function[2])  # type: ignore[index]  # one of them matched
    numbers = [int(each) for each in text.split(",") if each.strip().isdigit()]
    if name == "wildcard" and len(numbers) == 1 and 0 < numbers[0] <= len(wildcards):
        used.add(numbers[0])
        return wildcards[numbers[0] - 1], True
    if name == "partition" and numbers:
        chosen = numbers[1:] or list(range(1, len(wildcards) + 1))
        parts = [wildcards[number - 1] for number in chosen if number <= len(wildcards)]
        if len(parts) == len(chosen) and "*" not in parts and numbers[0] > 0:
            return str(_fnv("".join(parts)) % numbers[0]), True
        return "*", True
    # the number of tokens that the other functions produce is unknown
    return ("*", False) if name in ("left", "right", "random") else (">", False)


def _fnv(text: str) -> int:
    """Return the hash by which the server chooses a partition: FNV-1a with 32 bits."""
    value = 2166136261
    for byte in text.encode():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value


def apart(patterns: Sequence[str]) -> tuple[str, ...]:
    """Return patterns without those that are covered by others."""
    kept: list[str] = []
    for each in dict.fromkeys(patterns):
        if not any(covers(other, each) for other in kept):
            kept = [other for other in kept if not covers(each, other)]
            kept.append(each)
    return tuple(kept)


def disjoint(patterns: Sequence[str]) -> bool:
    """Return whether no subject matches two of the patterns."""
    return not any(
        overlap(one, other) for index, one in enumerate(patterns) for other in patterns[index + 1 :]
    )
