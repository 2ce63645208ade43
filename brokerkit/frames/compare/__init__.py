"""Compare frames and scans: what differs row by row, and what their fields hold."""

from .diff import DiffFrame, diff
from .profile import ProfileFrame, profile

__all__ = ["DiffFrame", "ProfileFrame", "diff", "profile"]
