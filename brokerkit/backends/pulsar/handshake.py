"""Make the first exchange of Pulsar's protocol before the client library does, to learn what it hides.

If a broker refuses the credentials, or the port is not Pulsar's, the library only reports a timeout. A
connection begins with one command (CONNECT) and one answer (CONNECTED or ERROR).
"""

from __future__ import annotations

import socket
import ssl

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, Unauthorized, Unavailable

from .credentials import introduction, ssl_context
from .options import Options
from .wire import bytes_field, fields, number_field

CONNECT, CONNECTED, ERROR = 2, 3, 14
AUTHENTICATION, AUTHORIZATION = 3, 4
PROTOCOL_VERSION = 19
MOST_BYTES = 65_536
NOT_PULSAR = (
    "does not speak Pulsar's protocol: does the port want TLS (pulsar+ssl://), or is it the port of the "
    "REST endpoint?"
)
OUTAGE = "a broker answered there before; it is overloaded, cannot be reached, or was just restarted"


def probe(options: Options, timeout: float, *, known: bool = False) -> None:
    """Return once one of the hosts answers, or else raise the error of the last host.

    Args:
        options: The options of the address.
        timeout: Seconds for all hosts together.
        known: Whether the hosts have answered before.

    Raises:
        Unauthorized: The broker does not accept the credentials.
        Unavailable: None of the hosts answers.
    """
    deadline = Deadline(timeout)
    problem: BrokerError | None = None
    for host, port in options.hosts:
        seconds = max(0.1, deadline.remaining())
        try:
            with socket.create_connection((host, port), seconds) as plain:
                if options.tls:
                    with ssl_context(options).wrap_socket(plain, server_hostname=host) as secured:
                        greet(secured, f"{host}:{port}", options, known=known)
                else:
                    greet(plain, f"{host}:{port}", options, known=known)
                return
        except Unavailable as error:
            problem = error
        except ssl.SSLError as error:
            problem = _tls_problem(f"{host}:{port}", error, known)
        except OSError as error:
            problem = Unavailable(f"{host}:{port} cannot be reached: {error}")
            problem.__cause__ = error
    if problem is not None:
        raise problem


def _tls_problem(where: str, error: ssl.SSLError, known: bool) -> Unavailable:
    if known and isinstance(error, ssl.SSLEOFError):
        return Unavailable(f"{where} closed the connection without an answer: {OUTAGE}")
    if isinstance(error, ssl.SSLCertVerificationError):
        said = f"its certificate is not trusted: {error.verify_message} (tls_ca=, tls_check_hostname=)"
    else:
        said = f"{error.reason or error}; is it a port without TLS (pulsar://)?"
    made = Unavailable(f"the TLS handshake with {where} failed: {said}", retryable=False)
    made.__cause__ = error
    return made


def greet(connection: socket.socket, where: str, options: Options, *, known: bool = False) -> None:
    """Send the first command and check the answer.

    Args:
        connection: A connected socket.
        where: The host and port, for messages.
        options: The options of the address, with the credentials.
        known: Whether a broker has answered there before, so that silence does not mean another
            protocol.

    Raises:
        Unauthorized: The broker refuses the credentials.
        Unavailable: The answer is not that of a broker.
    """
    problem = _introduce(connection, options)
    if problem is not None:
        # raised here, where no variable holds the credentials
        raise problem
    answer = _answer(connection, where, known)
    kind = answer.get(1)
    if kind == ERROR:
        raise _refusal(where, dict(fields(_bytes(answer.get(ERROR)))))
    if kind != CONNECTED:
        raise Unavailable(f"{where} {NOT_PULSAR}", retryable=False)


def _introduce(connection: socket.socket, options: Options) -> OSError | None:
    """Send the first command, or return why it cannot be sent."""
    method, credentials = introduction(options)
    command = bytes_field(1, b"brokerkit") + bytes_field(3, credentials) + number_field(4, PROTOCOL_VERSION)
    command += bytes_field(5, method.encode())
    body = number_field(1, CONNECT) + bytes_field(2, command)
    try:
        connection.sendall((len(body) + 4).to_bytes(4, "big") + len(body).to_bytes(4, "big") + body)
    except OSError as error:
        return error.with_traceback(None)
    return None


def _answer(connection: socket.socket, where: str, known: bool) -> dict[int, int | bytes]:
    guess = OUTAGE if known else f"is it just starting, or {NOT_PULSAR.partition(': ')[2]}"
    try:
        sizes = _read(connection, 8)
        total, size = int.from_bytes(sizes[:4], "big"), int.from_bytes(sizes[4:], "big")
        if total != size + 4 or size > MOST_BYTES:
            raise ValueError("no frame")
        return dict(fields(_read(connection, size)))
    except TimeoutError as error:
        raise Unavailable(f"{where} accepts connections but does not answer: {guess}") from error
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
