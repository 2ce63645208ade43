"""The live tail: the newest messages of a topic as they come."""

from .tail import Tail

__all__ = ["Tail"]
