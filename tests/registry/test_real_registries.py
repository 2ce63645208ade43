"""The client on real registries: ids, subjects, versions, references, compatibility, credentials, TLS, failures."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.registry import (
    RegisteredSchema,
    Registry,
    RegistryClient,
    RegistryOptions,
    SchemaRef,
    SchemaReference,
    Subjects,
)
from brokerkit.registry import registry as registry_module
from brokerkit.sandbox.registries import ApicurioServer, RegistryServer, SchemaRegistryServer
from brokerkit.testing import eventually
from tests.brokers.certificates import Authority

MONEY = '{"type":"record","name":"Money","namespace":"shop","fields":[{"name":"cents","type":"long"}]}'
ORDER = '{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"price","type":"shop.Money"}]}'
PROTO = 'syntax = "proto3"; message Order { int64 id = 1; }'
PERSON = '{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"a":{"type":"integer"}}}'
TEXTS = {"AVRO": MONEY, "PROTOBUF": PROTO, "JSON": PERSON}


def client(url: str, **options: Any) -> RegistryClient:
    found = RegistryOptions.read(
        {"registry": url, **{f"registry_{name}": each for name, each in options.items()}}
    )
    assert found is not None
    return RegistryClient(found)


def avro(name: str, *fields: tuple[str, str]) -> RegisteredSchema:
    found = [{"name": field, "type": kind} for field, kind in fields]
    return RegisteredSchema("AVRO", json.dumps({"type": "record", "name": name, "fields": found}))


@pytest.mark.parametrize("kind", TEXTS)
def test_a_schema_comes_back_by_its_id_and_by_its_subject(
    server: RegistryServer, subject: str, kind: str
) -> None:
    subjects, registry = Subjects(client(server.address)), Registry(client(server.address))
    ref = subjects.register(subject, RegisteredSchema(kind, TEXTS[kind]))
    found = registry.resolve(ref)
    assert (found.type, found.label) == (kind, f"id {ref.id}")
    assert found.text == TEXTS[kind] or json.loads(found.text) == json.loads(TEXTS[kind])
    assert subject in subjects.names()
    assert subjects.versions(subject) == [1]
    newest = registry.by_version(subject)
    assert (newest.ref, newest.text, newest.label) == (ref, found.text, f"{subject} v1")
    assert registry.by_version(subject, 1) == newest
    assert subjects.find(subject, RegisteredSchema(kind, TEXTS[kind])) == newest


def test_versions_are_counted_and_the_same_schema_is_not_registered_twice(
    server: RegistryServer, subject: str
) -> None:
    subjects = Subjects(client(server.address))
    one, two = avro("R", ("a", "int")), avro("R", ("b", "int"))
    ids = [subjects.register(subject, each) for each in (one, two, one)]
    assert ids[0] == ids[2] != ids[1]
    assert subjects.versions(subject) == [1, 2]
    assert subjects.find(subject, avro("R", ("c", "int"))) is None


def test_references_are_followed(server: RegistryServer, subject: str) -> None:
    subjects, registry = Subjects(client(server.address)), Registry(client(server.address))
    money = f"{subject}-money"
    subjects.register(money, RegisteredSchema("AVRO", MONEY))
    references = (SchemaReference("shop.Money", money, 1),)
    ref = subjects.register(subject, RegisteredSchema("AVRO", ORDER, references))
    found = registry.resolve(ref)
    assert found.references == references
    assert [(name, json.loads(each.text)) for name, each in registry.with_references(found).items()] == [("shop.Money", json.loads(MONEY))]  # fmt: skip


def test_a_missing_object_is_not_found(server: RegistryServer, subject: str) -> None:
    subjects, registry = Subjects(client(server.address)), Registry(client(server.address))
    for missing in (
        lambda: registry.resolve(SchemaRef("id", 2**31 - 1)),
        lambda: registry.resolve(SchemaRef("guid", "7f0c6a3c-0000-4000-8000-000000000000")),
        lambda: registry.by_version(subject),
        lambda: registry.by_version(subject, 1),
        lambda: subjects.versions(subject),
    ):
        with pytest.raises(bk.NotFound, match="said 404"):
            missing()


@pytest.mark.parametrize("text", ["this is no schema", '{"type":"record"'])
def test_a_schema_that_cannot_be_read_is_refused(server: RegistryServer, subject: str, text: str) -> None:
    subjects = Subjects(client(server.address))
    with pytest.raises(bk.ConfigError, match="said 4"):
        subjects.register(subject, RegisteredSchema("AVRO", text))
    with pytest.raises(bk.NotFound):
        subjects.versions(subject)


def test_a_reference_to_nothing_is_refused(server: RegistryServer, subject: str) -> None:
    missing = (SchemaReference("shop.Money", f"{subject}-gone", 1),)
    with pytest.raises((bk.ConfigError, bk.NotFound)):
        Subjects(client(server.address)).register(subject, RegisteredSchema("AVRO", ORDER, missing))


def test_a_new_subject_is_compatible(server: RegistryServer, subject: str) -> None:
    found = Subjects(client(server.address)).compatibility(subject, avro("R", ("a", "int")))
    assert (found.compatible, found.reasons) == (True, ())


@pytest.mark.broker
def test_an_incompatible_schema_is_told_with_its_reason(
    apicurio_server: ApicurioServer, subject: str
) -> None:
    """The other registry finds everything compatible."""
    asking = client(apicurio_server.address)
    subjects = Subjects(asking)
    subjects.register(subject, avro("R", ("a", "int")))
    path = f"/config/{urllib.request.quote(subject, safe='')}"
    asking.ask("PUT", path, body={"compatibility": "BACKWARD"})
    worse = avro("R", ("a", "int"), ("must", "int"))
    found = subjects.compatibility(subject, worse)
    assert (found.compatible, found.level) == (False, "BACKWARD")
    assert "must" in " ".join(found.reasons)
    assert subjects.compatibility(subject, avro("R", ("a", "int"))).compatible
    with pytest.raises(bk.ConfigError, match="does not fit .*must"):
        subjects.register(subject, worse)


@pytest.mark.broker
def test_a_schema_is_found_by_its_guid(schema_registry_server: SchemaRegistryServer, subject: str) -> None:
    asking = client(schema_registry_server.address)
    Subjects(asking).register(subject, RegisteredSchema("AVRO", MONEY))
    guid = asking.get(f"/subjects/{urllib.request.quote(subject, safe='')}/versions/1")["guid"]
    found = Registry(asking).resolve(SchemaRef("guid", guid))
    assert json.loads(found.text) == json.loads(MONEY)


def native(server: ApicurioServer, method: str, path: str, body: Any, **headers: str) -> Any:
    """Ask Apicurio by its own protocol, with headers that the client has no use for."""
    url = server.address.replace("/apis/ccompat/v7", f"/apis/registry/v2{path}")
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        url, data, {"Content-Type": "application/json", **headers}, method=method
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


@pytest.mark.broker
@pytest.mark.parametrize("kind", TEXTS)
def test_a_schema_is_found_by_the_ids_that_only_apicurio_has(
    apicurio_server: ApicurioServer, subject: str, kind: str
) -> None:
    asking = client(apicurio_server.address)
    Subjects(asking).register(subject, RegisteredSchema(kind, TEXTS[kind]))
    meta = native(apicurio_server, "POST", "/search/artifacts", TEXTS[kind].encode())["artifacts"]
    assert meta
    registry = Registry(asking)
    name = urllib.request.quote(subject, safe="")
    with urllib.request.urlopen(
        apicurio_server.address.replace(
            "/apis/ccompat/v7", f"/apis/registry/v2/groups/default/artifacts/{name}/meta"
        )
    ) as answer:
        ids = json.load(answer)
    for ref in (SchemaRef("global", ids["globalId"]), SchemaRef("content", ids["contentId"])):
        found = registry.resolve(ref)
        assert (found.type, found.text, found.ref) == (kind, TEXTS[kind], ref)
    with pytest.raises(bk.NotFound):
        registry.resolve(SchemaRef("global", 2**40))


@pytest.mark.broker
def test_references_into_a_group_of_apicurio_are_followed(
    apicurio_server: ApicurioServer, subject: str
) -> None:
    kinds = {"X-Registry-ArtifactType": "AVRO"}
    name = subject.encode().hex()
    native(apicurio_server, "POST", "/groups/shop/artifacts", MONEY.encode(), **kinds, **{"X-Registry-ArtifactId": f"money-{name}", "X-Registry-Version": "1.0.beta"})  # fmt: skip
    reference = {
        "groupId": "shop",
        "artifactId": f"money-{name}",
        "version": "1.0.beta",
        "name": "shop.Money",
    }
    created = native(
        apicurio_server,
        "POST",
        "/groups/shop/artifacts",
        {"content": ORDER, "references": [reference]},
        **kinds,
        **{"X-Registry-ArtifactId": f"order-{name}", "Content-Type": "application/create.extended+json"},
    )
    registry = Registry(client(apicurio_server.address))
    found = registry.resolve(SchemaRef("global", created["globalId"]))
    assert [(each.group, each.version) for each in found.references] == [("shop", "1.0.beta")]
    assert {name: each.text for name, each in registry.with_references(found).items()} == {
        "shop.Money": MONEY
    }
    assert {each.type for each in registry.with_references(found).values()} == {"AVRO"}


@pytest.mark.broker
def test_references_into_a_group_are_followed_from_a_subject_and_from_its_id(
    apicurio_server: ApicurioServer, subject: str
) -> None:
    """Confluent's protocol, which both are asked for by, does not say the group."""
    kinds = {"X-Registry-ArtifactType": "AVRO"}
    money = f"money-{subject.encode().hex()}"
    native(apicurio_server, "POST", "/groups/shop/artifacts", MONEY.encode(), **kinds, **{"X-Registry-ArtifactId": money})  # fmt: skip
    reference = {"groupId": "shop", "artifactId": money, "version": "1", "name": "shop.Money"}
    order = ORDER.replace('"shop.Money"', f'"shop.Money","doc":"{money}"')  # one text has one content id
    topic = subject.replace("/", "-").replace(" ", "-").replace("ä", "a").removesuffix("-value")
    headers = {"X-Registry-ArtifactId": f"{topic}-value", "Content-Type": "application/create.extended+json"}
    native(apicurio_server, "POST", "/groups/default/artifacts", {"content": order, "references": [reference]}, **kinds, **headers)  # fmt: skip
    registry = Registry(client(apicurio_server.address))
    newest = registry.by_version(f"{topic}-value")
    assert newest.ref is not None
    for found in (newest, registry.resolve(newest.ref)):
        assert [(name, each.text) for name, each in registry.with_references(found).items()] == [
            ("shop.Money", MONEY)
        ]
    with bk.connect("inmem://", registry=apicurio_server.address) as s:
        s.create_topic(topic)
        s.publish(topic, {"price": {"cents": 7}}, schema=True)
        frame = s.peek(topic, decode="avro", expand=True)
        assert (frame["value.price"].tolist(), len(bk.failures(frame))) == ([{"cents": 7}], 0)


