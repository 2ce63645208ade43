"""What a client of registries may be told: wrong, hostile, slow and huge answers, and how it asks."""

from __future__ import annotations

import base64
import io
import logging
import pickle
import socket
import time
from pathlib import Path
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.address import resolve
from brokerkit.registry import (
    RegisteredSchema,
    Registry,
    RegistryClient,
    RegistryOptions,
    SchemaRef,
    SchemaReference,
    Subjects,
    opened,
)
from brokerkit.registry import http as registry_http
from brokerkit.registry import registry as registry_module
from tests.session.test_secrets import CANARY, check, texts_of

from .web import Web, body, trickle

ORDER = '{"type":"record","name":"Order","fields":[{"name":"id","type":"long"}]}'
SEVEN = SchemaRef("id", 7)


def registry(url: str, **options: Any) -> Registry:
    found = RegistryOptions.read(
        {"registry": url, **{f"registry_{name}": each for name, each in options.items()}}
    )
    assert found is not None
    return Registry(RegistryClient(found))


def test_a_schema_is_asked_for_once() -> None:
    with Web({"/schemas/ids/7": {"schema": ORDER}}) as web:
        found = registry(web.url)
        assert [found.resolve(SEVEN).text for _ in range(3)] == [ORDER] * 3
        assert found.resolve(SEVEN).type == "AVRO"
        assert found.resolve(SEVEN).label == "id 7"
        assert web.asked == ["/schemas/ids/7"]


def test_a_path_in_the_address_stays_in_front() -> None:
    with Web({"/gate/apis/ccompat/v7/schemas/ids/7": {"schema": ORDER, "schemaType": "json"}}) as web:
        assert registry(f"{web.url}/gate/apis/ccompat/v7/").resolve(SEVEN).type == "JSON"


def test_a_subject_with_any_characters_is_asked_for_as_it_is() -> None:
    with Web(
        {"/subjects/a%2Fb%20%C3%A9/versions/3": {"schema": ORDER, "subject": "a/b é", "version": 3}}
    ) as web:
        assert registry(web.url).by_version("a/b é", 3).label == "a/b é v3"


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (body(b"<html>sign in</html>"), bk.Unavailable, "not JSON; check the address"),
        (body(b"[" * 200_000), bk.Unavailable, "not JSON"),
        ([], bk.Unavailable, "without a schema"),
        ({"schema": 7}, bk.Unavailable, "without a schema"),
        ({"schema": "x", "references": [{"name": "a"}]}, bk.Unavailable, "references that cannot be read"),
        ({"schema": "x", "references": 7}, bk.Unavailable, "references that cannot be read"),
        (body(b"", 302, Location="http://u:secret@other/x?token=secret"), bk.ConfigError, "http://other/x"),
        ((401, {"message": "who are you"}), bk.Unauthorized, "who are you"),
        ((403, {}), bk.Unauthorized, "403"),
        ((500, {"message": "broken"}), bk.Unavailable, "500: broken"),
        ((422, {"title": "Syntax violation", "detail": "a class"}), bk.ConfigError, "422: Syntax violation$"),
        ((429, "later"), bk.Unavailable, "429"),
        (body(b"not a status line", 200), bk.Unavailable, "not JSON"),
        (lambda handler: handler.wfile.write(b"SSH-2.0-x\r\n\r\n"), bk.Unavailable, "cannot be reached"),
        (lambda handler: None, bk.Unavailable, "cannot be reached"),
        (lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"), bk.Unavailable, "cannot be reached"),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_schema_is_an_error_that_says_so(
    answer: Any, error: type[bk.BrokerError], says: str
) -> None:
    with Web({"/schemas/ids/7": answer}) as web, pytest.raises(error, match=says) as caught:
        registry(web.url).resolve(SEVEN)
    assert web.url in str(caught.value) or "the schema registry" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.extended
@pytest.mark.parametrize(
    "answer",
    [
        trickle(b"HTTP/1.1 200 OK\r\nX: ", b"x", 0.05),
        trickle(b"HTTP/1.1 200 OK\r\n\r\n{", b" ", 0.05),
        trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{", b" ", 0.05),
        trickle(b"", b"", 0.05),
    ],
    ids=["headers", "body", "body of known length", "nothing"],
)
def test_a_slow_answer_ends_when_its_time_is_up(answer: Any) -> None:
    with Web({"/schemas/ids/7": answer}) as web:
        found = registry(web.url, timeout=0.5)
        begin = time.monotonic()
        with pytest.raises(bk.Unavailable, match=r"did not answer within 0.5 s"):
            found.resolve(SEVEN)
        assert time.monotonic() - begin < 60
        # a batch of rows costs one timeout
        with pytest.raises(bk.Unavailable):
            found.resolve(SchemaRef("id", 8))
        assert web.asked == ["/schemas/ids/7"]


def test_a_huge_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (registry_http,):
        monkeypatch.setattr(module, "LARGEST", 1000)
    with (
        Web({"/schemas/ids/7": body(b" " * 1001)}) as web,
        pytest.raises(bk.TooLarge, match="sent more than"),
    ):
        registry(web.url).resolve(SEVEN)


def test_a_large_schema_is_read() -> None:
    text = '"' + "x" * 10 * 2**20 + '"'
    with Web({"/schemas/ids/7": {"schema": text}}) as web:
        assert registry(web.url).resolve(SEVEN).text == text


def test_a_registry_that_is_back_answers_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "LEAST_PAUSE", 0.0)
    answers: dict[str, Any] = {"/schemas/ids/7": (503, {"message": "down"})}
    with Web(answers) as web:
        found = registry(web.url)
        with pytest.raises(bk.Unavailable, match="down"):
            found.resolve(SEVEN)
        answers["/schemas/ids/7"] = {"schema": ORDER}
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                assert found.resolve(SEVEN).text == ORDER
                break
            except bk.Unavailable:
                time.sleep(0.05)
        else:
            pytest.fail("it never answered again")


