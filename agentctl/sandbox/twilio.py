"""A stand-in for Twilio's API 2010-04-01: accounts and IncomingPhoneNumbers, as far as an import touches them.

https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource
"""

from __future__ import annotations

import base64
import binascii
from email.utils import formatdate
from fnmatch import fnmatchcase
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentctl.sandbox import twilio_account
from agentctl.sandbox.options import Options
from agentctl.sandbox.refusal import Refusal
from agentctl.sandbox.state import Row
from agentctl.sandbox.world import world

_URLS = {
    "VoiceUrl": "voice_url",
    "VoiceFallbackUrl": "voice_fallback_url",
    "SmsUrl": "sms_url",
    "SmsFallbackUrl": "sms_fallback_url",
    "StatusCallback": "status_callback",
}
_METHODS = {
    "VoiceMethod": "voice_method",
    "VoiceFallbackMethod": "voice_fallback_method",
    "SmsMethod": "sms_method",
    "SmsFallbackMethod": "sms_fallback_method",
    "StatusCallbackMethod": "status_callback_method",
}
_SIDS = {
    "SmsApplicationSid": ("sms_application_sid", "AP"),
    "VoiceApplicationSid": ("voice_application_sid", "AP"),
    "TrunkSid": ("trunk_sid", "TK"),
}


def routes() -> list[Route]:
    """The endpoints, with the `.json` that Twilio's paths end in."""
    base = "/2010-04-01/Accounts/{account_sid}"
    one = base + "/IncomingPhoneNumbers/{sid}.json"
    return [
        Route(base + "/IncomingPhoneNumbers.json", index, methods=["GET"]),
        Route(one, show, methods=["GET"]),
        Route(one, change, methods=["POST"]),
        Route(base + ".json", account, methods=["GET"]),
    ]


def need_login(options: Options, authorization: str) -> None:
    """HTTP basic: account SID and auth token, or API key SID and secret."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        sid, _, token = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        sid = token = ""
    if scheme.lower() != "basic" or not twilio_account.knows(options, sid, token):
        raise refusal(401, 20003, "Authenticate")


def refusal(status: int, code: int, message: str) -> Refusal:
    """An error as Twilio words it."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    return Refusal(status, {"code": code, "message": message, "more_info": more, "status": status})


async def account(request: Request) -> Response:
    """The account: what a credentials check asks for."""
    sid = _need_account(request)
    names = ("incoming_phone_numbers", "calls", "messages", "applications")
    path = f"/2010-04-01/Accounts/{sid}"
    parts = {name: f"{path}/{name.title().replace('_', '')}.json" for name in names}
    date = formatdate(0)
    return JSONResponse(
        {
            "sid": sid,
            "owner_account_sid": sid,
            "friendly_name": "Sandbox",
            "type": "Full",
            "status": "active",
            "date_created": date,
            "date_updated": date,
            "uri": f"{path}.json",
            "subresource_uris": parts,
        }
    )


async def index(request: Request) -> Response:
    """Numbers, newest first; `PhoneNumber` may be a part of a number or hold `*`."""
    account_sid = _need_account(request)
    query = request.query_params
    pattern = f"*{query.get('PhoneNumber', '')}*"
    name = query.get("FriendlyName")
    rows = [
        row
        for row in world(request).state.twilio_numbers.values()
        if fnmatchcase(row["phone_number"], pattern) and (not name or row["friendly_name"] == name)
    ]
    size, number = _whole(query.get("PageSize"), 50, 1, 1000), _whole(query.get("Page"), 0, 0, 10**6)
    start = size * number
    part = rows[start : start + size]
    path = f"/2010-04-01/Accounts/{account_sid}/IncomingPhoneNumbers.json"
    kept = {key: value for key, value in query.items() if key not in ("Page", "PageSize", "PageToken")}

    def link(page: int) -> str:
        return f"{path}?{urlencode(kept | {'PageSize': size, 'Page': page})}"

    return JSONResponse(
        {
            "incoming_phone_numbers": part,
            "page": number,
            "page_size": size,
            "start": start,
            "end": max(start + len(part) - 1, 0),
            "uri": link(number),
            "first_page_uri": link(0),
            "next_page_uri": link(number + 1) if start + size < len(rows) else None,
            "previous_page_uri": link(number - 1) if number else None,
        }
    )


async def show(request: Request) -> Response:
    """One number with all its webhooks."""
    return JSONResponse(_find(request))


async def change(request: Request) -> Response:
    """Set what is named in the form; an empty value clears; the rest stays."""
    row = _find(request)
    async with request.form() as form:
        changes = _changes(form)
    row |= changes | {"date_updated": formatdate()}
    return JSONResponse(row)


def _changes(form: FormData) -> Row:
    changes: Row = {}
    for name, raw in form.items():
        value = str(raw)
        if name in _URLS:
            if value and urlsplit(value).scheme not in ("http", "https"):
                raise refusal(400, 21402, f"{name} is not a valid URL: {value}")
            changes[_URLS[name]] = value
        elif name in _METHODS:
            if value.upper() not in ("GET", "POST"):
                raise refusal(400, 21403, f"{name} must be GET or POST")
            changes[_METHODS[name]] = value.upper()
        elif name in _SIDS:
            changes |= _sid(name, value)
        elif name == "FriendlyName":
            changes["friendly_name"] = value
    return changes


def _sid(name: str, value: str) -> Row:
    """Trunk and voice application exclude each other: setting one deletes the other, as Twilio documents."""
    key, prefix = _SIDS[name]
    if value and not (value.startswith(prefix) and len(value) == 34):
        raise refusal(400, 21470 if prefix == "AP" else 21244, f"{name} {value} is not valid")
    empty = None if key == "trunk_sid" else ""
    changes: Row = {key: value or empty}
    if value and key == "trunk_sid":
        changes["voice_application_sid"] = ""
    if value and key == "voice_application_sid":
        changes["trunk_sid"] = None
    return changes


def _need_account(request: Request) -> str:
    sid = str(request.path_params["account_sid"])
    if sid != world(request).options.account_sid:
        raise _missing(request)
    return sid


def _find(request: Request) -> Row:
    _need_account(request)
    row = world(request).state.twilio_numbers.get(request.path_params["sid"])
    if row is None:
        raise _missing(request)
    return row


def _missing(request: Request) -> Refusal:
    return refusal(404, 20404, f"The requested resource {request.url.path} was not found")


def _whole(raw: str | None, default: int, low: int, high: int) -> int:
    return min(max(int(raw), low), high) if raw and raw.isdigit() else default
