"""Whether a request's Authorization header holds a bearer secret of ours."""

from __future__ import annotations

import hmac

from pydantic import SecretStr


def is_right(secret: SecretStr, authorization: str) -> bool:
    """`authorization`: the header as ASGI frameworks give it, decoded as Latin-1."""
    scheme, _, given = authorization.partition(" ")
    # Compared as bytes and in constant time: how long it takes says nothing about how much of it was right.
    # Latin-1 gives back what was sent (starlette.datastructures.Headers), which clients write as UTF-8. Of that,
    # only a header's own blanks are none of the secret: to str.strip half a letter may be one.
    sent = given.strip(" \t").encode("latin-1")
    return scheme.lower() == "bearer" and hmac.compare_digest(sent, secret.get_secret_value().encode())
