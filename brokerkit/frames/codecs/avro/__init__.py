"""Apache Avro: schemas, and binary payloads as Arrow columns."""

from .columns import AvroColumns
from .schema import SchemaError, parse_schema
from .source import RowFailure

__all__ = ["AvroColumns", "RowFailure", "SchemaError", "parse_schema"]
