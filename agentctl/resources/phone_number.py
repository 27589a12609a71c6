"""Phone numbers: which agent a number rings at. Bringing a number over from Twilio is `import_number`'s business.

The API gives no way to look a number up, and never reads credentials back: the whole list is read once
and matched by E.164.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import SecretStr

from agentctl.errors import AgentctlError, AnswerLost, ApiError, NotFound, Rejected, SyncError, Unauthorized, Waiting
from agentctl.resources import post_call
from agentctl.resources.answer import having, listing
from agentctl.resources.api import Api
from agentctl.resources.assistant import Assistant
from agentctl.resources.description import described
from agentctl.resources.place import Place
from agentctl.settings import Settings
from agentctl.sync.kind import Desired, Keyed, Observed, Ref, Sighting, Traits

NUMBERS = "/v1/convai/phone-numbers"
NUMBER = "/v1/convai/phone-numbers/{phone_number_id}"
KIND = "phone_number"


def undertaking_of(number: str) -> str:
    """By what name a re-import of `number` is kept in the store until it is at its end."""
    return f"reimport {number}"


def going_on(number: str, key: str) -> str:
    """What alone brings a re-import that was cut off to its end."""
    return f"Go on with it: agentctl import-number {number} --assistant {key} --reimport"


def between(number: str) -> str:
    """That its re-import was cut off, and what follows."""
    return f"{number} is between two imports: until its re-import is at its end, calls may go to its fallback"


def missing(number: str, key: str) -> Waiting:
    """That it waits for an import."""
    return Waiting(f"phone.numbers: {number} is not at ElevenLabs", _remedy(number, key))


@dataclass(frozen=True)
class TwilioAccess:
    """What ElevenLabs needs to take a number over: an account SID (AC…) or API key SID (SK…) with its secret.

    With an API key, `account_auth_token` lets the platform check the signatures of inbound calls.
    """

    sid: str
    token: SecretStr
    account_auth_token: SecretStr | None = None
    enable_sms: bool = False

    @classmethod
    def of(cls, settings: Settings, *, enable_sms: bool) -> TwilioAccess:
        """The API key where there is one, else the account itself; one of them has to be there."""
        key, secret, token = settings.twilio_api_key_sid, settings.twilio_api_key_secret, settings.twilio_auth_token
        if key and secret:
            return cls(key, secret, token, enable_sms)
        assert settings.twilio_account_sid is not None
        assert token is not None
        return cls(settings.twilio_account_sid, token, None, enable_sms)


async def _none() -> Collection[str]:
    return ()


class PhoneNumber:
    """A number and the agent it is assigned to. Without `access` a number can be assigned but not imported.

    `unfinished` tells the names of what is under way, re-imports among it.
    """

    name = KIND
    traits = Traits(prunable=False)  # a number is given back with its routing: agentctl release-number
    lists: Mapping[str, Keyed] = {}

    def __init__(
        self, api: Api, access: TwilioAccess | None = None, unfinished: Callable[[], Awaitable[Collection[str]]] = _none
    ) -> None:
        self._api = api
        self._access = access
        self._unfinished = unfinished

    @classmethod
    def at(cls, place: Place) -> PhoneNumber:
        """For one workspace and project."""

        async def unfinished() -> Collection[str]:
            return {row["name"] for row in await place.store.call("undertakings", asdict(place.scope))}

        return cls(place.api, unfinished=unfinished)

    def desired(self, assistant: Assistant) -> Iterable[Desired]:
        """Each declared number, assigned to the assistant's agent, or to none where the assistant is disabled.

        It rings at no agent of which the store does not know whose it is.
        """
        known = frozenset({Ref(post_call.KIND, assistant.key)} if assistant.enabled else ())
        for number in assistant.phone.numbers:
            body = {"phone_number": number, "agent_id": Ref("agent", assistant.key) if assistant.enabled else None}
            yield Desired(self.name, number, body, assistant.where, payload=assistant, after=known)

    async def observe(self, wanted: Sequence[Desired], bound: Mapping[str, str]) -> Mapping[str, Sighting]:
        """One list, matched by number; a binding is not needed to find one.

        Of a number whose re-import was cut off the answer is what ends that: wherever it stopped, calls may go to the
        fallback at Twilio, which nothing that is seen here tells.
        """
        if not wanted and not bound:
            return {}
        found, unfinished = await asyncio.gather(self._listed(), self._unfinished())
        cut_off = {one.key: _cut_off(one) for one in wanted if undertaking_of(one.key) in unfinished}
        # A number carries no mark of ours: one that is not declared is somebody else's.
        return {one.key: cut_off.get(one.key) or found.get(one.key, []) for one in wanted}

    async def find(self, number: str) -> list[Observed]:
        """Every entry of the workspace with this number."""
        return (await self._listed()).get(number, [])

    async def ringing(self) -> dict[str, set[str]]:
        """Every number of the workspace, with the ids of the agents that it rings at."""
        listed = await self._listed()
        return {
            number: {str(one.body["agent_id"]) for one in some if one.body["agent_id"]}
            for number, some in listed.items()
        }

    async def _listed(self) -> dict[str, list[Observed]]:
        found: dict[str, list[Observed]] = {}
        for entry in listing(f"GET {NUMBERS}", await self._api.get(NUMBERS)):
            observed = _observed(f"GET {NUMBERS}", entry)
            found.setdefault(str(observed.body["phone_number"]), []).append(observed)
        return found

    async def check(self, desired: Desired, changed: frozenset[str], *, exists: bool) -> None:
        """A number that ElevenLabs does not have, or has no more, waits for its import."""
        if exists or self._access is not None:
            return
        raise missing(desired.key, desired.payload.key)

    def replaces(self, desired: Desired, changed: frozenset[str]) -> bool:
        """An assignment is edited in place."""
        return False

    async def create(self, desired: Desired, body: Mapping[str, Any]) -> str:
        """Import from Twilio. This makes ElevenLabs overwrite the number's voice URL and status callback there.

        Whether the import heeds `agent_id` is not documented; if it does not, the assignment is an edit of its own.
        """
        access = self._access
        if access is None:
            what = f"phone_number {desired.key} is brought over by an import, not by a sync"
            raise Rejected(what, _remedy(desired.key, desired.payload.key))
        request = _request(desired, body["agent_id"], access)
        try:
            answer = await self._api.post(NUMBERS, json=request)
            return str(having(f"POST {NUMBERS}", answer, "phone_number_id")["phone_number_id"])
        except Unauthorized:
            raise
        except (ApiError, AnswerLost) as error:
            # How a second import is refused is not documented, and a lost answer may have been a yes.
            there = await self._there(desired.key)
            if there is None:
                raise error from None
            return there

    async def _there(self, number: str) -> str | None:
        try:
            there = await self.find(number)
        except AgentctlError:
            return None  # The import's own error says more than a second one.
        return there[0].remote_id if len(there) == 1 else None

    async def read(self, remote_id: str) -> Observed:
        """The number and its assignment."""
        return _observed(f"GET {NUMBER}", await self._api.get(NUMBER, phone_number_id=remote_id))

    async def update(self, remote_id: str, desired: Desired, patch: Mapping[str, Any]) -> Observed:
        """Assign to another agent. A lost answer is AnswerLost: somebody may move it before it is sent again."""
        answer = await self._api.patch(NUMBER, json=patch, once=True, phone_number_id=remote_id)
        return _observed(f"PATCH {NUMBER}", answer)

    async def delete(self, remote_id: str) -> None:
        """Take the number out of ElevenLabs; Twilio keeps it."""
        try:
            await self._api.delete(NUMBER, phone_number_id=remote_id)
        except NotFound:
            return


def _cut_off(desired: Desired) -> SyncError:
    return SyncError(between(desired.key), going_on(desired.key, desired.payload.key))


def _remedy(number: str, key: str) -> str:
    return f"Bring it over: agentctl import-number {number} --assistant {key}"


def _request(desired: Desired, agent_id: str, access: TwilioAccess) -> dict[str, Any]:
    request = {
        "provider": "twilio",
        "phone_number": desired.key,
        "label": desired.payload.name,
        "sid": access.sid,
        "token": access.token.get_secret_value(),
        "agent_id": agent_id,
        "enable_sms": access.enable_sms,
    }
    if access.account_auth_token is not None:
        request["account_auth_token"] = access.account_auth_token.get_secret_value()
    return request


def _observed(request: str, answer: object) -> Observed:
    entry = having(request, answer, "phone_number_id", "phone_number")
    agent = entry.get("assigned_agent") or {}
    body = {"phone_number": entry["phone_number"], "agent_id": agent.get("agent_id"), "label": entry.get("label")}
    rings = f"rings at {agent['agent_id']}" if agent.get("agent_id") else "rings at no agent"
    told = described(entry.get("label"), None, rings)
    return Observed(str(entry["phone_number_id"]), body, free=not agent.get("agent_id"), told=told)
