"""Protocol Buffers: schemas, and payloads as Arrow columns or exact JSON text, and back."""

from ..misfit import Misfit
from .columns import ProtobufColumns, Reading
from .schema import ProtobufSchema
from .writer import ProtobufWriter

__all__ = ["Misfit", "ProtobufColumns", "ProtobufSchema", "ProtobufWriter", "Reading"]
