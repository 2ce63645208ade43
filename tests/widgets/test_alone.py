"""The page of `brokerkit browse`: nothing without its token, and nothing beyond the loopback."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil
import pytest

from brokerkit.testing.waiting import eventually
from brokerkit.widgets.alone import PageServer, outlet, served
from brokerkit.widgets.alone.gate import Gate
from brokerkit.workbench import Session

from .screens import Screen

sync = pytest.importorskip("websockets.sync.client")
exceptions = pytest.importorskip("websockets.exceptions")


@pytest.fixture
def page(s: Session) -> Iterator[PageServer]:
    s.create_topic("orders")
    with served(s.browse("orders")) as server:
        yield server


def got(
    page: PageServer, path: str, *, cookie: str = "", host: str = "", method: str = "GET"
) -> tuple[int, dict[str, str], str]:
    place = urlsplit(page.url)
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=10)
    headers = {"Cookie": cookie, "Host": host or place.netloc}
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read().decode()


def cookie_of(page: PageServer) -> str:
    status, headers, body = got(page, f"/?{urlsplit(page.url).query}")
    assert (status, headers["Location"], body) == (303, "/", "")
    assert "HttpOnly" in headers["Set-Cookie"]
    return headers["Set-Cookie"].partition(";")[0]


@pytest.mark.parametrize("made", ["browse", "tail", "compose", "dashboard"])
def test_each_widget_is_shown_where_it_is_asked_to_be(s: Session, made: str) -> None:
    s.create_topic("orders")
    widget = s.dashboard() if made == "dashboard" else getattr(s, made)("orders")
    screen = Screen()
    widget._show_at(screen)
    screen.say("hello")
    assert screen.state["call"]
    assert widget._shown_view().panel.widget is screen
    if made != "compose":
        widget.stop()


def test_nothing_is_served_without_the_token(page: PageServer) -> None:
    for path in (
        "/",
        "/alone.js",
        "/browse.js",
        "/socket",
        "/?token=",
        "/?token=wrong",
        "/nothing",
        "//",
        "/x?token",
    ):
        for cookie in ("", "brokerkit=1", f"brokerkit-{urlsplit(page.url).port}=wrong", "=;=;"):
            status, _, body = got(page, path, cookie=cookie)
            assert status == 403, path
            assert body.count("\n") == 1


def test_with_the_token_the_page_and_its_bundle_come(page: PageServer) -> None:
    cookie = cookie_of(page)
    for path, kind in (("/", "html"), ("/alone.js", "javascript"), ("/browse.css", "css")):
        status, headers, _ = got(page, path, cookie=cookie)
        assert (status, kind in headers["Content-Type"]) == (200, True)
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
    for path in ("/secret", "/../panel.py", "/%2e%2e/panel.py", "/THIRD_PARTY.txt/.."):
        assert got(page, path, cookie=cookie)[0] == 404


def test_another_name_or_page_gets_nothing(page: PageServer) -> None:
    """A site whose name points to the loopback could read a page of its own origin."""
    cookie, place = cookie_of(page), urlsplit(page.url)
    assert got(page, "/", cookie=cookie, host=f"evil.example:{place.port}")[0] == 403
    assert got(page, f"/?{place.query}", host="evil.example")[0] == 403
    address = f"ws://{place.netloc}/socket"
    for origin in ("http://evil.example", f"http://localhost:{place.port}", "null", None):
        with pytest.raises(exceptions.InvalidStatus):
            sync.connect(address, additional_headers={"Cookie": cookie}, origin=origin)
    with pytest.raises(exceptions.InvalidStatus):
        sync.connect(address, origin=f"http://{place.netloc}")


@pytest.mark.extended
def test_the_socket_speaks_as_a_widget_does(page: PageServer) -> None:
    place = urlsplit(page.url)
    with sync.connect(
        f"ws://{place.netloc}/socket",
        additional_headers={"Cookie": cookie_of(page)},
        origin=f"http://{place.netloc}",
    ) as socket:
        assert json.loads(socket.recv(10))["state"]["topic"] == "orders"
        for odd in ("", "[", "[]", "null", '{"type": 1}', '{"type": "topics", "first": "x"}', b"\xff"):
            socket.send(odd)
        socket.send(json.dumps({"type": "hello"}))
        while json.loads(socket.recv(10)).get("message", {}).get("type") != "topics":
            pass


def test_a_tab_that_takes_nothing_is_hung_up_and_its_messages_are_not_kept(
    page: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlet, "BEHIND", 5)
    place, shown = urlsplit(page.url), page._outlet
    with sync.connect(
        f"ws://{place.netloc}/socket",
        additional_headers={"Cookie": cookie_of(page)},
        origin=f"http://{place.netloc}",
        max_queue=1,
        max_size=None,
        ping_interval=None,
        close_timeout=0.1,
    ):
        eventually(lambda: len(shown._tabs) == 1, "the tab is open")
        (tab,) = shown._tabs
        for _ in range(40):
            shown.send({"type": "large", "text": "x" * 1_000_000})
        eventually(lambda: not shown._tabs, "the tab is given up")
        for _ in range(10):
            tab.put("later")
        assert tab._waiting.qsize() <= 6


def test_only_the_loopback_listens(page: PageServer) -> None:
    port = urlsplit(page.url).port
    listening = [
        each.laddr.ip
        for each in psutil.Process().net_connections("inet")
        if each.status == psutil.CONN_LISTEN and each.laddr.port == port
    ]
    assert listening == ["127.0.0.1"]


def test_each_page_has_a_token_of_its_own() -> None:
    assert len({Gate(1).token for _ in range(20)}) == 20
    assert len(Gate(1).token) >= 40
