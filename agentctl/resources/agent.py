"""Agents: an Assistant as a body of `POST /v1/convai/agents/create` and `PATCH /v1/convai/agents/{agent_id}`.

PATCH merges objects and replaces lists, and answers with the whole agent, so that every write is
verified without another request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentctl.errors import AgentctlError, NotFound, Rejected, SyncError, Unauthorized
from agentctl.resources import agent_test
from agentctl.resources.answer import having
from agentctl.resources.api import Api
from agentctl.resources.assistant import Assistant
from agentctl.resources.built_in_tools import TOOLS
from agentctl.resources.conversation_config import heard, spoken
from agentctl.resources.criteria import as_list, by_id
from agentctl.resources.description import agent_described
from agentctl.resources.endpoints import AGENT, AGENTS, VOICE
from agentctl.resources.free_maps import COMPLETE, FREE_MAPS, sendable
from agentctl.resources.language_presets import conversation
from agentctl.resources.part import OPERATOR
from agentctl.resources.place import Place
from agentctl.resources.platform_config import platform_settings
from agentctl.resources.platform_settings import IN_SERVICE, PRIVACY
from agentctl.resources.post_call import analysis, delivery
from agentctl.resources.prompt_text import as_in_file
from agentctl.sync.diff import overlaid
from agentctl.sync.kind import Desired, Keyed, Observed, Ref, Scope, Sighting, Traits, User
from agentctl.sync.target import Target

KIND = "agent"
MANAGED = "managed-by:agentctl"
MARK = "agentctl:"
TENANT = "agentctl-tenant:"
_VOICE_ID = "conversation_config.tts.voice_id"


class Agent:
    """The agent that answers for one assistant. Found again by its binding, and without one by its ownership tag."""

    name = KIND
    traits = Traits(marks=frozenset({"tags"}), mark=f"the tag {MARK}…", judged=True)
    lists: Mapping[str, Keyed] = {
        "tags": Keyed(open=True),
        "conversation_config.agent.prompt.knowledge_base": Keyed(by="id", ignored=frozenset({"name"})),
        "conversation_config.agent.prompt.tool_ids": Keyed(),
        "conversation_config.agent.prompt.mcp_server_ids": Keyed(),
        "conversation_config.tts.supported_voices": Keyed(by="voice_id"),
        agent_test.ATTACHED: Keyed(by="test_id", open=True, owned=True),
        **COMPLETE,
        **FREE_MAPS,
        TOOLS: Keyed(owned=True),  # fixed keys; null switches one off
        "platform_settings.privacy.conversation_history_redaction.entities": Keyed(),
        "platform_settings.auth.allowlist": Keyed(by="hostname"),
        "platform_settings.workspace_overrides.webhooks.events": Keyed(),
    }

    def __init__(self, api: Api, scope: Scope, webhook: Ref | None = None, target: Target | None = None) -> None:
        self._api, self._scope = api, scope
        self._webhook, self._target = webhook, target
        self._unmanaged: tuple[User, ...] = ()
        self._begun: dict[str, asyncio.Task[Observed]] = {}
        self._listing: asyncio.Task[list[Mapping[str, Any]]] | None = None

    @classmethod
    def at(cls, place: Place) -> Agent:
        """For one workspace and project."""
        return cls(place.api, place.scope, place.webhook, place.target)

    def desired(self, assistant: Assistant) -> Iterable[Desired]:
        """One agent; what the assistant does not declare is left out, and `[elevenlabs]` is merged last."""
        ours = {
            "name": assistant.name,
            "tags": [MANAGED, self.tag(assistant.key), *_whose(assistant.tenant)],
            "conversation_config": {
                "agent": spoken(assistant),
                "tts": heard(assistant),
                **conversation(assistant.conversation, assistant.language_presets),
            },
            "platform_settings": overlaid(
                {**analysis(assistant), **delivery(self._webhook, assistant), **agent_test.attached(assistant)},
                platform_settings(assistant),
            ),
        }
        body = as_in_file(overlaid(by_id(ours), by_id(assistant.elevenlabs)))
        yield Desired(self.name, assistant.key, body, assistant.where, assistant, perils=(PRIVACY,), implied=IN_SERVICE)

    def tag(self, key: str) -> str:
        """The mark by which the agent of `key` is known as ours."""
        return f"{MARK}{self._scope.project}/{self._scope.environment}/{key}"

    async def observe(self, wanted: Sequence[Desired], bound: Mapping[str, str]) -> Mapping[str, Sighting]:
        """One list, and one GET per agent. An agent without a binding is known by its tag, an archived one too, or by
        its id where the assistant's source names it.

        Those with a tag of this project and environment that nobody wants are in the answer as well.
        So are others with the tag of one that is bound: made by a create whose answer was lost, or copied by hand.
        """
        ids = {desired.key: [bound[desired.key]] for desired in wanted if desired.key in bound}
        # What is bound is read while the list is on its way.
        self.begin({key: bound[key] for key in ids})
        try:
            unbound = len(ids) < len(wanted)
            listed, hidden = await asyncio.gather(self._listed(), self._archived(unbound))
            self._unmanaged = tuple(_unmanaged(listed, set(bound.values())))
            tagged, archived = self._by_key(listed), self._by_key(hidden)
            taken = set(bound.values())
            for desired in wanted:
                if desired.key in bound:
                    ids[desired.key] += [one for one in tagged.get(desired.key, ()) if one not in taken]
                else:
                    ids[desired.key] = [*tagged.get(desired.key, ()), *archived.get(desired.key, ())]
            sources = {one.key: one.payload for one in wanted if one.key not in bound}
            named = {key: one.agent_id for key, one in sources.items() if isinstance(one, Assistant) and one.agent_id}
            looks = (
                self._named(key, named[key], ids[key])
                if key in named
                else self._sight(key, ids[key], bound.get(key), archived.get(key, ()))
                for key in ids
            )
            found = await asyncio.gather(*looks)
        except BaseException:
            self.abandon()
            raise
        seen = {
            str(one["agent_id"]): Observed(str(one["agent_id"]), {"name": one.get("name")}, told=agent_described(one))
            for one in listed
        }
        strays = {key: [seen[i] for i in tagged[key]] for key in tagged if key not in ids}
        return strays | dict(zip(ids, found, strict=True))

    def unmanaged(self) -> Sequence[User]:
        """The agents of the workspace that no project has."""
        return self._unmanaged

    def begin(self, bound: Mapping[str, str]) -> None:
        """Send the list's requests, which follow one another, and the GETs of those that are bound."""
        if self._listing is None:
            self._listing = asyncio.create_task(self._all(archived=False))
        for remote_id in bound.values():
            if remote_id not in self._begun:
                self._begun[remote_id] = asyncio.create_task(self.read(remote_id))

    def abandon(self) -> None:
        """Stop what nobody waits for."""
        for task in (*self._begun.values(), *([self._listing] if self._listing else [])):
            task.cancel()
            task.add_done_callback(_unheard)
        self._begun.clear()
        self._listing = None

    async def _listed(self) -> list[Mapping[str, Any]]:
        assert self._listing is not None
        listing, self._listing = self._listing, None
        return await listing

    async def _read(self, remote_id: str) -> Observed:
        begun = self._begun.pop(remote_id, None)
        return await (begun or self.read(remote_id))

    def _by_key(self, listed: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
        prefix, found = self.tag(""), dict[str, list[str]]()
        for entry in listed:
            for tag in entry.get("tags") or ():
                if str(tag).startswith(prefix):
                    found.setdefault(str(tag).removeprefix(prefix), []).append(str(entry["agent_id"]))
        return found

    async def _archived(self, needed: bool) -> list[Mapping[str, Any]]:
        return await self._all(archived=True) if needed else []

    async def summaries(self) -> dict[str, list[Any]]:
        """What the list alone tells of this project's agents, by id: name, tags, time of the last change.

        The time is in the SDK's model only (2.78), so it may be None. Archived agents are left out.
        """
        listed = await self._all(archived=False, marked=True)
        ours = {remote_id for ids in self._by_key(listed).values() for remote_id in ids}
        return {
            str(entry["agent_id"]): [entry.get("name"), sorted(entry["tags"]), entry.get("updated_at_unix_secs")]
            for entry in listed
            if str(entry["agent_id"]) in ours
        }

    async def _all(self, *, archived: bool, marked: bool = False) -> list[Mapping[str, Any]]:
        """The workspace's agents; of a target those with its tag. `marked`: only ours, as archived ones are always."""
        tags = self.tag(self._target.key) if self._target else MANAGED if archived or marked else None
        pages = self._api.pages(AGENTS, items="agents", params={"tags": tags, "archived": archived, "page_size": 100})
        return [having(f"GET {AGENTS}", entry, "agent_id") async for entry in pages]

    async def _sight(self, key: str, ids: Sequence[str], bound: str | None, archived: Sequence[str]) -> Sighting:
        found = []
        for agent_id in dict.fromkeys(ids):
            try:
                one = await self._read(agent_id)
            except NotFound:
                continue
            except AgentctlError as error:
                return error
            if bound in (None, agent_id):
                found.append(one)
            elif self.tag(key) in (one.body.get("tags") or ()):  # the list may show one that it had
                found.append(replace(one, free=False))
        if bound is None and found and all(one.remote_id in archived for one in found):
            what = ", ".join(f"{one.remote_id} ({one.told})" for one in found)
            message = f"agent {key}: {what} carries its tag and is archived"
            return SyncError(message, "Unarchive it in the dashboard, or take its tag away.")
        return found

    async def _named(self, key: str, agent_id: str, tagged: Sequence[str]) -> Sighting:
        """The agent that a source names, beside those that carry its tag; never one that somebody else has."""
        remedy = "Empty the id there to have an agent made, or name another one."
        try:
            one = await self._read(agent_id)
        except NotFound:
            return SyncError(f"agent {key}: its source names {agent_id}, which is not there", remedy)
        except AgentctlError as error:
            return error
        tags = [str(tag) for tag in one.body.get("tags") or () if str(tag).startswith(MARK)]
        if tags and self.tag(key) not in tags:
            return SyncError(f"agent {key}: its source names {agent_id}, which carries the tag {tags[0]}", remedy)
        others = await self._sight(key, [other for other in tagged if other != agent_id], None, ())
        return others if isinstance(others, AgentctlError) else [one, *others]

    async def check(self, desired: Desired, changed: frozenset[str], *, exists: bool) -> None:
        """A voice that is about to be set must exist: a call would otherwise fail when it is answered."""
        voice_id = desired.body["conversation_config"]["tts"]["voice_id"] if _VOICE_ID in changed else None
        if not isinstance(voice_id, str):
            return
        try:
            await self._api.get(VOICE, voice_id=voice_id)
        except Unauthorized:
            return  # A key without voices_read can still push; the platform then has the last word.
        except (NotFound, Rejected):
            hint = "Look its id up under Voices in the dashboard and add it to My Voices, or leave voice.id out."
            raise SyncError(f"{desired.where}: voice.id: this workspace has no voice {voice_id!r}", hint) from None

    def replaces(self, desired: Desired, changed: frozenset[str]) -> bool:
        """Every field of an agent is edited in place."""
        return False

    async def create(self, desired: Desired, body: Mapping[str, Any]) -> str:
        """POST; language and speech model go in one request, since the platform checks them together."""
        made = await self._api.post(f"{AGENTS}/create", json=as_list(body))
        return str(having(f"POST {AGENTS}/create", made, "agent_id")["agent_id"])

    async def read(self, remote_id: str) -> Observed:
        """The whole agent."""
        return _observed("GET", await self._api.get(AGENT, agent_id=remote_id))

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        """PATCH what differs; the answer is the agent as it is now. Of our own tags the key's and its tenant's stay.

        A lost answer is AnswerLost: somebody may have edited the agent in the dashboard before it would be sent again.
        """
        if "tags" in patch:
            ours, mine = (self.tag(""), TENANT), (self.tag(desired.key), *desired.body.get("tags", ()))
            patch = {**patch, "tags": [tag for tag in patch["tags"] if tag in mine or not str(tag).startswith(ours)]}
        return _observed(
            "PATCH", await self._api.patch(AGENT, json=as_list(sendable(patch)), once=True, agent_id=remote_id)
        )

    async def delete(self, remote_id: str) -> None:
        """DELETE; one that is gone already is fine."""
        try:
            await self._api.delete(AGENT, agent_id=remote_id)
        except NotFound:
            return


def _whose(tenant: str) -> list[str]:
    """What keeps the agents of tenants apart that share a workspace; the operator's own carry nothing."""
    return [] if tenant == OPERATOR else [f"{TENANT}{tenant}"]


def _unmanaged(listed: Iterable[Mapping[str, Any]], bound: set[str]) -> Iterator[User]:
    for entry in listed:
        marked = any(str(tag).startswith(MARK) for tag in entry.get("tags") or ())
        if not marked and entry["agent_id"] not in bound:
            yield User(str(entry["agent_id"]), str(entry.get("name") or ""))


def _unheard(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # nobody asked; without this the loop complains that nobody did


def _observed(method: str, answer: object) -> Observed:
    answer = overlaid(IN_SERVICE, by_id(as_in_file(having(f"{method} {AGENT}", answer, "agent_id"))))
    return Observed(str(answer["agent_id"]), answer, str(answer.get("version_id") or ""), told=agent_described(answer))
