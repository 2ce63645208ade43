"""The command `brokerkit`: a thin layer on the calls of a session. Each ``--help`` names the call."""

from .program import commands, main

__all__ = ["commands", "main"]
