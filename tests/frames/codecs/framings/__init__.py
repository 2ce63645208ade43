"""Framings by the official serializers, and the program that made them."""
