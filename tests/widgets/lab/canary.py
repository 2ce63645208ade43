"""What falls silent the moment that something of a payload comes alive in the browser."""

from __future__ import annotations

from playwright.sync_api import ConsoleMessage, Dialog, Page, Request

FUNCTION = "canary"
NOWHERE = "http://canary.invalid/"
"""A payload that is alive asks for something there."""
_SCRIPT = (
    f"window.{FUNCTION}Calls = []; window.{FUNCTION} = (what) => window.{FUNCTION}Calls.push(String(what));"
)


class Canary:
    """Watches one page for calls, dialogs, requests to elsewhere, popups and leaving the page.

    origin: where requests may go, as HTTP and as WebSocket. armed: whether the test fails for it.
    """

    armed = True

    def __init__(self, page: Page, origin: str) -> None:
        self._page = page
        self._allowed = (origin, origin.replace("http", "ws", 1), "data:", "blob:", "about:")
        self._seen: list[str] = []
        page.add_init_script(_SCRIPT)
        page.on("request", self._requested)
        page.on("dialog", self._dialog)
        page.on("popup", lambda popup: self._seen.append(f"popup {popup.url}"))
        page.on("console", self._console)

    def _requested(self, request: Request) -> None:
        if not request.url.startswith(self._allowed):
            self._seen.append(f"request {request.url[:120]}")

    def _dialog(self, dialog: Dialog) -> None:
        if dialog.type == "beforeunload":  # JupyterLab's own question
            dialog.accept()
            return
        self._seen.append(f"dialog {dialog.message[:120]}")
        dialog.dismiss()

    def _console(self, message: ConsoleMessage) -> None:
        if FUNCTION in message.text:
            self._seen.append(f"console {message.text[:120]}")

    @property
    def seen(self) -> list[str]:
        """What has come alive so far."""
        return self._seen + [f"call {each}" for each in self._page.evaluate(f"window.{FUNCTION}Calls")]


PAYLOADS = [
    "<script>canary('script')</script>",
    "<img src=x onerror=canary('onerror')>",
    f"<img src={NOWHERE}image>",
    f"<link rel=stylesheet href={NOWHERE}sheet><style>@import '{NOWHERE}style';</style>",
    f"<iframe src={NOWHERE}frame></iframe><object data={NOWHERE}object></object>",
    "<svg onload=canary('svg')><animate onbegin=canary('animate') attributeName=x dur=1s></svg>",
    "<details open ontoggle=canary('toggle')>x</details><input autofocus onfocus=canary('focus')>",
    "\"><script>canary('attribute')</script>",
    "' onmouseover=canary('quote') x='",
    "</pre></code></script></textarea></style></title><script>canary('closed')</script>",
    "[link](javascript:canary('markdown')) ![image](" + NOWHERE + "markdown)",
    "$\\href{javascript:canary('mathjax')}{click}$ $$\\unicode{x3c}script>$$ \\(x\\) \\[y\\]",
    "{{constructor.constructor('canary(1)')()}} ${canary('template')} <%= canary(2) %>",
    "\x1b]8;;javascript:canary('ansi')\x1b\\click\x1b]8;;\x1b\\ \x1b[31mred\x1b[2J",
    "\u202e\u2066rtl \u200b\ufeff\u2028\u2029 override",
    "a\x00b\x08\x7f",
]
"""Texts that do something where they are taken for markup, Markdown, mathematics or escape sequences."""
