"""Personal data hidden in frames: the rules of a mask, and how they are applied to what was decoded."""

from .mask import Mask

__all__ = ["Mask"]
