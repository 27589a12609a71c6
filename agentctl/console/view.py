"""Templates, and how what is stored is written in them. Everything is escaped: callers' words are text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

import phonenumbers
from markupsafe import Markup
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from agentctl.calls import zone
from agentctl.console.hits import BEGIN, END
from agentctl.console.telling import begun, is_whole
from agentctl.console.wording import Words

if TYPE_CHECKING:
    from jinja2 import Environment

# Marks that reorder what stands around them (Unicode TR 36, 2.3): a name must not make a line say something else.
_REORDERING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C])
# What stands between two places where a line may end, and at most 100 characters of what has none.
_PIECES = re.compile(r"(?:[^ \t\n]{0,99}+[ \t\n])++|[^ \t\n]{1,100}")
_MINUTE, _HOUR = 60, 3600


class Reader(Protocol):
    """For whom something is written: in which language, and by which clock."""

    @property
    def zone(self) -> ZoneInfo: ...

    words: Words


class Drawn(HTMLResponse):
    """A page that `draw` draws once it is sent."""

    def __init__(self, draw: Callable[[], Awaitable[str]], status: int) -> None:
        super().__init__(status_code=status)
        self._draw = draw

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.body = self.render(await self._draw())
        self.headers["content-length"] = str(len(self.body))
        await super().__call__(scope, receive, send)


def templates() -> Environment:
    """The console's own, with the filters below."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("agentctl.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"said": said, "duration": duration, "moment": moment, "stamp": stamp, "number": telephone}
    made.filters |= {"marked": marked, "cost": cost, "due": due, "dotted": dotted, "flowing": flowing}
    made.filters |= {"dated": dated, "clock": clock, "lasting": lasting, "parted": parted}
    made.filters |= {"begun": begun}
    made.tests |= {"overdue": overdue}
    made.tests |= {"whole": is_whole}
    made.globals |= {"static": static}
    return made


def said(text: object) -> str:
    """Somebody's words without what would reorder a line; all else is left to escaping."""
    return str(text if text is not None else "").translate(_REORDERING)


def flowing(text: object) -> Markup:
    """The same where it stands as text and may be as long as somebody likes, with places to break what has none.

    A browser needs minutes for the lines of one word of a megabyte; it finds these in a second.
    """
    return Markup("<wbr>").join(_PIECES.findall(said(text)))  # join escapes what it joins


def parted(text: str, room: int) -> tuple[str, str]:
    """About `room` characters of a text, to the end of a word, and the rest, which is none if it has but some lines."""
    if len(text) <= room * 3 // 2:
        return text, ""
    end = max(text.rfind(blank, room // 2, room) for blank in " \n")
    end = end if end > 0 else room
    return text[:end], text[end:].lstrip()


def duration(seconds: float | None) -> str:
    """1:05, or 1:02:03; nothing for nothing."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, _HOUR)
    return f"{hours}:{rest // _MINUTE:02}:{rest % _MINUTE:02}" if hours else f"{rest // _MINUTE}:{rest % _MINUTE:02}"


def lasting(seconds: float, words: Words) -> str:
    """How long something took that somebody waited for."""
    return duration(seconds) if seconds >= _MINUTE else f"{words.number(seconds, 1)} s"


def moment(written: str | None, reader: Reader) -> str:
    """A stored time, as clocks in the project show it: of today the time alone, of another day the day, too."""
    if written is None:
        return ""
    is_today = _told(written, reader).date() == datetime.now(reader.zone).date()
    return clock(written, reader) if is_today else dated(written, reader)


def clock(written: str, reader: Reader) -> str:
    """The time of a stored time, beside the day that it is of."""
    return f"{_told(written, reader):%H:%M}"


def dated(written: str, reader: Reader) -> str:
    """Day and time of a stored time, whatever day it is."""
    return f"{reader.words.day(_told(written, reader))}, {clock(written, reader)}"


def day_heading(written: str, reader: Reader) -> tuple[str, str]:
    """The day of a stored time as an id and as a person says it: today, yesterday, or its date."""
    day, today = _told(written, reader).date(), datetime.now(reader.zone).date()
    known = {today: "calls.today", today - timedelta(days=1): "calls.yesterday"}
    if day in known:
        return day.isoformat(), reader.words(known[day])
    return day.isoformat(), reader.words.weekday(day) if day.year == today.year else reader.words.day(day)


def stamp(written: str | None, reader: Reader) -> str:
    """A stored time to the second, with its zone."""
    if written is None:
        return ""
    told = _told(written, reader)
    return f"{reader.words.day(told)}, {told:%H:%M:%S %Z}"


def _told(written: str, reader: Reader) -> datetime:
    return zone.local(datetime.fromisoformat(written), str(reader.zone))


def telephone(number: str | None) -> str:
    """As it is written abroad, its country and area apart; what is no number stays as it is."""
    text = said(number)
    try:
        found = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return text
    written = phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    # The parser takes of a text what it can, and leaves out the rest.
    return written if re.sub(r"[^+0-9]", "", written) == text else text


def marked(text: object) -> Markup:
    """As `flowing`, with each hit of a search lit up."""
    return Markup(str(flowing(text)).replace(BEGIN, "<mark>").replace(END, "</mark>"))  # noqa: S704 - escaped there


def dotted(path: str) -> Markup:
    """A path that may go on in the next line behind a dot."""
    return Markup(".<wbr>").join(said(path).split("."))  # join escapes what it joins


def cost(call: Mapping[str, Any], words: Words) -> str:
    """What a call cost, as the platform counts it; empty where it says nothing."""
    if (fiat := call.get("cost_fiat")) is not None:
        return dollars(float(fiat), words, 3)  # most calls cost some tenths of a cent
    if (counted := call.get("cost_credits")) is not None:
        return words("cost.credits", count=int(counted))
    return ""


def dollars(amount: float, words: Words, digits: int = 2) -> str:
    """$12.30, with as many `digits` behind the point as all that stand below each other."""
    return words("cost.dollars", amount=words.number(amount, digits))


def due(item: Mapping[str, Any], words: Words) -> str:
    """When it has to be done: the day and time that were understood, else the words that were said."""
    if item.get("due_date"):
        day = words.day(datetime.fromisoformat(item["due_date"]))
        return f"{day}, {item['due_time'][:5]}" if item.get("due_time") else day
    return str(item.get("due") or "")


def overdue(item: Mapping[str, Any], reader: Reader) -> bool:
    """Whether it should have been done by now, where the project is: a day is over when it ends."""
    if item["done"] or not item.get("due_date"):
        return False
    now = datetime.now(reader.zone)
    return (str(item["due_date"]), item.get("due_time") or "24") < (f"{now:%Y-%m-%d}", f"{now:%H:%M:%S}")


def shown(text: str) -> str:
    """A text that may be anything, with each mark that would reorder a line told by its number, as JSON has it."""
    return text.translate({mark: f"\\u{mark:04x}" for mark in _REORDERING})


@cache
def static(name: str) -> str:
    """The address of a file of ours; another one as soon as it is another file."""
    content = files("agentctl.console").joinpath("static", name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


def place() -> Any:
    """Where these files lie."""
    return files("agentctl.console").joinpath("static")
