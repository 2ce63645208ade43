"""One JupyterLab and one Chromium for all browser tests, and a notebook of its own for each.

They live as long as the tests of this folder: Playwright keeps an event loop running in the thread of
the tests, where no other test could start one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.conftest import missing

from ..test_front_end import ENABLE as ENABLE_AXE
from . import alone_page
from .chromium import ENABLE, executable, launched
from .notebook import SIZE, OpenNotebook
from .server import Lab

FOLDER = Path(__file__).parent
SCREENSHOTS = "BROKERKIT_SCREENSHOTS"
"""Environment variable: the folder for pictures, else ``.screenshots`` beside the tests."""

Opening = Callable[..., OpenNotebook]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A real browser needs time."""
    for item in items:
        if item.path.is_relative_to(FOLDER) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A running Chromium."""
    path = executable()
    if path is None:
        missing("browser", ENABLE)
    with launched(path) as browser:
        yield browser


@pytest.fixture(scope="package")
def lab(chromium: Browser) -> Iterator[Lab]:
    """A running JupyterLab."""
    with Lab() as server:
        yield server


@pytest.fixture(scope="package")
def reader(chromium: Browser) -> Iterator[BrowserContext]:
    """Who opens the notebooks, and keeps in a cache what JupyterLab is made of: it is half of the work."""
    with chromium.new_context(viewport=SIZE) as context:
        yield context


@pytest.fixture(autouse=True)
def looked_at() -> Iterator[None]:
    """Say that axe did not look at what a test asked it to, once all else of the test has been tried."""
    alone_page.not_looked_at.clear()
    yield
    if alone_page.not_looked_at:
        missing("axe", ENABLE_AXE, "in node_modules")


@pytest.fixture(scope="package")
def pictures() -> Path:
    """Where pictures go."""
    named = os.environ.get(SCREENSHOTS)
    folder = Path(named) if named else FOLDER.parents[2] / ".screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _leave(reader: BrowserContext) -> None:
    """Leave nothing to the next test but the cache, also after a failure."""
    for page in reader.pages:
        page.close()
    reader.clear_permissions()


@pytest.fixture
def open_notebook(
    lab: Lab, chromium: Browser, reader: BrowserContext, pictures: Path, request: pytest.FixtureRequest
) -> Iterator[Opening]:
    """``open_notebook(*cells, theme="light")``: a notebook of these cells whose kernel is ready.

    After the test a picture of each is taken, and nothing of a payload may have come alive in it.
    """
    opened: list[OpenNotebook] = []
    base = re.sub(r"\W+", "-", request.node.name).strip("-")

    def opening(
        *cells: str, theme: str = "light", prepare: Callable[[Page], None] = lambda page: None
    ) -> OpenNotebook:
        name = f"{base}-{len(opened)}.ipynb"
        # JupyterLab gives the second window of a reader another workspace
        context = others.enter_context(chromium.new_context(viewport=SIZE)) if opened else reader
        made = OpenNotebook(lab, context, name, cells, theme=theme, pictures=pictures, prepare=prepare)
        opened.append(made)
        return made

    with ExitStack() as others:
        others.callback(_leave, reader)
        yield opening
        for number, each in enumerate(opened):
            each.screenshot(f"{base}-{number}-end")
            seen = each.canary.seen if each.canary.armed else []
            each.close()
            assert seen == []


@pytest.fixture(
    params=[
        pytest.param("inmem", marks=pytest.mark.soak),
        pytest.param("kafka", marks=[pytest.mark.broker, pytest.mark.soak]),
        pytest.param("nats", marks=pytest.mark.broker),
    ]
)
def url(request: pytest.FixtureRequest) -> str:
    """Where a session of the notebook connects to: the real server that pip brings, or each system in turn."""
    if request.param == "kafka":
        return f"kafka://{request.getfixturevalue('kafka_server').bootstrap}"
    if request.param == "nats":
        return str(request.getfixturevalue("nats_server").url)
    return "inmem://"


_numbers = count(1)


@pytest.fixture
def connect(url: str) -> str:
    """The source of a cell that connects, as `s`, and makes a topic of this test's own, as `topic`."""
    topic = f"lab-orders-{next(_numbers)}"
    return f"import brokerkit as bk\ns = bk.connect({url!r})\ntopic = {topic!r}\ns.create_topic(topic)"
