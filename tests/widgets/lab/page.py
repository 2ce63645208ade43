"""A widget alone in a page of its own, without a notebook around it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page

from brokerkit.widgets.alone.outlet import SocketOutlet
from brokerkit.widgets.alone.server import PageServer

from .notebook import SECONDS


@contextmanager
def page_of(
    widget: object, chromium: Browser, width: int, outlet: SocketOutlet | None = None
) -> Iterator[Page]:
    """A widget alone in a page of this width."""
    outlet = outlet or SocketOutlet()
    widget._show_at(outlet)  # type: ignore[attr-defined]
    with (
        PageServer(outlet) as server,
        chromium.new_context(viewport={"width": width, "height": 820}) as context,
    ):
        page = context.new_page()
        page.set_default_timeout(1_000 * SECONDS)
        page.goto(server.url)
        yield page
