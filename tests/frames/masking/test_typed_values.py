"""What a mask hides in typed values: nothing that it hides in the same payload as text is shown."""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro
import msgspec
import pyarrow as pa
import pytest

import brokerkit as bk
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.expand import expand
from brokerkit.frames.json_columns import HOLDS_JSON, json_texts
from brokerkit.frames.masking.mask import Mask
from brokerkit.frames.masking.texts import TextMask
from brokerkit.frames.masking.typed import TypedMask
from brokerkit.frames.object_decoder import object_columns

SECRET = "secret"


def record(name: str, *fields: tuple[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields]}


NODE = record("Node", ("id", "int"), ("email", "string"), ("next", ["null", "Node"]))
NODES = {"id": 1, "email": f"{SECRET}@a.de", "next": {"id": 2, "email": f"{SECRET}@b.de", "next": None}}
A, B = record("A", ("email", "string"), ("n", "int")), record("B", ("email", "string"))
CHOICE = record("Order", ("id", "int"), ("cust", ["null", A, B]))
CHOSEN = {"id": 1, "cust": ("A", {"email": SECRET, "n": 5})}


def encoded(schema: Any, value: Any) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(json.loads(json.dumps(schema))), value)
    return stream.getvalue()


def frame(mask: Mask | None, decoder: Any, payloads: list[bytes], part: str = "value") -> pa.Table:
    """A table of payloads, or of keys, as a mask shows them."""
    options = {"decoder": decoder} if part == "value" else {"key_decoder": decoder}
    builder = FrameBuilder(mask=mask, **options)
    values: dict[str, Any] = {"value": [b"{}"] * len(payloads)} | {part: payloads}
    return builder.to_table([builder.batch(Columns(length=len(payloads), topic="t", **values))])


def avro_frame(mask: Mask | None, schema: Any, value: Any, part: str = "value") -> pa.Table:
    return frame(mask, bk.avro(json.dumps(schema)), [encoded(schema, value)], part)


def shown(table: pa.Table, part: str = "value") -> str:
    return f"{table.column(part).to_pylist()} {table.column(part).type}"


RECURSIVE = [bk.Mask("**.email"), bk.Mask(name="email"), bk.Mask("email", "next.email"), bk.Mask(detect="email"), bk.Mask(allow=["id", "next.id"])]  # fmt: skip


@pytest.mark.parametrize("mask", RECURSIVE, ids=str)
@pytest.mark.parametrize("part", ["value", "key"])
def test_fields_of_a_record_within_itself_are_hidden(mask: Mask, part: str) -> None:
    table = avro_frame(mask, NODE, NODES, part)
    assert SECRET not in shown(table, part)
    inner = json.loads(table.column(part)[0].as_py()["next"])
    assert inner["id"] == 2


@pytest.mark.parametrize("format", ["msgpack", "cbor"])
@pytest.mark.parametrize(
    ("mask", "values"),
    [
        (bk.Mask("person.email"), [{"person": {"email": SECRET}}, {"person": "none"}]),
        (bk.Mask(name="email"), [{"person": [{"email": SECRET}]}, {"person": {"email": SECRET}}]),
        (bk.Mask("m.*.email"), [{"m": {f"k{i}": {"email": SECRET} for i in range(201)}}]),
    ],
)
def test_fields_in_json_text_are_hidden(format: str, mask: Mask, values: list[Any]) -> None:
    cbor2 = pytest.importorskip("cbor2")
    payloads = [(msgspec.msgpack.encode if format == "msgpack" else cbor2.dumps)(each) for each in values]
    table = frame(mask, object_columns(format, payloads), payloads)
    assert pa.types.is_struct(table.schema.field("value").type)
    assert SECRET not in shown(table)
    assert SECRET not in str(expand(table).to_pydict())


def test_text_that_should_be_json_and_is_not_is_hidden() -> None:
    field = pa.field("value", pa.struct([pa.field("a", pa.large_string(), metadata={HOLDS_JSON: b"1"})]))
    column: Any = pa.array([{"a": f"{{{SECRET}"}, {"a": '{"n":1}'}, {"a": None}], field.type)
    found = TypedMask(bk.Mask("b").document).masked(column, field)
    assert found.to_pylist() == [{"a": '"***"'}, {"a": '{"n":1}'}, {"a": None}]


def test_json_of_an_extension_type_is_hidden() -> None:
    column: Any = pa.ExtensionArray.from_storage(pa.json_(), pa.array([f'{{"email":"{SECRET}","n":1}}']))
    found = TypedMask(bk.Mask("email").document).masked(column)
    assert found.type == column.type
    assert found.storage.to_pylist() == ['{"email":"***","n":1}']


@pytest.mark.parametrize(
    "mask",
    [
        bk.Mask("cust.email"),
        bk.Mask("cust.A.email"),
        bk.Mask("cust"),
        bk.Mask("cust", action="last4"),
        bk.Mask("*.email"),
        bk.Mask(allow=["id", "cust.n"]),
    ],
    ids=str,
)
def test_a_path_hides_what_is_in_the_branches_of_a_union(mask: Mask) -> None:
    assert SECRET not in shown(avro_frame(mask, CHOICE, CHOSEN))
    in_list = record("L", ("cust", {"type": "array", "items": [A, B]}))
    assert SECRET not in shown(avro_frame(mask, in_list, {"cust": [CHOSEN["cust"]]}))
    in_map = record("M", ("cust", {"type": "map", "values": [A, B]}))
    inside = bk.Mask("cust.*.email") if "." in str(mask) and "allow" not in str(mask) else mask
    assert SECRET not in shown(avro_frame(inside, in_map, {"cust": {"k": CHOSEN["cust"]}}))


