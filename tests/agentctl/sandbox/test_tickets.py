"""A signature is good for one agent, once, for a quarter of an hour."""

from __future__ import annotations

from agentctl.sandbox.tickets import GOOD_FOR_SECONDS, Tickets


def test_a_ticket_is_good_once_and_for_its_agent_alone() -> None:
    tickets = Tickets()
    signature = tickets.give("agent_1", "conv_1")
    assert tickets.take("agent_2", signature) is None
    ticket = tickets.take("agent_1", signature)
    assert ticket is not None
    assert ticket.conversation_id == "conv_1"
    assert tickets.take("agent_1", signature) is None


def test_a_ticket_runs_out_after_fifteen_minutes() -> None:
    moment = 0.0
    tickets = Tickets(clock=lambda: moment)
    early, late = tickets.give("agent_1"), tickets.give("agent_1")
    assert GOOD_FOR_SECONDS == 900
    moment = 899.0
    assert tickets.take("agent_1", early) is not None
    moment = 900.0
    assert tickets.take("agent_1", late) is None
