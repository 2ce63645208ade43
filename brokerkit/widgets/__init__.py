"""Widgets for notebooks: topic browser, live tail, composer. They import brokerkit.session and below."""
