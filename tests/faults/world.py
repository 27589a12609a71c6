"""A world in memory in which a sync meets faults: the real engine, kinds and client over the real sandbox, no sockets.

Every request to the platform and every call of the store is a step; a fault happens at a step. A killed process is one
that nothing more is heard of: neither its requests nor its store calls happen any more. What a world must be like once
the runs are over is `wrongs`: everything declared is there once and as declared, nothing else of ours is, and what is
somebody else's was not touched.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import httpx
from pydantic import SecretStr

from agentctl.clients.elevenlabs import ElevenLabs
from agentctl.clients.retry import Retry
from agentctl.errors import AgentctlError, Busy, StoreUnavailable
from agentctl.resources import kinds as all_kinds
from agentctl.resources.api import Api
from agentctl.resources.assistant import Assistant
from agentctl.resources.place import Place
from agentctl.resources.rag_index import BATCH, Pace, RagIndex
from agentctl.sandbox.options import Options
from agentctl.sync.apply import apply
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Kind, Scope
from agentctl.sync.patience import Patience
from agentctl.sync.planning import plan
from agentctl.verbs.exclusive import exclusive
from tests.memory import InMemory, MemoryStore

SCOPE = Scope("beispiel", "production", "sandbox")
NUMBER = "+498999998100"
OWN = "agentctl/beispiel/production/"
WRITES = ("POST", "PUT", "PATCH", "DELETE")
ATTEMPTS = Retry().attempts
Steps = list[tuple[str, str]]
Faults = Mapping[int, tuple[str, str]]
"""What happens at which step: at a request, and at a call of the store if the step is one."""

REFUSED = {"detail": {"code": "ordered", "status": "ordered", "message": "This failure was ordered."}}
INVALID = {"detail": [{"type": "ordered", "loc": ["body"], "msg": "This failure was ordered."}]}
# Not the marks of ownership: a platform that drops those and an answer that is lost leave nothing to find it by.
IGNORED = "platform_settings.summary_language"

# What may become of a request. `for ever` outlasts every attempt that the client makes.
AT_PLATFORM: Mapping[str, Mapping[str, Any]] = {
    "429 once": {"status": 429},
    "429 once, Retry-After": {"status": 429, "headers": {"retry-after": "7"}},
    "429 for ever": {"status": 429, "times": ATTEMPTS},
    "500 once": {"status": 500},
    "500 for ever": {"status": 500, "times": ATTEMPTS},
    "503 for ever, applied": {"status": 503, "apply": True, "times": ATTEMPTS},
    "hang for ever": {"hang": True, "times": ATTEMPTS},
    "hang for ever, applied": {"hang": True, "apply": True, "times": ATTEMPTS},
    "reset for ever": {"drop": "before", "times": ATTEMPTS},
    "reset, applied": {"drop": "after"},
    "reset for ever, applied": {"drop": "after", "times": ATTEMPTS},
    "422": {"status": 422, "body": INVALID},
    "404": {"status": 404, "body": REFUSED},
    "garbage, applied": {"status": 200, "body": "<html>Wartung</html>", "apply": True},
    "key ignored": {"ignore": IGNORED},
    "lists lag": {"stale": True},
    "killed before": {},
    "killed, applied": {},
    "killed after": {},
}
AT_STORE = ("store away", "store away, applied", "killed before", "killed after")


class Killed(BaseException):
    """The process is no more."""


@dataclass
class Faulty(httpx.AsyncBaseTransport):
    """The process that syncs, as far as anybody hears of it: its requests and its store calls, each one step."""

    platform: InMemory
    store: MemoryStore
    faults: Faults = field(default_factory=dict)
    steps: Steps = field(default_factory=list)
    dead: bool = False
    lag: int = 3  # so many looks do not see what was made lately
    between: Callable[[], Awaitable[None]] | None = None  # lets another process go on before each step
    swallows: bool = False  # the platform ignores a key somewhere on the way
    told: bool = False  # somebody has read what the last run held back, and says that ours counts

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request to the platform, and what becomes of it."""
        fault, _ = await self._step(request.method, request.url.path)
        if fault == "killed before":
            self._die()
        elif fault == "lists lag":
            self._lag()
        elif fault and not fault.startswith("killed"):
            order: dict[str, Any] = {"method": request.method, "path": request.url.path, **AT_PLATFORM[fault]}
            if request.method == "POST" and order.get("status") != 429:
                order["times"] = 1  # it is sent once, and the rest would meet another one
            self.platform.world.faults.add(order)
        answer = await self.platform.handle_async_request(request)
        if fault == "killed, applied":
            self._die()
        self.dead = self.dead or fault == "killed after"
        return answer

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        """One call of the store, and what becomes of it."""
        _, fault = await self._step("store", function)
        if fault == "killed before":
            self._die()
        if fault == "store away":
            raise StoreUnavailable("the store is away")
        answer = await self.store.call(function, args, timeout=timeout)
        if fault == "store away, applied":
            raise StoreUnavailable("the store went away")
        if fault == "killed after":
            self._die()
        return answer

    async def _step(self, *what: str) -> tuple[str, str]:
        if self.between is not None:
            await self.between()
        if self.dead:
            raise Killed
        self.steps.append((what[0], what[1]))
        return self.faults.get(len(self.steps), ("", ""))

    def _die(self) -> None:
        self.dead = True
        raise Killed

    def _lag(self) -> None:
        # Agents are looked for in two lists each time: those in use and the archived ones.
        for path, times in (
            ("/v1/convai/agents", 2 * self.lag),
            ("/v1/convai/knowledge-base", self.lag),
            ("/v1/convai/agent-testing", self.lag),
        ):
            sequence = self.platform.world.state.sequence
            order = {"method": "GET", "path": path, "stale": True, "times": times}
            self.platform.world.faults.add(order, sequence)


