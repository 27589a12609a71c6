"""Secrets that were in force once: the store keeps a fingerprint of each, so that no plan shows one that is no more.

A plan takes a secret out of a text, or a rollback brings words back in which it stood, long after it was rotated.
"""

from __future__ import annotations

from collections.abc import Iterable

from agentctl.secrecy.fingerprint import Fingerprints
from agentctl.secrecy.secret import secrets
from agentctl.secrecy.shown import texts
from agentctl.secrecy.veil import Veil
from agentctl.sync import veiling
from agentctl.sync.plan import Plan, Planned
from agentctl.wiring import Control


async def veiled(control: Control, plan: Planned) -> Planned:
    """The plan as it may be told; what is told after it hides the same. Raises StoreError."""
    await _recall(control, [side for one in plan.changes for edit in one.edits for side in (edit.before, edit.after)])
    return veiling.veiled(plan, control.veil)


async def remember(control: Control, plan: Plan) -> None:
    """Keep a fingerprint of what is secret as `plan` is applied. Raises StoreError.

    What the sections of an assistant say counts where anything is written; else the variables and settings alone, so
    that a run with nothing to do looks through no assistant.
    """
    known = control.veil.known() if plan.changes else Veil(*control.settings.secrets, *_variables(control)).known()
    if made := Fingerprints(control.project.name).of(known):
        args = {"project": control.project.name, "fingerprints": sorted(made)}
        await (await control.store()).call("remember_secrets", args)


async def _recall(control: Control, values: Iterable[object]) -> None:
    words = list(dict.fromkeys(texts(list(values))))
    if words:
        kept = await (await control.store()).call("secret_fingerprints", {"project": control.project.name})
        fingerprints = Fingerprints(control.project.name, kept)
        control.veil.add(*(one for text in words for one in fingerprints.found(text)))


def _variables(control: Control) -> Iterable[object]:
    return secrets(control.project.variables)
