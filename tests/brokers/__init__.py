"""Real servers for tests: how each is provisioned and started. See `cache` for where they are kept."""
