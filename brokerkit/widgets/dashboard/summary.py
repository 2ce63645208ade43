"""What a dashboard says: the figures at its top, what needs a look, and a line for each topic."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from brokerkit.display.sanitize import plain

from ..moments import milliseconds_of
from ..protocol.dashboard import Concern, Figure, TopicRates
from ..row_view import size_text
from .looks import Looks
from .tracks import Series, SubscriptionTrack, TopicTrack

POINTS = 30
CONCERNS = 8
NAMED = 3


@dataclass(frozen=True)
class TopicLook:
    """What is known of a topic now. Rates are per second; what is not known is None.

    Attributes:
        coming, leaving: How many messages come, and how many its subscriptions settle.
        backlog: The largest lag of its subscriptions.
        oldest: When the oldest unread message was published, in microseconds since 1970.
        slowest: The subscription with that lag.
        dead: How many dead letters there are of it.
    """

    track: TopicTrack
    coming: float | None
    leaving: float | None
    backlog: int | None
    oldest: int | None
    slowest: SubscriptionTrack | None
    dead: int

    @property
    def name(self) -> str:
        return self.track.info.name

    @property
    def busy(self) -> bool:
        """Whether something comes, waits to be read, or could not be handled."""
        return bool(self.coming or self.leaving or self.backlog or self.dead)

    def record(self) -> dict[str, Any]:
        """Return it as a row of a frame."""
        return {
            "topic": self.name,
            "in_rate": self.coming,
            "out_rate": self.leaving,
            "backlog": self.backlog,
            "oldest_unread": self.oldest,
            "dead_letters": self.dead,
            "slowest": None if self.slowest is None else self.slowest.info.name,
            "messages": int(self.track.held.last) if len(self.track.held) else self.track.info.messages,
            "bytes": self.track.info.bytes,
        }


def topic_looks(looks: Looks) -> list[TopicLook]:
    """Return what is known of each topic, those with most traffic first."""
    readers: dict[str, list[SubscriptionTrack]] = {}
    for (topic, _), track in list(looks.subscriptions.items()):
        readers.setdefault(topic, []).append(track)
    found = [_look(looks, track, readers.get(name, [])) for name, track in list(looks.topics.items())]
    return sorted(found, key=lambda each: (-(each.coming or 0.0), -(each.backlog or 0), each.name))


def _look(looks: Looks, track: TopicTrack, readers: Sequence[SubscriptionTrack]) -> TopicLook:
    known = [each for each in readers if each.info.lag is not None]
    slowest = max(known, key=lambda each: each.info.lag or 0, default=None)
    unread = [each.info.oldest for each in known if each.info.lag and each.info.oldest is not None]
    return TopicLook(
        track,
        track.came.rate(),
        _not_below_zero(track.gone.rate()),
        None if slowest is None else slowest.info.lag,
        min(unread, default=None),
        slowest,
        looks.dead_letters(track.info.name),
    )


def _not_below_zero(rate: float | None) -> float | None:
    return None if rate is None else max(0.0, rate)


def line_of(look: TopicLook, now: datetime) -> TopicRates:
    """Return the line of a topic."""
    slowest = look.slowest
    return {
        "n": look.track.number,
        "name": plain(look.name, 160),
        "coming": rate_text(look.coming),
        "points": points([look.track.came]),
        "leaving": rate_text(look.leaving),
        "backlog": "" if look.backlog is None else f"{look.backlog:,}",
        "behind": slowest is not None and slowest.behind,
        "oldest": "" if look.backlog is None else age_text(look.oldest, now) if look.backlog else "none",
        "oldest_at": milliseconds_of(look.oldest) if look.backlog else None,
        "dead": f"{look.dead:,}" if look.dead else "",
        "slowest": plain(slowest.info.name, 80) if slowest is not None and look.backlog else "",
        "stored": size_text(look.track.info.bytes),
    }


def figures(looks: Looks, found: Sequence[TopicLook]) -> list[Figure]:
    """Return the figures at the top."""
    tracks = [each.track for each in found]
    behind = [each for each in list(looks.subscriptions.values()) if each.behind]
    dead = sum(int(looks.topics[name].held.last) for name in _dead_names(looks))
    dead += sum(each.track.info.dead_letters or 0 for each in found)
    fresh = sum(looks.topics[name].came.last for name in _dead_names(looks))
    return [
        {
            "name": "In",
            "value": rate_text(_sum(each.coming for each in found)) or "…",
            "note": "",
            "level": "",
            "points": points([each.came for each in tracks]),
        },
        {
            "name": "Out",
            "value": rate_text(_sum(each.leaving for each in found)) or "…",
            "note": "",
            "level": "",
            "points": points([each.gone for each in tracks]),
        },
        {
            "name": "Behind",
            "value": f"{len(behind):,} of {len(looks.subscriptions):,}",
            "note": _names(each.info.name for each in behind),
            "level": "warn" if behind else "",
            "points": [],
        },
        {
            "name": "Dead letters",
            "value": f"{dead:,}",
            "note": f"{int(fresh):,} since this began" if fresh else "",
            "level": "bad" if dead else "",
            "points": [],
        },
        *_in_sync(found),
    ]


def _in_sync(found: Sequence[TopicLook]) -> list[Figure]:
    """Return how many partitions have all copies up to date; nothing where the system does not say."""
    known = [each.track.info for each in found if each.track.info.lacking is not None]
    if not known:
        return []
    lacking = sum(each.lacking or 0 for each in known)
    partitions = sum(each.partitions or 0 for each in known)
    return [
        {
            "name": "In sync",
            "value": f"{partitions - lacking:,} of {partitions:,}",
            "note": _names(each.name for each in known if each.lacking) or "partitions",
            "level": "bad" if lacking else "",
            "points": [],
        }
    ]


def concerns(looks: Looks, found: Sequence[TopicLook]) -> list[Concern]:
    """Return what needs a look, the largest first."""
    made: list[tuple[float, Concern]] = []
    for (topic, name), track in list(looks.subscriptions.items()):
        if not track.behind or topic not in looks.topics:
            continue
        lag, since = track.info.lag or 0, track.lag.growing_since
        if since is not None:
            said = f"falls behind on {plain(topic, 80)}: {lag:,}, growing by {rate_text(track.lag.rate())}"
            began = _time_of(since)
            said += f" since {began:%H:%M}"
        else:
            began = None
            verb = "waits" if lag == 1 else "wait"
            said = f"has no members: {lag:,} of {plain(topic, 80)} {verb} to be read"
        number = looks.topics[topic].number
        made.append((lag, _concern("warn", name, said, number, "subscriptions", "Show its lag", began)))
    for name in _dead_names(looks):
        track_of = looks.topics[name]
        held, fresh = int(track_of.held.last), int(track_of.came.last)
        if held:
            said = f"holds {held:,} dead letter{'' if held == 1 else 's'}"
            said += f", {fresh:,} of them since this began" if fresh else ""
            made.append((held, _concern("dead", name, said, track_of.number, "letters", "Show them")))
    for each in found:
        info, number = each.track.info, each.track.number
        if info.dead_letters:
            dead = info.dead_letters
            said = f"has {dead:,} dead letter{'' if dead == 1 else 's'}"
            made.append((dead, _concern("dead", info.name, said, number, "letters", "Show them")))
    made.extend((math.inf, each) for each in _lacking(found))
    made.sort(key=lambda each: -each[0])
    return [each for _, each in made[:CONCERNS]]


def _lacking(found: Sequence[TopicLook]) -> list[Concern]:
    """Return the first to be looked at, in one line, since one broker can be why all lack one."""
    tracks = [each.track for each in found if each.track.info.lacking]
    if not tracks:
        return []
    worst = max(tracks, key=lambda each: each.info.lacking or 0)
    lacking = sum(each.info.lacking or 0 for each in tracks)
    partitions = sum(each.info.partitions or 0 for each in tracks)
    verb = "lacks" if lacking == 1 else "lack"
    said = f"{lacking:,} of {partitions:,} partitions {verb} a copy that is up to date"
    if len(tracks) == 1:
        return [_concern("bad", worst.info.name, said, worst.number, "partitions", "Show them")]
    said += f": {_names(each.info.name for each in tracks)}"
    return [_concern("bad", f"{len(tracks):,} topics", said, worst.number, "partitions", "Show the worst")]


def _concern(
    sign: Any, subject: str, text: str, number: int, tab: Any, action: str, since: datetime | None = None
) -> Concern:
    return {
        "sign": sign,
        "subject": plain(subject, 80),
        "text": text,
        "n": number,
        "tab": tab,
        "action": action,
        "at": milliseconds_of(since),
    }


def _dead_names(looks: Looks) -> list[str]:
    return sorted({name for names in looks.dead.values() for name in names if name in looks.topics})


def _names(names: Iterable[str]) -> str:
    listed = sorted(set(names))
    more = f" and {len(listed) - NAMED:,} more" if len(listed) > NAMED else ""
    return ", ".join(plain(name, 40) for name in listed[:NAMED]) + more


def _sum(rates: Iterable[float | None]) -> float | None:
    known = [each for each in rates if each is not None]
    return sum(known) if known else None


def rate_text(rate: float | None) -> str:
    """Return messages a second in a few characters; empty where that is not known yet."""
    if rate is None:
        return ""
    if rate >= 1_000:
        return f"{rate:,.0f}/s"
    return f"{rate:.3g}/s" if rate >= 0.05 or rate <= 0 else f"{60 * rate:.2g}/min"


def age_text(moment: int | None, now: datetime) -> str:
    """Return how long ago a moment is, in microseconds since 1970; empty where it is not known."""
    if moment is None:
        return ""
    seconds = max(0, int(now.timestamp() - moment / 1e6))
    for size, unit, smaller, name in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} {seconds % size // smaller} {name}"
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"


def points(series: Sequence[Series]) -> list[int]:
    """Return the sum of the rates over time as points from 0 to 100, the newest last."""
    summed: list[float] = []
    for each in series:
        rates = each.rates()[-POINTS:]
        summed = [0.0] * (len(rates) - len(summed)) + summed
        for place, rate in enumerate(reversed(rates), start=1):
            summed[-place] += rate
    most = max(summed, default=0.0)
    return [round(100 * max(0.0, value) / most) if most > 0 else 0 for value in summed]


def _time_of(moment: float) -> datetime:
    """Return a moment of the monotonic clock as a time, UTC."""
    return datetime.now(UTC) - timedelta(seconds=time.monotonic() - moment)
