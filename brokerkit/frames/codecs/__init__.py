"""Codecs: the formats that a payload can have, one room each.

A codec reads bytes into Arrow columns or JSON text and writes them back. It knows nothing of brokers.
"""
