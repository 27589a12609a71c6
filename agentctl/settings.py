"""The only reader of the environment: variables and `.env` become one frozen object, with all problems at once.

`.env` is read from the project's directory; a variable in the environment wins over it. Secrets are `SecretStr`:
neither a repr nor an error shows them. `.env.example` lists every name with one line each.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    IPvAnyNetwork,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from agentctl.dotenv_file import SWITCH, read
from agentctl.errors import ConfigurationError, Problem

# The published servers (`servers` of the OpenAPI spec). Any other https host works too, for a proxy or the sandbox.
ELEVENLABS_HOSTS = (
    "https://api.elevenlabs.io",
    "https://api.us.elevenlabs.io",
    "https://api.eu.residency.elevenlabs.io",
    "https://api.in.residency.elevenlabs.io",
    "https://api.sg.residency.elevenlabs.io",
)

_ADDRESSES = {
    "database_url": re.compile(r"postgres(ql)?://|\s*\w+\s*=", re.IGNORECASE),
    "smtp_url": re.compile(r"smtps?://[^/]", re.IGNORECASE),
    "heartbeat_url": re.compile(r"https?://[^/\s]\S*$", re.IGNORECASE),
}
_STORE = ("database_url", "supabase_url", "supabase_service_role_key")


class Settings(BaseModel):
    """What differs between machines and must not be in Git. Every field is one environment variable in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    elevenlabs_api_key: SecretStr | None = None
    elevenlabs_base_url: HttpUrl = HttpUrl("https://api.elevenlabs.io")
    elevenlabs_webhook_secret: tuple[SecretStr, ...] = ()
    webhook_tolerance_seconds: int = Field(default=2700, ge=1)
    webhook_max_bytes: int = Field(default=64 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024)
    webhook_sources: tuple[IPvAnyNetwork, ...] = ()
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    public_url: HttpUrl | None = None
    sync_trigger_secret: SecretStr | None = Field(default=None, min_length=16)

    database_url: SecretStr | None = None
    supabase_url: HttpUrl | None = None
    supabase_service_role_key: SecretStr | None = None
    supabase_publishable_key: str | None = None
    supabase_anon_key: str | None = None  # the older one of the same use
    supabase_recordings_bucket: str = "agentctl-recordings"
    agentctl_pg_bin: Path | None = None
    agentctl_state_dir: Path | None = None

    twilio_account_sid: str | None = Field(default=None, pattern=r"^AC[0-9a-fA-F]{32}$")
    twilio_auth_token: SecretStr | None = None
    twilio_api_key_sid: str | None = Field(default=None, pattern=r"^SK[0-9a-fA-F]{32}$")
    twilio_api_key_secret: SecretStr | None = None
    twilio_base_url: HttpUrl = HttpUrl("https://api.twilio.com")

    smtp_url: SecretStr | None = None
    resend_api_key: SecretStr | None = None
    resend_base_url: HttpUrl = HttpUrl("https://api.resend.com")
    mail_from: str | None = Field(default=None, pattern=r"^[^\r\n]*[^@\s<>]+@[^@\s<>]+>?$")

    alert_mail_to: tuple[Annotated[str, Field(pattern=r"^[^@\s<>,]+@[^@\s<>,]+$")], ...] = ()
    heartbeat_url: SecretStr | None = None  # whoever knows it can keep the silence from being noticed
    metrics_token: SecretStr | None = Field(default=None, min_length=16)
    otel_exporter_otlp_endpoint: HttpUrl | None = None
    otel_exporter_otlp_headers: SecretStr | None = None
    otel_service_name: str = "agentctl"

    llm_base_url: HttpUrl | None = None
    llm_model: str | None = None
    llm_api_key: SecretStr | None = None
    llm_price_in: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    llm_price_out: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    llm_daily_budget: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    agentctl_env: str | None = None
    agentctl_tenant: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$")
    agentctl_actor: str | None = Field(default=None, max_length=200)
    agentctl_log_format: Literal["text", "json"] | None = None
    no_color: str | None = None

    _variables: dict[str, str] = PrivateAttr(default_factory=dict)
    _places: dict[str, str] = PrivateAttr(default_factory=dict)

    @field_validator("database_url", "smtp_url", "heartbeat_url", mode="before")
    @classmethod
    def _address(cls, value: Any, info: ValidationInfo) -> Any:
        # Only the form: what it leads to is told where it is used, and nothing of it is quoted here.
        if isinstance(value, str) and not _ADDRESSES[str(info.field_name)].match(value):
            raise ValueError("has another form")
        return value

    @field_validator("sync_trigger_secret", "metrics_token", mode="before")
    @classmethod
    def _sent(cls, value: Any) -> Any:
        # A header's value arrives without the blanks around it.
        return value.strip() if isinstance(value, str) else value

    @field_validator("elevenlabs_webhook_secret", "alert_mail_to", "webhook_sources", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        # Several, with commas between: two secrets are valid at once while a webhook is rotated.
        parts = () if value is None else value.split(",") if isinstance(value, str) else None
        return value if parts is None else tuple(part.strip() for part in parts if part.strip())

    @property
    def workspace(self) -> str:
        """The host that ids belong to: ids of one residency host mean nothing on another. Never made from the key."""
        url = self.elevenlabs_base_url
        return f"{url.host}:{url.port}" if url.port not in (80, 443) else str(url.host)

    @property
    def secrets(self) -> tuple[SecretStr, ...]:
        """All of them that are secrets."""
        values = [getattr(self, name) for name in Settings.model_fields]
        flat = [one for value in values for one in (value if isinstance(value, tuple) else (value,))]
        return tuple(one for one in flat if isinstance(one, SecretStr))

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses among them; one may hold a password."""
        return tuple(str(one) for name in Settings.model_fields if isinstance(one := getattr(self, name), HttpUrl))

    def of_others(self, values: Mapping[str, Any], names: Mapping[str, str], places: Mapping[str, str]) -> Settings:
        """These with other credentials; by setting, what `variable` and `place` say of such a one."""
        other = self.model_copy(update=dict(values))
        other._variables, other._places = {**self._variables, **names}, {**self._places, **places}
        return other

    def variable(self, name: str) -> str:
        """The name of the variable that the setting `name` is read from: its own in capitals, or the environment's."""
        return self._variables.get(name, name.upper())

    def place(self, name: str) -> str:
        """What to look at where the setting `name` is wrong: its variable, or where somebody else's is and whose."""
        return self._places.get(name, self.variable(name))


def load_settings(
    directory: Path, *, values: Mapping[str, str | None] | None = None, variables: Mapping[str, str] | None = None
) -> Settings:
    """Read the environment and `directory`/.env.

    For one environment of a project: `values` are settings that its files decide (None: not set there), and
    `variables` names for settings the variable that holds them there. Neither is read from anywhere else.
    Raises ConfigurationError with every variable that has an unusable value, or that is named for a store and absent.
    """
    settings, problems = usable_settings(directory, values=values, variables=variables)
    if problems:
        hint = f"Set them in the environment or in {directory / '.env'}; .env.example explains each."
        raise ConfigurationError(sorted(problems), hint)
    return settings


def usable_settings(
    directory: Path, *, values: Mapping[str, str | None] | None = None, variables: Mapping[str, str] | None = None
) -> tuple[Settings, list[Problem]]:
    """As `load_settings`, with the defaults of what cannot be used, and a problem for each of it."""
    names = dict(variables or {})
    kept, problems = read(directory / ".env", os.environ)
    given = {**(values or {}), **_named(names, kept)}
    settings, wrong = _usable(kept, given, names)
    told = {problem.where for problem in wrong}
    return settings, [*problems, *wrong, *(one for one in _incomplete(settings) if one.where not in told)]


def _usable(kept: Mapping[str, str], given: Mapping[str, Any], names: dict[str, str]) -> tuple[Settings, list[Problem]]:
    """The settings, with the defaults of those that cannot be used, and a problem for each of these."""
    problems = []
    # The environment wins over the file, and what was decided wins over both. Case tells nothing apart, as on Windows.
    found = {name.lower(): value for source in (kept, os.environ) for name, value in source.items() if value}
    given = {**{name: found[name] for name in Settings.model_fields if name in found}, **given}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        bad = {str(item["loc"][0]): item for item in error.errors(include_input=False)}
        problems = [Problem(names.get(name, name.upper()), _reason(name, item)) for name, item in bad.items()]
        usable = {**given, **{name: Settings.model_fields[name].default for name in bad}}
        settings = Settings(**usable)
    settings._variables = names
    # Without it another store would be used than the one that was meant.
    absent = [name for name in _STORE if name in names and given.get(name) is None]
    problems += [Problem(names[name], f"is not set, and agentctl.toml names it for {name.upper()}") for name in absent]
    return settings, problems


def named_variables(directory: Path, names: Collection[str]) -> tuple[dict[str, SecretStr], list[Problem]]:
    """Those of these variables that the environment or `directory`/.env sets, as secrets; and what is wrong with the
    file, of which then nothing is read.
    """
    kept, problems = read(directory / ".env", os.environ)
    found = _named({name: name for name in names}, kept)
    return {name: SecretStr(value) for name, value in found.items() if value is not None}, problems


def wanted_environment(directory: Path) -> str | None:
    """AGENTCTL_ENV of the environment or of `directory`/.env; None where neither says so."""
    return _named({"env": "AGENTCTL_ENV"}, read(directory / ".env", os.environ)[0])["env"]


def wanted_log_format(directory: Path) -> str:
    """AGENTCTL_LOG_FORMAT of the environment or of `directory`/.env; text where neither says json."""
    wanted = _named({"format": "AGENTCTL_LOG_FORMAT"}, read(directory / ".env", os.environ)[0])["format"]
    return "json" if wanted == "json" else "text"  # What is wrong with another is told by `load_settings`.


def env_file(directory: Path) -> Path | None:
    """Where its `.env` is, or would be; None where AGENTCTL_ENV_FILE has none read."""
    return None if os.environ.get(SWITCH) else directory / ".env"


def _named(variables: Mapping[str, str], kept: Mapping[str, str]) -> dict[str, str | None]:
    """Setting -> value of the variable named for it; None for one that is absent or empty."""
    return {name: os.environ.get(variable) or kept.get(variable) or None for name, variable in variables.items()}


def require(settings: Settings, *names: str) -> None:
    """Raise ConfigurationError that names every one of the variables `names` (lower case) that is not set."""
    absent = [name for name in names if getattr(settings, name) in (None, ())]
    if missing := [Problem(settings.variable(name), "is not set") for name in absent]:
        hint = "Set it in the environment or in .env beside agentctl.toml; .env.example explains each."
        raise ConfigurationError(missing, hint)


def wants_colour() -> bool:
    """Whether output to a terminal may be coloured: NO_COLOR (no-color.org) and TERM=dumb say no."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and sys.stdout.isatty()


def nearest(word: str, known: list[str]) -> str:
    """The known name that `word` was probably meant to be, or an empty string."""
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=0.6)), "")


_NETWORKS = "must be addresses or networks, like 203.0.113.7,2001:db8::/64"
_FORMS = {
    "webhook_sources": _NETWORKS,
    "trusted_proxies": _NETWORKS,
    "agentctl_tenant": "must be a tenant's name: letters, digits, - and _",
    "twilio_account_sid": "must be AC and 32 hexadecimal digits",
    "twilio_api_key_sid": "must be SK and 32 hexadecimal digits",
    "database_url": "must be a Postgres address, like postgresql://USER:PASSWORD@HOST:5432/DATABASE",
    "smtp_url": "must be like smtp://USER:PASSWORD@HOST:587 or smtps://…",
    "sync_trigger_secret": "must have at least 16 characters, like what `openssl rand -hex 32` prints",
    "agentctl_log_format": "must be text or json",
    "metrics_token": "must have at least 16 characters, like what `openssl rand -hex 32` prints",
    "heartbeat_url": "must be a URL, like https://example.org/ping",
    "alert_mail_to": "must be mail addresses, with commas between them",
    "mail_from": "must be a mail address, like telefon@example.org or Telefon <telefon@example.org>",
}


def _reason(name: str, item: Any) -> str:
    kind = str(item["type"])
    if name in _FORMS:
        return _FORMS[name]
    if kind.startswith("url"):
        return "must be a URL, like https://example.org"
    if kind.startswith("int"):
        return "must be a whole number"
    return str(item["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")


def _incomplete(settings: Settings) -> Iterator[Problem]:
    needs = {
        "supabase_service_role_key": ("supabase_url",),
        "supabase_url": ("supabase_service_role_key", "supabase_publishable_key", "supabase_anon_key"),
        "twilio_api_key_secret": ("twilio_api_key_sid",),
        "twilio_api_key_sid": ("twilio_api_key_secret",),
        "llm_model": ("llm_base_url",),
        "llm_price_out": ("llm_price_in",),
        "llm_price_in": ("llm_price_out", "llm_daily_budget"),
        "mail_from": ("smtp_url", "resend_api_key"),
    }
    for given, needed in ((given, needed) for needed, every in needs.items() for given in every):
        if getattr(settings, given) is not None and getattr(settings, needed) is None:
            yield Problem(settings.variable(needed), f"is not set, but {settings.variable(given)} is and needs it")
