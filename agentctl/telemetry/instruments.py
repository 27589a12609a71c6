"""What this process counts and times, as Prometheus has it: https://prometheus.io/docs/concepts/metric_types/.

An instrument is the process's own, as a logger is, and only its event loop's thread writes to it. Its labels are known
beforehand and take few values; a text that came from outside is none.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # seconds: what somebody waits for
LONG = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)  # seconds: what goes on by itself
PREFIX = "agentctl_"


@dataclass
class Counter:
    """How often something happened, or how much of it there was. It only grows, and begins at 0 with the process.

    `known`: label values that are there from the beginning, since a monitor takes a counter that appears with 1 for one
    that did not move.
    """

    name: str
    meaning: str
    labels: Sequence[str] = ()
    known: Sequence[tuple[str, ...]] = ()
    kind: str = field(default="counter", init=False)
    _values: dict[tuple[str, ...], float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._values = dict.fromkeys(self.known if self.labels else ((),), 0.0)

    def add(self, *labels: object, by: float = 1.0) -> None:
        """Count `by` more of what the values of its labels say, which come in their order."""
        key = tuple(map(str, labels))
        self._values[key] = self._values.get(key, 0.0) + by

    def value(self, *labels: object) -> float:
        """How much it is."""
        return self._values.get(tuple(map(str, labels)), 0.0)

    def lines(self) -> Iterator[str]:
        """Its values, in the text format."""
        for key, value in sorted(self._values.items()):
            yield f"{PREFIX}{self.name}{labelled(self.labels, key)} {number(value)}"


@dataclass
class Histogram:
    """How long something took, in seconds."""

    name: str
    meaning: str
    labels: Sequence[str] = ()
    buckets: Sequence[float] = QUICK
    kind: str = field(default="histogram", init=False)
    _counts: dict[tuple[str, ...], list[int]] = field(default_factory=dict, repr=False)
    _sums: dict[tuple[str, ...], float] = field(default_factory=dict, repr=False)

    def observe(self, seconds: float, *labels: object) -> None:
        """It took `seconds` this time."""
        key = tuple(map(str, labels))
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = [0] * (len(self.buckets) + 1)
        counts[bisect_left(self.buckets, seconds)] += 1
        self._sums[key] = self._sums.get(key, 0.0) + seconds

    def lines(self) -> Iterator[str]:
        """Its values, in the text format; a bucket counts what the smaller ones do."""
        for key, counts in sorted(self._counts.items()):
            total = 0
            for limit, count in zip((*self.buckets, math.inf), counts, strict=True):
                total += count
                within = labelled((*self.labels, "le"), (*key, number(limit)))
                yield f"{PREFIX}{self.name}_bucket{within} {total}"
            yield f"{PREFIX}{self.name}_sum{labelled(self.labels, key)} {number(self._sums[key])}"
            yield f"{PREFIX}{self.name}_count{labelled(self.labels, key)} {total}"


def labelled(names: Sequence[str], values: Sequence[str]) -> str:
    """The labels of one value; empty where there are none."""
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return f"{{{pairs}}}" if pairs else ""


def number(value: float) -> str:
    """A value as the text format has it."""
    return "+Inf" if value == math.inf else repr(round(value, 9)).removesuffix(".0")


def exposed(*instruments: Counter | Histogram) -> Iterator[str]:
    """The lines for a monitor, each instrument with what it means."""
    for one in instruments:
        yield f"# HELP {PREFIX}{one.name} {one.meaning}"
        yield f"# TYPE {PREFIX}{one.name} {one.kind}"
        yield from one.lines()


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
