"""The keys of a Supabase project, and how they are sent: a secret key (sb_secret_…) or the older service_role key for
the server, a publishable key (sb_publishable_…) or the older anon key for what is asked in a person's name.

A secret key is no JWT. Supabase's gateway takes it in the header `apikey` alone, and gives the services behind it a
token of their own; as a bearer token it is refused by whatever looks into it ("Invalid Compact JWS"). The older keys
are JWTs, and are sent as both. Source: supabase.com/docs/guides/api/api-keys and /docs/guides/functions/auth-headers.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field

from agentctl.errors import ConfigurationError, Problem
from agentctl.settings import Settings

_VARIABLE = "SUPABASE_SERVICE_ROLE_KEY"
_SECRET, _PUBLISHABLE = "sb_secret_", "sb_publishable_"
_ROLE = "service_role"
_COPY = "Copy the secret key (sb_secret_…) or the service_role key from the project's settings, API Keys."


@dataclass(frozen=True)
class ProjectKey:
    """A key that may do everything in its project; never in a repr. Raises ConfigurationError for any other."""

    value: str = field(repr=False)

    def __post_init__(self) -> None:
        # As a header, other characters would be refused deep inside with a message that quotes the key.
        if not re.fullmatch(r"[A-Za-z0-9._-]+", self.value):
            raise _refused("has characters that no key has")
        if self.value.startswith(_PUBLISHABLE):
            raise _refused("is a publishable key, which may read and write nothing of agentctl's")
        if not self._secret and (role := _role(self.value)) != _ROLE:
            if role is None:
                raise _refused("is neither a secret key (sb_secret_…) nor a service_role key")
            kind = "the anon key" if role == "anon" else "a key of another role"
            raise _refused(f"is {kind}, which may read and write nothing of agentctl's")

    @property
    def headers(self) -> dict[str, str]:
        """What a request carries."""
        if self._secret:
            return {"apikey": self.value}
        return {"apikey": self.value, "Authorization": f"Bearer {self.value}"}

    @property
    def _secret(self) -> bool:
        return self.value.startswith(_SECRET)


@dataclass(frozen=True)
class PublicKey:
    """A key that may do nothing by itself: who asks, a token of their own tells. `variable`: where it was set.

    Raises ConfigurationError for any other, without quoting it.
    """

    value: str = field(repr=False)
    variable: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9._-]+", self.value):
            raise self._refused("has characters that no key has")
        if not self.value.startswith(_PUBLISHABLE) and _role(self.value) != "anon":
            raise self._refused("is neither a publishable key (sb_publishable_…) nor an anon key")

    def headers(self, token: str = "") -> dict[str, str]:
        """What a request carries, in the name of whoever `token` is of, if anybody's."""
        return {"apikey": self.value, **({"Authorization": f"Bearer {token}"} if token else {})}

    def _refused(self, what: str) -> ConfigurationError:
        hint = "Copy the publishable key from the project's settings, API Keys."
        return ConfigurationError([Problem(self.variable, what)], hint)


def public_key(settings: Settings) -> PublicKey | None:
    """The one that is set, the newer kind before the older; None: people do not sign in by Supabase.

    Raises ConfigurationError.
    """
    for name in ("supabase_publishable_key", "supabase_anon_key"):
        if value := getattr(settings, name):
            return PublicKey(value, settings.variable(name))
    return None


def _role(key: str) -> str | None:
    """The role that a JWT is for; None for what is no JWT. Only the project can tell whether it is genuine."""
    parts = key.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    return str(claims.get("role", "")) if isinstance(claims, dict) else None


def _refused(what: str) -> ConfigurationError:
    return ConfigurationError([Problem(_VARIABLE, what)], _COPY)
