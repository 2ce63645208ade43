"""All topics with their rates, backlogs and dead letters, looked at again and again: ``s.dashboard()``."""

from .dashboard import Dashboard

__all__ = ["Dashboard"]
