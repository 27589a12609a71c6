"""Everything a sandbox remembers, as plain JSON: in memory, or in a file that is replaced as a whole."""

from __future__ import annotations

import json
import os
import secrets
import time
from dataclasses import dataclass, field, fields
from email.utils import formatdate
from pathlib import Path
from typing import Any

from agentctl.sandbox.options import Options, TwilioNumber

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

Row = dict[str, Any]


@dataclass
class State:
    """Tables of rows by id. Handlers change them in place between two awaits, so each change is atomic."""

    agents: dict[str, Row] = field(default_factory=dict)
    documents: dict[str, Row] = field(default_factory=dict)
    numbers: dict[str, Row] = field(default_factory=dict)
    webhooks: dict[str, Row] = field(default_factory=dict)
    settings: Row = field(default_factory=dict)
    conversations: dict[str, Row] = field(default_factory=dict)
    secrets: dict[str, Row] = field(default_factory=dict)
    tools: dict[str, Row] = field(default_factory=dict)
    tests: dict[str, Row] = field(default_factory=dict)
    test_invocations: dict[str, Row] = field(default_factory=dict)
    twilio_numbers: dict[str, Row] = field(default_factory=dict)
    sequence: int = 0

    def next_sequence(self) -> int:
        """A number that grows with every object, so that equal creation seconds still have an order."""
        self.sequence += 1
        return self.sequence

    def as_json(self) -> Row:
        """All tables, JSON-compatible."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


def fresh(options: Options) -> State:
    """An empty workspace beside a Twilio account with the numbers of the options."""
    state = State()
    for number in options.numbers:
        row = twilio_number(options.account_sid, number)
        state.twilio_numbers[row["sid"]] = row
    return state


def load(path: Path | None, options: Options) -> State:
    """The state stored at `path`, or a fresh one. Raises ValueError where the file is not a sandbox's."""
    if path is None or not path.exists():
        return fresh(options)
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return State(**stored)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a sandbox's state file ({error})") from None


def save(state: State, path: Path) -> None:
    """Write the state beside `path` and move it into place, so that a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(state.as_json(), file, ensure_ascii=False)
    draft.replace(path)


def new_id(prefix: str) -> str:
    """An id as the platform makes them: `agent_` and 28 letters and digits."""
    return f"{prefix}_" + "".join(secrets.choice(_LETTERS) for _ in range(28))


def new_document_id() -> str:
    """Documents have 20 letters and digits without a prefix."""
    return "".join(secrets.choice(_ALNUM) for _ in range(20))


def now() -> int:
    """Seconds since 1970."""
    return int(time.time())


# What every number has, until something sets it otherwise.
_NUMBER: Row = {
    "origin": "twilio",
    "type": "local",
    "status": "in-use",
    "beta": False,
    "capabilities": {"voice": True, "sms": False, "mms": False, "fax": False},
    "address_requirements": "any",
    "address_sid": None,
    "identity_sid": None,
    "bundle_sid": None,
    "api_version": "2010-04-01",
    "voice_method": "POST",
    "voice_fallback_method": "POST",
    "voice_caller_id_lookup": False,
    "voice_application_sid": "",
    "voice_receive_mode": "voice",
    "sms_method": "POST",
    "sms_fallback_url": "",
    "sms_fallback_method": "POST",
    "sms_application_sid": "",
    "status_callback_method": "POST",
    "emergency_status": "Inactive",
    "emergency_address_sid": None,
    "emergency_address_status": "unregistered",
}


def twilio_number(account_sid: str, number: TwilioNumber, sid: str = "") -> Row:
    """An IncomingPhoneNumber resource with the properties of Twilio's API 2010-04-01."""
    sid = sid or "PN" + secrets.token_hex(16)
    path = f"/2010-04-01/Accounts/{account_sid}/IncomingPhoneNumbers/{sid}"
    date = formatdate(usegmt=False, localtime=False)
    return _NUMBER | {
        "sid": sid,
        "account_sid": account_sid,
        "friendly_name": number.friendly_name or number.phone_number,
        "phone_number": number.phone_number,
        "date_created": date,
        "date_updated": date,
        "voice_url": number.voice_url,
        "voice_fallback_url": number.voice_fallback_url,
        "trunk_sid": number.trunk_sid or None,
        "sms_url": number.sms_url,
        "status_callback": number.status_callback,
        "subresource_uris": {"assigned_add_ons": f"{path}/AssignedAddOns.json"},
        "uri": f"{path}.json",
    }
