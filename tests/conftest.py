"""Placeholder."""
pytest_plugins = ["brokerkit.testing.plugin"]
