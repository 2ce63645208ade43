"""With a source of schemas, `auto` reads payloads that name their schema, each by its own evidence."""

from __future__ import annotations

import gzip
import itertools
import json
import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.attributes import Attributes
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import NotFound, Unavailable
from brokerkit.frames.attributes import attributes_array
from brokerkit.frames.auto import AutoDecoder, registered
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.dataframe import to_pandas
from brokerkit.frames.decoded import Decoded, Payloads
from brokerkit.frames.outbound import messages_from_frame
from brokerkit.frames.provenance import attach, provenance
from brokerkit.registry import RegisteredSchema, SchemaRef, SchemaReference

GOLDEN = json.loads((Path(__file__).parent / "codecs" / "framings" / "golden.json").read_text("utf-8"))
NUMBERS = itertools.count()
LONG = RegisteredSchema("AVRO", '"long"')
TEXT = RegisteredSchema("AVRO", '"string"')


class Source:
    """Schemas in memory, which counts what it is asked."""

    kinds = frozenset({"id", "guid", "global", "content", "content-type", "pulsar", "pubsub"})

    def __init__(self, schemas: dict[SchemaRef, RegisteredSchema], subjects: Any = None) -> None:
        self.name = f"memory {next(NUMBERS)}"
        self.schemas = schemas
        self.subjects = subjects or {}
        self.asked: list[SchemaRef] = []
        self.down = False

    def resolve(self, ref: SchemaRef) -> RegisteredSchema:
        self.asked.append(ref)
        if self.down:
            raise Unavailable("no answer came", retryable=True)
        if ref not in self.schemas:
            raise NotFound("no such schema")
        return self.schemas[ref]

    def with_references(self, schema: RegisteredSchema) -> dict[str, RegisteredSchema]:
        found: dict[str, RegisteredSchema] = {}
        for reference in schema.references:
            other = self.subjects[reference.subject, reference.version]
            found |= self.with_references(other) | {reference.name: other}
        return found


def golden_source(by: str) -> Source:
    """The schemas of a registry as the golden payloads were written with."""
    schemas, subjects = {}, {}
    for each in GOLDEN["schemas"][by]:
        references = tuple(SchemaReference(**one) for one in each.get("references", ()))
        schema = RegisteredSchema(each.get("schemaType", "AVRO"), each["schema"], references)
        if "ref" in each:
            schemas[SchemaRef(*each["ref"])] = schema
            continue
        subjects[each["subject"], each["version"]] = schema
        schemas[SchemaRef("id", each["id"])] = schema
        if "guid" in each:
            schemas[SchemaRef("guid", each["guid"])] = schema
        if "globalId" in each:
            schemas[SchemaRef("global", each["globalId"])] = schema
            schemas[SchemaRef("content", each["id"])] = schema
    return Source(schemas, subjects)


def decoded(
    source: Source | None, payloads: list[bytes | None], attributes: Any = None, is_key: bool = False
) -> Decoded:
    pairs = (
        None
        if attributes is None
        else attributes_array([Attributes(each) for each in attributes], len(payloads))
    )
    data = pa.array(payloads, pa.large_binary())
    return AutoDecoder(source).decode(Payloads(data, attributes=pairs, is_key=is_key))


def rows(found: Decoded) -> list[tuple[str | None, str | None, str | None]]:
    length = len(found.value)
    formats = [found.format_name] * length if found.format is None else found.format.to_pylist()
    schemas = [None] * length if found.schema is None else found.schema.to_pylist()
    return list(zip(found.value.to_pylist(), formats, schemas, strict=True))


def set_fields(value: Any) -> Any:
    """JSON without the fields that are not set, as the golden values are written."""
    if isinstance(value, dict):
        return {name: set_fields(each) for name, each in value.items() if each not in (None, [], {}, 0, "")}
    return [set_fields(each) for each in value] if isinstance(value, list) else value


def confluent(number: int, body: bytes) -> bytes:
    return b"\0" + number.to_bytes(4, "big") + body


REGISTERED = [each for each in GOLDEN["payloads"] if each["by"] in GOLDEN["schemas"]]


@pytest.mark.parametrize("golden", REGISTERED, ids=[f"{each['by']}: {each['name']}" for each in REGISTERED])
def test_payloads_of_the_official_serializers_are_read(golden: dict[str, Any]) -> None:
    payload = bytes.fromhex(golden["payload"])
    attributes = {name: bytes.fromhex(value) for name, value in golden["attributes"].items()}
    found = decoded(golden_source(golden["by"]), [payload], [attributes], golden["part"] == "key")
    assert not found.failures
    ((value, format, schema),) = rows(found)
    expected = golden["value"]
    if "avro.encoding=JSON" in golden["name"]:
        expected = {"id": 7, "n": {"string": "x"}}
    assert set_fields(json.loads(value or "")) == set_fields(expected)
    kind = next(each for each in ("avro", "protobuf", "json") if each in golden["name"])
    # four bytes are what Confluent writes, too
    names = ("confluent", "apicurio") if "Legacy4Byte" in golden["name"] else (golden["by"],)
    assert format in [f"{name}+{kind}" for name in names]
    assert schema
    assert found.raw.to_pylist() == [None if value and value.encode() == payload else payload]


