"""What happened on the phone: Call, its Turns, and the Digest with its ActionItems, in our own shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time
from typing import Any

from agentctl.calls import wire

# What a call can come to, where an assistant declares no list of its own.
OUTCOMES = ("resolved", "callback", "appointment", "complaint", "wrong_number", "abandoned", "other")
_LONGEST_WAIT = 3600.0  # seconds; whoever measures more has measured something else


@dataclass(frozen=True)
class Turn:
    """One contribution. `message` is None where a turn only calls a tool or brings its result."""

    position: int
    role: str
    message: str | None = None
    at_secs: int | None = None
    interrupted: bool = False
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    tool_results: tuple[Mapping[str, Any], ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def answer_ms(self) -> int | None:
        """How long the caller waited for this answer, in milliseconds: the language model's first byte and, where there
        is one, the voice's (`conversation_turn_metrics`). None for what is no spoken answer or was not measured.
        """
        model, voice = (self._waited(f"convai_{part}_service_ttfb") for part in ("llm", "tts"))
        if self.role != "agent" or self.message is None or model is None or model + (voice or 0) > _LONGEST_WAIT:
            return None
        return round(1000 * (model + (voice or 0)))

    def _waited(self, metric: str) -> float | None:
        measured = wire.mapping(wire.mapping(self.detail.get("metrics")).get(metric))
        seconds = wire.number(measured.get("elapsed_time"))
        return seconds if seconds is not None and seconds >= 0 else None

    def record(self) -> dict[str, Any]:
        """As `store_call` takes it."""
        return dict(vars(self))


@dataclass(frozen=True)
class ActionItem:
    """Something left to do.

    `due` is as it was said ("morgen um zehn"), `due_date` and `due_time` what that meant where and when the call was;
    None: nothing, or nothing certain. `quote` is what shows it, said in the turn of the position `turn`; None: whoever
    wrote the item names no evidence.
    """

    what: str
    who: str | None = None
    due: str | None = None
    due_date: date | None = None
    due_time: time | None = None
    quote: str | None = None
    turn: int | None = None

    def record(self) -> dict[str, Any]:
        """As `store_call` takes it, without its position."""
        return asdict(self) | {
            "due_date": self.due_date.isoformat() if self.due_date else None,
            "due_time": self.due_time.isoformat() if self.due_time else None,
        }


@dataclass(frozen=True)
class Wanted:
    """What a digest is to be: in which language (two letters), with action items or not, and which outcomes exist."""

    language: str
    items: bool = True
    outcomes: tuple[str, ...] = OUTCOMES


@dataclass(frozen=True)
class Digest:
    """What a call came to. `engine` says who wrote it: elevenlabs, llm (then `model` is set) or extract.

    `outcome` is one of the assistant's list; `sentiment` positive, neutral, negative or mixed; `caller_name` and
    `caller_number` as the caller gave them. `asked_sha256` is of all that the model was asked; `cost` in the money of
    the prices that are set; `seconds` how long it took. None: nobody judged, said or counted. `detail` holds why a
    better engine did not write it (`fallback_from`, `error`, `over_budget`, `too_long`), and of a model's answer what
    was dropped (`dropped`: items without evidence; `left_out`: how many items were more than a digest has; `dates`: how
    many dates and times were corrected or dropped; `unproven`: of the caller). The store adds `earlier_transcript` to
    one that stays although other words were delivered since.
    """

    engine: str
    summary: str
    language: str
    title: str | None = None
    model: str | None = None
    outcome: str | None = None
    sentiment: str | None = None
    follow_up: bool | None = None
    caller_name: str | None = None
    caller_number: str | None = None
    action_items: tuple[ActionItem, ...] = ()
    asked_sha256: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: float | None = None
    seconds: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """As `store_call` takes it; the action items go beside it."""
        apart = {"action_items", "detail"}
        columns = {key: getattr(self, key) for key in self.__dataclass_fields__ if key not in apart}
        return columns | {"detail": dict(self.detail)}

    def item_records(self) -> list[dict[str, Any]]:
        """The action items as `store_call` takes them."""
        return [{"position": n, **item.record(), "done": False} for n, item in enumerate(self.action_items)]


@dataclass(frozen=True)
class Call:
    """One conversation. None means that ElevenLabs did not say.

    `status` is the wire's value (done, failed, ...); `channel` is phone, web, sms or whatsapp; `started_at` is UTC;
    `timezone` an IANA name; `summary`, `title` and `collected` are ElevenLabs' own analysis.
    """

    conversation_id: str
    status: str
    agent_id: str | None = None
    channel: str = "web"
    direction: str | None = None
    external_number: str | None = None
    agent_number: str | None = None
    phone_number_id: str | None = None
    call_sid: str | None = None
    branch_id: str | None = None
    version_id: str | None = None
    user_id: str | None = None
    started_at: datetime | None = None
    timezone: str | None = None
    duration_secs: int | None = None
    cost_credits: int | None = None
    cost_fiat: float | None = None
    language: str | None = None
    successful: str | None = None
    termination_reason: str | None = None
    failure_reason: str | None = None
    summary: str | None = None
    title: str | None = None
    collected: Mapping[str, Any] = field(default_factory=dict)
    turns: tuple[Turn, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def never_happened(self) -> bool:
        """Whether the call failed before anybody said a word."""
        return self.status == "failed" and not self.turns

    @property
    def silent(self) -> bool:
        """Whether nobody said a word: there is no turn with a letter or a digit in it."""
        return not any(sign.isalnum() for turn in self.turns for sign in turn.message or "")

    def record(self) -> dict[str, Any]:
        """As `store_call` takes it, without the turns and what the event knows (assistant, source, timestamp)."""
        apart = {"turns", "detail", "started_at", "timezone", "summary", "title", "collected"}
        columns = {key: getattr(self, key) for key in self.__dataclass_fields__ if key not in apart}
        return columns | {
            "started_at": self.started_at.isoformat() if self.started_at else None,
            "answer_ms": [waited for turn in self.turns if (waited := turn.answer_ms) is not None] or None,
            "detail": dict(self.detail) | ({"timezone": self.timezone} if self.timezone else {}),
        }
