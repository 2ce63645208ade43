"""Protobuf schemas: from text, files, descriptors and classes, and which message is meant."""

from __future__ import annotations

import base64
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, timestamp_pb2

from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.frames.codecs.extras import MissingExtra
from brokerkit.frames.codecs.protobuf import ProtobufSchema

from .protobuf_messages import COMMON, ORDER, class_of, made, payloads, shop

NESTED = """
syntax = "proto3";
package p;
message A { int32 x = 1; }
message B { message C { message D { int32 x = 1; } D d = 1; } message E { int32 x = 1; } C c = 1; }
"""


def file_of(schema: ProtobufSchema) -> bytes:
    proto = descriptor_pb2.FileDescriptorProto()
    schema.pool.FindFileByName(schema.main).CopyToProto(proto)
    return proto.SerializeToString()


def set_of(schema: ProtobufSchema) -> bytes:
    files = descriptor_pb2.FileDescriptorSet()
    waiting, seen = [schema.pool.FindFileByName(schema.main)], set()
    while waiting:
        each = waiting.pop()
        if each.name not in seen:
            seen.add(each.name)
            each.CopyToProto(files.file.add())
            waiting.extend(each.dependencies)
    return files.SerializeToString()


def first_value(schema: ProtobufSchema, name: str) -> Any:
    columns = schema.columns(schema.message(name))
    return columns.read(payloads([b"\x08\x07"])).values.to_pylist()[0]


def test_an_error_in_a_text_names_the_file_the_line_and_what_is_wrong() -> None:
    text = 'syntax = "proto3";\nmessage A {\n  Missing m = 1;\n}\n'
    with pytest.raises(ConfigError, match=r'a\.proto, line 3: "Missing" is not defined') as caught:
        ProtobufSchema.from_text(text, name="a.proto")
    assert "/tmp" not in str(caught.value)


def test_an_error_in_an_imported_text_names_that_file() -> None:
    with pytest.raises(ConfigError, match=r"sub/b\.proto, line 2"):
        ProtobufSchema.from_text(
            'syntax = "proto3";\nimport "sub/b.proto";\n', {"sub/b.proto": 'syntax = "proto3";\nmess A {}\n'}
        )


def test_a_missing_import_is_named() -> None:
    with pytest.raises(ConfigError, match=r"other\.proto.*not found"):
        ProtobufSchema.from_text('syntax = "proto3";\nimport "other.proto";\n')


