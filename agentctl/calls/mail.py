"""The mail about a call: plain text and HTML, German or English, from templates/mail.

Everything a caller or a model said is untrusted here: HTML is autoescaped by Jinja, the subject is one line without
control or direction characters, and the characters that reorder text on screen are removed everywhere.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from agentctl.calls import wording
from agentctl.calls.call import ActionItem, Call, Digest, Turn
from agentctl.calls.event import SavedAssistant
from agentctl.resources.part import OPERATOR

MAX_SUBJECT = 150  # characters; more is cut by most readers anyway
MAX_TURNS = 80
MAX_TRANSCRIPT = 12_000  # characters; Gmail hides what is beyond 102 kB of HTML

# Overrides and isolates that let a text pretend to be another ("exe.fdp"), and control characters but tab and newline.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_ADDRESS = re.compile(r"(?<=\w)\.(?=\w)|(?<=:)//|@")
_DOMAIN = re.compile(r"[A-Za-z0-9.-]{1,200}")


@dataclass(frozen=True)
class Letterhead:
    """What all mails of an installation share. `sender` is MAIL_FROM, whose domain makes the Message-ID's."""

    sender: str | None = None
    tenant: str = OPERATOR
    # The dashboard's address is not documented; it is what public projects link to, on every residency host alike [?].
    conversation_url: str = "https://elevenlabs.io/app/agents/history/{conversation_id}"

    def message_id(self, conversation_id: str, purpose: str, recipient: str) -> str:
        """The same for the same mail, however often it is composed or sent, so that receivers can drop a repetition."""
        key = "\n".join((self.tenant, conversation_id, purpose, recipient.lower()))
        domain = parseaddr(self.sender or "")[1].rpartition("@")[2]
        safe = domain if _DOMAIN.fullmatch(domain) else "agentctl.invalid"
        return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{safe}>"


def compose(
    call: Call, digest: Digest | None, assistant: SavedAssistant, letterhead: Letterhead | None = None
) -> list[dict[str, Any]]:
    """One mail per recipient, as `store_call` takes them: {purpose, recipient, message}. Empty if nobody wants one."""
    recipients = list({address.lower(): address for address in assistant.mail_to}.values())
    if not recipients:
        return []
    letterhead = letterhead or Letterhead()
    purpose = "failure" if call.never_happened else "call"
    language = "de" if assistant.digest_language == "de" else "en"
    view = _view(call, digest, assistant, letterhead, language)
    template = "failure" if purpose == "failure" else "call"
    message = {
        "subject": view["subject"],
        **rendered(template, view),
        "language": language,
    }
    return [
        {
            "purpose": purpose,
            "recipient": recipient,
            "message": message | {"message_id": letterhead.message_id(call.conversation_id, purpose, recipient)},
        }
        for recipient in recipients
    ]


def rendered(template: str, view: Mapping[str, Any]) -> dict[str, str]:
    """Text and HTML of one mail, the latter escaped; `template` is a name in templates/mail without its ending."""
    return {
        "text": _environment(html=False).get_template(f"{template}.txt.j2").render(view),
        "html": _environment(html=True).get_template(f"{template}.html.j2").render(view),
    }


def one_line(value: str, limit: int) -> str:
    """`value` as one harmless line of at most `limit` characters."""
    # Format characters (category Cf) have no width or turn the text around; what else cannot be printed is a gap.
    shown = (c if c.isprintable() else "" if unicodedata.category(c) == "Cf" else " " for c in value[: 20 * limit])
    flat = " ".join("".join(shown).split())
    return flat if len(flat) <= limit else f"{flat[: limit - 1].rstrip()}…"


