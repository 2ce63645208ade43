"""The first screen: what is saved, what is typed, and the workbench in its place."""

from __future__ import annotations

import ast
import getpass
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
import pytest

import brokerkit as bk
from brokerkit.backends.kafka.options import read_options
from brokerkit.command_line import browse as command
from brokerkit.core.vocabulary.address import Address
from brokerkit.session import diagnosis
from brokerkit.widgets.opening import ConnectionChooser, model
from brokerkit.widgets.opening.typed import TypedConnection
from brokerkit.widgets.opening.typed_options import read_typed_options
from brokerkit.workbench import Session
from tests.brokers.certificates import Authority

from .screens import Screen

FORM: dict[str, Any] = {
    "system": "kafka",
    "servers": "",
    "sign_in": "none",
    "user": "",
    "secret": "",
    "secret_at": "typed",
    "options": "",
    "production": False,
    "read_only": False,
}
SECRET = "s3cret/+@:"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BROKERKIT_CONFIG", str(tmp_path / "connections.toml"))
    return tmp_path


@pytest.fixture
def opened(config: Path) -> Iterator[tuple[ConnectionChooser, Screen]]:
    chooser, screen = bk.open(), Screen()
    chooser._show_at(screen)
    yield chooser, screen
    chooser.close()
    if chooser.session is not None:
        chooser.session.close()


def steps(screen: Screen) -> dict[str, str]:
    return {each["name"]: each["status"] for each in screen.state["steps"]}


def test_a_saved_connection_opens_the_workbench_in_the_same_place(
    opened: tuple[ConnectionChooser, Screen],
) -> None:
    chooser, screen = opened
    bk.save_connection("shop", "inmem://first-screen", read_only=True)
    screen.say("hello")
    (line,) = screen.state["connections"]
    assert (line["name"], line["marks"], line["used"]) == ("shop", ["read-only"], "")
    with bk.connect("inmem://first-screen") as s:
        s.create_topic("orders")
        screen.say("open", name="shop")
        assert chooser.wait(60)
        assert screen.state["session"] == "inmem://first-screen"
        assert chooser.session is not None
        assert chooser.session.read_only
        screen.say("hello")
        assert chooser.browser is not None
        assert chooser.browser.wait(60)
        names = [row["name"] for each in screen.sent if each["type"] == "topics" for row in each["rows"]]
        assert "orders" in names
        assert screen.state["back"] == "Connections"
        screen.say("back")
        assert screen.state["screen"] == "open"
        assert screen.state["connections"][0]["used"].startswith("today")


def test_what_is_typed_is_tried_and_opened(opened: tuple[ConnectionChooser, Screen]) -> None:
    chooser, screen = opened
    screen.say("check", form={**FORM, "servers": "inmem://"}, connecting=False)
    assert chooser.wait(60)
    assert not screen.state["checking"]
    assert steps(screen) == {
        "address": "ok",
        "client library": "ok",
        "network": "not offered",
        "connect": "ok",
        "list topics": "ok",
    }
    screen.say("connect", form={**FORM, "servers": "inmem://", "production": True})
    assert chooser.wait(60)
    assert screen.state["marks"] == ["PRODUCTION"]


def test_a_secret_that_is_being_typed_is_not_tried(opened: tuple[ConnectionChooser, Screen]) -> None:
    chooser, screen = opened
    form = {**FORM, "servers": "localhost:1", "sign_in": "password", "user": "ada", "secret": "s3c"}
    screen.say("check", form=form, connecting=False)
    assert chooser.wait(60)
    assert steps(screen)["network"] == "failed"
    assert steps(screen)["connect"] == "not tried"
    # in memory, nothing is reached over a network: the step after it waits for the click
    screen.say("check", form={**form, "servers": "inmem://"}, connecting=False)
    assert chooser.wait(60)
    assert steps(screen)["connect"] == "not tried"


def test_no_secret_comes_back_or_is_written_down(
    opened: tuple[ConnectionChooser, Screen], config: Path
) -> None:
    _, screen = opened
    form = {**FORM, "servers": "nats://localhost:1", "sign_in": "password", "user": "ada", "secret": SECRET}
    screen.say("check", form=form, connecting=True)
    screen.say("save", form=form, name="mine")
    assert screen.state["saved"] == "mine"
    screen.say("connect", form=form)
    assert opened[0].wait(60)
    assert screen.state["problem"]
    kept = "".join(each.read_text() for each in config.iterdir() if each.is_file())
    assert "mine" in kept
    for text in (str(screen.state), str(screen.sent), kept, repr(opened[0]), opened[0]._repr_html_()):
        assert "s3cret" not in text


