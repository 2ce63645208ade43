"""The Chromium of the system, without a window."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

VARIABLE = "BROKERKIT_CHROMIUM"
ENABLE = f"apt-get install chromium, or {VARIABLE}=/path/to/chromium"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def executable() -> str | None:
    """Where Chromium is: as the environment says, else on the PATH. None where there is none."""
    named = os.environ.get(VARIABLE)
    found = (shutil.which(each) for each in ([named] if named else _NAMES))
    return next((each for each in found if each), None)


@contextmanager
def launched(path: str) -> Iterator[Browser]:
    """A running Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()