def block(value: str) -> str:
    """`value` as harmless text that may have several lines, none of them empty more than once in a row."""
    lines = (_UNSAFE.sub("", line).rstrip() for line in value.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def unlinked(value: str) -> Markup:
    """What others said, as HTML in which a mail reader finds no address to make a link of; copied, one is whole."""
    return Markup(_ADDRESS.sub(r"<wbr>\g<0>", str(escape(value))))  # noqa: S704  (escaped, and then only parted)


def _view(
    call: Call, digest: Digest | None, assistant: SavedAssistant, letterhead: Letterhead, language: str
) -> dict[str, Any]:
    """All that the templates may show, already harmless but for HTML."""
    words = wording.words(language)
    number = one_line(call.external_number or "", 60)
    reason = one_line(wording.reason(call.failure_reason, language), 200) if call.failure_reason else ""
    turns, left_out = _shown(call, words)
    return {
        "language": language,
        "words": words,
        "subject": _subject(call, digest, assistant, words, number, reason),
        "headline": _headline(call, words, number),
        "assistant": one_line(assistant.name, 100),
        "rows": [*_rows(call, words, language, number, reason), *_found(digest, words, language)],
        "reason": reason,
        "title": one_line(digest.title, 200) if digest and digest.title else "",
        "summary": [part for part in block(digest.summary).split("\n") if part] if digest else [],
        "action_items": [_item(item, words, language) for item in (digest.action_items if digest else ())],
        "items_note": _items_note(digest, words, language),
        "wants_items": assistant.action_items,
        "turns": turns,
        "left_out": words["cut"].format(count=left_out, id=one_line(call.conversation_id, 256)) if left_out else "",
        "engine": _engine(digest, language),
        "url": letterhead.conversation_url.format(conversation_id=quote(call.conversation_id, safe="")),
        "conversation_id": one_line(call.conversation_id, 256),
    }


def _headline(call: Call, words: Mapping[str, str], number: str) -> str:
    if call.channel == "web" and not number:
        return words["call"]
    pattern = words["call_to" if call.direction == "outbound" else "call_from"]
    return pattern.format(number=number or words["unknown_number"])


def _subject(
    call: Call, digest: Digest | None, assistant: SavedAssistant, words: Mapping[str, str], number: str, reason: str
) -> str:
    head = _headline(call, words, number)
    if call.status == "failed":
        head = ": ".join(part for part in (words["call_failed"], number) if part)
        about = reason
    else:
        about = digest.title or "" if digest else ""
    return one_line(" – ".join(part for part in (f"{assistant.name}: {head}", about) if part), MAX_SUBJECT)


def _rows(call: Call, words: Mapping[str, str], language: str, number: str, reason: str) -> Iterator[dict[str, str]]:
    called = call.direction == "outbound"
    if number:
        link = f"tel:{number}" if _E164.fullmatch(number) else ""
        yield {"label": words["called" if called else "caller"], "value": number, "link": link}
    if call.agent_number:
        yield {"label": words["our_number"], "value": one_line(call.agent_number, 60), "link": ""}
    if call.started_at:
        local = wording.local_time(call.started_at, call.timezone, language)
        yield {"label": words["time"], "value": local, "link": ""}
    if call.duration_secs is not None and not call.never_happened:
        yield {"label": words["duration"], "value": wording.duration(call.duration_secs, language), "link": ""}
    if reason:
        yield {"label": words["reason"], "value": reason, "link": ""}


def _engine(digest: Digest | None, language: str) -> str:
    if digest is None:
        return ""
    model = one_line(digest.model or digest.engine, 100)
    return one_line(wording.digest_note(digest.engine, model, digest.detail, language), 400)


def _found(digest: Digest | None, words: Mapping[str, str], language: str) -> Iterator[dict[str, str]]:
    """What a digest tells of the call as a whole. A number is a link only where it was seen, not where it was said."""
    if digest is None:
        return
    outcome = wording.outcome(digest.outcome, language) if digest.outcome else None
    said = {"outcome": outcome, "caller_name": digest.caller_name, "caller_number": digest.caller_number}
    for name, value in said.items():
        if value:
            yield {"label": words[name], "value": one_line(value, 200), "link": ""}


def _item(item: ActionItem, words: Mapping[str, str], language: str) -> dict[str, str]:
    return {
        "what": one_line(item.what, 500),
        "who": one_line(item.who or "", 500),
        "due": one_line(wording.due(item.due, item.due_date, item.due_time, language), 600),
        "evidence": words["quote"].format(turn=item.turn) if item.quote else "",
        "quote": one_line(item.quote or "", 300),
    }


def _items_note(digest: Digest | None, words: Mapping[str, str], language: str) -> str:
    if digest is None:
        return ""
    unproven = any(item.quote is None for item in digest.action_items)
    return wording.dropped(digest.detail, language) or (words["no_quotes"] if unproven else "")


def _shown(call: Call, words: Mapping[str, str]) -> tuple[list[dict[str, Any]], int]:
    """The turns that fit into a mail, and how many did not. One that alone is too long is cut."""
    shown: list[dict[str, Any]] = []
    room = MAX_TRANSCRIPT
    for turn in call.turns:
        if len(shown) >= MAX_TURNS or room <= 0:
            break
        view = _turn(turn, words, room, other="called" if call.direction == "outbound" else "user")
        room -= sum(len(line) for line in view["lines"])
        shown.append(view)
    return shown, len(call.turns) - len(shown)


def _turn(turn: Turn, words: Mapping[str, str], room: int, other: str) -> dict[str, Any]:
    message = block(turn.message or "")
    lines = (message if len(message) <= room else f"{message[:room].rstrip()} …").split("\n") if message else []
    notes = [words["tool"].format(name=_name(tool)) for tool in turn.tool_calls]
    notes += [
        words["tool_failed" if result.get("is_error") else "tool_result"].format(name=_name(result))
        for result in turn.tool_results
    ]
    role = {"agent": "agent", "user": other}.get(turn.role, "other")
    return {
        "role": words[f"role_{role}"],
        "ours": turn.role == "agent",
        "at": "" if turn.at_secs is None else f"{turn.at_secs // 60}:{turn.at_secs % 60:02}",
        "lines": lines,
        "notes": notes[:10],
        "interrupted": words["interrupted"] if turn.interrupted else "",
    }


def _name(tool: Mapping[str, Any]) -> str:
    return one_line(str(tool.get("tool_name") or "?"), 80)


@cache
def _environment(html: bool) -> Environment:
    folder = Path(__file__).parent.parent / "templates" / "mail"
    # select_autoescape() would leave a file named .html.j2 unescaped; hence a plain True for HTML.
    environment = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=html,  # noqa: S701  (the other one renders plain text)
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.filters["unlinked"] = unlinked
    return environment
