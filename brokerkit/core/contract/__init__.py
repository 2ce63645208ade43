"""What a backend writes, and what it writes it with."""
