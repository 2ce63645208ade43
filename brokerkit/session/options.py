"""Arguments that pass through several functions, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from brokerkit.core.vocabulary.capabilities import Model
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.frames.build import FrameBuilder
from brokerkit.frames.masking.mask import Mask
from brokerkit.registry import SchemaSource

from .arguments import MAX_BYTES
from .filters import Filter, Header, wanted_rows
from .masks import mask_of_read


@dataclass(frozen=True)
class ReadOptions:
    """Which messages a read returns, and how it shows them. The fields are arguments of `Session.peek`."""

    key: str | bytes | None = None
    header: Header | None = None
    where: Any = None
    decode: Any = "auto"
    expand: bool = False
    attributes: bool = True
    scan_for_time: bool = False
    max_bytes: int | None = MAX_BYTES
    decode_key: Any = "auto"
    mask: Mask | str | None = None
    unmask: bool = False
    validate: bool = False

    def builder(
        self, schemas: SchemaSource | None, mask: Mask | None, only: frozenset[str] | None = None
    ) -> FrameBuilder:
        """Return a new builder of frames. Raises ConfigError for a wrong decoder, NotSupported for `unmask`.

        Args:
            schemas: The source of schemas of the session; None without one.
            mask: The mask of the session; None without one.
            only: The columns that are needed; None for all.
        """
        if self.validate and (schemas is None or "auto" not in (self.decode, self.decode_key)):
            raise ConfigError(
                'validate=True checks what decode="auto" reads against the schemas of a registry: '
                "connect with registry=, and leave decode= out"
            )
        return FrameBuilder(
            self.decode,
            self.attributes,
            expanding=self.expand,
            schemas=schemas,
            key_decoder=self.decode_key,
            mask=mask_of_read(mask, self.mask, self.unmask),
            validate=self.validate,
            only=only,
        )

    def filter(self, schema: pa.Schema) -> Filter:
        """Return the filter of rows with this schema. Raises ConfigError for a wrong one."""
        return wanted_rows(self.key, self.header, self.where, schema, self.attributes)


@dataclass(frozen=True)
class ConsumeOptions:
    """How a consumer takes messages. The fields are arguments of `BrokerSession.consumer`."""

    topic: str
    subscription: str | None = None
    model: Model | None = None
    hold: float = 600.0
    connect_timeout: float = 15.0
    batch_size: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
