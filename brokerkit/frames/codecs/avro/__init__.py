"""Apache Avro: schemas, and binary payloads as Arrow columns."""

from ..row_failure import RowFailure
from .columns import AvroColumns
from .schema import SchemaError, parse_schema

__all__ = ["AvroColumns", "RowFailure", "SchemaError", "parse_schema"]
