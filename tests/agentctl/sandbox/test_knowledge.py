"""The knowledge base behaves as elevenlabs-contract 2 says."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import httpx
import pytest

from agentctl.sandbox.harness import BlockingSandbox

BASE = "/v1/convai/knowledge-base"


def _text(api: httpx.Client, name: str = "Preise", text: str = "Ein Brot kostet 4 Euro.", **more: Any) -> str:
    return str(api.post(f"{BASE}/text", json={"name": name, "text": text, **more}).json()["id"])


def test_a_text_reads_back_as_html_and_keeps_its_size(api: httpx.Client) -> None:
    document_id = _text(api, text="# Preise\n\n  Brot < 5 €\n")
    document = api.get(f"{BASE}/{document_id}").json()
    assert document["extracted_inner_html"] == "<p># Preise</p><p>Brot &lt; 5 €</p>"
    assert document["metadata"]["size_bytes"] == len("# Preise\n\n  Brot < 5 €\n".encode())
    content = api.get(f"{BASE}/{document_id}/content")
    assert content.headers["content-type"].startswith("text/html")
    assert content.text == document["extracted_inner_html"]


def test_content_and_name_can_change_and_the_id_stays(api: httpx.Client) -> None:
    document_id = _text(api)
    answer = api.patch(f"{BASE}/{document_id}", json={"name": "Neu", "content": "Anders"}).json()
    assert (answer["id"], answer["name"], answer["extracted_inner_html"]) == (document_id, "Neu", "<p>Anders</p>")


def _docx() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", "<w:document><w:p><w:t>Aus Word</w:t></w:p></w:document>")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("filename", "content", "expected"),
    [
        ("a.html", b"<h1>Titel</h1><script>x</script><p>Absatz</p>", "<p>Titel</p><p>Absatz</p>"),
        ("a.txt", b"Zeile", "<p>Zeile</p>"),
        ("a.docx", _docx(), "<p>Aus Word</p>"),
        ("a.pdf", b"%PDF-1.4\nstream\nBT (Aus dem PDF) Tj ET\nendstream\n", "<p>Aus dem PDF</p>"),
    ],
)
def test_files_are_read_by_their_type(api: httpx.Client, filename: str, content: bytes, expected: str) -> None:
    made = api.post(f"{BASE}/file", files={"file": (filename, content)}, data={"name": "Datei"}).json()
    document = api.get(f"{BASE}/{made['id']}").json()
    assert (document["name"], document["filename"], document["type"]) == ("Datei", filename, "file")
    assert document["extracted_inner_html"] == expected


def test_a_file_of_an_unknown_type_and_a_missing_one_are_refused(api: httpx.Client) -> None:
    refused = api.post(f"{BASE}/file", files={"file": ("a.exe", b"MZ")})
    assert (refused.status_code, refused.json()["detail"]["code"]) == (400, "invalid_file_type")
    assert api.post(f"{BASE}/file", data={"name": "x"}).status_code == 422


def test_update_file_overwrites_text_and_name(api: httpx.Client) -> None:
    made = api.post(f"{BASE}/file", files={"file": ("a.txt", b"alt")}, data={"name": "Mein Name"}).json()
    answer = api.patch(f"{BASE}/{made['id']}/update-file", files={"file": ("b.txt", b"neu")}).json()
    assert (answer["id"], answer["name"], answer["extracted_inner_html"]) == (made["id"], "b.txt", "<p>neu</p>")


def test_a_url_that_is_none_is_refused_and_auto_sync_locks_the_content(api: httpx.Client) -> None:
    assert api.post(f"{BASE}/url", json={"url": "no url"}).status_code == 422
    body = {"url": "https://example.org", "enable_auto_sync": True}
    document_id = api.post(f"{BASE}/url", json=body).json()["id"]
    assert api.patch(f"{BASE}/{document_id}", json={"content": "x"}).status_code == 400
    assert api.patch(f"{BASE}/{document_id}", json={"name": "x"}).status_code == 200


def test_search_is_a_prefix_and_pages_follow_the_cursor(api: httpx.Client) -> None:
    for name in ("agentctl/a", "agentctl/b", "agentctl/c", "other agentctl/"):
        _text(api, name)
    page = api.get(BASE, params={"search": "agentctl/", "page_size": 2}).json()
    second = api.get(BASE, params={"search": "agentctl/", "page_size": 2, "cursor": page["next_cursor"]}).json()
    names = [document["name"] for document in page["documents"] + second["documents"]]
    assert names == ["agentctl/c", "agentctl/b", "agentctl/a"]
    assert not second["has_more"]


def test_a_used_document_is_only_deleted_by_force_and_leaves_its_agents(
    api: httpx.Client, reception: dict[str, str]
) -> None:
    document_id, agent_id = reception["document_id"], reception["agent_id"]
    dependents = api.get(f"{BASE}/{document_id}/dependent-agents").json()["agents"]
    assert [agent["id"] for agent in dependents] == [agent_id]
    assert api.delete(f"{BASE}/{document_id}").status_code == 400
    assert api.delete(f"{BASE}/{document_id}", params={"force": "true"}).status_code == 200
    assert api.get(f"{BASE}/{document_id}").status_code == 404
    prompt = api.get(f"/v1/convai/agents/{agent_id}").json()["conversation_config"]["agent"]["prompt"]
    assert prompt["knowledge_base"] == []


def test_folders_hold_documents(api: httpx.Client) -> None:
    folder = api.post(f"{BASE}/folder", json={"name": "agentctl"}).json()["id"]
    document_id = _text(api, parent_folder_id=folder)
    inside = api.get(BASE, params={"ancestor_folder_id": folder}).json()["documents"]
    assert [document["id"] for document in inside] == [document_id]
    assert api.get(f"{BASE}/{folder}").json()["children_count"] == 1
    assert api.get(f"{BASE}/{document_id}").json()["folder_path"] == [{"id": folder, "name": "agentctl"}]
    assert api.delete(f"{BASE}/{folder}").status_code == 400


def test_an_index_ends_in_lower_case_and_small_documents_get_none(api: httpx.Client) -> None:
    model = {"model": "multilingual_e5_large_instruct"}
    large, small = _text(api, text="Satz. " * 200), _text(api)
    assert api.post(f"{BASE}/{large}/rag-index", json=model).json()["status"] == "created"
    assert api.get(f"{BASE}/{large}/rag-index").json()["indexes"][0]["status"] == "succeeded"
    assert api.post(f"{BASE}/{small}/rag-index", json=model).json()["status"] == "document_too_small"
    assert api.post(f"{BASE}/{small}/rag-index", json={"model": "x"}).status_code == 422


def test_many_indexes_are_told_of_at_once_and_made_only_where_that_is_asked_for(api: httpx.Client) -> None:
    model = "multilingual_e5_large_instruct"
    large, other = _text(api, text="Satz. " * 200), _text(api, text="Satz. " * 200)

    def told(create: bool, *ids: str) -> httpx.Response:
        items = [{"document_id": one, "create_if_missing": create, "model": model} for one in ids]
        return api.post(f"{BASE}/rag-index", json={"items": items})

    assert {one["status"] for one in told(False, large, "gone").json().values()} == {"failure"}
    assert api.get(f"{BASE}/{large}/rag-index").json() == {"indexes": []}
    assert told(True, large).json()[large]["data"]["status"] == "created"
    found = told(False, large, other).json()
    assert (found[large]["data"]["status"], found[other]["status"]) == ("succeeded", "failure")
    assert (told(True).status_code, told(True, *[large] * 101).status_code) == (422, 422)


def test_an_upload_is_logged_by_name_and_size(api: httpx.Client, sandbox: BlockingSandbox) -> None:
    api.post(f"{BASE}/file", files={"file": ("a.txt", b"12345", "text/plain")}, data={"name": "Datei"})
    entry = sandbox.log()[-1]
    assert entry["request_body"] is None
    assert entry["request_form"] == {
        "name": "Datei",
        "file": {"filename": "a.txt", "content_type": "text/plain", "size": 5},
    }
