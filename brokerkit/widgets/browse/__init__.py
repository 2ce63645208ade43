"""The topic browser: topics, the messages of one, and the message chosen."""

from .browser import TopicBrowser
from .query import Query

__all__ = ["Query", "TopicBrowser"]