@pytest.mark.parametrize("part", ["value", "key"])
def test_a_path_hides_what_is_in_a_union_of_whole_payloads(part: str) -> None:
    table = avro_frame(bk.Mask("email"), [A, B], ("A", {"email": SECRET, "n": 5}), part)
    assert table.column(part)[0].as_py() == {"A": {"email": "***", "n": 5}, "B": None} or part == "key"
    assert SECRET not in shown(table, part)


def test_an_allow_list_shows_what_it_names_in_the_branches_of_a_union() -> None:
    found = avro_frame(bk.Mask(allow=["id", "cust.n"]), CHOICE, CHOSEN).column("value")[0].as_py()
    assert found == {"id": 1, "cust": {"A": {"email": "***", "n": 5}, "B": None}}


PERSON = {"alice.secret@x.de": 1, "by": {"4111111111111111": True, "secret@x.de": [1]}, "id": 3}
HIDING_NAMES = [bk.Mask(detect=["email", "card"]), bk.Mask(allow=["id"]), bk.Mask(allow=["by.*.n"])]


@pytest.mark.parametrize("mask", HIDING_NAMES, ids=str)
@pytest.mark.parametrize("part", ["value", "key"])
def test_names_that_come_from_payloads_are_hidden(mask: Mask, part: str) -> None:
    payloads = [msgspec.msgpack.encode(PERSON)]
    table = frame(mask, object_columns("msgpack", payloads), payloads, part)
    assert SECRET not in shown(table, part)
    assert "4111111111111111" not in shown(table, part)
    expanded = expand(table, column=part)
    assert SECRET not in f"{expanded.schema} {expanded.to_pydict()}"


@pytest.mark.parametrize(
    ("mask", "items", "entries"),
    [
        (bk.Mask(detect="email"), pa.int64(), [(f"{SECRET}@x.de", 1)]),
        (bk.Mask(allow=["id"]), pa.int64(), [(SECRET, 1)]),
        (bk.Mask(allow=["*.id"]), pa.struct([("n", pa.int64())]), [(SECRET, {"n": 1})]),
        (bk.Mask(allow=["*.id"]), pa.list_(pa.int64()), [(SECRET, [1])]),
        (bk.Mask(detect="card"), pa.int64(), [(4111111111111111, 1)]),
        (bk.Mask(allow=["5.id"]), pa.struct([("id", pa.int64())]), [(5, {"id": 1}), (4111111111111111, {"id": 2})]),
        (bk.Mask("true"), pa.string(), [(True, SECRET)]),
        (bk.Mask("x"), pa.int64(), [(SECRET.encode(), 1)]),
    ],
)  # fmt: skip
def test_names_of_maps_are_hidden(mask: Mask, items: pa.DataType, entries: list[Any]) -> None:
    column: Any = pa.array([entries], pa.map_(pa.scalar(entries[0][0]).type, items))
    found = str(TypedMask(mask.document).masked(column).to_pylist())
    assert SECRET not in found
    assert "4111111111111111" not in found


def test_an_allow_list_shows_the_names_of_maps_that_it_names() -> None:
    column: Any = pa.array([[("a", {"id": 1, "n": 2})]], pa.map_(pa.string(), pa.struct([("id", pa.int64()), ("n", pa.int64())])))  # fmt: skip
    found = TypedMask(bk.Mask(allow=["*.id"]).document).masked(column)
    assert found.to_pylist() == [[("a", {"id": 1, "n": None})]]


@pytest.mark.parametrize("schema", ["long", "string", ["long", "string"]], ids=str)
def test_a_typed_key_without_fields_follows_the_rule_for_keys(schema: Any) -> None:
    value = SECRET if schema == "string" else 12345
    for mask in (bk.Mask(detect="iban", key="hide"), bk.Mask("a")):
        found = shown(avro_frame(mask, schema, value, "key"), "key")
        assert SECRET not in found
        assert "12345" not in found


def leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [leaf for each in value.items() for part in each for leaf in leaves(part)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in leaves(each)]
    return [str(value)]


EVERYTHING = record(
    "All",
    ("a", ["null", record("X", ("b", "string"), ("c", ["null", "X", "long"])), {"type": "map", "values": ["string", "X"]}]),
    ("b", {"type": "array", "items": ["X", "string"]}),
    ("c", {"type": "map", "values": {"type": "array", "items": "X"}}),
)  # fmt: skip
X = {"b": "b1", "c": ("X", {"b": "b2", "c": None})}
ALL = {"a": ("X", X), "b": [("X", X), "s1"], "c": {"k1": [X]}}
PATHS = ["a", "a.b", "a.c", "a.c.b", "b", "b.b", "b.c", "b.c.b", "c", "c.*", "c.k1.b", "c.k1.c", "**.b", "a.**.b", "**.c"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", ["path", "allow"])
def test_typed_values_show_nothing_that_the_text_does_not(path: str, kind: str) -> None:
    mask = bk.Mask(path) if kind == "path" else bk.Mask(allow=[path])
    decoder: Any = bk.avro(json.dumps(EVERYTHING))
    payload = encoded(EVERYTHING, ALL)
    plain = frame(None, decoder, [payload]).column("value").combine_chunks()
    masked = frame(mask, decoder, [payload]).column("value").combine_chunks()
    text = json_texts(plain, decoder.field)[0].as_py()
    as_text = set(leaves(json.loads(TextMask(mask.document, mask.keys).payload(text))))
    typed = set(leaves(json.loads(json_texts(masked, decoder.field)[0].as_py())))
    # the names in the schema are no secret
    assert typed - {"a", "b", "c", "None"} <= as_text
