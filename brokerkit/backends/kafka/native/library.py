"""The compiled part of the reader, and the librdkafka that confluent-kafka has loaded, as functions."""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Iterator
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int32, c_int64, c_size_t, c_void_p, sizeof
from pathlib import Path
from typing import Any

import confluent_kafka

INTERFACE = 1
# Python takes a file that ends in .so for a module
COMPILED = Path(__file__).with_name("_buffers.bin")
ON_ERROR = CFUNCTYPE(None, c_void_p, c_int, c_char_p, c_void_p)
ON_LOG = CFUNCTYPE(None, c_void_p, c_int, c_char_p, c_char_p)
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "rd_kafka_version": (c_int, ()),
    "rd_kafka_conf_new": (c_void_p, ()),
    "rd_kafka_conf_destroy": (None, (c_void_p,)),
    "rd_kafka_conf_set": (c_int, (c_void_p, c_char_p, c_char_p, c_char_p, c_size_t)),
    "rd_kafka_conf_set_error_cb": (None, (c_void_p, ON_ERROR)),
    "rd_kafka_conf_set_log_cb": (None, (c_void_p, ON_LOG)),
    "rd_kafka_new": (c_void_p, (c_int, c_void_p, c_char_p, c_size_t)),
    "rd_kafka_set_log_queue": (c_int, (c_void_p, c_void_p)),
    "rd_kafka_poll_set_consumer": (c_int, (c_void_p,)),
    "rd_kafka_queue_get_consumer": (c_void_p, (c_void_p,)),
    "rd_kafka_queue_destroy": (None, (c_void_p,)),
    "rd_kafka_topic_partition_list_new": (c_void_p, (c_int,)),
    "rd_kafka_topic_partition_list_add": (c_void_p, (c_void_p, c_char_p, c_int32)),
    "rd_kafka_topic_partition_list_set_offset": (c_int, (c_void_p, c_char_p, c_int32, c_int64)),
    "rd_kafka_topic_partition_list_destroy": (None, (c_void_p,)),
    "rd_kafka_assign": (c_int, (c_void_p, c_void_p)),
    "rd_kafka_err2str": (c_char_p, (c_int,)),
    "rd_kafka_fatal_error": (c_int, (c_void_p, c_char_p, c_size_t)),
    "rd_kafka_name": (c_char_p, (c_void_p,)),
    "rd_kafka_topic_new": (c_void_p, (c_void_p, c_char_p, c_void_p)),
    "rd_kafka_topic_destroy": (None, (c_void_p,)),
    "rd_kafka_metadata": (c_int, (c_void_p, c_int, c_void_p, POINTER(c_void_p), c_int)),
    "rd_kafka_metadata_destroy": (None, (c_void_p,)),
    "rd_kafka_consumer_close": (c_int, (c_void_p,)),
    "rd_kafka_destroy": (None, (c_void_p,)),
    "rd_kafka_destroy_flags": (None, (c_void_p, c_int)),
}
HANDED_OVER = (
    "rd_kafka_consumer_poll",
    "rd_kafka_consume_batch_queue",
    "rd_kafka_message_destroy",
    "rd_kafka_message_errstr",
    "rd_kafka_message_timestamp",
    "rd_kafka_message_headers",
    "rd_kafka_header_get_all",
)
"""What the compiled part calls itself, in the order of its structure `functions`."""


class NotUsable(Exception):
    """The reader cannot be used here; the text says why."""


class Column(ctypes.Structure):
    """The beginning of a `column` of `buffers.c`."""

    _fields_ = (
        ("length", c_int64),
        ("nulls", c_int64),
        ("members", c_int64),
        ("buffers", c_void_p * 8),
        ("sizes", c_int64 * 8),
    )


class Batch(ctypes.Structure):
    """A `batch` of `buffers.c`."""

    _fields_ = (
        *((name, c_int64) for name in ("rows", "bytes", "kinds", "has_error", "error", "error_offset")),
        *((name, c_void_p) for name in ("value", "key", "headers", "offsets", "times", "kind_of")),
        ("error_text", c_char_p),
    )


