"""Charts as SVG, made by the server. Pure: values in, markup out.

A drawing is stretched to whatever room it has, so nothing in it is text: scale and days are written beside it, in the
page's own letters, and its figures stand in a table. Colours are the classes' (`one`, `two`) by currentColor.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 1000, 100  # in the drawing's own units
CLASSES = ("one", "two")
_GAP, _WIDE_GAP = 0.14, 0.28  # of a day's room, on each side of its bar; of a few days
_FEW = 10
_DOTTED = 45  # with more days than this, dots would be a line of their own
_TOPS = (1, 2, 4, 6, 10)  # whose half is as round as they are
_SECONDS = (10, 20, 30, 60, 90, 120, 180, 240, 300, 600, 900, 1200, 1800, 2400, 3600)

Values = Sequence[float | None]


@dataclass(frozen=True)
class Scale:
    """`top`: the value at the upper edge; below is nothing."""

    top: float

    @property
    def ticks(self) -> tuple[float, float, float]:
        """Where there are lines, from above."""
        return self.top, self.top / 2, 0.0

    def y(self, value: float) -> float:
        """How far from above."""
        return HEIGHT * (1 - min(value, self.top) / self.top)


def scale(most: float) -> Scale:
    """One with a round top that `most` fits under."""
    if most <= 0:
        return Scale(1.0)
    power = 10.0 ** math.floor(math.log10(most))
    return Scale(next(power * one for one in _TOPS if power * one >= most * (1 - 1e-9)))


def counting(most: int) -> Scale:
    """One for what is whole, as its half is, too."""
    return Scale(max(scale(most).top, 2.0))


def lasting(most: float) -> Scale:
    """One for seconds: round as clocks are."""
    hours = 2.0 * _SECONDS[-1]
    while hours < most:
        hours *= 2
    return Scale(next((float(one) for one in _SECONDS if one >= most), hours))


def bars(name: str, title: str, parts: Sequence[Values], said: Sequence[str], on: Scale) -> Markup:
    """A bar for each day, of its values in each of `parts` on top of each other. `said`: what each day says."""
    room, gap = WIDTH / max(1, len(said)), _GAP if len(said) > _FEW else _WIDE_GAP
    heights = [0.0] * len(said)
    drawn = []
    for colour, values in zip(CLASSES, parts, strict=False):
        path = []
        for at, value in enumerate(values):
            if value:
                low = on.y(heights[at])
                heights[at] += value
                path.append(_bar((at + gap) * room, on.y(heights[at]), room * (1 - 2 * gap), low))
        drawn.append(_filled(colour, path))
    return _drawing(name, title, drawn, said)


def lines(name: str, title: str, parts: Sequence[Values], said: Sequence[str], on: Scale) -> Markup:
    """A line for each of `parts`, with a gap where a day has no value."""
    room = WIDTH / max(1, len(said))
    drawn = []
    for colour, values in zip(CLASSES, parts, strict=False):
        drawn.append(_stroke(f"line {colour}", "".join(_runs(values, room, on))))
        if dots := "".join(_dots(values, room, on)):
            drawn.append(_stroke(f"dot {colour}", dots))
    return _drawing(name, title, drawn, said)


def spark(values: Values) -> Markup:
    """How something went, in the room of a word. What it says has to stand beside it."""
    room, on = WIDTH / max(1, len(values)), Scale(max((one or 0 for one in values), default=0) or 1)
    path = [
        _bar((at + _GAP) * room, on.y(value), room * (1 - 2 * _GAP), HEIGHT) for at, value in enumerate(values) if value
    ]
    return _markup(
        f'<svg class="spark" aria-hidden="true" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">'
        f"{_filled('one', path)}</svg>"
    )


def share(part: float) -> Markup:
    """A part of a whole (0 to 1), in the room of a word. What it says has to stand beside it."""
    return _markup(
        '<svg class="share" aria-hidden="true" viewBox="0 0 100 10" preserveAspectRatio="none">'
        f"{_filled('whole', [_bar(0, 0, 100, 10)])}{_filled('one', [_bar(0, 0, 100 * min(max(part, 0), 1), 10)])}</svg>"
    )


def _drawing(name: str, title: str, drawn: Sequence[str], said: Sequence[str]) -> Markup:
    room = WIDTH / max(1, len(said))
    slots = (
        f'<rect class="slot" x="{_short(at * room)}" width="{_short(room)}" height="{HEIGHT}">'
        f"<title>{escape(text)}</title></rect>"
        for at, text in enumerate(said)
    )
    grid = _stroke("grid", f"M0 0H{WIDTH}M0 {HEIGHT / 2:g}H{WIDTH}M0 {HEIGHT}H{WIDTH}")
    return _markup(
        f'<svg class="plot" role="img" aria-labelledby="{escape(name)}-drawn" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' preserveAspectRatio="none"><title id="{escape(name)}-drawn">{escape(title)}</title>'
        f"{grid}{''.join(drawn)}{''.join(slots)}</svg>"
    )


def _markup(text: str) -> Markup:
    # A year of days would take Markup's own formatting a tenth of a second.
    return Markup(text)  # noqa: S704 - numbers of ours, and text that was escaped


def _bar(x: float, y: float, width: float, base: float) -> str:
    return f"M{_short(x)} {_short(y)}h{_short(width)}V{_short(base)}h-{_short(width)}z"


def _filled(colour: str, path: Sequence[str]) -> str:
    return f'<path class="{colour}" fill="currentColor" d="{"".join(path)}"/>'


def _stroke(kind: str, path: str) -> str:
    # As thick as it is told, however far the drawing is stretched.
    return f'<path class="{kind}" fill="none" stroke="currentColor" vector-effect="non-scaling-stroke" d="{path}"/>'


def _runs(values: Values, room: float, on: Scale) -> Iterator[str]:
    before: float | None = None
    for at, value in enumerate(values):
        if value is not None:
            yield f"{'M' if before is None else 'L'}{_short((at + 0.5) * room)} {_short(on.y(value))}"
        before = value


def _dots(values: Values, room: float, on: Scale) -> Iterator[str]:
    """Every day; of many days those alone that no line leads to."""
    around = [None, *values, None]
    for at, value in enumerate(values):
        alone = around[at] is None and around[at + 2] is None
        if value is not None and (alone or len(values) <= _DOTTED):
            yield f"M{_short((at + 0.5) * room)} {_short(on.y(value))}h0"


def _short(value: float) -> str:
    return f"{round(value, 2):g}"
