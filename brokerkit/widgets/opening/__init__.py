"""The first screen: saved connections, a new one, or a private server to look around in."""

from .chooser import ConnectionChooser

__all__ = ["ConnectionChooser"]
