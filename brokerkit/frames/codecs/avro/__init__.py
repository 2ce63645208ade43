"""Apache Avro: schemas, and binary payloads as Arrow columns and back."""

from ..row_failure import RowFailure
from .columns import AvroColumns
from .schema import SchemaError, parse_schema
from .writer import AvroWriter

__all__ = ["AvroColumns", "AvroWriter", "RowFailure", "SchemaError", "parse_schema"]
