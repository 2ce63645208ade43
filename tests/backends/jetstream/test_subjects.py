"""Subjects, wildcards and names, without a server."""

import pytest

from brokerkit.backends.jetstream import subjects
from brokerkit.core.vocabulary.errors import ConfigError


@pytest.mark.parametrize("subject", ["a", "a.b", "a.*", "*", ">", "a.>", "$KV.x.y"])
def test_subjects_and_wildcards_are_accepted(subject: str) -> None:
    subjects.check_subject(subject, wildcards=True)


@pytest.mark.parametrize(
    "subject", ["", ".", "a.", ".a", "a..b", "a b", "a\r\nPUB x", "a.>.b", "a>", "a*b", "a\0"]
)
def test_an_invalid_subject_is_refused(subject: str) -> None:
    with pytest.raises(ConfigError, match="is not a subject"):
        subjects.check_subject(subject, wildcards=True)


def test_publishing_to_a_wildcard_is_refused() -> None:
    with pytest.raises(ConfigError, match="wildcard"):
        subjects.check_subject("a.*", wildcards=False)


@pytest.mark.parametrize("name", ["", "a.b", "a b", "a*", "a>", "a/b", "a\\b", "a\n"])
def test_consumer_names_with_forbidden_characters_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a"):
        subjects.check_name(name, "consumer")


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("a.*", "a.b", True),
        ("a.*", "a", False),
        ("a.*", "a.b.c", False),
        ("a.*", "a.>", False),
        ("a.>", "a.*", True),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        (">", "a.b", True),
        ("*.b", "a.b", True),
        ("a.b", "a.*", False),
    ],
)
def test_a_wildcard_covers_what_it_matches(wide: str, narrow: str, expected: bool) -> None:
    assert subjects.covers(wide, narrow) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a.*", "*.b", True),
        ("a.*", "b.*", False),
        ("a.>", "a.b.c", True),
        ("a", "a.b", False),
        ("a.b", "a", False),
        (">", "x", True),
        ("a.>", "a", False),
    ],
)
def test_overlap_is_seen_from_both_sides(one: str, other: str, expected: bool) -> None:
    assert subjects.overlap(one, other) is expected
    assert subjects.overlap(other, one) is expected


def test_an_empty_filter_and_one_that_covers_the_stream_choose_the_same() -> None:
    assert subjects.same_selection([], ["a.>"], ["a.>"])
    assert subjects.same_selection(["a.>"], ["a.>"], ["a.>", "b"])
    assert not subjects.same_selection([], ["a.>"], ["a.>", "b"])
    assert not subjects.same_selection(["a.x"], ["a.y"], ["a.>"])


@pytest.mark.parametrize(
    ("subject", "name"), [("orders", "ORDERS"), ("orders.eu", "ORDERS_EU"), ("orders.>", "ORDERS")]
)
def test_a_stream_is_named_after_its_subject(subject: str, name: str) -> None:
    assert subjects.stream_name_for(subject) == name


def test_a_stream_cannot_be_named_after_a_wildcard() -> None:
    with pytest.raises(ConfigError, match="stream=NAME"):
        subjects.stream_name_for(">")
