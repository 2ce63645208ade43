"""Azure Schema Registry as a source of schemas, by its official client, on a server that speaks its REST protocol.

There is no emulator of it: the server answers as the documentation of the service and its client say.
"""

from __future__ import annotations

import time
import uuid
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

import brokerkit as bk
from brokerkit.registry import own
from tests.brokers.certificates import Authority

from .web import Web, respond

azure = pytest.importorskip("azure.schemaregistry", reason="pip install azure-schemaregistry")

NUMBER = "0123456789abcdef0123456789abcdef"
SCHEMA = b'{"type":"record","name":"R","fields":[{"name":"id","type":"long"}]}'


class Token:
    """A credential as those of azure-identity."""

    def get_token(self, *scopes: str, **_: Any) -> Any:
        from azure.core.credentials import AccessToken

        assert scopes == ("https://eventhubs.azure.net/.default",)
        return AccessToken("token of ada", int(time.time()) + 3600)


def schema(handler: BaseHTTPRequestHandler) -> None:
    if handler.headers["Authorization"] != "Bearer token of ada":
        respond(handler, 401, b"{}")
        return
    named = {"Schema-Id": NUMBER, "Schema-Id-Location": "x", "Schema-Group-Name": "g", "Schema-Name": "R"}
    headers = {**named, "Schema-Version": "1", "Content-Type": "application/json; serialization=Avro"}
    respond(handler, 200, SCHEMA, **headers)


def test_events_of_azure_are_read_with_the_schemas_of_its_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "_declared", {})
    authority = Authority(tmp_path)
    path = f"/%24schemaGroups/%24schemas/{NUMBER}?api-version=2022-10"
    answers = dict.fromkeys((path, path.replace("%24", "$")), schema)
    certificate, key = authority.sign("server", hosts=("127.0.0.1",))
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    with Web(answers, certificate=both) as web:
        host = web.url.removeprefix("https://")
        client = azure.SchemaRegistryClient(host, Token(), connection_verify=str(authority.ca), retry_total=0)

        @bk.schema_source("content-type")
        def from_azure(id: str) -> bk.RegisteredSchema | None:
            from azure.core.exceptions import ResourceNotFoundError

            try:
                found = client.get_schema(id)
            except ResourceNotFoundError:
                return None
            return bk.RegisteredSchema(found.properties.format.upper(), found.definition)

        with bk.connect(f"inmem://azure-{uuid.uuid4().hex[:8]}") as s:
            s.create_topic("t")
            for number in (NUMBER, "f" * 32):
                s.publish("t", b"\x0e", attributes={"content-type": f"avro/binary+{number}"})
            frame = s.peek("t")
            assert frame["value"].fillna("").tolist() == ['{"id":7}', ""]
            assert frame["format"].tolist()[0] == "azure+avro"
            assert frame["schema"].tolist()[0] == f"content-type {NUMBER}"
            assert bk.failures(frame)["row"].tolist() == [1]
        assert all(each.endswith("?api-version=2022-10") for each in web.asked)
