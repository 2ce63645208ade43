"""What was found, as a table to read in a terminal and as a page of the documentation."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from brokerkit import __version__

from .results import Comparison, Fact, Found, Line, Missing

LIBRARIES = (
    "pyarrow", "pandas", "orjson", "confluent-kafka", "nats-py", "pulsar-client", "google-cloud-pubsub",
    "azure-servicebus", "distributed",
)  # fmt: skip
WORDS = {True: "kept", False: "not kept", None: "not measured"}
HEAD = """# Benchmarks

`python -m tests.benchmarks` measured this page and wrote it; it is not edited. Ways that are compared take turns in one
run, and each ratio is the median of the ratios within the turns. Speeds depend on the machine: compare within a table,
not between pages. CPU seconds are those of the process and its children per million rows; brokers are not among them,
although they share the processors. Memory is the largest growth of the process over its start. What other
libraries do is the fastest that their documentation shows; what each leaves out is said beside it. A fresh process
is measured after its imports; what brokerkit imports on first use counts.
"""


def facts_of_the_run(command: Sequence[str], kafka: str, began: datetime) -> dict[str, str]:
    """Return where, when and with what the run took place."""
    minutes = (datetime.now(UTC) - began).total_seconds() / 60
    return {
        "date": f"{began:%Y-%m-%d %H:%M} UTC, {minutes:.0f} minutes",
        "machine": f"{_processor()}, {os.cpu_count()} processors, {_memory()}, {platform.system()} {platform.release()}",
        "load at the end": " ".join(f"{each:.1f}" for each in os.getloadavg())
        + " (with the benchmark itself)",
        "Kafka": kafka,
        "Python": platform.python_version(),
        "brokerkit": f"{__version__} {_commit()}".strip(),
        "libraries": ", ".join(f"{name} {_version(name)}" for name in LIBRARIES),
        "command": f"`python -m tests.benchmarks {' '.join(command)}`".replace(" `", "`"),
    }


def page(found: Sequence[Found], about: Mapping[str, str]) -> str:
    """Return the page."""
    if not found:
        return f"{HEAD}\nNo run is stored here yet.\n\n{REPEAT}"
    parts = [HEAD, _table(("", ""), list(about.items())), _asked(found)]
    parts += [_comparison(each) for each in found if isinstance(each, Comparison)]
    lines = [each for each in found if isinstance(each, Line)]
    if lines:
        rows = [
            (each.what, f"{each.naive:,.0f}", f"{each.ours:,.0f}", f"{each.ratio:.2f}", f"{each.wanted:g}")
            for each in lines
        ]
        head = ("", "first, rows/s", "second, rows/s", "ratio", "asked")
        parts.append(f"## Formats\n\nBest of several rounds, by CPU seconds.\n\n{_table(head, rows)}")
    facts = [(each.what, f"{each.value:.3g} {each.unit}") for each in found if isinstance(each, Fact)]
    if facts:
        parts.append(f"## Single numbers\n\n{_table(('', ''), facts)}")
    missing = [(each.what, each.reason) for each in found if isinstance(each, Missing)]
    if missing:
        parts.append(f"## Not measured\n\n{_table(('', 'reason'), missing)}")
    parts.append(REPEAT)
    return "\n".join(part if part.endswith("\n") else f"{part}\n" for part in parts)


REPEAT = """## Repeat it

    pip install -e '.[test]'
    python -m tests.benchmarks --rows 100k                     # a small run, about ten minutes
    python -m tests.benchmarks --rows 1M --rounds 5 --sizes 10k 100k 1M 10M
    python -m tests.benchmarks kafka peers --rows 1M           # some parts only
    python -m tests.benchmarks --against kafka://host:9092     # Kafka's parts on a cluster of your own

The other libraries are installed into `build/benchmark-peers`, an environment of their own. On a cluster of your own,
topics are created whose names begin with `brokerkit-benchmark-`, after a question, and deleted at the end.
"""


def _asked(found: Sequence[Found]) -> str:
    verdicts = [verdict for each in found for verdict in each.verdicts()]
    rows = [(each.asked, each.found, WORDS[each.kept]) for each in verdicts]
    count = {word: sum(row[2] == word for row in rows) for word in WORDS.values()}
    told = ", ".join(f"{number} {word}" for word, number in count.items())
    return f"## What is asked of it\n\n{told}.\n\n{_table(('asked', 'found', ''), rows)}"


def _comparison(each: Comparison) -> str:
    rows = [
        (
            way.name,
            f"{way.rate:,.0f}",
            f"{each.rows / way.rate:.2f}",
            f"{way.cpu:.2f}",
            "" if way.peak is None else f"{max(way.peak, 0):,.0f}",
            f"{way.speed:.2f}",
            f"{way.processor:.2f}",
        )
        for way in each.results
    ]
    head = ("", "rows/s", "wall s", "CPU s per million", "memory MB", "speed", "CPU")
    turns = "1 turn" if each.rounds == 1 else f"{each.rounds} turns"
    failed = "".join(f"\n- {reason}" for reason in each.failed)
    failed = f"\nDid not work:\n{failed}\n" if failed else ""
    return f"## {each.title}: {each.rows:,} rows\n\n{turns}.\n\n{_table(head, rows)}{failed}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    numbers = [index > 0 and all(_is_number(row[index]) for row in rows) for index in range(len(head))]
    lines = [
        "| " + " | ".join(_cell(each) for each in head) + " |",
        "|" + "|".join("---:" if number else "---" for number in numbers) + "|",
        *("| " + " | ".join(_cell(each) for each in row) + " |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _is_number(text: str) -> bool:
    return text.replace(",", "").replace(".", "").isdigit() or not text


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or sys.platform
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )


def _memory() -> str:
    import psutil

    return f"{psutil.virtual_memory().total / 1e9:.0f} GB"
