"""What is there in the end, held against what was acknowledged: from the tables and the mailbox, not from the product's
own words.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg

from tests.faults.receipt.house import House
from tests.faults.receipt.mailbox import taken
from tests.faults.receipt.post import MAIL_TO, TYPES, Kind, Letter, number_of, sound
from tests.faults.receipt.sender import Journal

_EVENTS: LiteralString = (
    "select conversation_id, type, event_timestamp, state, encode(payload_sha256, 'hex') from agentctl.events"
)
_CALLS: LiteralString = """
    select c.conversation_id, c.status, said.turns, said.last,
        (select count(*) from agentctl.digests d where d.conversation_id = c.conversation_id)
    from agentctl.calls c, lateral (
        select count(*) as turns, coalesce(max(t.position) + 1, 0) as last
        from agentctl.call_turns t where t.conversation_id = c.conversation_id
    ) said"""
_RECORDINGS: LiteralString = "select conversation_id, sha256 from agentctl.recordings"
_EXAMPLES = 5


@dataclass
class Findings:
    """What is wrong, by sort, with the first examples; and what is explained."""

    lost: int = 0
    doubled: int = 0
    mails_doubled: int = 0  # the same mail twice: SMTP's own
    events: int = 0
    calls: int = 0
    mails: int = 0
    wrongs: Counter[str] = field(default_factory=Counter)
    examples: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def wrong(self, sort: str, which: object) -> None:
        """Count one."""
        self.wrongs[sort] += 1
        if len(self.examples[sort]) < _EXAMPLES:
            self.examples[sort].append(str(which))

    def lines(self) -> Iterator[str]:
        """For people."""
        for sort, count in self.wrongs.items():
            yield f"{count} {sort}: {', '.join(self.examples[sort])}"


def stored(house: House, journal: Journal) -> Findings:
    """Whether every acknowledged event is there, once and as it was sent, and nothing that nobody sent."""
    found, seen = Findings(), set[Letter]()
    kinds = {(TYPES[kind], _later(kind)): kind for kind in Kind}
    for conversation, kind, timestamp, _, digest in _rows(house, _EVENTS):
        number = number_of(conversation)
        letter = Letter(number, kinds[kind, timestamp - Letter(number, Kind.transcript).timestamp])
        if letter in seen:
            found.doubled += 1
            found.wrong("events stored twice", letter)
        seen.add(letter)
        if letter not in journal.tried:
            found.wrong("events that nobody sent", letter)
        elif hashlib.sha256(letter.body).hexdigest() != digest:
            found.wrong("events that are not what was sent", letter)
    found.events = len(seen)
    for letter in journal.acknowledged - seen:
        found.lost += 1
        found.wrong("acknowledged events lost", letter)
    return found


def _later(kind: Kind) -> int:
    """How much later an event of this kind says to be than the transcript of its call."""
    return Letter(1, kind).timestamp - Letter(1, Kind.transcript).timestamp


def worked_off(house: House, journal: Journal) -> Findings:
    """As `stored`, and whether of each event came what was to come of it, once."""
    found = stored(house, journal)
    for conversation, kind, _, state, _ in _rows(house, _EVENTS):
        if state != "done":
            found.wrong(f"events that are {state} in the end", f"{conversation} {kind}")
    told: defaultdict[int, set[Kind]] = defaultdict(set)  # of which calls what was acknowledged
    for letter in journal.acknowledged:
        told[letter.number].add(letter.kind)
    _calls(house, journal, told, found)
    _recordings(house, told, found)
    _mails(house, journal, told, found)
    return found


def _calls(house: House, journal: Journal, told: dict[int, set[Kind]], found: Findings) -> None:
    seen = set[int]()
    for conversation, status, turns, last, digests in _rows(house, _CALLS):
        number = number_of(conversation)
        seen.add(number)
        found.calls += 1
        possible = _turns_possible(number, told.get(number, set()), journal)
        if turns not in possible or last != turns:
            sort = "calls with turns too many" if turns > max(possible) else "calls with turns missing"
            found.doubled += turns > max(possible)
            found.wrong(sort, f"{conversation} ({status}): {turns}, not {sorted(possible)}")
        if digests != (turns > 0):
            found.wrong("calls without the one digest", f"{conversation}: {digests}")
    for number, kinds in told.items():
        if kinds != {Kind.audio} and number not in seen:
            found.wrong("acknowledged calls missing", number)


def _turns_possible(number: int, acknowledged: set[Kind], journal: Journal) -> set[int]:
    """An event whose answer was lost may be there or not; of those that were acknowledged the newest counts."""
    ranked = [Letter(number, kind) for kind in (Kind.failure, Kind.transcript, Kind.correction)]
    least = max((place for place, one in enumerate(ranked) if one.kind in acknowledged), default=0)
    tried = [one.turns for one in ranked[least:] if one in journal.tried]
    return set(tried) or {0}


def _recordings(house: House, told: dict[int, set[Kind]], found: Findings) -> None:
    kept = {number_of(conversation): digest for conversation, digest in _rows(house, _RECORDINGS)}
    for number, kinds in told.items():
        if Kind.audio in kinds and kept.get(number) != hashlib.sha256(sound(number)).hexdigest():
            found.wrong("acknowledged recordings missing", number)


def _mails(house: House, journal: Journal, told: dict[int, set[Kind]], found: Findings) -> None:
    """One per call; a call that was said not to have begun, and that mail sent, is put right by a second one."""
    arrived: defaultdict[int, Counter[str]] = defaultdict(Counter)
    asked = {letter.number for letter in journal.tried if letter.kind is not Kind.audio}
    for mail in taken(house.mails):
        found.mails += 1
        number = number_of(mail.conversation_id)
        arrived[number][mail.message_id] += 1
        if number not in asked or mail.recipient != MAIL_TO:
            found.wrong("mails that nobody is to have", mail)
    for number, kinds in told.items():
        if kinds != {Kind.audio} and number not in arrived:
            found.wrong("calls without their mail", number)
    for number, mails in arrived.items():
        found.mails_doubled += mails.total() - len(mails)
        denied = Letter(number, Kind.failure) in journal.tried and Letter(number, Kind.transcript) in journal.tried
        if len(mails) > 1 + denied:
            found.doubled += 1
            found.wrong("calls with two different mails", number)


def _rows(house: House, statement: LiteralString) -> Iterator[tuple[Any, ...]]:
    with psycopg.connect(house.dsn) as connection, connection.cursor("rows") as cursor:
        cursor.itersize = 5000
        yield from cursor.execute(statement)
