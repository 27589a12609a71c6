"""Which tenants have credentials of their own, and what these are now. The store has references, and never a secret."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from agentctl.errors import ConfigurationError, Problem
from agentctl.references import Values, resolved
from agentctl.settings import Settings, require

if TYPE_CHECKING:
    from agentctl.clients.elevenlabs import ElevenLabs
    from agentctl.clients.twilio import Twilio
    from agentctl.secrecy.veil import Veil
    from agentctl.sync.bindings import Store

Row = Mapping[str, Any]
"""What the store has of one tenant."""
SETTINGS: Mapping[str, str] = {
    "elevenlabs_key": "elevenlabs_api_key",
    "elevenlabs_webhook_secret": "elevenlabs_webhook_secret",
    "twilio_account_sid": "twilio_account_sid",
    "twilio_auth_token": "twilio_auth_token",
}
"""What a tenant may have of its own, as the store names it, and the setting whose place it takes."""
KEY, SIGNATURE = "elevenlabs_key", "elevenlabs_webhook_secret"
TWILIO = ("twilio_account_sid", "twilio_auth_token")
_SID = re.compile(r"AC[0-9a-fA-F]{32}")
_UNTOLD = "the workspace that it shares with others keeps it from being synced; whoever runs agentctl is told why"
_MEND = "Set what it refers to where agentctl runs, or name another place: agentctl tenants set."


@dataclass(frozen=True)
class Access:
    """The settings for the work of one tenant, and which workspace they open.

    `tenant`: empty for all that have nothing of their own. `workspace`: the tenant whose key opens it; empty: the
    project's. `housed`: who lives in such a one; `moved`: who does not live in the project's, None where nobody asked.
    `troubles`: by setting, why there is none: what a tenant has of its own is never made good by what is the project's.
    `own`: the settings that are the tenant's. `known`: by reference, what all tenants had when this was read.
    """

    tenant: str
    settings: Settings = field(repr=False)
    workspace: str = ""
    housed: frozenset[str] = frozenset()
    moved: frozenset[str] | None = None
    troubles: Mapping[str, ConfigurationError] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    known: Values = field(default_factory=dict, repr=False)

    @property
    def is_known(self) -> bool:
        """Whether it is known who lives there."""
        return self.moved is not None or bool(self.workspace)

    def houses(self, tenant: str) -> bool:
        """Whether the agents of `tenant` live in its workspace."""
        return tenant in self.housed if self.workspace else tenant not in (self.moved or ())

    def names(self, text: str) -> bool:
        """Whether `text` says whose workspace it is, or where its key is."""
        places = (re.escape(self.settings.variable(SETTINGS[one])) for one in (KEY, SIGNATURE))
        # As errors have it: a tenant's name, and a command's; a workspace's. A path of the API is none of these.
        where = rf"(?<![\w./-]){re.escape(f'{self.settings.workspace}/{self.workspace}')}(?!/)"
        some = "|".join((rf"\btenant {re.escape(self.workspace)}", where, *(rf"(?<!\w){one}" for one in places)))
        return re.search(rf"(?:{some})(?![\w-])", text) is not None

    @property
    def has_twilio(self) -> bool:
        """Whether the tenant has a Twilio account of its own."""
        return bool({*TWILIO} & {*self.own})

    def elevenlabs(self, veil: Veil, tell: Callable[[str], None]) -> ElevenLabs:
        """A client, for the caller to close. Raises ConfigurationError without a key."""
        from agentctl.clients.elevenlabs import ElevenLabs

        self._must_have("elevenlabs_api_key")
        require(self.settings, "elevenlabs_api_key")
        url, key = str(self.settings.elevenlabs_base_url), self.settings.elevenlabs_api_key
        assert key is not None
        return ElevenLabs(url, key, key_name=self.settings.place("elevenlabs_api_key"), veil=veil, tell=tell)

    def twilio(self, veil: Veil) -> Twilio:
        """The same for Twilio."""
        from agentctl.clients.twilio import Twilio

        self._must_have(*TWILIO)
        return Twilio.of(self.settings, veil)

    def _must_have(self, *settings: str) -> None:
        for name in settings:
            if name in self.troubles:
                raise self.troubles[name]


@dataclass(frozen=True)
class Tenants:
    """All of them: `project` for those with nothing of their own, and `own` by name for the others.

    `doubles`: of a tenant whose key is somebody else's, too, who that is; the project is called so. For those alone who
    run agentctl: what is told of one tenant reaches its rows, and names no other.
    """

    project: Access
    own: Mapping[str, Access] = field(default_factory=dict)
    doubles: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def of(self, tenant: str | None) -> Access:
        """Whose settings are for the work of `tenant`."""
        return self.own.get(tenant or "", self.project)

    def home(self, tenant: str) -> Access:
        """The workspace where its agents live."""
        return self.own.get(self.of(tenant).workspace, self.project)

    @property
    def workspaces(self) -> list[Access]:
        """One for each: the project's first."""
        return [self.project, *self.apart]

    @property
    def apart(self) -> list[Access]:
        """Those that are not the project's."""
        return [one for name, one in sorted(self.own.items()) if one.workspace == name]

    def told(self, tenant: str, text: str) -> str:
        """`text` as a row of `tenant` may have it, whose people read neither another's name nor where its key is."""
        return _UNTOLD if any(one.workspace != tenant and one.names(text) for one in self.apart) else text

    @property
    def secrets(self) -> list[SecretStr]:
        """Every secret of theirs."""
        return [secret for one in self.own.values() for secret in one.settings.secrets]

    @property
    def signatures(self) -> dict[str, tuple[SecretStr, ...]]:
        """By workspace, the secrets that it may sign deliveries with."""
        return {one.workspace: one.settings.elevenlabs_webhook_secret for one in self.workspaces}


