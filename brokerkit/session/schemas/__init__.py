"""Schemas of the registry of a session: listed, compared and registered."""
