"""Give an assistant another key; its agent, documents, numbers, revisions and calls stay the ones they are.

First the store and the folder get the new key, then whatever names it in other files, then the marks at the platform
(tag, names of documents). A crash in between is healed by the same command, or, of marks alone, by the next sync.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from agentctl.errors import AgentctlError, ConfigurationError, Problem, Stale, SyncError, UsageError
from agentctl.resources import agent
from agentctl.resources.assistant import KEY, RESERVED, Assistant
from agentctl.sources.files import ASSISTANTS
from agentctl.sources.loaded import Loaded
from agentctl.sources.mentions import renamed
from agentctl.sources.pulled import Rewrite
from agentctl.sources.pulled import replace as rewrite
from agentctl.sources.renames import FILENAME
from agentctl.sync.apply import Applied
from agentctl.sync.bindings import Bindings
from agentctl.sync.elsewhere import must_be_there
from agentctl.sync.kind import Kind, Ref
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.reading import read
from agentctl.verbs.rekeying.marking import marked
from agentctl.verbs.rekeying.rekeyed import aside, given, taken
from agentctl.verbs.renaming import outdated
from agentctl.verbs.renaming.begun import begun, learnt, was_begun
from agentctl.verbs.renaming.cut_off import must_have_ended
from agentctl.verbs.renaming.parting import is_one, parted, torn
from agentctl.verbs.renaming.recorded import must_be_learnt, must_be_newest, note
from agentctl.verbs.renaming.renamed import Moves, moves
from agentctl.verbs.revisions import held
from agentctl.verbs.revisions.history import digest, unknown
from agentctl.verbs.revisions.hold import hold, holds
from agentctl.verbs.revisions.keeping import keeping
from agentctl.verbs.rows.outside import need_folder, need_free
from agentctl.wiring import Control


@dataclass(frozen=True)
class Renaming:
    """What a rename would do. `moves`: the folder; where it has the new name already, only the rest is left.

    `agent_id`: the agent that keeps its id, None where there is none yet. `mentions`: files that name it. `unsure`:
    files that name `old` where another folder has that name by now: which one they mean is not known. `displaced`: the
    key, which no file declares, for what `new` was until its folder was replaced by that of `old`. `again`: the store
    has it as `new` already.
    """

    old: str
    new: str
    moves: bool
    agent_id: str | None
    mentions: tuple[Rewrite, ...]
    assistant: Assistant = field(repr=False)
    unsure: tuple[str, ...] = ()
    displaced: str | None = None
    again: bool = False


async def look(control: Control, old: str, new: str) -> Renaming:
    """What renaming `old` to `new` means; writes nothing.

    Raises UsageError where it cannot be done, SyncError where a create of either is not at its end, Ambiguous where a
    third key is bound to the agent, Elsewhere where that is not there.
    """
    await must_be_newest(control, old, new)
    await must_be_learnt(control)
    await must_have_ended(control, old, new)
    bindings = await control.bindings()
    if (error := torn(bindings, old) or torn(bindings, new)) and not is_one(bindings, old, new):
        raise error
    renaming, kind = await _found(control, old, new), agent.Agent(control.api, control.scope)
    if renaming.agent_id is not None:
        await must_be_there(kind, old, renaming.agent_id, bindings, declared=renaming.assistant.key)
    return renaming


async def _found(control: Control, old: str, new: str) -> Renaming:
    if not KEY.fullmatch(new):
        raise UsageError(f"{new!r} cannot be a key", "Use at most 63 of a-z, 0-9, - and _, a letter or digit first.")
    if new == RESERVED:
        raise UsageError(f"{new!r} cannot be a key", "Under it stands what is everybody's: take another.")
    if old == new:
        raise UsageError(f"{old} has that key already")
    loaded = need_free(await _load(control, old), new)
    mentions = await asyncio.to_thread(renamed, loaded.project.root, old, new)
    declared = {assistant.key: assistant for assistant in loaded.assistants}
    bindings = await control.bindings()
    bound = bindings.get(Ref(agent.KIND, old)), bindings.get(Ref(agent.KIND, new))
    two = None not in bound and bound[0] != bound[1]
    found = moves(bindings, await control.kinds(bindings), loaded.assistants) if new in declared else None
    has_left = found is not None and await _has_left(control, found, bindings, old, new)
    displaced = found.free(f"{new[:50]}-before") if found and has_left and two else None
    if old in declared:
        if bound[0] is not None and has_left:
            await _must_be_known(control, bindings, declared[new], old, new)
            places = tuple(one.where for one in mentions)
            return Renaming(old, new, False, bound[0], (), declared[new], unsure=places, displaced=displaced)
        if new in declared or (loaded.project.root / ASSISTANTS / new).exists():
            raise UsageError(f"{ASSISTANTS}/{new} is there already", "Choose another key.")
        await _must_be_current(control, bindings, declared, old, new)
        if two:
            raise taken(new, str(bound[1]))
        return Renaming(old, new, True, bound[0] or bound[1], mentions, declared[old])
    if found is None or not (bound[0] or mentions or await was_begun(control, bound[1], old, new)):
        if new in declared:
            await _must_be_known(control, bindings, declared[new], old, new)
        raise unknown(old, {*declared, *bindings.of(agent.KIND)} - {old, new} or {new}, loaded.elsewhere)
    await _must_be_newer(control, bindings, declared, old, new)
    if two and displaced is None:
        for group in found.told():
            if new in group.keys:
                what = f"{new} is another folder than it was: {group.whose}, seems to have moved on"
                raise SyncError(what, f"First {group.way}")
        raise _made_twice(old, new, *bound)
    again = bound[0] is None
    return Renaming(old, new, False, bound[0] or bound[1], mentions, declared[new], displaced=displaced, again=again)


async def _has_left(control: Control, found: Moves, bindings: Bindings, old: str, new: str) -> bool:
    """Whether what is `old`'s in this store may be `new`'s by now. A new assistant may have the old key then."""
    known = found.may_be(old, new) or is_one(bindings, old, new)
    return known or await learnt(control, bindings.get(Ref(agent.KIND, old)), old, new)


async def _must_be_current(
    control: Control, bindings: Bindings, declared: Mapping[str, Assistant], old: str, new: str
) -> None:
    """Raise UsageError where `old` was given a key already, and it is not `new`, or has an agent; and as
    `_must_be_known` does.

    A second key would be all that is remembered of it, so that other older files were taken for current ones.
    """
    await _must_be_known(control, bindings, declared[old], old, new)
    given = (await outdated.outdated(control, bindings, tuple(declared.values()))).get(old)
    if given is None or (given.new == new and bindings.get(Ref(agent.KIND, old)) is None):
        return
    if given.new != new:
        hint = f"For another key of it, there: agentctl rename {given.new} {new}. "
    else:
        hint = f"there: agentctl rename {old} {new}. " if is_one(bindings, old, new) else ""
    raise UsageError(outdated.told(old, given), f"{hint}Nothing was changed.")


async def _must_be_newer(
    control: Control, bindings: Bindings, declared: Mapping[str, Assistant], old: str, new: str
) -> None:
    """Raise UsageError where `new` was given the key `old`, and another agent is `new` by now, as older files have it;
    and as `_must_be_known` does.

    It would go by a key that no file declares, for the next prune to delete, in favour of what these files say.
    """
    await _must_be_known(control, bindings, declared[new], old, new)
    given = (await outdated.outdated(control, bindings, tuple(declared.values()))).get(new)
    bound = bindings.get(Ref(agent.KIND, new))
    if given is not None and given.new == old and bound not in (None, bindings.get(Ref(agent.KIND, old))):
        first = f"mv {ASSISTANTS}/{new} {ASSISTANTS}/{old}, then agentctl sync --prune, which deletes what {new} is now"
        hint = f"If the folder {old} was renamed to {new} by hand: {first}, and then this again. Nothing was changed."
        raise UsageError(outdated.told(new, given), hint)


async def _must_be_known(control: Control, bindings: Bindings, assistant: Assistant, old: str, new: str) -> None:
    """Raise SyncError where an agent has the tag of either key and no binding: a store without memory, for instance.

    It would keep its tag, and the next sync would make another agent, without its numbers and calls.
    """
    bound = bindings.of(agent.KIND)
    kind = agent.Agent(control.api, control.scope)
    wanted = [] if {old, new} & bound.keys() else list(kind.desired(_called(assistant, old)))
    seen = await kind.observe(wanted, bound)
    for key in (old, new):
        sighting = seen.get(key, ())
        if isinstance(sighting, AgentctlError):
            raise sighting
        ids = ", ".join(one.remote_id for one in sighting if one.remote_id not in bound.values())
        if ids and key == new:
            raise taken(new, f"agent {ids}, which carries its tag")
        if ids and not await learnt(control, bound.get(old), old, new):
            what = f"agent {ids} carries the tag of {old}, and the store here does not know it; nothing was renamed"
            back = "" if assistant.key == old else f"Call the folder {old} again. "
            first = "Let a sync take it up first: agentctl sync, without a shared store agentctl sync --stateless."
            raise SyncError(what, f"{back}{first} If it is one too many, agentctl plan says so.")


async def _load(control: Control, old: str) -> Loaded:
    """The project, although files may still name `old` after its folder has got another name."""
    loaded = need_folder(await read(control), old)
    return replace(loaded, problems=tuple(one for one in loaded.problems if one.names != old)).checked()


async def rename(control: Control, renaming: Renaming) -> Applied:
    """Do it, and mark what is at the platform; whoever calls this has a yes.

    What of the marks failed is in the answer, and is an edit of the next sync. Raises SyncError where the new key is
    another agent's in an environment of this project, and where another file cannot be rewritten (what is done before
    stays), ConfigurationError where the folder cannot be moved, Busy while a sync runs.
    """
    async with exclusive(control):
        old, new = renaming.old, renaming.new
        if not renaming.moves and await parted(control, old, new):
            return await marked(control, [renaming.assistant])
        kinds = await control.kinds(await control.bindings())
        before = [one for one in await holds(control) if one.key == old]
        names = {"project": control.scope.project, "old": old, "new": new, "kinds": [kind.name for kind in kinds]}
        # Whatever has taken its place since is not meant: it declares all of that anew.
        others = [one for one in control.loaded.assistants if one.key not in (renaming.assistant.key, old)]
        names["kept"] = list(_kept(kinds, [_called(renaming.assistant, new), *others], old))
        folder = control.directory / ASSISTANTS
        made_way = {**names, "old": new, "new": renaming.displaced, "kept": list(_kept(kinds, others, new))}
        async with keeping(control):
            async with begun(control, old, new):
                left = await aside(control, made_way) if renaming.displaced else []
                with _moved(folder, old, new) if renaming.moves else nullcontext():
                    await given(control, names)
            await _mentioned(control, renaming)
        loaded = (await read(control, again=True)).checked()  # what it had read is no more
        (assistant,) = (one for one in loaded.assistants if one.key == new)
        for one in before:
            if one.digest == digest(_called(assistant, old), control.scope):
                (moved,) = (other for other in await holds(control) if other.key == new)
                await hold(control, new, moved.revision, digest(assistant, control.scope))
        beside = await held.read(control, [one for one in await holds(control) if one.key == new])
        # What is held is marked as it is there. What made room comes first: two would have the same mark.
        return await marked(control, [*left, beside.revisions.get(new, assistant)])


async def _mentioned(control: Control, renaming: Renaming) -> None:
    """Have the other files name the new key. What is done before it stays, so that the same command goes on."""
    old, new = renaming.old, renaming.new
    try:
        await note(control, old, new, again=renaming.again)
        await asyncio.to_thread(rewrite, renaming.mentions)
    except (ConfigurationError, Stale) as error:
        where = ", ".join([FILENAME, *(one.where for one in renaming.mentions)])
        raise SyncError(
            f"{error.message}\n{ASSISTANTS}/{new} is the folder and {new} the key of what was {old}; what is left is "
            f"to name it in {where}, and its marks at ElevenLabs",
            f"{'The' if isinstance(error, Stale) else 'Let it be writable; then the'} same command finishes it: "
            f"agentctl rename {old} {new}",
        ) from None


def _kept(kinds: Iterable[Kind[Assistant]], declaring: Iterable[Assistant], old: str) -> Iterator[str]:
    """What is declared under the old key all the same: a folder of the knowledge base may have any name."""
    for one in declaring:
        for kind in kinds:
            for desired in kind.desired(one):
                if f"{desired.key}/".startswith(f"{old}/"):
                    yield f"{kind.name} {desired.key}"


@contextmanager
def _moved(folder: Path, old: str, new: str) -> Iterator[None]:
    """The folder has its new name, unless what follows fails.

    It comes first: cut off after it, a plan says what to do, and no sync takes it for a new assistant.
    """
    _move(folder, old, new)
    try:
        yield
    except AgentctlError:
        _move(folder, new, old)
        raise


def _move(folder: Path, old: str, new: str) -> None:
    try:
        if (folder / new).exists():
            raise UsageError(f"{ASSISTANTS}/{new} is there by now", "Choose another key.")
        (folder / old).rename(folder / new)
    except OSError as error:
        where, hint = f"{ASSISTANTS}/{old}", "Rename the folder by hand and run the same again."
        raise ConfigurationError([Problem(where, f"cannot be renamed: {error.strerror}")], hint) from None


def _called(assistant: Assistant, key: str) -> Assistant:
    """The assistant as it was under another key."""
    prefix = f"{assistant.key}/"
    documents = [
        one.model_copy(update={"key": f"{key}/{one.key.removeprefix(prefix)}"}) if one.key.startswith(prefix) else one
        for one in assistant.knowledge
    ]
    return assistant.model_copy(update={"key": key, "knowledge": tuple(documents)})


def _made_twice(old: str, new: str, kept: object, another: object) -> SyncError:
    # The files declare the other one, so that a prune would delete the one that is to be kept.
    return SyncError(
        f"{new} is bound to {another}, which a sync made after the folder was renamed; {old} is bound to {kept} still",
        f"To keep {kept}: rename the folder back (mv {ASSISTANTS}/{new} {ASSISTANTS}/{old}), let agentctl sync --prune "
        f"delete {another} and give its numbers back, then agentctl rename {old} {new}. "
        f"To keep {another} instead, and delete {kept}: agentctl sync --prune.",
    )
