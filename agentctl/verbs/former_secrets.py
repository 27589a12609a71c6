"""Secrets that were in force once: the store keeps a fingerprint of each, so that no plan shows one that is no more.

A plan takes a secret out of a text, or a rollback brings words back in which it stood, long after it was rotated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agentctl.calls.wire import aside
from agentctl.secrecy.fingerprint import Fingerprints
from agentctl.secrecy.shown import texts
from agentctl.secrecy.veil import Veil
from agentctl.sync import veiling
from agentctl.sync.plan import Plan, Planned
from agentctl.wiring import Control


async def veiled(control: Control, plan: Planned) -> Planned:
    """The plan as it may be told; what is told after it hides the same. Raises StoreError.

    A large one is gone through in a thread: leases are renewed meanwhile. Nobody changes a plan or what it is made of,
    and the veil has a lock.
    """
    edits = [edit for one in plan.changes for edit in one.edits]
    sides = [side for one in edits for side in (one.before, one.after)]
    words = list(dict.fromkeys(texts([*sides, *_told(plan)])))
    size = sum(map(len, words))
    if words:
        kept = await (await control.store()).call("secret_fingerprints", {"project": control.project.name})
        fingerprints = Fingerprints(control.project.name, kept)
        control.veil.add(*await aside(size, _found, fingerprints, words))
    return await aside(size, veiling.veiled, plan, control.veil)


async def remember(control: Control, plan: Plan) -> None:
    """Keep a fingerprint of what is secret as `plan` is applied. Raises StoreError.

    What the sections of an assistant say counts where anything is written; else the variables and settings alone, so
    that a run with nothing to do looks through no assistant.
    """
    veil = control.veil if plan.changes else Veil(*control.settings.secrets, *control.project.secrets())
    if made := Fingerprints(control.project.name).of(veil.known()):
        args = {"project": control.project.name, "fingerprints": sorted(made)}
        await (await control.store()).call("remember_secrets", args)


def _told(plan: Planned) -> Iterator[str]:
    """What the plan says beside its edits, where others may be quoted."""
    for failure in (*plan.failures, *plan.waiting):
        yield from (failure.where, str(failure.error))
    for notice in plan.notices:
        yield from (notice.where, notice.what)
    yield from (text for one in plan.changes for text in (one.others, one.doubt, one.barred) if text)
    yield from (one.name for one in plan.unmanaged)


def _found(fingerprints: Fingerprints, words: Iterable[str]) -> list[str]:
    return [one for text in words for one in fingerprints.found(text)]
