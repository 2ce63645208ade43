"""The contract for drivers, and tools to write one with."""
