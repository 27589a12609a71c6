"""The headers that every answer of the console has."""

from __future__ import annotations

from starlette.responses import Response

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "media-src": "'self'",
    "connect-src": "'self'",
    "worker-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(self), payment=(), usb=()",
}


def policy(foreign: tuple[str, ...] = ()) -> str:
    """The Content-Security-Policy (https://www.w3.org/TR/CSP3/); `foreign`: where this page may connect to besides."""
    told = {**_POLICY, "connect-src": " ".join((_POLICY["connect-src"], *foreign))}
    return "; ".join(f"{name} {value}" for name, value in told.items())


def connecting(response: Response, *foreign: str) -> Response:
    """`response`, whose page may connect to these origins, too."""
    response.headers["content-security-policy"] = policy(foreign)
    return response


def sealed(response: Response, *, cached: bool = False) -> Response:
    """`response` with those headers; `cached`: it is the same for everybody, and never another at this address."""
    for name, value in _HEADERS.items():
        response.headers[name] = value
    if "content-security-policy" not in response.headers:
        response.headers["content-security-policy"] = policy()
    if cached:
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
    elif "cache-control" not in response.headers:
        response.headers["cache-control"] = "no-store"
    return response