def test_rows_of_several_writers_and_formats_keep_their_order() -> None:
    source = golden_source("confluent")
    payloads = [bytes.fromhex(each["payload"]) for each in GOLDEN["payloads"] if each["by"] == "confluent" and not each["attributes"]]  # fmt: skip
    plain = [b'{"a": 1}', None, b"", b"\0", b"\0\0\0\0", b"words", b"\0\0\0\0\x63", bytes(range(200, 240))]
    alone = [rows(decoded(source, [each]))[0] for each in payloads + plain]
    mixed = (payloads + plain) * 3
    found = decoded(source, mixed)
    assert rows(found) == alone * 3
    assert [row[1] for row in alone[: len(payloads)]].count("confluent+avro") == 3
    assert rows(decoded(None, plain)) == alone[len(payloads) :]


def test_a_row_is_read_only_if_the_schema_uses_its_body_up() -> None:
    source = Source({SchemaRef("id", 7): LONG})
    found = decoded(source, [confluent(7, b"\2"), confluent(7, b"\2\2"), confluent(7, b"\x80")])
    assert [value for value, *_ in rows(found)] == ["1", None, None]
    assert [failure.row for failure in found.failures] == [1, 2]
    assert found.failures[0].byte == 6
    assert "left over" in found.failures[0].text
    assert found.raw.to_pylist()[1] == confluent(7, b"\2\2")


def test_a_row_that_two_schemas_read_differently_is_not_decoded() -> None:
    payload = confluent(7, b"\2a")
    point = RegisteredSchema("AVRO", '{"type":"record","name":"P","fields":[{"name":"x","type":"long"},{"name":"y","type":"long"}]}')  # fmt: skip
    both = {SchemaRef("id", 7): TEXT, SchemaRef("global", 7): point}
    found = decoded(Source(both), [payload])
    assert rows(found)[0][0] is None
    assert "both fit" in found.failures[0].reason
    # the same schema under both ids, or one that does not fit, leaves one reading
    for other in (TEXT, LONG):
        found = decoded(Source({**both, SchemaRef("global", 7): other}), [payload])
        assert rows(found) == [('"a"', "confluent+avro", "id 7")]
        assert not found.failures


def test_a_registry_that_is_down_is_a_failure_of_its_rows_until_it_answers() -> None:
    source = Source({SchemaRef("id", 7): LONG})
    source.down = True
    decoder = AutoDecoder(source)
    batch = Payloads(pa.array([b"{}", confluent(7, b"\2"), confluent(7, b"\4"), None], pa.large_binary()))
    found = decoder.decode(batch)
    assert [value for value, *_ in rows(found)] == ["{}", None, None, None]
    assert [(failure.row, "no answer came" in failure.reason) for failure in found.failures] == [(1, True), (2, True)]  # fmt: skip
    assert found.raw.to_pylist() == [None, confluent(7, b"\2"), confluent(7, b"\4"), None]
    source.down = False
    found = decoder.decode(batch)
    assert [value for value, *_ in rows(found)] == ["{}", "1", "2", None]
    assert not found.failures


def test_an_unknown_id_is_a_failure_only_where_the_frame_is_evident() -> None:
    source = Source({SchemaRef("id", 7): LONG})
    noise = confluent(8, b"\2")
    found = decoded(source, [noise])
    assert (rows(found), found.failures, found.binary) == ([(None, "bytes", None)], [], 1)
    found = decoded(source, [noise, confluent(7, b"\2")])
    assert [(one.row, f"id 8 is not in {source.name}" in one.reason) for one in found.failures] == [(0, True)]
    found = decoded(source, [b"text", b"\2"], [{"__value_schema_id": noise[:5]}] * 2)
    assert [value for value, *_ in rows(found)] == ["text", None]
    assert [one.row for one in found.failures] == [0, 1]


def test_each_topic_of_a_batch_is_judged_by_its_own_payloads() -> None:
    source = Source({SchemaRef("id", 7): LONG})
    payloads: list[Any] = [confluent(8, b"\2"), confluent(8, b"\2"), confluent(7, b"\2"), None, b"{}"]
    topics = ["noise", "framed", "framed", "noise", "noise"]
    columns = Columns(length=5, topic=topics, value=payloads)
    builder = FrameBuilder(schemas=source)
    made = attach(to_pandas(builder.to_table([builder.batch(columns)])), provenance(builder, source="x://"))
    assert bk.failures(made)["row"].tolist() == [1]
    assert made.attrs["brokerkit"]["counts"]["failures"] == 1


