"""The front end of the widgets: its bundles are what its sources build, and it speaks the protocol of Python."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import brokerkit.widgets
from brokerkit.widgets.browse.clicks import Clicks
from brokerkit.widgets.protocol.browse import BrowseShown
from brokerkit.widgets.protocol.browse_clicks import BrowseDone
from brokerkit.widgets.protocol.dashboard import DashboardDone
from brokerkit.widgets.protocol.opening import OpeningDone
from tests.conftest import missing

from .protocol_types import FILE, typescript

WIDGETS = Path(brokerkit.widgets.__file__).parent
FRONT_END, STATIC = WIDGETS / "frontend", WIDGETS / "static"
ENABLE = "install Node 20 or later, then `npm ci` in brokerkit/widgets/frontend"
ALL_BUNDLES = 800_000


def types_of(union: object) -> set[str]:
    """The types of messages of a union."""
    return {name for each in get_args(union) for name in get_args(get_type_hints(each)["type"])}


def test_python_and_typescript_have_the_same_messages() -> None:
    assert FILE.read_text("utf-8") == typescript(), "python -m tests.widgets.protocol_types"


def test_every_message_of_the_workbench_is_handled() -> None:
    handled = {name.removeprefix("_on_") for name in dir(Clicks) if name.startswith("_on_")}
    assert types_of(BrowseDone) - {"here"} == handled
    taken = (FRONT_END / "src" / "browse" / "store.ts").read_text("utf-8")
    assert [each for each in types_of(BrowseShown) if f'"{each}"' not in taken] == []


def test_every_message_of_the_other_screens_is_handled() -> None:
    for folder, done in (("opening", OpeningDone), ("dashboard", DashboardDone)):
        handled = (WIDGETS / folder / "view.py").read_text("utf-8")
        assert [each for each in types_of(done) - {"here"} if f'"{each}"' not in handled] == []


def test_the_bundles_are_small_and_load_nothing_from_elsewhere() -> None:
    files = [*STATIC.glob("*.js"), *STATIC.glob("*.css")]
    assert {each.stem for each in files} == {"alone", "browse", "compose", "editor", "tail"}
    assert sum(each.stat().st_size for each in files) < ALL_BUNDLES
    for each in files:
        text = each.read_text("utf-8")
        assert "@import" not in text
        # addresses are names of XML vocabularies only
        assert [
            word for word in text.split('"') if word.startswith("http") and "www.w3.org" not in word
        ] == []


def test_the_bundles_are_what_the_sources_build() -> None:
    node = shutil.which("node")
    if node is None or not (FRONT_END / "node_modules").is_dir():
        missing("node", ENABLE)
    done = subprocess.run([node, "build.mjs", "--check"], cwd=FRONT_END, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def rules(sheet: str) -> list[str]:
    """The selectors of a style sheet that are below no other one."""
    depth, found, begun = 0, [], 0
    for place, letter in enumerate(sheet):
        if letter == "{":
            selector = sheet[begun:place].strip()
            at_rule = selector.startswith("@")
            if depth == 0 and not at_rule:
                found.append(selector)
            # what is in a container query counts as if it were not
            depth, begun = depth + (0 if selector.startswith("@container") else 1), place + 1
        elif letter == "}":
            depth, begun = max(0, depth - 1), place + 1
    return found


@pytest.mark.parametrize("name", ["tail", "compose", "browse"])
def test_a_style_sheet_changes_nothing_but_widgets(name: str) -> None:
    selectors = rules((STATIC / f"{name}.css").read_text("utf-8"))
    assert selectors
    assert [each for each in selectors if not each.startswith(".bk")] == []
