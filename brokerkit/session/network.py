"""What a server says before a client library is asked: whether it speaks TLS."""

from __future__ import annotations

import socket
import ssl

_RECORDS = (b"\x16\x03", b"\x15\x03")
"""How an answer in TLS begins: a handshake, or an alert."""


def speaks_tls(host: str, port: int, timeout: float) -> bool:
    """Return whether a server answers the greeting of TLS. Nothing is signed in to, or verified.

    Args:
        host: The host.
        port: The port.
        timeout: Seconds to wait. A server that does not answer is taken for one that speaks something else.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname=host).do_handshake()
    except ValueError:
        # the name is none that a host can have, such as a..b
        return False
    except ssl.SSLWantReadError:
        # it waits for the answer, of which the first bytes are enough
        hello = outgoing.read()
    try:
        with socket.create_connection((host, port), timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(hello)
            return connection.recv(2) in _RECORDS
    except OSError:
        return False
