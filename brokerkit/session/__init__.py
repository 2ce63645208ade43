"""Sessions: `connect`, `Session`, `Scan`, `Batch`."""

from .batches import Batch, Batches
from .connecting import connect
from .copying import CopyWarning
from .diagnosis import Diagnosis, doctor
from .filters import FilterWarning
from .interrupted import Interrupted
from .listing import Description
from .placing import PlacingWarning
from .reading import NotYetReadable
from .scan import Scan
from .session import Session
from .subscribing import StartIgnored
from .transaction import Transaction

__all__ = [
    "Batch",
    "Batches",
    "CopyWarning",
    "Description",
    "Diagnosis",
    "FilterWarning",
    "Interrupted",
    "NotYetReadable",
    "PlacingWarning",
    "Scan",
    "Session",
    "StartIgnored",
    "Transaction",
    "connect",
    "doctor",
]
