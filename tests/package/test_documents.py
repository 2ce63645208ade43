"""Every Python block of the README and the guides runs as it stands, in the order of its page."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from sybil import Document
from sybil.parsers.markdown import PythonCodeBlockParser

import brokerkit as bk
from brokerkit.frames.codecs import own as own_codecs
from brokerkit.registry import own as own_sources

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "notebooks" / "guides").glob("*.md"))]

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BROKERKIT_CONFIG", str(tmp_path / "connections.toml"))
    # what a page installs and declares goes with it
    monkeypatch.setattr(sys, "path", [*sys.path])
    for module in (own_codecs, own_sources):
        monkeypatch.setattr(module, "_declared", {})
    document = Document.parse(str(page), PythonCodeBlockParser())
    for example in document.examples():
        example.evaluate()
    for made in document.namespace.values():
        if isinstance(made, bk.Session):
            made.close()


def test_every_error_and_warning_has_its_line_in_the_guide() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "notebooks/guides/errors.md").read_text("utf-8"), re.M))
    public = {name for name in bk.__all__ if isinstance(getattr(bk, name), type)}
    errors = {name for name in public if issubclass(getattr(bk, name), bk.BrokerError | Warning)}
    assert told == errors - {"BrokerError"}
