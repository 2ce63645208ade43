"""Rows of a file or a frame whose columns become parts of messages."""

from .reading import read_rows
from .rows import MappedRows

__all__ = ["MappedRows", "read_rows"]
