"""Find out why a broker cannot be reached, which the C++ client does not tell."""

from __future__ import annotations

import socket
import ssl

from brokerkit.core.vocabulary.cancellation import Deadline
from brokerkit.core.vocabulary.errors import BrokerError, ConfigError, Unavailable

from .credentials import introduction
from .handshake import OUTAGE, greet
from .options import Options


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
                        greet(secured, f"{host}:{port}", *introduction(options), known=known)
                else:
                    greet(plain, f"{host}:{port}", *introduction(options), known=known)
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


def ssl_context(options: Options) -> ssl.SSLContext:
    """Return a context with the trusted certificates and the client's own.

    Raises ConfigError for a bad file.
    """
    try:
        context = ssl.create_default_context(cafile=options.tls_ca)
        context.check_hostname = options.tls_check_hostname
        if options.tls_certificate is not None:
            context.load_cert_chain(options.tls_certificate, options.tls_key_file)
    except (ssl.SSLError, OSError) as error:
        # an error about a key must not show the key
        raise ConfigError(
            f"tls_ca, tls_certificate or tls_key_file cannot be used ({type(error).__name__})"
        ) from None
    return context


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