class _Functions(ctypes.Structure):
    _fields_ = tuple((name, c_void_p) for name in (*HANDED_OVER, "capsule_pointer", "capsule_clear"))


_COMPILED: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "brokerkit_interface": (c_int64, ()),
    "brokerkit_open": (c_void_p, (POINTER(_Functions), c_void_p, c_void_p)),
    "brokerkit_close": (None, (c_void_p,)),
    "brokerkit_discard": (None, (c_void_p,)),
    "brokerkit_fill": (c_int, (c_void_p, POINTER(Batch), c_int, c_int64, c_int64, c_int)),
    "brokerkit_column_release": (None, (c_void_p,)),
    "brokerkit_array": (c_void_p, (c_void_p, c_int64, c_int64)),
    "brokerkit_schema": (c_void_p, (c_void_p,)),
}


class Library:
    """The functions of librdkafka and of the compiled part, by their names in C.

    Attributes:
        kafka: Those of librdkafka.
        own: Those of `buffers.c`.
        functions: What `brokerkit_open` needs.
        array_destructor: The address of the destructor of a capsule with an array.
        schema_destructor: The same for a schema.
    """

    def __init__(self, compiled: Path, librdkafka: Path) -> None:
        # the lock of Python is released in each call, since these are no functions of PyDLL
        self.kafka = _declared(ctypes.CDLL(str(librdkafka)), _FUNCTIONS)
        self.own = _declared(ctypes.CDLL(str(compiled)), _COMPILED)
        there = self.own.brokerkit_interface()
        wanted = INTERFACE * 1_000_000 + sizeof(Batch) * 1_000 + sizeof(_Functions)
        if there != wanted:
            raise NotUsable(f"{compiled.name} was compiled for another version: install brokerkit again")
        if self.kafka.rd_kafka_version() != confluent_kafka.libversion()[1]:
            raise NotUsable(f"{librdkafka} is not the librdkafka of confluent-kafka")
        self.functions = _Functions(
            *(_address(getattr(self.kafka, name)) for name in HANDED_OVER),
            _address(ctypes.pythonapi.PyCapsule_GetPointer),
            _address(ctypes.pythonapi.PyErr_Clear),
        )
        self.array_destructor = _address(self.own.brokerkit_array_destructor)
        self.schema_destructor = _address(self.own.brokerkit_schema_destructor)


def _declared(found: ctypes.CDLL, functions: dict[str, tuple[Any, tuple[Any, ...]]]) -> ctypes.CDLL:
    for name, (result, arguments) in functions.items():
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


def _address(function: Any) -> int:
    address = ctypes.cast(function, c_void_p).value
    assert address is not None
    return address


@functools.cache
def _found() -> Library | str:
    if not COMPILED.exists():
        return "it was not compiled: brokerkit was built without a C compiler"
    problem = "the librdkafka of confluent-kafka was not found"
    for librdkafka in _librdkafkas():
        try:
            return Library(COMPILED, librdkafka)
        except (NotUsable, OSError, AttributeError) as error:
            problem = str(error)
    return problem


def library() -> Library:
    """Return the functions, which are loaded once. Raises NotUsable where that is not possible."""
    found = _found()
    if isinstance(found, str):
        raise NotUsable(found)
    return found


def _librdkafkas() -> Iterator[Path]:
    """Yield where librdkafka may be: where this process has loaded it from, then where packages put it."""
    loaded = Path("/proc/self/maps")
    if loaded.exists():
        for line in loaded.read_text("utf-8", "replace").splitlines():
            if "/librdkafka" in line:
                yield Path(line[line.index("/") :])
                return
    package = Path(confluent_kafka.__file__).parent
    yield from sorted(package.with_name("confluent_kafka.libs").glob("librdkafka[-.]*"))
    yield from sorted((package / ".dylibs").glob("librdkafka[-.]*"))
    yield from sorted(Path(sys.prefix, "lib").glob("librdkafka.*"))
