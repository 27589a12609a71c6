"""What the parts of an assistant are made of: a model that never changes, and the few types that check themselves."""

from __future__ import annotations

import re
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, WithJsonSchema

KEY = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$")
# What belongs to all assistants is named shared/…, as if that were the key of one: so none may have it.
RESERVED = "shared"
E164 = re.compile(r"^\+[1-9]\d{6,14}$")
# A mailbox, loosely: the mail server has the last word; line breaks and lists must not reach a header.
MAILBOX = re.compile(r"^[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\"]+$")
LANGUAGE = re.compile(r"^[a-z]{2,3}(-[a-z]{2,4})?$")
VOICE_ID = re.compile(r"^[A-Za-z0-9]{1,64}$")
# A tenant is a folder of recordings, too.
TENANT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$")
# The tenant that whoever runs agentctl is: agentctl.operator() in the store.
OPERATOR = "default"


def _e164(number: str) -> str:
    if not E164.fullmatch(number):
        raise ValueError("must be a number in E.164 form: + and 7 to 15 digits, without spaces, like +498999998100")
    return number


def _mailbox(address: str) -> str:
    if not MAILBOX.fullmatch(address):
        raise ValueError("must be one mail address, like team@example.org")
    return address


def _language(code: str) -> str:
    if not LANGUAGE.fullmatch(code):
        raise ValueError("must be a language code in lower case, like de, en or pt-br")
    return code


def _voice_id(identifier: str) -> str:
    if not VOICE_ID.fullmatch(identifier):
        raise ValueError("must be a voice id from the ElevenLabs voice library: letters and digits only")
    return identifier


def _tenant(name: str) -> str:
    if not TENANT.fullmatch(name):
        raise ValueError("must be a tenant's name of up to 128 letters, digits, - and _")
    return name


def _one_line(name: str) -> str:
    if not name.strip() or not name.isprintable():
        raise ValueError("must be one line of text and not blank")
    return name


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("must be a time zone by its IANA name, like Europe/Berlin") from None
    return name


# The checks are functions for the sake of their messages; the JSON schema gets the same rule as a pattern.
E164Number = Annotated[str, AfterValidator(_e164), WithJsonSchema({"type": "string", "pattern": E164.pattern})]
MailAddress = Annotated[str, AfterValidator(_mailbox), WithJsonSchema({"type": "string", "format": "email"})]
Language = Annotated[str, AfterValidator(_language), WithJsonSchema({"type": "string", "pattern": LANGUAGE.pattern})]
VoiceId = Annotated[str, AfterValidator(_voice_id), WithJsonSchema({"type": "string", "pattern": VOICE_ID.pattern})]
Tenant = Annotated[str, AfterValidator(_tenant), WithJsonSchema({"type": "string", "pattern": TENANT.pattern})]
OneLine = Annotated[str, AfterValidator(_one_line), WithJsonSchema({"type": "string", "minLength": 1})]
TimeZone = Annotated[str, AfterValidator(_time_zone), WithJsonSchema({"type": "string", "minLength": 1})]


class Part(BaseModel):
    """What every part of an assistant has in common: it never changes, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
