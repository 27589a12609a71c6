"""Moving documents between folders, and fetching pages again."""

from __future__ import annotations

import httpx

BASE = "/v1/convai/knowledge-base"


def test_a_document_moves_into_a_folder_and_out_but_no_folder_into_itself(api: httpx.Client) -> None:
    outer = api.post(f"{BASE}/folder", json={"name": "outer"}).json()["id"]
    inner = api.post(f"{BASE}/folder", json={"name": "inner", "parent_folder_id": outer}).json()["id"]
    document = api.post(f"{BASE}/text", json={"name": "x", "text": "X"}).json()["id"]
    assert api.post(f"{BASE}/{document}/move", json={"move_to": inner}).status_code == 200
    assert api.get(f"{BASE}/{document}").json()["folder_parent_id"] == inner
    assert api.post(f"{BASE}/{document}/move", json={}).status_code == 200
    assert api.get(f"{BASE}/{document}").json()["folder_parent_id"] is None
    assert api.post(f"{BASE}/{outer}/move", json={"move_to": inner}).status_code == 400
    assert api.post(f"{BASE}/{inner}/move", json={"move_to": document}).status_code == 400


def test_only_a_page_is_fetched_again(api: httpx.Client) -> None:
    page = api.post(f"{BASE}/url", json={"url": "https://example.org"}).json()["id"]
    note = api.post(f"{BASE}/text", json={"name": "x", "text": "X"}).json()["id"]
    assert api.post(f"{BASE}/{page}/refresh").json()["id"] == page
    assert api.post(f"{BASE}/{note}/refresh").status_code == 400
    assert api.post(f"{BASE}/nobody/refresh").status_code == 404
