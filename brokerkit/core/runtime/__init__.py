"""The portable half: it keeps the promises of the project over any driver."""
