"""The composer: messages that are written, checked and sent."""

from .composer import Composer

__all__ = ["Composer"]
