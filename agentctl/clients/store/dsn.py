"""The address of a Postgres: what it says, what of it people may read, and how one of our own is kept to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo

from agentctl.errors import ConfigurationError, Problem

_CONNECT_SECONDS = 10
# What libpq does where it is told nothing, of those options that have a word for it and take no empty one.
_UNSAID = {"sslcertmode": "allow", "min_protocol_version": "3.0", "max_protocol_version": "3.0"}


def parsed(dsn: str) -> dict[str, Any]:
    """The parameters of a URL or of a `key=value` string.

    Raises ConfigurationError; libpq's own words would quote the password.
    """
    try:
        params = conninfo_to_dict(dsn)
    except psycopg.Error:
        params = {}
    if not params or _torn(params):
        raise ConfigurationError(
            [Problem("DATABASE_URL", "is not a Postgres address")],
            "It has the form postgresql://USER:PASSWORD@HOST:5432/DATABASE; special characters of a password as %XX.",
        )
    return {"connect_timeout": _CONNECT_SECONDS, "application_name": "agentctl", **params}


def sealed(dsn: str) -> str:
    """The address of a server of our own, with what libpq would take from PGPORT, PGOPTIONS and the like.

    A service that PGSERVICE names fills in nothing then; that there is none of that name libpq cannot be talked out of.
    """
    options = [one for one in Conninfo.get_defaults() if one.envvar and one.keyword != b"service"]
    unsaid = {one.keyword.decode(): (one.compiled or b"").decode() for one in options}
    known = {name: word for name, word in _UNSAID.items() if name in unsaid}
    return make_conninfo(**{**unsaid, **known, **parsed(dsn)})


def masked(dsn: str) -> str:
    """The address for people to read: without the password and without options."""
    return address(parsed(dsn))


def address(params: Mapping[str, Any]) -> str:
    """The same of its parameters; of none of them, what stands for an address that is not known yet."""
    if not params:
        return "a server that has not started"
    user = f"{quote(str(params['user']), safe='')}@" if params.get("user") else ""
    secret = f"{user[:-1]}:***@" if user and params.get("password") else user
    host = str(params.get("host") or params.get("hostaddr") or "")
    # A directory of Unix sockets does not fit between slashes.
    port = f":{params['port']}" if params.get("port") and not host.startswith("/") else ""
    shown = quote(host, safe="") if host.startswith("/") else host
    return f"postgresql://{secret}{shown}{port}/{params.get('dbname') or ''}"


def _torn(params: Mapping[str, Any]) -> bool:
    """A special character in a password ends it early: what remains of it must not be shown as a host or database."""
    ports = str(params.get("port", "")).replace(",", "")
    return "@" in f"{params.get('host', '')}{params.get('dbname', '')}" or not (ports.isdigit() or ports == "")
