"""What each rule of a mask hides in JSON, and that it touches nothing else."""

from __future__ import annotations

import base64
import contextlib
import json
import pickle
import re
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import brokerkit as bk
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.codecs.compression import compress
from brokerkit.frames.masking.detectors import DETECTORS, MAY_HOLD, may_hold_in_bytes
from brokerkit.frames.masking.encoded import EACH, LEAST, Exhausted, encoded_spans
from brokerkit.frames.masking.mask import as_mask
from brokerkit.frames.masking.texts import TextMask

KEY = "a key for hashes"
drawn = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])


def shown(mask: bk.Mask | str, text: str) -> str:
    made = as_mask(mask)
    return TextMask(made.document, made.keys).payload(text)


@pytest.mark.parametrize(
    ("mask", "text", "expected"),
    [
        ("email", '{"id": 1.10, "email":"a@b.cc"}', '{"id": 1.10, "email":"***"}'),
        ("a.email", '{"email":"x","a":{"email":"y","b":{"email":"z"}}}', '{"email":"x","a":{"email":"***","b":{"email":"z"}}}'),
        ("lines.email", '{"lines":[{"email":"x"},{"email":"y","n":1e400}]}', '{"lines":[{"email":"***"},{"email":"***","n":1e400}]}'),
        ("lines[].email", '{"lines":[[{"email":"x"}]]}', '{"lines":[[{"email":"***"}]]}'),
        ("lines.*.email", '{"lines":{"a":{"email":"x"},"b":{"mail":"x"}}}', '{"lines":{"a":{"email":"***"},"b":{"mail":"x"}}}'),
        ("**.email", '{"email":"x","a":[{"b":{"email":2}}]}', '{"email":"***","a":[{"b":{"email":"***"}}]}'),
        ("a.**.z", '{"a":{"z":1,"b":{"z":2}},"z":3}', '{"a":{"z":"***","b":{"z":"***"}},"z":3}'),
        ("cust*.e?ail", '{"customer":{"email":"x"}}', '{"customer":{"email":"***"}}'),
        ("customer", '{"customer":{"email":"x"},"n":[]}', '{"customer":"***","n":[]}'),
        (r"a\.b", '{"a.b":"x","a":{"b":"y"}}', '{"a.b":"***","a":{"b":"y"}}'),
        ("$.locked", '{"locked":"x"}', '{"locked":"***"}'),
        ("email", '{"email":null,"n":true}', '{"email":null,"n":true}'),
        ("email", '{"email":"x","n":1,"email":"y"}', '{"email":"***","n":1,"email":"***"}'),
        ("email", r'{"\u0065mail":"x"}', r'{"\u0065mail":"***"}'),
        ("email", '\ufeff{"email":"x","n":NaN}', '\ufeff{"email":"***","n":NaN}'),
        ("name:*MAIL*", '{"eMail":"x","a":{"mails":["y"]}}', '{"eMail":"***","a":{"mails":"***"}}'),
        ("email", "a@b.cc", "***"),
        ("email", '{"email":"x"', "***"),
        ("email", '"a@b.cc"', '"***"'),
        ("email", "4915112345678", '"***"'),
        ("email", '["a@b.cc",{"n":1}]', '["***",{"n":1}]'),
        ("email", "null", "null"),
        ("allow:id", '{"id":7,"email":"x"}', '{"id":7,"***": "***"}'),
        ("allow:id", '{"a":1, "id":7 , "b":{"c":1}, "d":[2]}', '{"***": "***", "id":7 }'),
        ("allow:a.id", '{"a":{"id":7,"b":1},"c":{"id":8}}', '{"a":{"id":7,"***": "***"},"***": "***"}'),
        ("allow:a.id", '{"a":[{"id":7},{"b":1},3]}', '{"a":[{"id":7},"***","***"]}'),
        ("allow:a.id", '{"a":{"ada@b.cc":{"id":1}}}', '"***"'),
        ("allow:**.id", '{"x":{"y":1},"z":[{"id":2}]}', '{"***": "***","z":[{"id":2}]}'),
        ("allow:a; a.email", '{"a":{"email":"x","n":1}}', '{"a":{"email":"***","n":1}}'),
        ("allow:a; allow:a.b", '{"a":{"b":1,"c":2}}', '{"a":{"b":1,"***": "***"}}'),
        ("detect:email", '{"t":"to a@b.cc, now","n":12345678901234567890}', '{"t":"to ***, now","n":12345678901234567890}'),
        ("detect:email", r'{"t":"a\u0040b.cc"}', '{"t":"***"}'),
        ("detect:email", r'{"t":"{\"t\":\"a\\u0040b.cc\"}"}', '{"t":"***"}'),
        ("detect:email", '{"a@b.cc":{"t":"x"}}', '{"***":{"t":"x"}}'),
        ("detect:email", "mail a%40b.cc!", "mail ***!"),
        ("detect:email", "nothing here", "nothing here"),
        ("detect:card", '{"n":4111111111111111,"t":"4111 1111 1111 1111","o":4111111111111112}', '{"n":"***","t":"***","o":4111111111111112}'),
        ("detect:card=last4", "card 4111-1111-1111-1111 ok 12", "card ***1111 ok 12"),
        ("detect:iban", "DE89 3704 0044 0532 0130 00 and DE88370400440532013000", "*** and DE88370400440532013000"),
        ("detect:phone", "ring +49 (0)30 1234567 or 030-1234567, 2026-11-28 10.0.0.1", "ring *** or ***, 2026-11-28 10.0.0.1"),
        ("card=last4", '{"card":"4111111111111111","x":1}', '{"card":"***1111","x":1}'),
        ("card=last4", '{"card":["41111111","1234"]}', '{"card":["***1111","***"]}'),
        ("card=last4", '{"card":4111111111111111}', '{"card":"***1111"}'),
        ("card=last4; card", '{"card":"4111111111111111"}', '{"card":"***"}'),
    ],
)  # fmt: skip
def test_a_rule_hides_what_it_names_and_nothing_else(mask: str, text: str, expected: str) -> None:
    assert shown(mask, text) == expected


