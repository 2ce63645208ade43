"""The topic browser: the topics, the messages of one topic, and the selected message."""

from .browser import TopicBrowser
from .query import Query

__all__ = ["Query", "TopicBrowser"]
