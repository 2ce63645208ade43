"""Texts avoid words that most readers of manuals do not know, or have to read twice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_WRITTEN_HERE = (Path(__file__), ROOT / "tests" / "package" / "public_names.txt")
SUFFIXES = (".py", ".js", ".md", ".ipynb", ".toml")

INSTEAD = {
    "anew": "again",
    "anybody": "a caller, a consumer",
    "nobody": "no caller, no consumer, no server",
    "somebody": "another client, another consumer",
    "stranger": "unknown, untrusted, outside",
    "strangers": "unknown, untrusted, outside",
    "whoever": "the caller, the consumer that",
    "comes again": "is redelivered",
    "come again": "are redelivered",
    "came again": "was redelivered",
}
"""Words to be replaced, and what says the same."""

WORDS = re.compile(rf"(?<![^\W_])({'|'.join(INSTEAD).replace(' ', '[ _]')})(?![^\W_])", re.IGNORECASE)
HAVE = re.compile(r'"""Have\b')


def pages() -> list[Path]:
    folders = [ROOT / name for name in ("brokerkit", "tests", "notebooks")]
    files = [
        file
        for folder in folders
        for file in folder.rglob("*")
        if file.suffix in SUFFIXES and "node_modules" not in file.parts
    ]
    return [file for file in sorted([*files, *ROOT.glob("*.md")]) if file not in NOT_WRITTEN_HERE]


def lines(file: Path) -> Iterator[str]:
    """Iterate over the lines of a file. Outputs of notebooks are left out."""
    text = file.read_text("utf-8")
    if file.suffix == ".ipynb":
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    yield from text.splitlines()


def odd(line: str) -> list[str]:
    """Return the odd words of a line, each with what to write instead."""
    found = [match[1].lower().replace("_", " ") for match in WORDS.finditer(line)]
    told = [f"{word}: write {INSTEAD[word]}" for word in found]
    return [*told, *(["Have: begin with the verb"] if HAVE.search(line) else [])]


def test_no_file_has_an_odd_word() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {each}"
        for file in pages()
        # one search finds out that a file has none, which is so of nearly all
        if odd("\n".join(lines(file)))
        for number, line in enumerate(lines(file), 1)
        for each in odd(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('raise Closed("the connection was closed; connect anew")', "anew"),
        ("def test_a_loop_started_anew_ends() -> None:", "anew"),
        ("# Nobody waits for it", "nobody"),
        ("the others come again", "come again"),
        ("def test_a_message_comes_again() -> None:", "comes again"),
        ('    """Have the thread end."""', "Have"),
    ],
)
def test_an_odd_word_is_found_in_texts_comments_and_names(line: str, word: str) -> None:
    (found,) = odd(line)
    assert found.startswith(f"{word}: ")


@pytest.mark.parametrize("line", ["import whatever", "a newer version", "every body", "Have a look"])
def test_other_words_are_allowed(line: str) -> None:
    assert odd(line) == []