def test_the_call_runs_as_it_stands_and_signs_in_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks for the secret, or takes it from its variable."""
    monkeypatch.setattr(getpass, "getpass", lambda *_: SECRET)
    monkeypatch.setenv("A_SECRET", SECRET)
    seen: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(bk, "connect", lambda target, **options: seen.append((target, options)) or Seen())
    for changed in (
        {"servers": "h:9092", "options": "client.id=me"},
        {"servers": "h:9092,i:9092", "sign_in": "password", "user": "a@b", "secret": SECRET},
        {"servers": "h", "sign_in": "token", "secret": SECRET, "system": "nats"},
        {"servers": "n", "sign_in": "password", "user": "u", "secret": "A_SECRET", "secret_at": "env"},
        {"servers": "n", "sign_in": "token", "secret": SECRET, "system": "servicebus", "read_only": True},
    ):
        typed = TypedConnection.read({**FORM, **changed})
        target, options = typed.target()
        assert "s3cret" not in typed.code()
        exec(typed.code(), {})
        called = {
            name: getattr(value, "reveal", lambda value=value: value)() for name, value in options.items()
        }
        assert seen[-1] == (target.reveal(), called)


def test_the_option_that_the_doctor_offers_makes_a_call_that_the_system_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = []

    def connect(target: str, **options: Any) -> Seen:
        taken.append(read_options(Address.parse(target, options)))
        return Seen()

    monkeypatch.setattr(bk, "connect", connect)
    code = TypedConnection.read(
        {**FORM, "servers": "h:9092", "options": "security.protocol=SSL, client.id=me"}
    ).code()
    assert "bk.connect('kafka://h:9092', **{'security.protocol': 'SSL', 'client.id': 'me'})" in code
    exec(code, {})
    assert (taken[-1]["security.protocol"], taken[-1]["client.id"]) == ("SSL", "me")


class Seen:
    def browse(self) -> None:
        """Show nothing."""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "Servers: type an address, such as localhost:9092"),
        ({"servers": "kafka://ada:pw@host"}, "have fields"),
        ({"servers": "h", "sign_in": "password"}, "User"),
        ({"servers": "h", "sign_in": "token"}, "Secret"),
        ({"servers": "h", "options": "what"}, "Options: expected name=value"),
    ],
)
def test_what_is_missing_is_named(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(bk.ConfigError, match=said):
        TypedConnection.read({**FORM, **changed}).target()


def test_without_a_browser_it_is_a_list() -> None:
    assert "bk.open()" in bk.open()._repr_html_()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("target=x", "leave it out: target"),
        ("client.id=b, allow.changes=yes", "leave it out: allow.changes"),
        ("client.id=ab,hunter2", "option 2 is not"),
        ("sasl_password=ab,hunter2", "option 1 may hold a secret, and a comma follows"),
        ("sasl_password=ab,hunter2=x", "option 1 may hold a secret, and a comma follows"),
        ("client.id=me, sasl_password=ab, hunter2=x, acks=1", "option 2 may hold a secret"),
        ("sasl_pasword=ab,hunter2=x", "option 1 may hold a secret"),
        ('sasl_password="ab,hunter2=x', "the double quotes of option 1 are not closed"),
        ('client.id=me,sasl_password=a"b,hunter2=x', "option 2 may hold a secret"),
        ('sasl_password=x="hunter2, reader=auto', "option 1 may hold a secret"),
        ('sasl_password="a"b"hunter2, reader=auto', "the double quotes of option 1 are not closed"),
        ('sasl_password="a" hunter2', "the double quotes of option 1 are not closed"),
        ("client.id=a,client.id=b", "option 2 was given before: client.id"),
    ],
)
def test_options_that_are_none_are_refused_by_their_place(
    opened: tuple[ConnectionChooser, Screen], options: str, said: str
) -> None:
    chooser, screen = opened
    form = {**FORM, "system": "inmem", "servers": "inmem://options", "options": options}
    for kind in ("check", "connect", "save"):
        screen.say(kind, form=form, name="tried")
        assert chooser.wait(60)
    assert said in screen.state["problem"]
    assert said in screen.state["wrong"]
    assert "hunter2" not in str(screen.state)


def test_an_error_of_any_kind_leaves_the_screen_usable(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*arguments: Any, **options: Any) -> Session:
        raise TypeError("no such argument")

    chooser, screen = ConnectionChooser(connect), Screen()
    chooser._show_at(screen)
    screen.say("connect", form={**FORM, "system": "inmem", "servers": "inmem://any"})
    assert chooser.wait(60)
    assert (screen.state["opening"], screen.state["problem"]) == ("", "TypeError: no such argument")
    monkeypatch.setattr(model, "examine", connect)
    screen.say("check", form={**FORM, "system": "inmem", "servers": "inmem://any"})
    assert chooser.wait(60)
    assert (screen.state["checking"], screen.state["wrong"]) == (False, "TypeError: no such argument")


def test_a_flag_of_the_command_holds_for_what_is_chosen(config: Path) -> None:
    bk.save_connection("shop", "inmem://flag-of-command", read_only=False)
    context = click.Context(click.Command("browse"))
    context.obj = {"read_only": True, "allow_changes": False, "timeout": 5.0, "option": ()}
    chooser = command._widget(context, None, None)
    chooser._model.open_saved("shop")
    assert chooser.wait(60)
    assert chooser.session is not None
    assert chooser.session.read_only
    chooser.close()
    chooser.session.close()


def test_the_token_reaches_the_browser_in_a_file_of_its_owner_alone(tmp_path: Path) -> None:
    url = "http://127.0.0.1:1/?token=secret"
    path = command._leading_to(url, tmp_path)
    assert f'content="0;url={url}"' in path.read_text()
    assert "secret" not in path.as_uri()
    assert os.name == "nt" or path.stat().st_mode & 0o077 == 0


def test_a_secret_with_a_comma_is_written_in_double_quotes_or_last() -> None:
    for options in ('sasl_password="ab,hunter2=x", acks=1', "acks=1, sasl_password=ab"):
        typed = TypedConnection.read({**FORM, "servers": "h:9092", "options": options})
        _, given = typed.target()
        assert given["acks"] == "1"
        assert given["sasl_password"] in ("ab,hunter2=x", "ab")
        assert "ab" not in typed.call()


@pytest.mark.parametrize(
    ("options", "read"),
    [
        ('sasl_password="a""b,c"', {"sasl_password": 'a"b,c'}),
        ('a.b="""" , c.d = "x,y" ,', {"a.b": '"', "c.d": "x,y"}),
        ('a.b="", c.d=e"f', {"a.b": "", "c.d": 'e"f'}),
        ('librdkafka="{""a.b"": 1, ""c.d"": 2}"', {"librdkafka": '{"a.b": 1, "c.d": 2}'}),
        (
            "sasl.oauthbearer.token.endpoint.url=https://h/token, acks=1",
            {"sasl.oauthbearer.token.endpoint.url": "https://h/token", "acks": "1"},
        ),
        (" , ", {}),
    ],
)
def test_a_value_may_hold_quotes_and_commas(options: str, read: dict[str, str]) -> None:
    assert read_typed_options(options) == read


