"""What a session reads without changing anything: topics, peek, scan, reread."""
