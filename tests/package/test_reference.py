"""Every public name has its entry in the reference."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .public_names import MODULES

REFERENCE = Path(__file__).parents[2] / "notebooks" / "reference"
ENTRY = re.compile(
    r"^\.\. (?:auto(?:class|exception|function|data)|py:data):: (brokerkit[\w.]*)\.(\w+)$", re.MULTILINE
)


def entries() -> list[tuple[str, str]]:
    return [
        found for page in sorted(REFERENCE.glob("*.md")) for found in ENTRY.findall(page.read_text("utf-8"))
    ]


def found(module: str, name: str) -> Any:
    return getattr(__import__(module, fromlist=[name]), name)


def test_every_public_name_has_an_entry() -> None:
    described = {id(found(module, name)) for module, name in entries()}
    public = {
        f"{module.__name__}.{name}": getattr(module, name) for module in MODULES for name in module.__all__
    }
    assert not [
        name for name, it in public.items() if id(it) not in described and name != "brokerkit.__version__"
    ]


def test_nothing_has_two_entries() -> None:
    places = [(id(found(module, name)), f"{module}.{name}") for module, name in entries()]
    ids = [place for place, _ in places]
    assert not [name for place, name in places if ids.count(place) > 1]
