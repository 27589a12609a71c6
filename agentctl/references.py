"""Where a secret is, as the store may know it, and what it is: the name of a variable, or of a secret in a vault."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from agentctl.errors import ConfigurationError
from agentctl.settings import Settings, named_variables

if TYPE_CHECKING:
    from agentctl.sync.bindings import Store

Values = Mapping[str, SecretStr | str]
"""By reference, the secret, or in words why there is none."""
REFERENCE = re.compile(r"env:[A-Z_][A-Z0-9_]{0,127}|vault:[A-Za-z0-9][A-Za-z0-9 ._/-]{0,127}")
_SECRET = re.compile(r"[0-9A-Fa-f]{24}")  # as agentctl.is_reference has it
_OWN = frozenset(name.upper() for name in Settings.model_fields)


def is_reference(text: str) -> bool:
    """Whether it says where a secret is, and cannot be one itself."""
    return REFERENCE.fullmatch(text) is not None and _SECRET.search(text) is None


def of_the_project(directory: Path) -> frozenset[str]:
    """The variables that are settings of the project's own, also by the names that the environments of `directory`'s
    agentctl.toml have for them: no tenant is ever given one. Raises ConfigurationError where that cannot be read.
    """
    from agentctl.sources.named_variables import variables_named

    return frozenset(f"env:{name}" for name in (*_OWN, *variables_named(directory)))


async def resolved(store: Store, directory: Path, wanted: Collection[str]) -> Values:
    """What these are now, and no others: each that a vault has is decrypted for this. Raises StoreError.

    While it cannot be told which variables are the project's own, none is anybody's.
    """
    if not wanted:
        return {}
    names = [one.removeprefix("env:") for one in wanted if one.startswith("env:")]
    variables, problems = named_variables(directory, names)
    absent = f"cannot be read: {problems[0]}" if problems else "is not set"
    found: dict[str, SecretStr | str] = {f"env:{one}": variables.get(one, absent) for one in names}
    if found:
        found |= _of_ours(found, directory)
    kept = [one.removeprefix("vault:") for one in wanted if one.startswith("vault:")]
    if kept:
        found |= _of_vault(kept, await store.call("tenant_secrets", {"names": kept}))
    return found


def _of_ours(found: Collection[str], directory: Path) -> Mapping[str, str]:
    """Why those of these that are no tenant's, or may be none, are not handed out."""
    try:
        return dict.fromkeys(of_the_project(directory) & {*found}, "is a setting of the project's own, and no tenant's")
    except ConfigurationError as error:
        return dict.fromkeys(found, f"may be a setting of the project's own, which cannot be told: {error.problems[0]}")


def _of_vault(kept: Sequence[str], told: Mapping[str, Any]) -> Iterator[tuple[str, SecretStr | str]]:
    for name in kept:
        secret = told["secrets"].get(name)
        absent = "is not in Supabase Vault" if told["vault"] else "needs Supabase Vault, which this database has not"
        yield f"vault:{name}", SecretStr(secret) if secret else absent