def test_a_schema_that_is_registered_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "NOT_FOUND_SECONDS", 0.0)
    answers: dict[str, Any] = {"/subjects": []}
    with Web(answers) as web:
        found = registry(web.url)
        with pytest.raises(bk.NotFound, match="not here"):
            found.resolve(SEVEN)
        answers["/schemas/ids/7"] = {"schema": ORDER}
        assert found.resolve(SEVEN).text == ORDER


def test_the_next_address_is_asked_where_one_does_not_answer() -> None:
    with socket.socket() as closed, Web({"/schemas/ids/7": {"schema": ORDER}}) as web:
        closed.bind(("127.0.0.1", 0))
        silent = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert registry(f"{silent}, {web.url}").resolve(SEVEN).text == ORDER


def test_at_a_wrong_address_no_schema_is_said_to_be_missing() -> None:
    apicurio = {"/apis/ccompat/v7/subjects": []}
    for answers, says in (({}, "give the address below which /subjects is"), (apicurio, "/apis/ccompat/v7")):
        with Web(answers) as web, pytest.raises(bk.ConfigError, match=says):
            registry(web.url).resolve(SEVEN)


@pytest.mark.parametrize("kind", ["global", "content", "glue", "fingerprint"])
def test_an_id_that_only_other_registries_have_is_not_found(kind: str) -> None:
    with Web({"/subjects": []}) as web, pytest.raises(bk.NotFound):
        registry(web.url).resolve(SchemaRef(kind, 7))


def referring(*names: str) -> dict[str, Any]:
    found = [{"name": name, "subject": name, "version": 1} for name in names]
    return {"schema": f'"{names}"', "references": found}


def test_references_come_after_those_that_they_use() -> None:
    answers = {
        "/schemas/ids/7": referring("a", "b"),
        "/subjects/a/versions/1": referring("c"),
        "/subjects/b/versions/1": referring("c"),
        "/subjects/c/versions/1": referring(),
    }
    with Web(answers) as web:
        found = registry(web.url)
        assert list(found.with_references(found.resolve(SEVEN))) == ["c", "a", "b"]


@pytest.mark.extended
def test_references_that_are_wrong_or_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert registry_module.MOST_REFERENCES == 500
    monkeypatch.setattr(registry_module, "MOST_REFERENCES", 50)
    circle = {"/schemas/ids/7": referring("a"), "/subjects/a/versions/1": referring("b"), "/subjects/b/versions/1": referring("a")}  # fmt: skip
    deep = {f"/subjects/s{number}/versions/1": referring(f"s{number + 1}") for number in range(100)}
    wide = {f"/subjects/s{number}/versions/1": referring() for number in range(60)}
    large = {f"/subjects/s{number}/versions/1": {"schema": "x" * 9_000_000} for number in range(5)}
    for answers, says in (
        (circle, "in a circle: a version 1 -> b version 1 -> a version 1"),
        ({"/schemas/ids/7": referring("s0"), **deep}, "in a row"),
        ({"/schemas/ids/7": referring(*(f"s{number}" for number in range(60))), **wide}, "more than 50"),
        ({"/schemas/ids/7": referring(*(f"s{number}" for number in range(5))), **large}, "MB of them"),
    ):
        with Web(answers) as web, pytest.raises(bk.ConfigError, match=says):
            found = registry(web.url)
            found.with_references(found.resolve(SEVEN))


def test_a_registry_that_does_not_look_for_references_does_not_say_whether_a_schema_fits() -> None:
    """Apicurio 3.3 answers so to a schema with references that it registers without complaint."""
    answers = {
        "/config/s?defaultToGlobal=true": {"compatibilityLevel": "FULL"},
        "/compatibility/subjects/s/versions/latest?verbose=true": (
            422,
            {"message": "Invalid schema: Syntax violation"},
        ),
    }
    with Web(answers) as web:
        subjects = Subjects(registry(web.url).client)
        found = subjects.compatibility("s", RegisteredSchema("AVRO", ORDER, (SchemaReference("a", "a", 1),)))
        assert (found.compatible, found.level) == (None, "FULL")
        assert "Syntax violation" in found.reasons[0]
        with pytest.raises(bk.ConfigError, match="Syntax violation"):
            subjects.compatibility("s", RegisteredSchema("AVRO", ORDER))