@pytest.mark.extended
def test_noise_asks_for_a_limited_number_of_ids() -> None:
    source = Source({SchemaRef("id", 7): LONG})
    decoder = AutoDecoder(source)
    payloads = [confluent(number, b"\2") for number in range(1000, 3000)]
    for _ in range(3):
        decoder.decode(Payloads(pa.array(payloads, pa.large_binary())))
    assert len([ref for ref in source.asked if ref.kind == "id"]) == registered.MOST_UNKNOWN
    # a known id is still found, and the rows that were not asked for say so
    source.schemas[SchemaRef("global", 7)] = LONG
    found = AutoDecoder(source).decode(
        Payloads(pa.array([confluent(7, b"\2"), *payloads], pa.large_binary()))
    )
    assert rows(found)[0][0] == "1"
    assert "was not asked for" in found.failures[-1].reason


def test_long_ids_that_no_registry_gives_are_not_asked_for() -> None:
    source = Source({SchemaRef("id", 7): TEXT})
    decoded(source, [confluent(7, b"\6abc"), confluent(7, b"\6abd")])
    assert {ref.kind for ref in source.asked} == {"id", "global"}


@pytest.mark.parametrize("attributes", [{}, {"content-encoding": b"gzip"}], ids=["by magic", "declared"])
def test_a_frame_inside_gzip_is_read(attributes: dict[str, bytes]) -> None:
    source = Source({SchemaRef("id", 7): LONG})
    payload = gzip.compress(confluent(7, b"\2"), mtime=0)
    found = decoded(source, [payload, confluent(7, b"\4")], [attributes, {}])
    assert rows(found) == [("1", "gzip+confluent+avro", "id 7"), ("2", "confluent+avro", "id 7")]
    assert found.raw.to_pylist() == [payload, confluent(7, b"\4")]


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (RegisteredSchema("AVRO", "{"), "Avro schema cannot be used"),
        (RegisteredSchema("PROTOBUF", "message {"), ""),
        (RegisteredSchema("XML", "<a/>"), "'XML' cannot be used"),
    ],
    ids=["avro", "protobuf", "xml"],
)
def test_a_schema_that_cannot_be_used_is_a_failure_of_its_rows(schema: RegisteredSchema, reason: str) -> None:
    found = decoded(Source({SchemaRef("id", 7): schema}), [confluent(7, b"\2"), b"{}"])
    assert [value for value, *_ in rows(found)] == [None, "{}"]
    assert [one.row for one in found.failures] == [0]
    assert reason in found.failures[0].reason


def frame(source: Source, payloads: list[bytes | None]) -> Any:
    columns = Columns(length=len(payloads), topic="t", value=payloads)
    builder = FrameBuilder(schemas=source)
    made = to_pandas(builder.to_table([builder.batch(columns)]))
    return attach(made, provenance(builder, source="memory://"))


def test_a_frame_is_published_as_the_bytes_it_was_read_from() -> None:
    source = golden_source("confluent")
    payloads = [bytes.fromhex(each["payload"]) for each in GOLDEN["payloads"] if each["by"] == "confluent" and not each["attributes"]]  # fmt: skip
    made = frame(source, [*payloads, b"{}", None, b"\xff"])
    assert [each.data for each in messages_from_frame(made).items(0, len(made))] == [
        *payloads,
        b"{}",
        None,
        b"\xff",
    ]
    made.loc[0, "value"] = "{}"
    assert "row 0, its value was edited, and does not fit the schema" in str(
        messages_from_frame(made).items(0, 1)[0]
    )


def test_failures_are_found_again_by_the_source_of_the_frame() -> None:
    source = Source({SchemaRef("id", 7): LONG})
    found = bk.failures(frame(source, [confluent(7, b"\2"), confluent(7, b"")]))
    assert found["row"].tolist() == [1]
    assert found["layer"].tolist() == ["confluent+avro"]


def test_the_decoder_goes_to_other_processes_without_what_it_knows() -> None:
    decoder = AutoDecoder()
    assert pickle.loads(pickle.dumps(decoder)) == decoder


@pytest.mark.parametrize("golden", REGISTERED, ids=[f"{each['by']}: {each['name']}" for each in REGISTERED])
def test_rows_in_the_middle_of_a_larger_batch_are_read_as_they_are_alone(golden: dict[str, Any]) -> None:
    """All rows of a slice have one schema, and others lie before and behind them in memory."""
    payload, source = bytes.fromhex(golden["payload"]), golden_source(golden["by"])
    attributes = {name: bytes.fromhex(value) for name, value in golden["attributes"].items()}
    around = pa.array([b"\0\0\0\0\1before", None, payload, payload, b"{}"], pa.large_binary())
    pairs = attributes_array([Attributes(attributes)] * 2, 2)
    is_key = golden["part"] == "key"
    found = AutoDecoder(source).decode(Payloads(around.slice(2, 2), attributes=pairs, is_key=is_key))
    alone = decoded(source, [payload], [attributes], is_key)
    assert rows(found) == rows(alone) * 2
    assert [each.reason for each in found.failures] == [each.reason for each in alone.failures] * 2
