"""Many messages from a file or a frame: what columns become, which rows are bad, and sending the rest."""

from .model import BulkModel

__all__ = ["BulkModel"]