def test_a_missing_reference_names_it() -> None:
    answers = {"/schemas/ids/7": referring("gone"), "/subjects": []}
    with Web(answers) as web, pytest.raises(bk.NotFound):
        found = registry(web.url)
        found.with_references(found.resolve(SEVEN))


@pytest.mark.extended
@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"user": "u", "password": CANARY}, f"Basic {base64.b64encode(f'u:{CANARY}'.encode()).decode()}"),
        ({"token": CANARY}, f"Bearer {CANARY}"),
        ({}, None),
    ],
)
def test_credentials_are_sent_and_never_shown(options: dict[str, str], sent: str | None) -> None:
    stream = io.StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    root.addHandler(handler)
    level, root.level = root.level, logging.DEBUG
    try:
        for answer in ((403, {"message": "no"}), (500, {}), body(b"x"), trickle(b"", b"", 0.05)):
            with Web({"/schemas/ids/7": answer}) as web:
                found = registry(web.url, timeout=0.2, **options)
                with pytest.raises(bk.BrokerError) as caught:
                    found.resolve(SEVEN)
                assert web.headers.get("Authorization") == sent
                shown = [repr(found), repr(found.client), *texts_of(caught.value), stream.getvalue()]
                check(shown)
                if sent is not None:
                    assert not any(sent.split()[1] in each for each in shown)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def test_an_address_with_credentials_is_split_and_pickled_without_them() -> None:
    address = resolve("inmem://", {"registry": f"http://u:{CANARY}%40@h:1/x/,http://u:{CANARY}%40@h:2"})
    assert CANARY not in repr(address) + str(address) + address.public_url + repr(address.registry)
    assert f"{CANARY}@" in {each.reveal() for each in address.registry.values() if hasattr(each, "reveal")}
    found = opened(address)
    assert found is not None
    assert found.name == "http://h:1/x"
    again = pickle.loads(pickle.dumps(found))
    assert again.name == found.name
    assert CANARY.encode() not in pickle.dumps(found)


def test_a_redirect_never_gets_the_credentials() -> None:
    with Web({"/schemas/ids/7": {"schema": ORDER}}) as other:
        target = f"{other.url}/schemas/ids/7"
        with Web({"/schemas/ids/7": body(b"", 307, Location=target)}) as web:
            with pytest.raises(bk.ConfigError, match="redirects to"):
                registry(web.url, token=CANARY).resolve(SEVEN)
            assert other.asked == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"registry": "localhost:8081"}, "must be the address"),
        ({"registry": "ftp://h"}, "must be the address"),
        ({"registry": "http://"}, "must be the address"),
        ({"registry": "http://h:99999"}, "must be the address"),
        ({"registry": 7}, "must be the address"),
        ({"registry_user": "u"}, "registry_user needs registry="),
        ({"registry": "http://h", "registry_password": "x"}, "needs registry_user"),
        ({"registry": "http://h", "registry_user": "u", "registry_token": "x"}, "not both"),
        ({"registry": "http://h", "registry_ca": "/no/such"}, "does not exist"),
        ({"registry": "http://h", "registry_timeout": 0}, "registry_timeout"),
        ({"registry": "http://h", "registry_passwort": "x"}, "unknown option 'registry_passwort'"),
    ],
)
def test_a_wrong_option_is_refused_with_what_is_right(given: dict[str, Any], says: str) -> None:
    with pytest.raises(bk.ConfigError, match=says):
        opened(resolve("inmem://", given))


def test_options_come_from_the_environment_and_from_saved_connections(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BROKERKIT_CONFIG", str(tmp_path / "saved.toml"))
    monkeypatch.setenv("PW", CANARY)
    (tmp_path / "saved.toml").write_text(
        '[mine]\nurl = "kafka://h"\nregistry = "https://saved:8081"\nregistry_user = "u"\n'
        'registry_password = {env = "PW"}\n'
    )
    saved = opened(resolve("mine", {}))
    assert saved is not None
    assert saved.name == "https://saved:8081"
    monkeypatch.setenv("BROKERKIT_KAFKA_REGISTRY", "http://environment:1")
    monkeypatch.setenv("BROKERKIT_KAFKA_REGISTRY_TOKEN", CANARY)
    named = [opened(resolve(target, {})) for target in ("kafka://h", "kafka://h?registry=http://query:1")]
    assert [each and each.name for each in named] == ["http://environment:1", "http://query:1"]
    assert opened(resolve("nats://h", {})) is None
