"""The source of an uploaded file, at a signed address."""

from __future__ import annotations

import httpx

BASE = "/v1/convai/knowledge-base"


def test_a_file_comes_back_as_it_was_uploaded_and_only_with_its_signature(api: httpx.Client) -> None:
    made = api.post(f"{BASE}/file", files={"file": ("a.txt", b"\xe4\r\n")}).json()["id"]
    address = api.get(f"{BASE}/{made}/source-file-url").json()["signed_url"]
    assert httpx.get(address, trust_env=False).content == b"\xe4\r\n"
    assert httpx.get(address[:-1] + "x", trust_env=False).status_code == 403
    api.patch(f"{BASE}/{made}/update-file", files={"file": ("b.txt", b"neu")})
    assert httpx.get(address, trust_env=False).content == b"neu"


def test_only_a_file_has_a_source(api: httpx.Client) -> None:
    made = api.post(f"{BASE}/text", json={"text": "x", "name": "y"}).json()["id"]
    assert api.get(f"{BASE}/{made}/source-file-url").status_code == 400