@dataclass(frozen=True)
class Machine:
    """What `exclusive` needs of a control."""

    faulty: Faulty
    scope: Scope = SCOPE

    async def store(self) -> Faulty:
        """Its store."""
        return self.faulty


Sync = Callable[[Api, Faulty, Sequence[Assistant], bool], Awaitable[bool]]
"""One run over a platform and a store: whether all was done. `bool`: whether what is not declared goes."""


async def sync(api: Api, store: Any, assistants: Sequence[Assistant], prune: bool) -> bool:
    """What `agentctl sync --yes` does, less the files and the words."""
    kinds = kinds_of(api, store)
    patience = Patience(sleep=no_time)
    try:
        bindings = await Bindings(store, SCOPE).load()
        found = await plan(kinds, assistants, bindings, prune=prune, patience=patience)
        how: dict[str, Any] = {"patience": patience, "take_ours": isinstance(store, Faulty) and store.told}
        applied = await apply(found, kinds, await Bindings(store, SCOPE).load(), **how)
    except AgentctlError:
        return False
    if isinstance(store, Faulty) and store.swallows:
        store.told = bool(applied.held)
    return applied.ok and not applied.held


def kinds_of(api: Api, store: Any) -> tuple[Kind[Assistant], ...]:
    """One of each, with everything but time."""
    quick = RagIndex(api, pace=Pace(sleep=no_time))
    return tuple(quick if isinstance(kind, RagIndex) else kind for kind in all_kinds(Place(api, store, SCOPE)))


async def no_time(seconds: float) -> None:
    """Time passes quickly in memory."""


def assistant(
    key: str, edition: str = "", *, shared: bool = True, number: bool = False, file: bool = False, plain: bool = False
) -> Any:
    """An assistant with a test, a document of its own, in a folder, and a shared one; `edition` changes what it says.

    One with a number looks things up, so that its own document is indexed. A `plain` one has a document and a number.
    """
    content = {"content": b"%PDF-1.4 " + LONG.encode(), "filename": "zeiten.pdf", "media_type": "application/pdf"}
    own = content if file else {"text": f"{key} hat von neun bis fünf offen.{edition} {LONG}"}
    documents = [{"key": f"{key}/zeiten", "name": "Zeiten", **own}]
    documents += [{"key": "shared/haus", "name": "Haus", "text": f"Wir sind ein Haus.{edition}"}] if shared else []
    test = {"name": "zeiten", "user": "Wann?", "success_condition": f"Nennt die Zeiten.{edition}"}
    more = (
        {}
        if plain
        else {"tests": [test], "knowledge_base": {"folder": True}, "rag": {"enabled": True} if number else {}}
    )
    return Assistant.model_validate({
        **more,
        "key": key,
        "where": f"assistants/{key}/assistant.toml",
        "name": key.title(),
        "prompt": f"Hilf.{edition}",
        "knowledge": documents,
        "phone": {"numbers": [NUMBER] if number else []},
    })  # fmt: skip


LONG = "Wir haben offen. " * 40  # what is shorter is not indexed
FIRST = (assistant("empfang", number=True), assistant("nacht"))
EDITED = (assistant("empfang", " Neu.", number=True), assistant("nacht", " Neu."))
REPLACED = (assistant("empfang", number=True, file=True), assistant("nacht"))
FEWER = (assistant("empfang", number=True, shared=False),)
ONE = (assistant("empfang", number=True, shared=False, plain=True),)
OTHER = (assistant("empfang", " Neu.", number=True, shared=False, plain=True),)
THIRD = (assistant("empfang", " Ganz neu.", number=True, shared=False, plain=True),)


