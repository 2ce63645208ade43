"""What is read of the headers that a message came with."""

from __future__ import annotations

from brokerkit.backends.jetstream.headers import Headers, inbound, only_ids
from brokerkit.core.vocabulary.messages import new_run

OURS = f"{new_run()}-7".encode()


def test_a_message_with_nothing_but_its_id_has_no_attributes() -> None:
    assert inbound(Headers(b"Nats-Msg-Id: " + OURS + b"\r\n\r\n")) == (None, None)


def test_an_id_of_another_program_is_an_attribute() -> None:
    for name in (b"abc", b"bk-1", b"bk-" + b"x" * 32 + b"-1"):
        read = inbound(Headers(b"Nats-Msg-Id: " + name + b"\r\n\r\n"))
        assert read == (None, (("Nats-Msg-Id", name.decode()),))


def test_headers_written_twice_come_back_twice_in_order() -> None:
    headers = Headers(b"Nats-Msg-Id: " + OURS + b"\r\nTrace: 1\r\nHost:b\r\nTrace: 2\r\n\r\n")
    assert inbound(headers) == (None, (("Trace", "1"), ("Host", "b"), ("Trace", "2")))
    assert headers["Trace"] == "2"


def test_the_key_is_taken_out() -> None:
    assert inbound(Headers(b"Brokerkit-Key: azE=\r\nTrace: 1\r\n\r\n")) == (b"k1", (("Trace", "1"),))
    assert inbound(Headers(b"Brokerkit-Key: \r\n\r\n")) == (b"", None)


def test_a_status_is_found_as_in_any_mapping() -> None:
    status: dict[str, str] = {"Status": "408"}
    status.update(Headers(b"Nats-Pending-Messages: 3\r\n\r\n"))
    assert status == {"Status": "408", "Nats-Pending-Messages": "3"}
    assert Headers(b"\r\n").get("Status") is None


def test_undecodable_bytes_neither_raise_nor_vanish() -> None:
    _, pairs = inbound(Headers(b"Trace: \xff\xfe\r\nno colon\r\nX: 1\r\n\r\n"))
    assert pairs == (("Trace", "\ufffd\ufffd"), ("X", "1"))


def test_a_batch_has_only_ids_if_each_message_has_nothing_else() -> None:
    ours = b"Nats-Msg-Id: " + OURS + b"\r\n\r\n"
    assert only_ids([Headers(ours)] * 3)
    others = [b"Nats-Msg-Id: abc\r\n\r\n", b"Trace: 1\r\n" + ours, ours + b"\0" + ours, b"\r\n", b""]
    for other in [*map(Headers, others), None, {"Nats-Msg-Id": OURS.decode()}]:
        assert not only_ids([Headers(ours), other, Headers(ours)])
