"""The short form of `scripts/bench chaos`: 600 deliveries, 14 faults, and a receiver that has to be caught losing."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from tests.faults.receipt import audit
from tests.faults.receipt.audit import Findings
from tests.faults.receipt.chaos import KILLED, Outcome, Scale, hasty, run, table
from tests.faults.receipt.faults import KINDS
from tests.faults.receipt.house import House
from tests.faults.receipt.mailbox import taken
from tests.faults.receipt.post import REPEATED, Kind, Letter, post

SEED = 20261122


def test_whatever_is_killed_stopped_or_full_what_was_acknowledged_is_there_once() -> None:
    tampered: list[Findings] = []
    scale = Scale(deliveries=600, faults=14, seed=SEED, rate=90, scale=0.004, longest=1.0)
    outcome = run(scale, afterwards=lambda there, seen: tampered.append(tampered_with(there, seen)))
    told = "\n".join(table(outcome))
    assert outcome.kept, told
    assert len(outcome.journal.acknowledged) > 450, told
    assert outcome.journal.failures > 40, f"hardly anything was under way when something failed\n{told}"
    assert not outcome.journal.refused, told
    assert outcome.journal.slowest < 5, told
    struck = {kind for kind, tally in outcome.kinds.items() if tally.times}
    assert struck | {*outcome.left_out} == set(KINDS), told
    assert outcome.kinds[KILLED].times
    assert set(tampered[0].wrongs) == {
        "acknowledged events lost", "events that are not what was sent", "events that are kept in the end",
        "calls with turns missing", "calls with turns too many", "calls without the one digest",
        "acknowledged calls missing", "acknowledged recordings missing", "calls without their mail",
        "calls with two different mails", "mails that nobody is to have",
    }  # fmt: skip
    assert tampered[0].mails_doubled == outcome.found.mails_doubled + 1


def tampered_with(there: House, outcome: Outcome) -> Findings:
    """What is found when one thing of each sort is taken away, added or altered: an auditor that sees it can be
    believed when it sees nothing.
    """
    plain = [one for one in sorted(outcome.journal.acknowledged) if one.kind is Kind.transcript]
    alone = [one for one in plain if not {Letter(one.number, kind) for kind in Kind} - {one} & outcome.journal.tried]
    (lost, altered, kept, short, long, bare, gone, unmailed, twice, again) = (one.conversation_id for one in alone[:10])
    statements = (
        f"delete from agentctl.events where conversation_id = '{lost}'",
        f"update agentctl.events set payload_sha256 = sha256('x') where conversation_id = '{altered}'",
        f"update agentctl.events set state = 'kept' where conversation_id = '{kept}'",
        f"delete from agentctl.call_turns where conversation_id = '{short}' and position = 0",
        f"""insert into agentctl.call_turns (conversation_id, position, role)
            select conversation_id, max(position) + 1, 'user' from agentctl.call_turns
            where conversation_id = '{long}' group by 1""",
        f"delete from agentctl.digests where conversation_id = '{bare}'",
        f"delete from agentctl.calls where conversation_id = '{gone}'",
        "delete from agentctl.recordings",
    )
    for statement in statements:
        there.cluster.execute(statement, there.dsn.rpartition("/")[2])
    mails = [mail for mail in taken(there.mails) if mail.conversation_id != unmailed]
    mails += [mail._replace(message_id="<other>") for mail in mails if mail.conversation_id == twice]
    mails += [next(mail for mail in mails if mail.conversation_id == again)]
    mails += [mails[0]._replace(message_id="<stray>", conversation_id="-")]
    there.mails.write_text("".join("\t".join(mail) + "\n" for mail in mails), encoding="utf-8")
    return audit.worked_off(there, outcome.journal)


def test_a_door_that_acknowledges_first_is_caught_losing() -> None:
    outcome = hasty(Scale(deliveries=400, faults=4, seed=SEED, rate=300, scale=0.004))
    assert outcome.found.lost > 0, "\n".join(table(outcome))


def test_every_twentieth_delivery_is_a_repetition_and_every_kind_is_among_them() -> None:
    letters = post(2000, Random(SEED))
    assert len(letters) == 2000
    assert len(letters) - len(set(letters)) == 2000 * REPEATED
    assert {letter.kind for letter in letters} == set(Kind)
    assert any(first == second for first, second in pairwise(letters))
    assert letters == post(2000, Random(SEED))
