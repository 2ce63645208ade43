"""The decoder `auto`: how each payload is read is decided for its row, from evidence."""

from .decoder import AutoDecoder

__all__ = ["AutoDecoder"]
