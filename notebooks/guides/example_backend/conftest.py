"""The table of behaviours at the end of a run."""

pytest_plugins = ["brokerkit.testing.plugin"]
