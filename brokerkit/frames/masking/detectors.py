"""Personal data found in text by its form: e-mail addresses, card numbers, IBANs and phone numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate

Span = tuple[int, int]

_MANY_DIGITS = r"\d(?:[ -]?+\d){12}"
MAY_HOLD = {
    "email": r"@|%40",
    "card": _MANY_DIGITS,
    "iban": r"[A-Za-z]{2}\d{2}",
    "phone": r"\d[\d \-./()]{5,}\d",
}
"""What each detector needs: a text without escapes in which this is not found has nothing for it."""

_AT = re.compile(r"@|%40")
_LOCAL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+")
_STEP = 64
_DOMAIN = re.compile(r"(?:[\w-]+\.)+[\w-]{2,}")
_DIGIT_GROUPS = re.compile(r"\d(?:[ -]?\d)*")
_MAY_BE_CARD = re.compile(_MANY_DIGITS)
_GROUP = re.compile(r"\d+")
_CARD_DIGITS = range(13, 20)
_CARD_BEGINS = "23456"
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
_IBAN_LENGTHS = range(15, 35)
_COUNTRIES = {
    15: "NO",
    16: "BE",
    18: "DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
"""How long the numbers of a country are; those of any other country may have any length."""
_LENGTH_OF = {country: length for length, countries in _COUNTRIES.items() for country in countries.split()}
_PHONE = re.compile(
    r"(?<![\w+])(?:\+|00)[1-9](?:[ ().\-/]{0,3}\d){6,14}(?!\d)"
    r"|(?<![\w.-])(?:\(0?\d{2,5}\)|0?\d{2,5})[ .\-/]{1,2}\d{3,4}[ .\-/]?\d{3,5}(?![\w-]|\.\d)"
    r"|(?<![\w.-])0[1-9]\d{7,10}(?![\w-]|\.\d)"
)


def emails(text: str) -> Iterator[Span]:
    """Yield where e-mail addresses are, also those of which the sign is escaped as in URLs."""
    if "@" not in text and "%40" not in text:
        return
    for at in _AT.finditer(text):
        domain = _DOMAIN.match(text, at.end())
        if domain is None:
            continue
        start = _local_begin(text, at.start())
        if start < at.start():
            yield start, domain.end()


def _local_begin(text: str, end: int) -> int:
    """Return where the characters begin that may be in front of the sign."""
    while end:
        before = text[max(0, end - _STEP) : end][::-1]
        found = _LOCAL.match(before)
        length = 0 if found is None else found.end()
        end -= length
        if length < len(before):
            break
    return end


def cards(text: str) -> Iterator[Span]:
    """Yield where card numbers are: 13 to 19 digits, which may be in groups, with a right check digit."""
    if _MAY_BE_CARD.search(text) is None:
        return
    for run in _DIGIT_GROUPS.finditer(text):
        if run.end() - run.start() < _CARD_DIGITS[0]:
            continue
        groups = [found.span() for found in _GROUP.finditer(text, *run.span())]
        totals = [0, *accumulate(end - start for start, end in groups)]
        after = -1
        for first, (start, _) in enumerate(groups):
            if start < after or text[start] not in _CARD_BEGINS:
                continue
            for last in range(min(len(groups), first + _CARD_DIGITS[-1]) - 1, first - 1, -1):
                if totals[last + 1] - totals[first] not in _CARD_DIGITS:
                    continue
                end = groups[last][1]
                if _luhn(text[start:end]):
                    yield start, end
                    after = end
                    break


def _luhn(text: str) -> bool:
    digits = [ord(each) - 48 for each in reversed(text) if each in "0123456789"]
    doubled = (2 * each - (9 if each > 4 else 0) for each in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def ibans(text: str) -> Iterator[Span]:
    """Yield where international bank account numbers are, with a right checksum."""
    at = 0
    while (found := _IBAN.search(text, at)) is not None:
        at = found.start() + 1
        places = [place for place in range(*found.span()) if text[place].isalnum()]
        known = _LENGTH_OF.get(found.group()[:2].upper())
        lengths = _IBAN_LENGTHS if known is None else (known,)
        for length in reversed([each for each in lengths if each <= len(places)]):
            letters = "".join(text[place] for place in places[:length])
            if _mod97(letters):
                at = places[length - 1] + 1
                yield found.start(), at
                break


def _mod97(letters: str) -> bool:
    if not letters.isascii():
        return False
    return int("".join(str(int(each, 36)) for each in letters[4:] + letters[:4])) % 97 == 1


def phones(text: str) -> Iterator[Span]:
    """Yield where phone numbers are: international ones, and national ones that are written in groups."""
    for found in _PHONE.finditer(text):
        yield found.span()


DETECTORS: Mapping[str, Callable[[str], Iterator[Span]]] = {
    "email": emails,
    "card": cards,
    "iban": ibans,
    "phone": phones,
}


_LIKE_PHONES = bytes(48 if each in b"0123456789 -./()" else 0 for each in range(256))
_LIKE_IBANS = bytes(48 if (chr(each).isalnum() and each < 128) or each in b" -" else 0 for each in range(256))
_EMAIL_BYTES = re.compile(rb"(?:@|%40)[-\w\x80-\xff]+\.[-\w\x80-\xff]")
_ESCAPE_BYTES = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})")
_IBAN_BYTES = re.compile(rb"[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11}")


def may_hold_in_bytes(names: Iterable[str]) -> Callable[[bytes], bool]:
    """Return a fast check of bytes, such as of images, in which detectors would search long for nothing.

    Args:
        names: The detectors. Where the check fails, they find nothing.
    """
    wanted = set(names)
    email, iban, number = "email" in wanted, "iban" in wanted, not wanted.isdisjoint(("card", "phone"))

    def may_hold(data: bytes) -> bool:
        if email and (b"@" in data or b"%40" in data) and _EMAIL_BYTES.search(data) is not None:
            return True
        if number and b"0000000" in data.translate(_LIKE_PHONES):
            return True
        if (
            iban
            and b"000000000000000" in data.translate(_LIKE_IBANS)
            and _IBAN_BYTES.search(data) is not None
        ):
            return True
        return b"\\" in data and _ESCAPE_BYTES.search(data) is not None

    return may_hold
