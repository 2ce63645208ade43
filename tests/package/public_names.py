"""The public names with their signatures, as they are written down in public_names.txt.

python -m tests.package.public_names      writes them down
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brokerkit
import brokerkit.core
import brokerkit.sandbox
import brokerkit.testing

FILE = Path(__file__).with_name("public_names.txt")
MODULES = (brokerkit, brokerkit.core, brokerkit.sandbox, brokerkit.testing)


def _signature(function: Any) -> str:
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "(...)"


def _members(owner: type) -> Iterator[str]:
    for name, member in sorted(inspect.getmembers(owner)):
        own = any(name in vars(each) for each in owner.__mro__ if each.__module__.startswith("brokerkit"))
        if name.startswith("_") or not own:
            continue
        if isinstance(inspect.getattr_static(owner, name), property):
            yield f"{name} (property)"
        elif callable(member):
            yield f"{name}{_signature(member)}"
        else:
            yield name


def names() -> Iterator[str]:
    """One line for each public name, and for each public member of a class."""
    for module in MODULES:
        for name in sorted(module.__all__):
            found = getattr(module, name)
            full = f"{module.__name__}.{name}"
            if inspect.isclass(found):
                yield f"{full}({', '.join(base.__name__ for base in found.__bases__)})"
                yield from (f"{full}.{member}" for member in _members(found))
            elif callable(found):
                yield f"{full}{_signature(found)}"
            else:
                yield full


if __name__ == "__main__":
    FILE.write_text("".join(f"{line}\n" for line in names()), "utf-8")
