"""Revisions: what was applied for each assistant, kept in the store with the contents of its documents."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from pydantic import ValidationError

from agentctl.calls.tenant import OPERATOR
from agentctl.errors import Problem, StoreError, StoreUnavailable, SyncError, UsageError
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.assistant import Assistant, Document
from agentctl.secrecy.replenished import replenished
from agentctl.secrecy.secret import opened, sealed, seals
from agentctl.settings import nearest
from agentctl.sources.loaded import apart
from agentctl.sync.apply import Applied
from agentctl.sync.bindings import Store
from agentctl.sync.kind import Kind, Ref, Scope
from agentctl.sync.plan import Failure, Plan
from agentctl.verbs.commands import Whose
from agentctl.verbs.reading import read
from agentctl.verbs.renaming.former import must_be_current
from agentctl.verbs.revisions.hold import Hold, holds, note
from agentctl.wiring import Control

KIND = "revision"
KEPT = 20
# The store takes one revision in one call, and base64 in JSON makes it a third larger than it is.
MAX_CONTENTS_BYTES = 150_000_000
_SECONDS = 120.0  # for calls that carry contents
_AT_ONCE = 4  # each may hold all documents of an assistant in memory


@dataclass(frozen=True)
class ProjectPlan(Plan):
    """A plan with the assistants that it was made for. `note` goes with the revisions that come of it.

    `holds`: keys whose files it leaves alone; among `assistants` they are as they are held. `released`: holds that end
    when it is applied, since their source has changed. `seen`: what verbs/trusted.py remembers of it. `gated`: what
    changes an assistant is applied only after its tests have passed. `whose`: the workspace that it is of.
    """

    assistants: tuple[Assistant, ...] = ()
    holds: tuple[Hold, ...] = ()
    released: tuple[Hold, ...] = ()
    note: str = "sync"
    seen: object = None
    gated: bool = False
    whose: Whose = field(default_factory=Whose)

    @classmethod
    def of(cls, plan: Plan, assistants: Sequence[Assistant], **more: Any) -> ProjectPlan:
        """`plan` with what it was made for; `more`: fields to replace or to add."""
        found = {one.name: getattr(plan, one.name) for one in fields(plan)}
        return cls(**{**found, "assistants": tuple(assistants), **more})


@dataclass(frozen=True)
class Revision:
    """One configuration as it was applied. `revision` counts from 1 per assistant, `applied_at` is ISO 8601."""

    revision: int
    digest: str
    note: str | None
    applied_at: str


@dataclass(frozen=True)
class History:
    """The revisions of one assistant, newest first, and its hold if it has one."""

    assistant: str
    revisions: tuple[Revision, ...]
    hold: Hold | None


async def history(control: Control, key: str | None = None) -> tuple[History, ...]:
    """The revisions of one assistant, or of all that are declared or bound. Raises UsageError for an unknown key."""
    loaded = await read(control)
    if not loaded.project.name:
        loaded.checked()
    known = {assistant.key for assistant in loaded.assistants}
    if key is None:
        known |= (await control.bindings()).of(AGENT_KIND).keys()
    held = {hold.key: hold for hold in await holds(control)}
    found = [History(one, await revisions(control, one), held.get(one)) for one in ([key] if key else sorted(known))]
    if key is not None:
        await must_be_current(control, [key])
        if key not in known and not found[0].revisions:
            raise unknown(key, known, loaded.elsewhere)
    return tuple(found)


async def revisions(control: Control, key: str) -> tuple[Revision, ...]:
    """What is kept of one assistant, newest first."""
    store = await control.store()
    rows = await store.call("revisions", {**asdict(control.scope), "key": key})
    return tuple(Revision(row["revision"], row["digest"], row["note"], row["applied_at"]) for row in rows)


async def restored(control: Control, key: str, revision: int | None) -> Assistant:
    """The assistant as it was; None: the newest. As `recalled`, which see."""
    return (await recalled(control, key, revision))[0]


async def recalled(control: Control, key: str, revision: int | None) -> tuple[Assistant, tuple[str, ...]]:
    """The assistant as it was, with the secrets of today's files, and where those are others than it had.

    Secrets are not kept, and a rotated one must not come back. Raises SyncError where this version cannot read it, it
    is gone, or the files have no secret in a place where it had one.
    """
    store, name = await control.store(), f"{f'revision {revision}' if revision else 'the newest revision'} of {key}"
    row = await store.call("revision", {**asdict(control.scope), "key": key, "revision": revision}, timeout=_SECONDS)
    try:
        contents = {entry["sha256"]: base64.b64decode(entry["content"]) for entry in row["contents"]}
        source = {name: row["spec"].pop(name) for name in ("source",) if name in row["spec"]}
        today = _today(control, key)
        if today and today["tenant"] != row["spec"].get("tenant", OPERATOR):
            raise SyncError(f"{name} was applied for another tenant", "Choose another one with --to.")
        spec, news = replenished(opened(row["spec"], today), today)
        spec = {**spec, **source, **{name: today[name] for name in ("tenant",) if name in today}}
        if lost := sorted(set(seals(spec))):
            what = f"{name} was applied with a secret at {', '.join(lost)}; secrets are not kept, and the files have"
            way = "Put one there, and leave it there for as long as it is held, or choose another revision with --to."
            raise SyncError(f"{what} none there", way)
        documents = [_document(entry, contents) for entry in spec["knowledge"]]
        return Assistant.model_validate({**spec, "where": name, "knowledge": documents}), news
    except (TypeError, KeyError, ValidationError):
        raise SyncError(f"{name} cannot be read by this version of agentctl", "Choose another one with --to.") from None


def _today(control: Control, key: str) -> Any:
    """What the files say of an assistant now, in the shape of a revision, secrets included; contents are left out."""
    one = next((one for one in control.loaded.assistants if one.key == key), None)
    if one is None:
        return {}
    fields = one.model_dump(mode="json", exclude={"knowledge", "source"})
    return {**fields, "knowledge": [_described(document) for document in one.knowledge]}


def digest(assistant: Assistant, scope: Scope) -> str:
    """SHA-256, in hex, of all that makes an assistant, contents included. How it is declared is no part of it."""
    return hashlib.sha256(_manifest(assistant.model_copy(update={"source": {}}), scope)).hexdigest()


def resources(kinds: Iterable[Kind[Assistant]], assistant: Assistant) -> frozenset[Ref]:
    """Everything that an assistant is made of."""
    return frozenset(desired.ref for kind in kinds for desired in kind.desired(assistant))


def too_large(assistants: Sequence[Assistant]) -> list[Problem]:
    """A notice for each assistant of which no revision can be kept."""
    limit = MAX_CONTENTS_BYTES // 1_000_000
    what = f"its documents are larger than {limit} MB together: no revision of it is kept"
    return [Problem(one.where, what) for one in assistants if not _fits(one)]


async def record(control: Control, plan: ProjectPlan, applied: Applied, kinds: Sequence[Kind[Assistant]]) -> Applied:
    """Keep each assistant of which nothing failed or was held back as its newest revision, unless it is already.

    One that is held is kept where the newest is another: its rollback was cut off before that.
    What could not be kept is among the failures of the answer; the next sync tries again.
    """
    unfinished = {failure.ref for failure in applied.failures} | {change.desired.ref for change in applied.held}
    written = {change.desired.ref for change in applied.done}

    def has_part(assistant: Assistant, among: set[Ref]) -> bool:
        return bool(among) and bool(resources(kinds, assistant) & among)

    kept = [one for one in plan.assistants if _fits(one) and not has_part(one, unfinished)]
    whole = {hashlib.sha256(_manifest(one, control.scope)).hexdigest(): one for one in kept}
    if not whole:
        return applied
    changed = {one.key for one in kept if has_part(one, written)}
    store = await control.store()
    notes = {hold.key: note(hold.revision) for hold in plan.holds}
    try:
        new = await _new(control, whole, changed, notes.keys())
    except StoreError as error:
        # All is written by now: what a caller needs to know is that, and of which no revision can have been kept.
        lost = [one for one in kept if one.key in changed] or kept
        return replace(applied, failures=(*applied.failures, *(_unkept(one, error) for one in lost)))
    room = asyncio.Semaphore(_AT_ONCE)
    ends = await asyncio.gather(*(_kept(store, control.scope, one, notes.get(one.key, plan.note), room) for one in new))
    failures = [failure for failure in ends if failure]
    return replace(applied, failures=(*applied.failures, *failures)) if failures else applied


async def _new(
    control: Control, whole: Mapping[str, Assistant], changed: Collection[str], held: Collection[str]
) -> list[Assistant]:
    """Those, by the digests of their manifests, of which another revision is to be kept. Raises StoreError."""
    # The manifest of a revision is one of its contents, so that one call tells for all what was never recorded.
    missing = set(await (await control.store()).call("missing_contents", {"sha256": list(whole)}))
    new = []
    for name, one in whole.items():
        if one.key in held:
            is_new = [newest.digest for newest in (await revisions(control, one.key))[:1]] != [name]
        else:
            is_new = name in missing or one.key in changed
        new += [one] if is_new else []
    return new


def unknown(key: str, known: Iterable[str], elsewhere: Mapping[str, str]) -> UsageError:
    """The error for a key that no assistant has here. `elsewhere`: as of Loaded."""
    if key in elsewhere:
        return apart(key, elsewhere[key])
    keys = sorted(known)
    guess = nearest(key, keys)
    return UsageError(
        f"no assistant {key!r}", f"Did you mean {guess}?" if guess else f"There are: {', '.join(keys) or 'none'}."
    )


async def _kept(store: Store, scope: Scope, assistant: Assistant, note: str, room: asyncio.Semaphore) -> Failure | None:
    async with room:
        try:
            await _save(store, scope, assistant, note)
        except StoreError as error:
            return _unkept(assistant, error)
        return None


def _unkept(assistant: Assistant, error: StoreError) -> Failure:
    return Failure(Ref(KIND, assistant.key), assistant.where, error)


async def _save(store: Store, scope: Scope, assistant: Assistant, note: str) -> None:
    manifest = _manifest(assistant, scope)
    name = hashlib.sha256(manifest).hexdigest()
    contents = {name: manifest, **{one.digest: _content(one) for one in assistant.knowledge if one.url is None}}
    lacking = await store.call("missing_contents", {"sha256": list(contents)})
    revision = {**asdict(scope), "key": assistant.key, "spec": _spec(assistant), "digest": name, "note": note}

    async def send(sent: Iterable[str]) -> None:
        rows = [{"sha256": sha256, **_encoded(contents, sha256, sent)} for sha256 in contents]
        await store.call("save_revision", {**revision, "keep": KEPT, "contents": rows}, timeout=_SECONDS)

    try:
        await send(lacking)
    except StoreUnavailable:
        raise
    except StoreError:  # Another project may have let go of a content since it was asked for.
        await send(contents)


def _encoded(contents: Mapping[str, bytes], sha256: str, sent: Iterable[str]) -> dict[str, str]:
    return {"content": base64.b64encode(contents[sha256]).decode()} if sha256 in sent else {}


def _manifest(assistant: Assistant, scope: Scope) -> bytes:
    # What the files said counts here too: a promotion compares with it, even where it made no difference.
    # Without defaults: a version that knows more fields must not take every source for changed.
    spec = {key: value for key, value in _spec(assistant, sparse=True).items() if key != "where"}
    whole = {"scope": asdict(scope), "assistant": spec}
    return json.dumps(whole, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _spec(assistant: Assistant, *, sparse: bool = False) -> dict[str, Any]:
    spec = assistant.model_dump(mode="json", exclude={"knowledge"}, exclude_defaults=sparse)
    source = {name: spec.pop(name) for name in ("source",) if name in spec}  # digests already, by paths
    return {**sealed(spec), **source, "knowledge": [_reference(document, sparse) for document in assistant.knowledge]}


def _reference(document: Document, sparse: bool) -> dict[str, Any]:
    entry: dict[str, Any] = sealed(_described(document, sparse))  # An address may let in.
    if document.url is not None:
        return entry
    return {**entry, "content_sha256" if document.content is not None else "text_sha256": document.digest}


def _described(document: Document, sparse: bool = False) -> dict[str, Any]:
    """All of a document but its content."""
    return document.model_dump(mode="json", exclude={"text", "content"}, exclude_defaults=sparse)


def _document(entry: Mapping[str, Any], contents: Mapping[str, bytes]) -> Document:
    fields = dict(entry)
    text, content = fields.pop("text_sha256", None), fields.pop("content_sha256", None)
    if text is not None:
        fields["text"] = contents[text].decode()
    if content is not None:
        fields["content"] = contents[content]
    return Document.model_validate(fields)


def _content(document: Document) -> bytes:
    return document.content if document.content is not None else (document.text or "").encode()


def _fits(assistant: Assistant) -> bool:
    return sum(len(one.content or one.text or "") for one in assistant.knowledge) <= MAX_CONTENTS_BYTES
