"""Schemas on disk: one under an id never changes, so that it need not be asked for in the next process."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .schemas import RegisteredSchema, SchemaRef, parsed

VARIABLE = "BROKERKIT_SCHEMAS"
LARGEST = 64 * 2**20
"""The largest file that is read."""


def folder() -> Path:
    """Return the folder of all registries. The environment variable BROKERKIT_SCHEMAS names another one."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path.home() / ".cache" / "brokerkit-schemas"


def keeps(url: str) -> bool:
    """Return whether the schemas of a registry may be kept on disk.

    A registry on this machine, or with a name without a dot as in a composition of containers, is made new
    again and again, and then gives the same ids to other schemas.
    """
    host = urlsplit(url).hostname or ""
    return "." in host and not host.startswith("127.") and not host.endswith(".localhost")


class SchemaCache:
    """The schemas of one registry on disk. A file that cannot be read or written counts as missing."""

    def __init__(self, registry: str) -> None:
        self._folder = folder() / hashlib.sha256(registry.encode()).hexdigest()[:16]

    def load(self, ref: SchemaRef) -> RegisteredSchema | None:
        """Return a schema, or None if it was not kept."""
        with contextlib.suppress(OSError, ValueError, RecursionError):
            file = self._file(ref)
            if file.stat().st_size <= LARGEST:
                # what is not a schema raises a BrokerError that is no ValueError
                found = json.loads(file.read_bytes())
                return parsed(found, ref) if _complete(found) else None
        return None

    def save(self, ref: SchemaRef, schema: RegisteredSchema) -> None:
        """Keep a schema. One with references of Apicurio's groups is not kept."""
        if any(each.group is not None for each in schema.references):
            return
        content = {
            "schema": schema.text,
            "schemaType": schema.type,
            "references": [
                {"name": each.name, "subject": each.subject, "version": each.version}
                for each in schema.references
            ],
        }
        # a disk that is full or read-only costs another request, and nothing else
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder)
            try:
                with open(handle, "w", encoding="utf-8") as file:
                    json.dump(content, file)
                Path(name).replace(self._file(ref))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise

    def _file(self, ref: SchemaRef) -> Path:
        return self._folder / f"{hashlib.sha256(str(ref).encode()).hexdigest()[:32]}.json"


def _complete(found: Any) -> bool:
    """Return whether a file holds what `save` writes."""
    return (
        isinstance(found, dict)
        and isinstance(found.get("schema"), str)
        and all(
            isinstance(each, dict) and {"name", "subject", "version"} <= each.keys()
            for each in found.get("references", ())
        )
    )
