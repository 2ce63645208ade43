"""The portable half: it keeps the promises over any driver."""
