"""A widget alone in a browser tab, without a notebook: ``brokerkit browse``."""

from .server import PageServer, served

__all__ = ["PageServer", "served"]
