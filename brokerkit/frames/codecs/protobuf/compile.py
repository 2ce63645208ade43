"""Schemas written as text, compiled to descriptors."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from brokerkit.core.vocabulary.errors import ConfigError

from ..extras import extra

LONGEST_COMPILATION = 60.0
"""Seconds."""

_IMPORTS = Path(__file__).parent / "imports"
_PROBLEM = re.compile(r"^(?P<file>[^:\n]+):(?P<line>\d+):(?P<column>\d+): (?P<text>.*)$", re.MULTILINE)


def compile_texts(texts: Mapping[str, str], main: str) -> bytes:
    """Compile a schema and what it imports.

    Args:
        texts: The texts by the names with which they are imported. The well-known types need not be given.
        main: The name of the schema.

    Returns:
        A serialized `FileDescriptorSet`, imports first.

    Raises:
        ConfigError: A text is not a valid schema, or an import is missing; the error names file and line.
        MissingExtra: The compiler is not installed.
    """
    return _compile_texts(tuple(texts.items()), main)


@functools.lru_cache(maxsize=128)
def _compile_texts(texts: tuple[tuple[str, str], ...], main: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="brokerkit-proto-") as folder:
        for name, text in texts:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or not path.parts or name.startswith("-"):
                raise ConfigError(f"the name {name!r} of a schema must be one such as 'shop/order.proto'")
            file = Path(folder, path)
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, "utf-8")
            except (OSError, ValueError) as error:
                raise ConfigError(f"the schema {name!r} cannot be written to be compiled: {error}") from error
        return _compile([folder], main)


def compile_file(path: Path, folders: Sequence[str | Path] = ()) -> bytes:
    """Compile a file.

    Args:
        folders: Where imports are looked for. None given is the folder of the file.

    Returns:
        A serialized `FileDescriptorSet`, imports first. The last file is the one of the path.

    Raises:
        ConfigError: As for `compile_texts`, or the file is not in one of the folders.
    """
    path = path.resolve()
    if not path.is_file():
        raise ConfigError(f"there is no schema {str(path)!r}")
    roots = [Path(folder).resolve() for folder in folders] or [path.parent]
    root = next((root for root in roots if path.is_relative_to(root)), None)
    if root is None:
        raise ConfigError(f"{str(path)!r} is in none of the folders {', '.join(map(str, roots))}")
    return _compile(list(map(str, roots)), path.relative_to(root).as_posix())


def _compile(folders: list[str], main: str) -> bytes:
    protoc = extra("grpc_tools", "protobuf", "a schema as text")
    known = [str(Path(protoc.__file__).parent / "_proto"), *_shared(), str(_IMPORTS)]
    with tempfile.TemporaryDirectory(prefix="brokerkit-proto-") as folder:
        result = Path(folder, "descriptors")
        command = [sys.executable, "-m", "grpc_tools.protoc", *(f"-I{each}" for each in [*folders, *known])]
        command += ["--include_imports", f"--descriptor_set_out={result}", main]
        # a process of its own: its errors go to standard error, and a hostile text cannot end this one
        try:
            done = subprocess.run(command, capture_output=True, timeout=LONGEST_COMPILATION, check=False)
        except subprocess.TimeoutExpired as error:
            raise ConfigError(f"compiling {main!r} took more than {LONGEST_COMPILATION:.0f} s") from error
        if done.returncode or not result.is_file():
            problems = _problems(done.stderr.decode("utf-8", "replace"), folders)
            raise ConfigError(f"the schema {main!r} cannot be compiled: {problems}")
        return result.read_bytes()


def _shared() -> list[str]:
    """Return the folder of the schemas that come with the libraries, if there is one."""
    try:
        types = extra("google.type", "protobuf", "a schema as text")
    except ValueError:
        return []
    return [str(Path(folder).parent.parent) for folder in types.__path__][:1]


def _problems(shown: str, folders: list[str]) -> str:
    for folder in folders:
        shown = shown.replace(f"{folder.rstrip('/')}/", "")
    found = [
        f"{each['file']}, line {each['line']}: {each['text']}"
        for each in _PROBLEM.finditer(shown)
        if not each["text"].startswith("warning:")
    ]
    return "; ".join(found[:5]) or shown.strip()[-500:] or "the compiler gave no reason"
