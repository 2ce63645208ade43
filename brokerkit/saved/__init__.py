"""Saved connections: listed, written and deleted, with their secrets kept elsewhere."""

from .listing import connections
from .saving import delete_connection, save_connection
from .secret_places import fetch

__all__ = ["connections", "delete_connection", "fetch", "save_connection"]
