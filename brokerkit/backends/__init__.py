"""One package per system, found through the entry-point group ``brokerkit.backends``."""