def test_the_call_of_a_long_connection_is_shown_whole(opened: tuple[ConnectionChooser, Screen]) -> None:
    chooser, screen = opened
    options = ", ".join(f"client.rack{n}={n}" for n in range(100))
    screen.say("check", form={**FORM, "servers": "h:9092", "options": options}, connecting=False)
    assert chooser.wait(60)
    ast.parse(screen.state["call"])
    assert screen.state["call"].endswith("'client.rack99': '99'})")


def test_it_is_known_whether_the_keyring_has_a_secret_of_a_connection(
    opened: tuple[ConnectionChooser, Screen], config: Path
) -> None:
    _, screen = opened
    bk.save_connection("plain", "kafka://h")
    bk.save_connection("asked", "kafka://me@h", secret="prompt")
    with (config / "connections.toml").open("a") as file:
        file.write('[kept]\nurl = "kafka://me@h"\npassword = { keyring = "kept/password" }\n')
    screen.say("hello")
    found = {each["name"]: each["keyring"] for each in screen.state["connections"]}
    assert found == {"plain": False, "asked": False, "kept": True}


def test_a_saved_connection_is_deleted(opened: tuple[ConnectionChooser, Screen]) -> None:
    chooser, screen = opened
    bk.save_connection("shop", "inmem://deleted")
    bk.save_connection("other", "inmem://deleted")
    screen.say("hello")
    screen.say("delete", name="shop")
    assert [line["name"] for line in screen.state["connections"]] == ["other"]
    assert chooser.call == "bk.delete_connection('shop')"
    # as it stands, it does the same
    exec(chooser.call.replace("shop", "other"), {"bk": bk})
    # what is not in the list is nothing to click on
    screen.say("delete", name="shop")
    assert screen.state["problem"] == ""


def test_a_server_that_speaks_tls_is_told_as_it_is_typed(
    opened: tuple[ConnectionChooser, Screen], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chooser, screen = opened
    # the server of this test answers in a thread, which may be late
    monkeypatch.setattr(diagnosis, "TLS_SECONDS", 60.0)
    monkeypatch.setattr(diagnosis, "CONNECT_SECONDS", 60.0)
    with tls_server(tmp_path) as port:
        form = {**FORM, "servers": f"127.0.0.1:{port}", "sign_in": "password", "user": "ada", "secret": "s3c"}
        screen.say("check", form=form, connecting=False)
        assert chooser.wait(60)
        network = {each["name"]: each for each in screen.state["steps"]}["network"]
        assert network["status"] == "failed"
        assert "it speaks TLS, and this address does not" in network["detail"]
        assert network["mend"] == "security.protocol=SASL_SSL"
        screen.say("check", form={**form, "sign_in": "none"}, connecting=False)
        assert chooser.wait(60)
        network = {each["name"]: each for each in screen.state["steps"]}["network"]
        assert network["mend"] == "security.protocol=SSL"
        screen.say("check", form={**form, "options": network["mend"]}, connecting=False)
        assert chooser.wait(60)
        assert steps(screen)["network"] == "ok"


@contextmanager
def tls_server(folder: Path) -> Iterator[int]:
    """A port on which TLS is spoken, and nothing else."""
    certificate, key = Authority(folder / "authority").sign("server", hosts=("127.0.0.1",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(20)
