"""The certificates that TLS trusts, read once per process: it takes 20 ms, and a command has several clients."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def trusted() -> ssl.SSLContext:
    """Trusts whom httpx trusts: the certificates of SSL_CERT_FILE or SSL_CERT_DIR where set, else certifi's."""
    return httpx.create_ssl_context()
