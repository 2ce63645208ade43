"""The vocabulary that drivers and their callers share: messages, columns, positions, errors, protocols."""
