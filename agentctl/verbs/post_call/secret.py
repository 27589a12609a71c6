"""The webhook secrets that a machine knows: which webhook each belongs to, and the one in .env that has served."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import SecretStr

from agentctl import settings
from agentctl.dotenv_file import SWITCH
from agentctl.errors import UsageError
from agentctl.tenants import nowhere
from agentctl.wiring import Control


def variable(control: Control) -> str:
    """The name of the variable that holds them in this environment."""
    return control.settings.variable("elevenlabs_webhook_secret")


def must_have_a_place(control: Control) -> None:
    """Raise UsageError where nothing says where a tenant's is kept: whatever it signed would be refused."""
    tenant = control.access.workspace
    if variable(control) == nowhere(tenant):
        hint = f"First: agentctl tenants set {tenant} --webhook-secret env:NAME (or vault:NAME). Then put it there."
        raise UsageError(f"nothing says where {nowhere(tenant)} is kept", hint)


def must_be_a_variable(control: Control) -> None:
    """Raise UsageError where it is kept elsewhere, as a tenant's in Supabase Vault, or where no .env is read."""
    name = variable(control)
    if settings.env_file(control.directory) is None:
        hint = f"Leave --write-env out, and put what is shown into {name}, where the door runs."
        raise UsageError(f"no .env is read here ({SWITCH}=none)", hint)
    if not name.isidentifier():
        hint = "Leave --write-env out, and put what is shown where the tenant's reference leads: agentctl tenants set."
        raise UsageError(f"{name} is not kept in .env", hint)


def fingerprint(secret: SecretStr) -> str:
    """By what a secret is known again without being kept: it is random and long, so that nobody finds it from this."""
    return hashlib.sha256(b"agentctl webhook " + secret.get_secret_value().encode()).hexdigest()[:32]


def known(control: Control, mark: str | None) -> SecretStr | None:
    """The secret with this fingerprint, if this machine has it."""
    secrets = control.settings.elevenlabs_webhook_secret
    return next((secret for secret in secrets if mark and fingerprint(secret) == mark), None)


def drop(control: Control, mark: str | None, *, keep: str | None) -> Path | None:
    """Take the secret with the fingerprint `mark` out of .env: the file, or None where there is nothing to take out.

    Without a mark it is the other one of exactly two, `keep` being the one that stays. Raises ConfigurationError.
    """
    from agentctl.sources import env_file

    path, name = settings.env_file(control.directory), variable(control)
    if path is None:
        return None
    parts = [part.strip() for part in env_file.read(path, name).split(",") if part.strip()]
    marks = [fingerprint(SecretStr(part)) for part in parts]
    if mark is None and len(parts) == 2 and keep in marks:
        mark = next(one for one in marks if one != keep)
    left = [part for part, one in zip(parts, marks, strict=True) if one != mark]
    if len(left) == len(parts):
        return None
    env_file.write(path, name, ",".join(left))
    return path