async def read(store: Store, settings: Settings, directory: Path, since: Access | None = None) -> Tenants:
    """Who has something of its own, with what that is now. `directory`: of the .env beside the environment.

    `since`: only what is that one's is asked for; what others have is as it was when that access was read. Raises
    StoreError; of what cannot be had, its access tells.
    """
    rows = await _rows(store)
    own = _wanted(rows[one] for one in (since.tenant, since.workspace) if one in rows) if since else set()
    known = {one: value for one, value in since.known.items() if one not in own} if since else {}
    found = await resolved(store, directory, _wanted(rows.values()) - known.keys())
    return _tenants(rows, settings, {**known, **found})


async def households(store: Store, settings: Settings) -> Tenants:
    """Who lives where, and has something of its own: no secret is asked for, and what needs one is refused.

    Raises StoreError.
    """
    rows = await _rows(store)
    return _tenants(rows, settings, dict.fromkeys(_wanted(rows.values()), "was not asked for"))


async def _rows(store: Store) -> dict[str, Row]:
    return {row["tenant"]: row for row in await store.call("tenant_credentials", {})}


def _tenants(rows: Mapping[str, Row], settings: Settings, values: Values) -> Tenants:
    keys = {name: _value(values, row[KEY]) for name, row in rows.items() if row[KEY]}
    if settings.elevenlabs_api_key is not None:
        keys["the project"] = settings.elevenlabs_api_key.get_secret_value()
    twins = Counter(keys.values())
    doubles = {name: [one for one in keys if one != name and keys[one] == key] for name, key in keys.items()}
    moved = frozenset(name for name, row in rows.items() if row[KEY] or row["workspace_of"])
    own = {name: _access(row, rows, settings, values, twins, moved) for name, row in rows.items()}
    return Tenants(Access("", settings, moved=moved, known=values), own, doubles)


def nowhere(workspace: str) -> str:
    """What stands for the name of a variable where nothing says where the secret of a tenant's webhook is."""
    return f"the webhook secret of tenant {workspace}"


def _access(
    row: Row,
    rows: Mapping[str, Row],
    settings: Settings,
    known: Values,
    twins: Mapping[str, int],
    moved: frozenset[str],
) -> Access:
    landlord = rows[row["workspace_of"] or row["tenant"]]
    workspace = landlord["tenant"] if landlord[KEY] else ""
    values: dict[str, Any] = {}
    troubles: dict[str, ConfigurationError] = {}
    names: dict[str, str] = {}
    places: dict[str, str] = {}
    for column, setting in SETTINGS.items():
        whose = row if column in TWILIO else landlord
        reference = whose[column]
        if reference is None:
            if workspace and column == SIGNATURE:
                # Its workspace signs with another secret than the project's.
                values[setting], names[setting] = (), nowhere(workspace)
            continue
        one, names[setting] = known[reference], reference.removeprefix("env:")
        places[setting] = f"tenant {whose['tenant']}'s {column} ({reference})"
        what = one if isinstance(one, str) else _unfit(column, one, twins)
        if what:
            troubles[setting] = _trouble(whose["tenant"], column, reference, what)
        values[setting] = _shaped(column, None if isinstance(one, str) or what else one)
    if any(row[column] for column in TWILIO):
        values |= {"twilio_api_key_sid": None, "twilio_api_key_secret": None}
    housed = frozenset(name for name, other in rows.items() if workspace and workspace in (name, other["workspace_of"]))
    own = settings.of_others(values, names, places)
    return Access(row["tenant"], own, workspace, housed, moved, troubles, frozenset(names), known)


def _shaped(column: str, secret: SecretStr | None) -> Any:
    """As the setting has it."""
    if column == SIGNATURE:
        parts = secret.get_secret_value().split(",") if secret else ()  # two, while one is replaced
        return tuple(SecretStr(part.strip()) for part in parts if part.strip())
    return secret.get_secret_value() if secret is not None and column == TWILIO[0] else secret


def _unfit(column: str, secret: SecretStr, twins: Mapping[str, int]) -> str:
    """Why a value cannot be what it is to be."""
    if column == TWILIO[0] and not _SID.fullmatch(secret.get_secret_value()):
        return "is not AC and 32 hexadecimal digits"
    if column == KEY and twins[secret.get_secret_value()] > 1:
        return (
            "is the key of another workspace, too: one that is shared with another tenant is named with --with, "
            "and the project's needs no key of its own"
        )
    return ""


def _trouble(tenant: str, column: str, reference: str, what: str) -> ConfigurationError:
    error = ConfigurationError([Problem(f"tenant {tenant}: {column}", f"{reference} {what}")], _MEND)
    error.outage = True  # no fault of what is declared: it waits until the credentials are there
    return error


def _value(values: Values, reference: str) -> str:
    one = values[reference]
    return one.get_secret_value() if isinstance(one, SecretStr) else f"no value of {reference}"


def _wanted(rows: Iterable[Row]) -> set[str]:
    return {row[column] for row in rows for column in SETTINGS if row[column]}