@pytest.mark.broker
def test_an_address_without_its_path_is_told_where_the_registry_is(apicurio_server: ApicurioServer) -> None:
    host = apicurio_server.address.removesuffix("/apis/ccompat/v7")
    with pytest.raises(bk.ConfigError, match=f"there is one at {apicurio_server.address}"):
        Registry(client(host)).resolve(SchemaRef("id", 1))


@pytest.mark.broker
@pytest.mark.parametrize("signed", [{"user": "u", "password": "p:ä@%"}, {"token": "t0ken"}])
def test_a_registry_wants_its_credentials(
    schema_registry_server: SchemaRegistryServer, signed: dict[str, str]
) -> None:
    del schema_registry_server  # where none can be started, this skips
    with SchemaRegistryServer(**signed) as server:
        ref = Subjects(client(server.address, **signed)).register("s", RegisteredSchema("AVRO", MONEY))
        assert Registry(client(server.address, **signed)).resolve(ref).ref == ref
        for wrong in ({}, {"token": "wrong"}, {"user": "u", "password": "wrong"}):
            with pytest.raises(bk.Unauthorized, match="registry_token"):
                Registry(client(server.address, **wrong)).resolve(ref)


@pytest.mark.broker
def test_tls_is_checked_on_both_sides(schema_registry_server: SchemaRegistryServer, tmp_path: Path) -> None:
    del schema_registry_server  # where none can be started, this skips
    authority = Authority(tmp_path)
    certificate, key = authority.sign("server", hosts=("127.0.0.1",))
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    mine, my_key = authority.sign("client")
    with SchemaRegistryServer(certificate=both, authority=authority.ca) as server:
        signed = {"ca": str(authority.ca), "cert": str(mine), "key": str(my_key)}
        assert Subjects(client(server.address, **signed)).names() == []
        with pytest.raises(bk.Unavailable, match="is not trusted: .*registry_ca="):
            Subjects(client(server.address)).names()
        with pytest.raises(bk.BrokerError) as caught:
            Subjects(client(server.address, ca=str(authority.ca))).names()
        assert "registry_cert" in str(caught.value)
    other, _ = authority.sign("elsewhere", hosts=("example.com",))
    with pytest.raises(bk.ConfigError, match="cannot be used"):
        client("https://h", cert=str(other), key=str(my_key))