@pytest.mark.parametrize("name", ["../out.proto", "/etc/x.proto", "a/../../x.proto", "-Iother"])
def test_a_name_cannot_lead_out_of_the_schema(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the name .* of a schema must be one such as"):
        ProtobufSchema.from_text('syntax = "proto3";\n', {name: 'syntax = "proto3";\n'})


@pytest.mark.parametrize(
    "imported",
    [
        "google/protobuf/timestamp.proto",
        "google/type/money.proto",
        "confluent/meta.proto",
        "confluent/type/decimal.proto",
    ],
)
def test_types_that_come_with_protobuf_and_registries_need_not_be_given(imported: str) -> None:
    schema = ProtobufSchema.from_text(
        f'syntax = "proto3";\nimport "{imported}";\nmessage A {{ int32 x = 1; }}'
    )
    assert schema.names == ["A"]


@pytest.mark.parametrize(
    "texts", [{"a.proto": "", "a.proto/b.proto": ""}, {"a\0.proto": ""}, {"a.proto": "\ud800"}]
)
def test_texts_that_cannot_be_files_are_refused(texts: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="cannot be written to be compiled"):
        ProtobufSchema.from_text('syntax = "proto3";\n', texts)


def test_a_schema_is_read_from_a_file_with_imports_next_to_it(tmp_path: Path) -> None:
    (tmp_path / "common.proto").write_text(COMMON)
    (tmp_path / "order.proto").write_text(ORDER)
    schema = ProtobufSchema.from_path(tmp_path / "order.proto")
    assert "shop.v1.Order" in schema.names
    (tmp_path / "order.desc").write_bytes(set_of(shop()))
    assert ProtobufSchema.from_path(str(tmp_path / "order.desc")).pool.FindMessageTypeByName("shop.v1.Order")
    with pytest.raises(ConfigError, match="there is no schema"):
        ProtobufSchema.from_path(tmp_path / "none.proto")
    with pytest.raises(ConfigError, match="cannot be read"):
        ProtobufSchema.from_path(tmp_path / "none.desc")


@pytest.mark.parametrize(
    "encode", [bytes, lambda data: base64.b64encode(data).decode()], ids=["bytes", "base64"]
)
def test_a_schema_is_read_from_a_descriptor(encode: Any) -> None:
    common = ProtobufSchema.from_text(COMMON, name="common.proto")
    from_set = ProtobufSchema.from_descriptor(encode(set_of(shop())), main="order.proto")
    from_file = ProtobufSchema.from_descriptor(
        encode(file_of(shop())), {"common.proto": encode(file_of(common))}
    )
    assert from_set.names == from_file.names == shop().names


def test_a_descriptor_without_its_import_names_what_is_missing() -> None:
    with pytest.raises(ConfigError, match=r"'common\.proto', which is missing"):
        ProtobufSchema.from_descriptor(file_of(shop()))


@pytest.mark.parametrize("data", [b"", b"\x00\x01", b'{"type":"record"}', "!!", "AAECAw=="])
def test_bytes_that_are_no_descriptor_are_refused(data: Any) -> None:
    with pytest.raises(ConfigError, match="descriptor|Descriptor"):
        ProtobufSchema.from_descriptor(data)


def test_a_descriptor_that_imports_itself_is_refused() -> None:
    files = descriptor_pb2.FileDescriptorSet()
    files.file.add(name="a.proto", syntax="proto3", dependency=["b.proto"])
    files.file.add(name="b.proto", syntax="proto3", dependency=["a.proto"])
    with pytest.raises(ConfigError, match="imports itself"):
        ProtobufSchema.from_descriptor(files.SerializeToString())


def test_a_schema_is_taken_from_a_generated_class_and_from_its_descriptor() -> None:
    kind = timestamp_pb2.Timestamp
    for each in (kind, kind(), kind.DESCRIPTOR, kind.DESCRIPTOR.file):
        assert ProtobufSchema.from_class(each).names == ["google.protobuf.Timestamp"]
    dynamic = class_of(shop().message("Order"))
    assert ProtobufSchema.from_class(dynamic).names == shop().names
    with pytest.raises(ConfigError, match="expected a generated message class"):
        ProtobufSchema.from_class(object())


@pytest.mark.extended
def test_two_schemas_with_the_same_names_do_not_meet() -> None:
    one = made('syntax = "proto3"; package p; message M { int32 x = 1; }')
    other = made('syntax = "proto3"; package p; message M { bool x = 1; }')
    assert first_value(one, "M") == {"x": 7}
    assert first_value(other, "M") == {"x": True}
    assert first_value(one, "p.M") == {"x": 7}


def test_a_schema_can_be_sent_to_another_process() -> None:
    again = pickle.loads(pickle.dumps(shop()))
    assert (again.main, again.names) == (shop().main, shop().names)
    assert first_value(again, "Ignored") == {"a": 7}


def test_a_missing_library_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    data, main = set_of(shop()), shop().main
    monkeypatch.setitem(sys.modules, "grpc_tools", None)
    with pytest.raises(MissingExtra, match=r'a schema as text needs .*brokerkit-notebook\[protobuf\]"'):
        ProtobufSchema.from_text('syntax = "proto3";')
    # descriptors need no compiler
    schema = ProtobufSchema.from_descriptor(data, main=main)
    assert first_value(schema, "Ignored") == {"a": 7}
    monkeypatch.setitem(sys.modules, "ptars", None)
    with pytest.raises(
        MissingExtra, match=r'Protobuf needs the module .ptars.*brokerkit-notebook\[protobuf\]"'
    ):
        first_value(schema, "Ignored")


@pytest.mark.extended
def test_a_message_is_chosen_by_its_name_or_the_end_of_it() -> None:
    schema = made(NESTED)
    assert schema.message("p.B.C.D").full_name == "p.B.C.D"
    assert schema.message("E").full_name == schema.message(".p.B.E").full_name == "p.B.E"
    assert shop().message("google.protobuf.Timestamp").full_name == "google.protobuf.Timestamp"
    with pytest.raises(ConfigError, match=r"no message 'X'; it has p\.A, p\.B"):
        schema.message("X")
    with pytest.raises(ConfigError, match=r"several messages; choose one of p\.A, p\.B"):
        schema.message()
    twice = made('syntax = "proto3"; message A { message X {} X x = 1; } message B { message X {} X x = 1; }')
    with pytest.raises(ConfigError, match=r"the end of several messages: A\.X, B\.X"):
        twice.message("X")
    assert made('syntax = "proto3"; message A { message X {} X x = 1; }').message().full_name == "A"


@pytest.mark.parametrize(
    ("path", "name"),
    [([0], "p.A"), ([1], "p.B"), ([1, 0], "p.B.C"), ([1, 0, 0], "p.B.C.D"), ([1, 1], "p.B.E")],
)
def test_a_message_is_chosen_by_its_place(path: list[int], name: str) -> None:
    assert made(NESTED).message_at(path).full_name == name


@pytest.mark.parametrize("path", [[2], [0, 0], [1, 2], [-1], []])
def test_a_place_without_a_message_is_an_error(path: list[int]) -> None:
    with pytest.raises(ConfigError):
        made(NESTED).message_at(path)
