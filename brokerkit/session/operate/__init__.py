"""Operate what reads a broker: list, describe, move and delete subscriptions."""
