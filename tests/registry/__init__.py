"""Schema registries: the client, and what a session does with one."""
