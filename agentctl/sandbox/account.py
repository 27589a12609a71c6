"""Voices and user: what a key check and a voice check ask for."""

from __future__ import annotations

import io
import wave

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentctl.sandbox.refusal import legacy
from agentctl.sandbox.state import Row
from agentctl.sandbox.talk.sound import tone
from agentctl.sandbox.world import world

# The day of the platform's public start, as a creation date that never changes.
_SINCE = 1674432000
_SAMPLE_RATE, _SAMPLE_MS = 16_000, 600


def routes() -> list[Route]:
    """`/v1/voices` and `/v1/user`."""
    return [
        Route("/v1/voices", voices, methods=["GET"]),
        Route("/v1/voices/{voice_id}", voice, methods=["GET"]),
        Route("/_sandbox/voices/{voice_id}.wav", sample, methods=["GET"]),
        Route("/v1/user", user, methods=["GET"]),
        Route("/v1/user/subscription", subscription, methods=["GET"]),
    ]


async def voices(request: Request) -> Response:
    """All voices."""
    return JSONResponse({"voices": [_voice(request, *known) for known in world(request).options.voices]})


async def voice(request: Request) -> Response:
    """One voice; for an unknown id the platform's code is voice_not_found [its status is assumed: 404]."""
    wanted = request.path_params["voice_id"]
    for voice_id, name in world(request).options.voices:
        if voice_id == wanted:
            return JSONResponse(_voice(request, voice_id, name))
    raise legacy(404, "voice_not_found", f"A voice with the voice_id {wanted} was not found.")


async def sample(_request: Request) -> Response:
    """Where `preview_url` leads: on the platform into a storage that asks for no key."""
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_SAMPLE_RATE)
        file.writeframes(tone(f"pcm_{_SAMPLE_RATE}", _SAMPLE_MS))
    return Response(sound.getvalue(), media_type="audio/wav")


async def user(_request: Request) -> Response:
    """Whom the key belongs to."""
    return JSONResponse(
        {
            "user_id": "sandbox",
            "subscription": _SUBSCRIPTION,
            "is_new_user": False,
            "can_use_delayed_payment_methods": False,
            "is_onboarding_completed": True,
            "is_onboarding_checklist_completed": True,
            "show_compliance_terms": False,
            "first_name": "Sandbox",
            "is_api_key_hashed": False,
            "xi_api_key_preview": None,
            "referral_link_code": None,
            "partnerstack_partner_default_link": None,
            "created_at": _SINCE,
            "seat_type": "workspace_admin",
        }
    )


async def subscription(_request: Request) -> Response:
    """The plan."""
    return JSONResponse(_SUBSCRIPTION)


_SUBSCRIPTION: Row = {
    "tier": "creator",
    "character_count": 0,
    "character_limit": 100000,
    "max_character_limit_extension": None,
    "max_credit_limit_extension": 0,
    "can_extend_character_limit": False,
    "allowed_to_extend_character_limit": False,
    "next_character_count_reset_unix": None,
    "voice_slots_used": 0,
    "professional_voice_slots_used": 0,
    "professional_voice_slots_used_in_workspace": 0,
    "voice_limit": 30,
    "max_voice_add_edits": None,
    "voice_add_edit_counter": 0,
    "professional_voice_limit": 1,
    "can_extend_voice_limit": False,
    "can_use_instant_voice_cloning": True,
    "can_use_professional_voice_cloning": True,
    "currency": "eur",
    "current_overage": {"amount": "0", "currency": "eur"},
    "status": "active",
    "billing_period": "monthly_period",
    "character_refresh_period": "monthly_period",
    "has_open_invoices": False,
    "open_invoices": [],
}


def _voice(request: Request, voice_id: str, name: str) -> Row:
    return {
        "voice_id": voice_id,
        "name": name,
        "samples": None,
        "category": "premade",
        "fine_tuning": None,
        "labels": {},
        "description": None,
        "preview_url": str(request.url.replace(path=f"/_sandbox/voices/{voice_id}.wav", query="")),
        "available_for_tiers": [],
        "settings": None,
        "sharing": None,
        "high_quality_base_model_ids": [],
        "verified_languages": [],
        "collection_ids": None,
        "safety_control": None,
        "voice_verification": None,
        "permission_on_resource": None,
        "is_owner": False,
        "is_legacy": False,
        "is_mixed": False,
        "favorited_at_unix": None,
        "created_at_unix": None,
        "is_bookmarked": None,
        "recording_quality": None,
        "labelling_status": None,
        "recording_quality_reason": None,
    }