@dataclass(frozen=True)
class Scene:
    """What a sync starts from and what it is asked for. `tried`: what one run was asked for before it was edited."""

    before: Sequence[Assistant]
    wanted: Sequence[Assistant]
    prune: bool = False
    tried: Sequence[Assistant] = ()


SCENES: Mapping[str, Scene] = {
    "first": Scene((), FIRST),
    "edit": Scene(FIRST, EDITED),
    "replace": Scene(FIRST, REPLACED, prune=True),
    "prune": Scene(FIRST, FEWER, prune=True),
    "one": Scene((), ONE),
    "edit one": Scene(ONE, OTHER),
    "one, edited again": Scene((), OTHER, prune=True, tried=ONE),
    "edit one again": Scene(ONE, THIRD, prune=True, tried=OTHER),
}
# How often random faults fall upon a scene: small ones are quick, and in the large ones all kinds take part.
WEIGHTS = {"first": 1, "edit": 1, "replace": 1, "prune": 1, "one": 8, "edit one": 8}
WEIGHTS |= dict.fromkeys(("one, edited again", "edit one again"), 4)


@dataclass(frozen=True)
class Outcome:
    """How a world ended: runs after the first until all was done, what is wrong then, the steps of all runs.

    `met`: so many of the faults happened at all.
    """

    reruns: int
    wrongs: tuple[str, ...]
    steps: Steps
    met: int


class World:
    """One platform and one store, set to the beginning of a scene again and again."""

    def __init__(self, variant: Sync = sync, *, log: bool = False) -> None:
        self.platform = InMemory(Options(log=log))
        self._variant = variant
        self._starts: dict[str, bytes] = {}

    async def start(self, scene: str) -> MemoryStore:
        """The platform and the store as the scene begins, made once."""
        if scene not in self._starts:
            store = await self._begun(SCENES[scene])
            self._starts[scene] = pickle.dumps((self.platform.world.state, store))
        self.platform.world.faults.clear()
        self.platform.world.state, found = pickle.loads(self._starts[scene])
        assert isinstance(found, MemoryStore)
        return found

    async def _begun(self, scene: Scene) -> MemoryStore:
        self.platform.world.reset()
        store, options = MemoryStore(), self.platform.world.options
        async with self.client(self.platform) as api:
            number = {"phone_number": NUMBER, "label": "Haus", "sid": options.account_sid, "token": options.auth_token}
            await api.post("/v1/convai/phone-numbers", json={"provider": "twilio", **number})
            stranger = {"name": "Fremd", "tags": ["managed-by:agentctl", "agentctl:beispiel/staging/empfang"]}
            await api.post("/v1/convai/agents/create", json={"conversation_config": {}, **stranger})
            foreign = {"name": "agentctl/anderes/production/empfang/zeiten@0123456789ab", "text": "Fremd."}
            await api.post("/v1/convai/knowledge-base/text", json=foreign)
            if scene.before:
                assert await sync(api, store, scene.before, False)
        return store

    def client(self, transport: httpx.AsyncBaseTransport) -> ElevenLabs:
        """Our client, with everything but time."""
        retry = Retry(sleep=no_time)
        key = SecretStr(self.platform.world.options.api_key)
        return ElevenLabs("http://127.0.0.1", key, transport=transport, retry=retry)

    async def play(self, scene: str, faults: Faults, *, most: int = 5) -> Outcome:
        """Run until all is done and one more run writes nothing. Steps are counted over all runs, from 1.

        A platform that says "gone" of what is there is believed; so that counts as done which a next run leaves alone.
        What it has swallowed of a create whose end nobody saw looks like what somebody took away there: that is held
        back, and the next run is one of somebody who has read it.
        """
        store = await self.start(scene)
        before = strangers(self.platform)
        swallows = any("key ignored" in pair for pair in faults.values())
        faulty = Faulty(self.platform, store, faults, swallows=swallows)
        reruns, done = -1, 0
        if tried := SCENES[scene].tried:
            await self._run(faulty, replace(SCENES[scene], wanted=tried))
            self._only_lags()
        for run in range(most):
            begun, over = len(faulty.steps), not faulty.faults and run > 0
            clean = await self._run(faulty, SCENES[scene])
            idle = not any(method in WRITES and path != BATCH for method, path in faulty.steps[begun:])
            if clean and idle and over:
                break
            reruns = run
            if clean and not done:  # What follows is to show it, without faults.
                done, faulty.faults = len(faulty.steps), {}
            self._only_lags()
        else:
            return Outcome(most, ("it did not converge",), faulty.steps, len(faults))
        steps = faulty.steps[:done]
        found = await leftovers(self.platform, store, SCENES[scene].wanted)
        found += [f"an intent is left: {row}" for row in await store.call("intents", vars(SCOPE))]
        if strangers(self.platform) != before:
            found.append("something that is not ours was changed")
        return Outcome(reruns, tuple(found), steps, sum(step <= done for step in faults))

    async def race(self, luck: Random, *, lease: bool) -> tuple[int, tuple[str, ...]]:
        """Two first syncs at once, in an order by `luck`: how many got through, and what is wrong after both and,
        without a lease, after one more run.
        """
        store = await self.start("first")

        async def between() -> None:
            for _ in range(luck.randrange(4)):
                await asyncio.sleep(0)

        async def one() -> bool:
            faulty = Faulty(self.platform, store, between=between)
            await asyncio.sleep(0)
            if not lease:
                return await self._run(faulty, SCENES["first"])
            try:
                async with exclusive(Machine(faulty)):  # type: ignore[arg-type]
                    return await self._run(faulty, SCENES["first"])
            except Busy:
                return False

        ended = await asyncio.gather(one(), one())
        if not lease:
            await self._run(Faulty(self.platform, store), SCENES["first"])
        return sum(ended), tuple(await leftovers(self.platform, store, FIRST))

    async def _run(self, faulty: Faulty, scene: Scene) -> bool:
        async with self.client(faulty) as api:
            try:
                clean = await self._variant(api, faulty, scene.wanted, scene.prune)
            except Killed:
                clean = False
            clean, faulty.dead = clean and not faulty.dead, False
            return clean

    def _only_lags(self) -> None:
        lags = [fault for fault in self.platform.world.faults.as_json() if fault["stale"] and fault["times"]]
        self.platform.world.faults.clear()
        for lag in lags:
            order = {name: lag[name] for name in ("method", "path", "times", "stale")}
            self.platform.world.faults.add(order, lag["sequence"])


