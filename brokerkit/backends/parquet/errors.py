"""What the exceptions of files and of Arrow mean."""

from __future__ import annotations

import pyarrow as pa

from brokerkit.core.contract.error_table import ErrorTable, Row
from brokerkit.core.vocabulary.errors import BrokerError, NotFound, Unauthorized, Unavailable

TABLE = ErrorTable(
    {
        # a file that was put together with others while it was read
        FileNotFoundError: Row(Unavailable, "a file of the data set is not there"),
        PermissionError: Row(Unauthorized, "the data set may not be read"),
        NotADirectoryError: Row(NotFound, "the data set is not a folder"),
        OSError: Row(BrokerError, "the data set cannot be read"),
        pa.ArrowInvalid: Row(BrokerError, "a file of the data set is damaged", "capture into a new folder"),
        pa.ArrowException: Row(BrokerError, "a file of the data set cannot be read"),
    }
)

translate = TABLE.translate
translating = TABLE.translating
