"""What every kind promises, whatever it is: the engine over a real sandbox, or over a real store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from agentctl.errors import AgentctlError
from agentctl.resources.assistant import Assistant
from agentctl.sync.apply import Applied, apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Kind, Scope
from agentctl.sync.patience import Patience
from agentctl.sync.plan import Plan
from agentctl.sync.planning import plan

SCOPE = Scope("beispiel", "production", "sandbox")


class Memory:
    """A store of bindings and assistants, for kinds that need no database to be tried."""

    def __init__(self) -> None:
        self.bindings: dict[tuple[str, str], str] = {}
        self.applied: dict[tuple[str, str], Any] = {}
        self.intents: set[tuple[str, str]] = set()
        self.assistants: dict[str, dict[str, Any]] = {}

    async def call(self, function: str, args: Any, *, timeout: float = 10.0) -> Any:
        """The handful of functions that a sync uses."""
        match function:
            case "bindings":
                return [
                    {"kind": kind, "key": key, "remote_id": i, "applied": self.applied.get((kind, key), {})}
                    for (kind, key), i in self.bindings.items()
                ]
            case "bind":
                self.bindings[args["kind"], args["key"]] = args["remote_id"]
                self.applied[args["kind"], args["key"]] = args["applied"]
                self.intents.discard((args["kind"], args["key"]))
            case "unbind":
                self.bindings.pop((args["kind"], args["key"]))
            case "intend":
                self.intents.add((args["kind"], args["key"]))
                return {"new": True, "remote_id": self.bindings.get((args["kind"], args["key"]))}
            case "intents":
                at = datetime.now(UTC).isoformat()
                return [{"kind": kind, "key": key, "intended_at": at} for kind, key in self.intents]
            case "forget_intent":
                self.intents.discard((args["kind"], args["key"]))
            case "assistants":
                return list(self.assistants.values())
            case "save_assistant":
                self.assistants[args["key"]] = dict(args)
            case "remove_assistant":
                self.assistants.pop(args["key"])
        return {}


def assistant(**fields: Any) -> Assistant:
    """A valid assistant with whatever the test is about."""
    start = {"key": "empfang", "where": "assistants/empfang/assistant.toml", "name": "Empfang", "prompt": "Hilf."}
    return Assistant.model_validate({**start, **fields})


async def planned(kinds: Sequence[Kind[Assistant]], store: Any, *specs: Assistant) -> Plan:
    """The plan for these assistants."""
    return await plan(kinds, specs, await Bindings(store, SCOPE).load())


async def synced(kinds: Sequence[Kind[Assistant]], store: Any, *specs: Assistant, prune: bool = False) -> Applied:
    """Plan and apply, from the store alone, as a fresh process would."""
    found = await plan(kinds, specs, await Bindings(store, SCOPE).load(), prune=prune)
    return await apply(found, kinds, await Bindings(store, SCOPE).load())


def edits(found: Plan, kind: str) -> list[tuple[str, Any, Any]]:
    """What the plan would write of one kind."""
    changes = [change for change in found.changes if change.desired.kind == kind]
    return [(edit.path, edit.before, edit.after) for change in changes for edit in change.edits]


async def edited_between_attempts(
    kinds: Sequence[Kind[Assistant]], store: Any, wanted: Assistant, by_hand: Callable[[], Awaitable[object]]
) -> list[type[AgentctlError]]:
    """Sync, with what somebody does at the platform once the answer to a write was lost; the failures."""

    async def pause(seconds: float) -> None:
        await by_hand()

    found = await plan(kinds, [wanted], await Bindings(store, SCOPE).load())
    patience = Patience((0.0, 0.0), sleep=pause)
    applied = await apply(found, kinds, await Bindings(store, SCOPE).load(), take_ours=True, patience=patience)
    return [type(failure.error) for failure in applied.failures]
