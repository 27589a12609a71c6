"""A sync as one would first write it: POST sent again after any failure, ids saved at the end. It must not pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from agentctl.clients.elevenlabs import ElevenLabs
from agentctl.errors import AgentctlError, Unreachable
from agentctl.resources.assistant import Assistant
from agentctl.sync.diff import diff, patch
from agentctl.sync.kind import Desired, Kind, Ref
from agentctl.sync.plan import resolve
from tests.faults.world import SCOPE, kinds_of


class Insistent:
    """Our client, except that a POST whose answer was lost is sent again."""

    def __init__(self, api: ElevenLabs) -> None:
        self._api = api

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    async def post(self, path: str, **content: Any) -> Any:
        for _attempt in range(4):
            try:
                return await self._api.post(path, **content)
            except Unreachable:
                continue
        return await self._api.post(path, **content)


async def naive(api: Any, store: Any, assistants: Sequence[Assistant], prune: bool) -> bool:
    """All resources one after another; then the ids are saved."""
    kinds = kinds_of(Insistent(api), store)  # type: ignore[arg-type]
    try:
        rows = await store.call("bindings", asdict(SCOPE))
        ids = {Ref(row["kind"], row["key"]): row["remote_id"] for row in rows}
        for kind in kinds:
            for desired in {one.ref: one for assistant in assistants for one in kind.desired(assistant)}.values():
                ids[desired.ref] = await _made(kind, desired, ids)
        for ref, remote_id in ids.items():
            row = {"kind": ref.kind, "key": ref.key, "remote_id": remote_id, "applied": {}}
            await store.call("bind", {**asdict(SCOPE), **row})
    except AgentctlError:
        return False
    return True


async def _made(kind: Kind[Assistant], desired: Desired, ids: dict[Ref, str]) -> str:
    body = resolve(desired.body, ids)
    remote_id = ids.get(desired.ref)
    if remote_id is None and kind.name == "phone_number":
        sighting: Any = (await kind.observe([desired], {}))[desired.key]
        remote_id = sighting[0].remote_id
    if remote_id is None:
        return await kind.create(desired, body)
    if edits := diff(body, (await kind.read(remote_id)).body, kind.lists):
        return (await kind.update(remote_id, desired, patch(edits))).remote_id
    return remote_id
