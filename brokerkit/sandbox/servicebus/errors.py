"""The refusals of the broker, with the error conditions and status codes of the protocol."""

from __future__ import annotations


class Refusal(Exception):
    """The broker refuses a request.

    Attributes:
        condition: The AMQP error condition.
        status: The status code in the answer to a request.
    """

    def __init__(self, condition: str, description: str, status: int) -> None:
        super().__init__(description)
        self.condition = condition
        self.description = description
        self.status = status


def not_found(path: str) -> Refusal:
    """Return the refusal for an unknown entity."""
    return Refusal("amqp:not-found", f"The messaging entity '{path}' could not be found.", 404)


def already_exists(path: str) -> Refusal:
    """Return the refusal to create an entity that exists."""
    return Refusal(
        "com.microsoft:entity-already-exists", f"The messaging entity '{path}' already exists.", 409
    )


def disabled(path: str) -> Refusal:
    """Return the refusal for a disabled entity."""
    return Refusal("com.microsoft:entity-disabled", f"Messaging entity '{path}' is currently disabled.", 403)


def unauthorized(claim: str, path: str) -> Refusal:
    """Return the refusal for a missing right."""
    return Refusal(
        "amqp:unauthorized-access",
        f"Unauthorized access. '{claim}' claim(s) are required to perform this operation. "
        f"Resource: '{path}'.",
        401,
    )


def not_allowed(description: str) -> Refusal:
    """Return the refusal of an operation that the entity does not allow."""
    return Refusal("amqp:not-allowed", description, 400)


def invalid(description: str) -> Refusal:
    """Return the refusal of an invalid argument."""
    return Refusal("com.microsoft:argument-error", description, 400)


def undecodable(description: str) -> Refusal:
    """Return the refusal of bytes that cannot be decoded."""
    return Refusal("amqp:decode-error", description, 400)


def internal() -> Refusal:
    """Return the refusal for an error of the emulator itself."""
    return Refusal("amqp:internal-error", "The service was unable to process the request.", 500)


def too_large(limit: int) -> Refusal:
    """Return the refusal of a message above the limit of the link."""
    return Refusal(
        "amqp:link:message-size-exceeded", f"The message exceeds the limit of {limit} bytes on the link.", 400
    )


def message_lock_lost() -> Refusal:
    """Return the refusal to settle a message without a valid lock."""
    return Refusal(
        "com.microsoft:message-lock-lost",
        "The lock supplied is invalid. Either the lock expired, or the message has already been removed"
        " from the queue.",
        410,
    )


def message_not_found(sequence_number: int) -> Refusal:
    """Return the refusal for an unknown sequence number."""
    return Refusal(
        "com.microsoft:message-not-found",
        f"There is no message with the sequence number {sequence_number} that can be received this way.",
        404,
    )


def session_lock_lost(session: str) -> Refusal:
    """Return the refusal for a session that is no longer held."""
    return Refusal(
        "com.microsoft:session-lock-lost",
        f"The session lock has expired on the session '{session}'. Accept the session again.",
        410,
    )


def session_locked(session: str) -> Refusal:
    """Return the refusal of a session that another receiver holds."""
    return Refusal(
        "com.microsoft:session-cannot-be-locked",
        f"The requested session '{session}' cannot be accepted. It may be locked by another receiver.",
        409,
    )


def no_session() -> Refusal:
    """Return the refusal to a receiver that waited for a session in vain."""
    return Refusal(
        "com.microsoft:timeout",
        "The operation did not complete within the allocated time: there is no session with messages.",
        408,
    )
