"""Schema registries that speak Confluent's protocol: its own, Apicurio, Redpanda, Karapace and others.

Reading needs one request only, ``GET /schemas/ids/N``. Everything else is optional, and an error says what a
registry does not have.
"""

from __future__ import annotations

from .client import RegistryClient
from .options import RegistryOptions
from .own import own_sources, schema_source
from .registry import Registry, opened
from .schemas import RegisteredSchema, SchemaRef, SchemaReference, SchemaSource, TopicSchemas
from .sources import SchemaSources, as_one
from .subjects import Compatibility, Subjects
from .system import SchemasUnknownWarning, SystemSchemas

__all__ = [
    "Compatibility",
    "RegisteredSchema",
    "Registry",
    "RegistryClient",
    "RegistryOptions",
    "SchemaRef",
    "SchemaReference",
    "SchemaSource",
    "SchemaSources",
    "SchemasUnknownWarning",
    "Subjects",
    "SystemSchemas",
    "TopicSchemas",
    "as_one",
    "opened",
    "own_sources",
    "schema_source",
]