PARTS = st.one_of(
    st.text("0123456789 -./()+@DE%4a", max_size=6),
    st.sampled_from(
        ["a@b.cc", "a%40b.cc", "4111-1111 1111 1111", "DE89370400440532013000", "+49 (0)30 1234567"]
    ),
)


def encoded(text: str, *layers: str) -> str:
    """A text in these layers, the inner one first."""
    data = text.encode()
    for layer in layers:
        data = base64.b64encode(data) if layer == "base64" else compress(layer, data)
    return data.decode()


MAIL = "to ada@example.com"
PACKED_MAIL = bytes([0x81, 0xA4]) + b"mail" + bytes([0xB2]) + MAIL.encode()


@pytest.mark.parametrize(
    "hidden",
    [
        encoded(MAIL, "base64"),
        encoded(MAIL, "base64").rstrip("="),
        encoded(MAIL, *["base64"] * 4),
        encoded(MAIL, "gzip", "base64"),
        encoded(MAIL, "gzip", "base64", "base64"),
        encoded(MAIL, "gzip", "zstd", "base64"),
        base64.b64encode(compress("gzip", MAIL.encode()) + b"more").decode(),
        base64.b64encode(compress("gzip", MAIL.encode() * 3)[:-6]).decode(),
        encoded('{"t":"ada\\u0040example.com"}', "base64"),
        base64.b64encode(PACKED_MAIL).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe\xfb" + MAIL.encode()).decode(),
        base64.encodebytes(MAIL.encode() * 9).decode().strip(),
    ],
)
def test_detectors_look_into_base64_and_hide_it_whole(hidden: str) -> None:
    assert shown("detect:email", hidden) == "***"
    assert shown("detect:email", f"Basic {hidden}, ok") == "Basic ***, ok"
    assert json.loads(shown("detect:email=last4", json.dumps({"t": hidden, "n": 1}))) == {"t": "***", "n": 1}
    assert json.loads(shown("detect:email", json.dumps({"t": ["/a/b/" + hidden]})))["t"][0] in (
        "***",
        "/a/b/***",
        "/***",
    )
    assert shown("detect:iban", hidden if len(hidden) < 1_000 else "x") == (
        hidden if len(hidden) < 1_000 else "x"
    )


LONG_MAIL = base64.encodebytes(MAIL.encode() * 9).decode()


@pytest.mark.parametrize("hidden", [
    "attachment\n" + encoded(MAIL, "base64"), "attachments\r\n" + encoded(MAIL, "base64"),
    "user-" + encoded(MAIL, "base64"), "user_" + encoded(MAIL, "base64"), "id" + encoded(MAIL, "base64"),
    "user-" + encoded(MAIL, "gzip", "base64"), "x" + encoded(MAIL, "zstd", "base64"), "user_" + encoded(MAIL, "snappy", "base64"),
    "user_" + encoded("user-" + encoded(MAIL, "base64"), "base64"),
    "Subject: somethinglong\n" + LONG_MAIL, LONG_MAIL.replace("\n", "\n\t"),
    "\n".join(re.findall(".{1,8}", encoded(MAIL, "base64"))), "line\n" + "\n".join(re.findall(".{1,5}", encoded(MAIL, "base64"))),
    json.dumps({"u": "aaa\n" + encoded(MAIL, "base64")}), json.dumps({"u": json.dumps({"v": LONG_MAIL})}),
])  # fmt: skip
def test_detectors_find_base64_behind_words_and_in_lines(hidden: str) -> None:
    for text in (hidden, json.dumps({"t": hidden}), json.dumps({"t": json.dumps([hidden])})):
        found = shown("detect:email", text)
        assert "***" in found
        # what is left of it are not even the letters of one line
        assert not re.search(r"dG8g|YWRh|QGV4|YW1w|VzZXI|H4sI|KLUv", found)


