"""Messages, columns, positions, errors, protocols: the words that both sides of a driver know."""
