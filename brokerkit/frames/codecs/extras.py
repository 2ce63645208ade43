"""Libraries that a codec needs and that are extras of the package."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class MissingExtra(ValueError):
    """A row needs a library that is not installed. The text has the line that installs it."""


def extra(module: str, name: str, purpose: str) -> Any:
    """Import a module of an extra.

    Args:
        name: The extra that installs the module.
        purpose: What needs the module, for the text of the error.

    Raises:
        MissingExtra: The module is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != module.partition(".")[0]:
            raise
        line = f'pip install "brokerkit-notebook[{name}]"'
        raise MissingExtra(
            f"{purpose} needs the module {module!r}, which is not installed: {line}"
        ) from error