def strangers(platform: InMemory) -> Any:
    """What is there and is not ours."""
    state = platform.world.state
    agents = [row for row in state.agents.values() if row["name"] == "Fremd"]
    documents = [row for row in state.documents.values() if row["name"].startswith("agentctl/anderes/")]
    return pickle.dumps((agents, documents))


async def leftovers(platform: InMemory, store: MemoryStore, wanted: Sequence[Assistant]) -> list[str]:
    """Duplicates, orphans, and what is missing: by what a person would see in the dashboard."""
    state = platform.world.state
    tags = [tag for row in state.agents.values() for tag in row["tags"] if tag.startswith("agentctl:beispiel/prod")]
    names = [row["name"] for row in state.documents.values() if row["name"].startswith("agentctl/beispiel/")]
    keys = {document.key: document for one in wanted for document in one.knowledge}
    folders = {f"{OWN}{one.key}" for one in wanted if one.knowledge_base.folder}
    indexed = sum(document.usage == "auto" for one in wanted if one.rag.enabled for document in one.knowledge)
    found = _compared("agent", tags, [f"agentctl:beispiel/production/{one.key}" for one in wanted])
    found += _compared("document", names, [*folders, *(f"{OWN}{key}@{one.digest[:12]}" for key, one in keys.items())])
    tests = [row["test"]["name"] for row in state.tests.values()]
    meant = [f"{OWN}{one.key}/{test.name}@{test.digest[:12]}" for one in wanted for test in one.tests]
    found += _compared("test", tests, meant)
    own = [row["name"] for row in state.agents.values() if row["name"] != "Fremd"]
    found += _compared("agent named", own, [one.name for one in wanted])
    if (there := sum(len(row["rag"]) for row in state.documents.values())) != indexed:
        found.append(f"index: {there} instead of {indexed}")
    rows = await store.call("bindings", vars(SCOPE))
    bound = {row["remote_id"] for row in rows if row["kind"] not in ("post_call", "rag_index")}
    ours = {i for i, row in state.agents.items() if row["name"] != "Fremd"}
    ours |= {i for i, row in state.documents.items() if row["name"].startswith(OWN)}
    ours |= {*state.numbers, *state.tests}
    found += [f"{i} is there and not bound" for i in ours - bound] + [f"{i} is bound and gone" for i in bound - ours]
    return found


def _compared(what: str, there: Sequence[str], wanted: Sequence[str]) -> list[str]:
    left = list(there)
    missing = [name for name in wanted if name not in left or left.remove(name)]
    return [f"{what} {name} is missing" for name in missing] + [f"{what} {name} is one too many" for name in left]
