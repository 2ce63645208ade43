"""Whether a topic is the one that was captured before, and not another one of its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from brokerkit.backends.parquet.manifest import Manifest, Reached
from brokerkit.core.runtime.inspector import ConnectedInspector
from brokerkit.core.vocabulary.columns import Columns
from brokerkit.core.vocabulary.errors import ConfigError
from brokerkit.core.vocabulary.topics import Bounds, Slice

LOOKED_AT = 8
"""In how many partitions the last message that was captured is looked for again."""
OTHERWISE = "capture it into another folder; what was captured stays"


def digest_of(columns: Columns, row: int) -> str:
    """Return a digest of the key and the payload of a row."""
    (key,), (value,) = (list(columns.slice(row, row + 1).values(name)) for name in ("key", "value"))
    parts = (b"-" if each is None else b"%d:%s" % (len(each), each) for each in (key, value))
    return sha256(b"".join(parts)).hexdigest()[:16]


def check_same(
    inspector: ConnectedInspector,
    manifest: Manifest,
    path: Path,
    *,
    source: str,
    identity: str,
    bounds: Sequence[Bounds],
) -> None:
    """Raise ConfigError unless the topic goes on where the data set ends.

    Args:
        inspector: The inspector of the system.
        manifest: The manifest of the data set.
        path: Its folder.
        source: The name of the session.
        identity: What tells the topic from another one of its name, where the system says so.
        bounds: The readable range of each partition.
    """
    topic = manifest.topic
    again = f"{topic!r} was deleted and made again since it was captured to {path}"
    if identity and manifest.identity and identity != manifest.identity:
        raise ConfigError(f"{again}: {OTHERWISE}")
    found: Mapping[int | None, Bounds] = {each.partition: each for each in bounds}
    for reached in manifest.partitions:
        now = found.get(reached.partition)
        if now is None:
            raise ConfigError(f"{again}: it has no partition {reached.partition} now. {_sentence(OTHERWISE)}")
        if reached.next > now.end:
            where = "" if now.partition is None else f" of partition {now.partition}"
            raise ConfigError(
                f"{again}, or its last messages were removed: the end{where} was "
                f"{now.show(reached.next)} and is {now.show(now.end)} now. {_sentence(OTHERWISE)}"
            )
    surely = bool(identity) and identity == manifest.identity
    if surely:
        return
    looked = [each for each in manifest.partitions if each.last is not None][:LOOKED_AT]
    verdicts = [_same_row(inspector, topic, each) for each in looked]
    if False in verdicts:
        raise ConfigError(
            f"{again}: other messages are where the last captured ones were. {_sentence(OTHERWISE)}"
        )
    if source != manifest.source and True not in verdicts and looked:
        raise ConfigError(
            f"{path} was captured from {manifest.source}, and nothing shows that {topic!r} of {source} is "
            f"the same topic: {OTHERWISE}"
        )


def _same_row(inspector: ConnectedInspector, topic: str, reached: Reached) -> bool | None:
    """Return whether the last message that was captured is where it was; None if it is gone."""
    assert reached.last is not None
    slice_ = Slice(topic, reached.partition, reached.last, reached.last + 1, 1)
    for columns in inspector.read(slice_, attributes=False, removing=True):
        times = list(columns.values("publish_time"))
        for row, position in enumerate(columns.positions()):
            if position == reached.last:
                return (times[row], digest_of(columns, row)) == (reached.last_time, reached.digest)
    return None


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
