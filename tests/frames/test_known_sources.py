"""Sources of schemas that are remembered, so that a frame can be judged again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from brokerkit.core.vocabulary.errors import Unavailable
from brokerkit.frames.auto.sources import auto_with, known_auto
from brokerkit.registry import RegisteredSchema, SchemaRef


class Source:
    kinds = frozenset({"id"})
    name = "pubsub://a-project"

    def __init__(self, schema: RegisteredSchema | None) -> None:
        self.schema = schema

    def resolve(self, ref: SchemaRef) -> RegisteredSchema:
        if self.schema is None:
            raise Unavailable("the session is closed")
        return self.schema

    def with_references(self, schema: RegisteredSchema) -> Mapping[str, RegisteredSchema]:
        return {}


@pytest.mark.parametrize("others", [1, 5])
def test_of_sources_of_one_name_the_one_that_was_used_last_counts(others: int) -> None:
    closed: list[Any] = [Source(None) for _ in range(others)]
    for each in closed:
        auto_with(each)
    opened: Any = Source(RegisteredSchema("AVRO", '"long"'))
    auto_with(opened)
    assert known_auto(Source.name).schemas is opened
    auto_with(closed[0])
    assert known_auto(Source.name).schemas is closed[0]
    auto_with(opened)
    assert known_auto(Source.name).schemas is opened
