"""How a phone number reads back: never with its credentials."""

from __future__ import annotations

from agentctl.sandbox.state import Row, State


def view(state: State, number: Row) -> Row:
    """`GetPhoneNumberTwilioResponseModel`."""
    agent = state.agents.get(number["agent_id"] or "")
    assigned = None
    if agent is not None:
        assigned = {
            "agent_id": agent["agent_id"],
            "agent_name": agent["name"],
            "environment": number["environment"],
            "branch_id": number["branch_id"],
        }
    return {
        "phone_number": number["phone_number"],
        "label": number["label"],
        "supports_inbound": True,
        "supports_outbound": True,
        "phone_number_id": number["phone_number_id"],
        "assigned_agent": assigned,
        "provider": "twilio",
    }


def assigned_numbers(state: State, agent_id: str) -> list[Row]:
    """All numbers whose calls reach this agent."""
    return [view(state, number) for number in state.numbers.values() if number["agent_id"] == agent_id]