def test_a_registry_that_was_away_answers_again(server: RegistryServer, subject: str) -> None:
    ref = Subjects(client(server.address)).register(subject, RegisteredSchema("AVRO", MONEY))
    with server.proxy() as proxy:
        registry = Registry(client(server.address_of(proxy), timeout=1))
        proxy.refuse()
        with pytest.raises(bk.Unavailable, match="cannot be reached"):
            registry.resolve(ref)
        proxy.mend()
        eventually(lambda: answers(registry, ref), "the registry answers again", within=60)
    assert registry.resolve(ref).text, "what was found once is kept"


def test_a_registry_that_is_silent_costs_one_timeout(server: RegistryServer, subject: str) -> None:
    ref = Subjects(client(server.address)).register(subject, RegisteredSchema("AVRO", MONEY))
    with server.proxy() as proxy:
        registry = Registry(client(server.address_of(proxy), timeout=1))
        proxy.half_open()
        begin = time.monotonic()
        for number in range(50):
            with pytest.raises(bk.Unavailable):
                registry.resolve(SchemaRef("id", 1000 + number))
        assert time.monotonic() - begin < 30
        proxy.mend()
        eventually(lambda: answers(registry, ref), "the registry answers again", within=60)


@pytest.mark.broker
def test_a_registry_that_was_made_new_does_not_lend_its_ids_to_other_schemas(
    schema_registry_server: SchemaRegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    del schema_registry_server  # where none can be started, this skips
    monkeypatch.setattr(registry_module, "FRESH_SECONDS", 0.0)
    with SchemaRegistryServer() as server:
        subjects, registry = Subjects(client(server.address)), Registry(client(server.address))
        ref = subjects.register("s", avro("Former", ("a", "int")))
        assert "Former" in registry.resolve(ref).text
        server.restart()
        assert subjects.register("s", avro("Present", ("a", "int"))) == ref
        assert "Present" in registry.resolve(ref).text
        server.kill()
        assert "Present" in registry.resolve(ref).text, "one that is away has not changed"


def answers(registry: Registry, ref: SchemaRef) -> bool:
    try:
        return bool(registry.resolve(ref).text)
    except bk.Unavailable:
        return False
