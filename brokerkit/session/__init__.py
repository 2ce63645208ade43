"""Sessions: `connect`, `Session`, `Scan`, `Batch`."""

from brokerkit.display.descriptions import Description

from .batches import Batch, Batches
from .connecting import connect
from .copying import CopyWarning
from .diagnosis import Diagnosis, doctor
from .filters import FilterWarning
from .interrupted import Interrupted
from .placing import PlacingWarning
from .reading import NotYetReadableWarning
from .scan import Scan
from .session import Session
from .subscribing import StartIgnoredWarning
from .transaction import Transaction

__all__ = [
    "Batch",
    "Batches",
    "CopyWarning",
    "Description",
    "Diagnosis",
    "FilterWarning",
    "Interrupted",
    "NotYetReadableWarning",
    "PlacingWarning",
    "Scan",
    "Session",
    "StartIgnoredWarning",
    "Transaction",
    "connect",
    "doctor",
]
