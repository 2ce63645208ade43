"""Make the first exchange of Pulsar's protocol before the client library does.

If a broker refuses the credentials, or the port is not Pulsar's, the library only reports a timeout. A
connection begins with one command (CONNECT) and one answer (CONNECTED or ERROR).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

from brokerkit.core.vocabulary.errors import BrokerError, Unauthorized, Unavailable

CONNECT, CONNECTED, ERROR = 2, 3, 14
AUTHENTICATION, AUTHORIZATION = 3, 4
PROTOCOL_VERSION = 19
MOST_BYTES = 65_536
NOT_PULSAR = (
    "does not speak Pulsar's protocol: does the port want TLS (pulsar+ssl://), or is it that of the REST "
    "endpoint?"
)
OUTAGE = "a broker answered there before; it is overloaded, cannot be reached, or was just restarted"
VARINT, BYTES = 0, 2


def greet(
    connection: socket.socket, where: str, method: str, credentials: bytes, *, known: bool = False
) -> None:
    """Send the first command and check the answer.

    Args:
        connection: A connected socket.
        where: The host and port, for messages.
        method: The method of authentication.
        credentials: The data of authentication.
        known: Whether a broker has answered there before, so that silence does not mean another
            protocol.

    Raises:
        Unauthorized: The broker refuses the credentials.
        Unavailable: The answer is not that of a broker.
    """
    command = _field(1, b"brokerkit") + _field(3, credentials) + _number(4, PROTOCOL_VERSION)
    command += _field(5, method.encode())
    body = _number(1, CONNECT) + _field(2, command)
    connection.sendall((len(body) + 4).to_bytes(4, "big") + len(body).to_bytes(4, "big") + body)
    answer = _answer(connection, where, known)
    kind = answer.get(1)
    if kind == ERROR:
        raise _refusal(where, dict(fields(_bytes(answer.get(ERROR)))))
    if kind != CONNECTED:
        raise Unavailable(f"{where} {NOT_PULSAR}", retryable=False)


def _answer(connection: socket.socket, where: str, known: bool) -> dict[int, int | bytes]:
    guess = OUTAGE if known else f"is it just starting, or {NOT_PULSAR.partition(': ')[2]}"
    try:
        sizes = _read(connection, 8)
        total, size = int.from_bytes(sizes[:4], "big"), int.from_bytes(sizes[4:], "big")
        if total != size + 4 or size > MOST_BYTES:
            raise ValueError("no frame")
        return dict(fields(_read(connection, size)))
    except TimeoutError as error:
        raise Unavailable(f"{where} accepts connections but says nothing: {guess}") from error
    except (OSError, EOFError) as error:
        raise Unavailable(f"{where} closed the connection without an answer: {guess}") from error
    except (ValueError, IndexError) as error:
        raise Unavailable(f"{where} {NOT_PULSAR}", retryable=False) from error


def _refusal(where: str, error: dict[int, int | bytes]) -> BrokerError:
    said = _bytes(error.get(3)).decode("utf-8", "replace")
    if error.get(2) in (AUTHENTICATION, AUTHORIZATION):
        return Unauthorized(f"{where} refused the credentials: {said}")
    return Unavailable(f"{where} refused the connection: {said}")


def _read(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = connection.recv(size - len(found))
        if not part:
            # an answer that breaks off after its beginning is of another protocol
            raise ValueError("too short") if found else EOFError("the connection was closed")
        found += part
    return found


def _bytes(value: int | bytes | None) -> bytes:
    return value if isinstance(value, bytes) else b""


def _varint(number: int) -> bytes:
    found = b""
    while number > 0x7F:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | VARINT) + _varint(value)


def _field(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | BYTES) + _varint(len(value)) + value


def fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a protocol message, limited to the two kinds that are needed here."""
    at = 0
    while at < len(content):
        tag, at = _parse_varint(content, at)
        value, at = _parse_varint(content, at)
        if tag & 7 == BYTES:
            yield tag >> 3, content[at : at + value]
            at += value
        elif tag & 7 == VARINT:
            yield tag >> 3, value
        else:
            raise ValueError("a field of another kind")


def _parse_varint(content: bytes, at: int) -> tuple[int, int]:
    number, shift = 0, 0
    while True:
        byte = content[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
