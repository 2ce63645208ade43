"""A session without widgets, and the objects it returns: `DataSession`, `Scan`, `Batch`."""

from brokerkit.display.descriptions import Description

from .batches import Batch, Batches
from .copying import CopyWarning
from .diagnosis import Diagnosis, doctor
from .filters import FilterWarning
from .interrupted import Interrupted
from .placing import PlacingWarning
from .reading import NotYetReadableWarning
from .scan import Scan
from .session import DataSession
from .subscribing import StartIgnoredWarning
from .transaction import Transaction

__all__ = [
    "Batch",
    "Batches",
    "CopyWarning",
    "DataSession",
    "Description",
    "Diagnosis",
    "FilterWarning",
    "Interrupted",
    "NotYetReadableWarning",
    "PlacingWarning",
    "Scan",
    "StartIgnoredWarning",
    "Transaction",
    "doctor",
]
