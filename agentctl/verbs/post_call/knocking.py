"""Whether the door is there and knows our secret, without anything being stored."""

from __future__ import annotations

import time

from agentctl.wiring import Control

REFUSED = 400  # what a door of ours answers once the signature was right


async def knock(control: Control, url: str) -> int:
    """What the door at `url` answers to nonsense: REFUSED if it is signed as the door wants it.

    Without a secret here it is not signed, and the door answers 401. Raises Unreachable.
    """
    from agentctl.clients.door import deliver
    from webhooks.signature import HEADER, sign

    # Signed, but no JSON: refused by a door that knows the secret, before anything is stored.
    body, secrets = b"agentctl doctor", control.settings.elevenlabs_webhook_secret
    headers = {HEADER: sign(body, secrets[0], int(time.time()))} if secrets else {}
    return (await deliver(url, body, headers)).status
