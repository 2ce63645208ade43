"""Widgets for notebooks: topic browser, live tail, composer. Imports brokerkit.session and below."""
