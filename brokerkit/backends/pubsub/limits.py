"""The limits of the service. They are facts of the backend, so they are known without its client library."""

from __future__ import annotations

MAX_REQUEST_BYTES = 10_000_000
"""The largest publish request, and therefore the largest message."""
MAX_REQUEST_MESSAGES = 1_000
"""How many messages a publish request may hold, or the answer to a pull request."""
MAX_KEY_BYTES = 1_024
MAX_ATTRIBUTES = 100
MAX_NAME_BYTES = 256
MAX_VALUE_BYTES = 1_024
RESERVED = "goog"
"""How names begin that are Google's own."""
MAX_IDS = 2_500
"""How many messages one request may settle."""
MAX_ID_BYTES = 400_000
"""How long the ids of a request may be together; the whole request may have 512 KiB."""
MIN_LOCK_SECONDS = 10
MAX_DELAY_SECONDS = 600