@pytest.mark.parametrize("number", ["DE89370400440532013000", "+4930123456789"])
def test_a_word_in_front_of_base64_is_not_part_of_a_number_in_it(number: str) -> None:
    for prefix in ("user-", "a_", "ab/", "account\n", "customers\n"):
        assert "***" in shown("detect:iban; detect:phone", prefix + encoded(number + " and more", "base64"))


def packed(text: bytes) -> bytes:
    return base64.b64encode(zlib.compress(text, 9))


def bomb() -> str:
    text = packed(b" " * 1_000_000)
    for _ in range(2):
        text = packed((text + b" ") * (1_000_000 // (len(text) + 1)))
    return text.decode()


@pytest.mark.parametrize(
    "text",
    [bomb(), encoded("x" * 2_000_000, "gzip", "base64"), " ".join([packed(b" " * 300_000).decode()] * 20), "eJx4nO3B" * 2_000],
    ids=["in layers", "long", "beside each other", "overlapping"],
)  # fmt: skip
def test_no_more_than_a_share_of_a_text_is_looked_at_in_what_it_holds(text: str) -> None:
    looked: list[int] = []

    def may_hold(data: bytes) -> bool:
        looked.append(len(data))
        return False

    with contextlib.suppress(Exhausted):
        assert list(encoded_spans(text, may_hold, lambda data: False)) == []
    assert sum(looked) < 4 * (LEAST + EACH * len(text))
    assert len(looked) < 100 + len(text)


def test_a_text_that_holds_too_much_is_hidden_whole() -> None:
    for text in (
        bomb(),
        "hello " + encoded("x" * 2_000_000, "gzip", "base64"),
        encoded("abc" * 2_000, *["base64"] * 12),
    ):
        assert shown("detect:email", text) == "***"
        assert json.loads(shown("detect:email", json.dumps({"t": text, "n": 1}))) == {"t": "***", "n": 1}


@pytest.mark.parametrize("text", [
    "customer-0000000997", "5f2b9c1e-0a7d-4b6f-9a53-2d6a0f1c7e11", "https://shop.example.com/orders/4711?q=abcdefghij",
    encoded("nothing to hide here", "base64"), encoded("nothing to hide here", "gzip", "base64"), "eJxabcdefghij",
])  # fmt: skip
def test_base64_without_anything_to_hide_stays(text: str) -> None:
    for whole in (text, json.dumps({"t": text})):
        assert shown("detect:email; detect:iban; detect:card; detect:phone", whole) == whole


@pytest.mark.parametrize("detector", DETECTORS)
@given(parts=st.lists(PARTS, max_size=4))
def test_a_text_is_not_left_out_of_a_search_that_would_find_something(
    detector: str, parts: list[str]
) -> None:
    text = "".join(parts)
    if next(DETECTORS[detector](text), None) is not None:
        assert re.search(MAY_HOLD[detector], text)
        assert may_hold_in_bytes([detector])(b"\xff" + text.encode() + b"\0")


def test_equal_values_have_equal_hashes_and_another_key_gives_others() -> None:
    mask = bk.Mask("email", action="hash", hash_key=KEY)
    one, other = (json.loads(shown(mask, text)) for text in ('{"email":"x","n":1}', '{"email":["x","y"]}'))
    assert one["email"] == other["email"][0] != other["email"][1]
    assert one["email"].startswith("hash:")
    assert one["n"] == 1
    assert shown(bk.Mask("email", action="hash", hash_key=KEY + "2"), '{"email":"x"}') != json.dumps(one)


def test_a_hash_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(bk.ConfigError, match="BROKERKIT_MASK_HASH_KEY"):
        bk.Mask("email", action="hash")
    monkeypatch.setenv("BROKERKIT_MASK_HASH_KEY", KEY)
    mask = bk.Mask("email", action="hash")
    assert shown(mask, '{"email":"x"}') == shown(
        bk.Mask("email", action="hash", hash_key=KEY), '{"email":"x"}'
    )
    again = pickle.loads(pickle.dumps(mask))
    assert again == mask
    assert again.fingerprint == mask.fingerprint


def test_no_output_of_a_mask_shows_the_key_of_its_hashes() -> None:
    mask = bk.Mask("email", action="hash", hash_key=KEY)
    assert KEY not in f"{mask!r} {mask} {vars(mask)!r} {mask.fingerprint}"
    with pytest.raises(TypeError, match="BROKERKIT_MASK_HASH_KEY"):
        pickle.dumps(mask)


@pytest.mark.parametrize(
    "wrong",
    ["", "locked", "a..b", ".a", "a.", "detect:name", "key:none", "key:hide", "**.", "allow:a..b"],
)
def test_a_mask_that_cannot_be_read_is_an_error_that_says_why(wrong: str) -> None:
    with pytest.raises(bk.ConfigError):
        bk.Mask.parse(wrong)


@pytest.mark.parametrize("options", [{"action": "show"}, {"key": "x"}, {"detect": "x"}, {"name": [1]}])
def test_a_wrong_argument_is_an_error(options: dict[str, Any]) -> None:
    with pytest.raises(bk.ConfigError):
        bk.Mask("a", **options)


def test_the_text_of_a_mask_is_read_as_the_same_mask() -> None:
    text = "a.b=last4; **.c; name:*d*; detect:card=last4; allow:e,f.g; allow:h; key:show; locked"
    assert str(bk.Mask.parse(text)) == text
    assert bk.Mask.parse(str(bk.Mask.parse(text))) == bk.Mask.parse(text)


names = st.sampled_from(["a", "b", "email", "e.f", "ünï", 'q"t', "\\", "", "***"])
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
trees = st.recursive(
    leaves,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(names, below, max_size=3),
    max_leaves=12,
)
objects = st.dictionaries(names, trees, max_size=4)


def hidden_in(node: Any, path: tuple[str, ...], wanted: tuple[str, ...]) -> Any:
    """What a tree is with the values at one path hidden: the plain way to say it."""
    if path == wanted:
        return None if node is None else "***"
    if isinstance(node, list):
        return [hidden_in(each, path, wanted) for each in node]
    if isinstance(node, dict):
        return {name: hidden_in(each, (*path, name), wanted) for name, each in node.items()}
    return node


@drawn
@given(
    objects, st.lists(names.filter(bool), min_size=1, max_size=3), st.sampled_from([None, 2]), st.booleans()
)
def test_a_path_hides_exactly_what_it_names(
    tree: dict[str, Any], path: list[str], indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(tree, indent=indent, ensure_ascii=ascii_only)
    escape = {"\\": r"\\", ".": r"\.", "*": r"\*"}
    rule = ".".join("".join(escape.get(letter, letter) for letter in name) for name in path)
    assert json.loads(shown(bk.Mask(rule), text)) == hidden_in(tree, (), tuple(path))


@drawn
@given(objects)
def test_what_no_rule_names_is_the_same_to_the_character(tree: dict[str, Any]) -> None:
    text = json.dumps(tree, indent=1)
    assert shown(bk.Mask("nowhere.at.all"), text) == text


def allowed_leaves(node: Any, path: tuple[str, ...], inside: bool = False) -> list[Any]:
    inside = inside or path == ("a",)
    if isinstance(node, list | dict):
        items = (
            [((*path, name), each) for name, each in node.items()]
            if isinstance(node, dict)
            else [(path, each) for each in node]
        )
        return [leaf for below, each in items for leaf in allowed_leaves(each, below, inside)]
    return [node] if inside else []  # fmt: skip


@drawn
@given(objects)
def test_an_allow_list_shows_exactly_what_it_names(tree: dict[str, Any]) -> None:
    found = json.loads(shown(bk.Mask(allow="a"), json.dumps(tree)))
    assert (
        found == ({"a": tree["a"], "***": "***"} if len(tree) > 1 else tree)
        if "a" in tree
        else found == "***"
    )
    assert found == "***" or set(found) <= {"a", "***"}


@drawn
@given(st.binary(max_size=40))
def test_bytes_of_any_kind_are_hidden_whole_or_are_json(payload: bytes) -> None:
    builder = FrameBuilder(mask=bk.Mask("email"))
    batch = builder.batch(Columns(length=1, topic="t", value=[payload]))
    value = batch.column("value")[0].as_py()
    assert batch.column("raw").null_count == 1
    assert value == "***" or json.loads(value) is not ...


@pytest.mark.extended
@pytest.mark.parametrize(
    "text",
    [
        "4" * 250_000,
        "1 " * 125_000,
        "a" * 250_000 + "@",
        "@" * 125_000,
        "DE89" * 62_500,
        "+1-" * 80_000,
        '{"a":' * 20_000,
        "abcdefghij/" * 90_000,
        "Vm0wd2Qy\n" * 100_000,
        encoded("x" * 20_000, *["base64"] * 12),
    ],
)
def test_no_payload_keeps_a_detector_busy(text: str) -> None:
    import time

    mask = bk.Mask(detect=["email", "card", "iban", "phone"])
    began = time.process_time()
    shown(mask, text)
    # a tenth of a second to a half
    assert time.process_time() - began < 5
