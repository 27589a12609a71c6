"""The double of Supabase Storage, asked by Supabase's own clients: supabase-js, tus-js-client and supabase-py.

No genuine Storage server runs here. That its own clients understand the double is what stands in for one.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from storage3 import SyncStorageClient
from storage3.exceptions import StorageApiError

from tests import npm
from tests.postgrest import token
from tests.storage import Storage
from tests.storage_server import served

_SCRIPT = Path(__file__).parent / "storage" / "clients.mjs"
_MEGABYTES = 6 * 1024 * 1024


@pytest.fixture
def project() -> Iterator[tuple[str, Storage]]:
    """Its address, and its Storage, with the older kind of key: the clients send any as a bearer token."""
    storage = Storage(key=token("service_role"))
    with served(storage) as url:
        yield url, storage


def test_supabase_js_and_tus_js_client(project: tuple[str, Storage], tmp_path: Path) -> None:
    url, storage = project
    shutil.copy(_SCRIPT, tmp_path)
    (tmp_path / "node_modules").symlink_to(npm.modules())
    command = [*npm.node(), _SCRIPT.name, url, storage.key]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "created": {"name": "recordings"},
        "again": "409",
        "public": False,
        "refused": "415",
        "uploaded": "default/conv_1.mp3",
        "duplicate": "409",
        "listed": ["conv_1.mp3"],
        "downloaded": "sound",
        "info": 5,
        "signed": "sound",
        "forged": 400,
        "absent": "404",
        "unfinished": True,
        "sent": [2 * _MEGABYTES, 13 * 1024 * 1024],
        "whole": True,
        "removed": 2,
        "gone": 0,
    }


def test_supabase_py(project: tuple[str, Storage]) -> None:
    url, storage = project
    headers = {"apikey": storage.key, "Authorization": f"Bearer {storage.key}"}
    with httpx.Client(trust_env=False) as http:
        client = SyncStorageClient(f"{url}/storage/v1/", headers, http_client=http)
        client.create_bucket("recordings", options={"public": False, "allowed_mime_types": ["audio/mpeg"]})
        files, sound = client.from_("recordings"), {"content-type": "audio/mpeg"}
        files.upload("default/conv_1.mp3", b"sound", sound)
        with pytest.raises(StorageApiError) as refused:
            files.upload("default/conv_1.mp3", b"other", sound)
        assert str(refused.value.status) == "409"
        with pytest.raises(StorageApiError) as refused:
            client.from_("absent").upload("x", b"sound", sound)
        assert str(refused.value.status) == "404"
        assert files.download("default/conv_1.mp3") == b"sound"
        assert [one["name"] for one in files.list("default")] == ["conv_1.mp3"]
        assert http.get(files.create_signed_url("default/conv_1.mp3", 60)["signedURL"]).content == b"sound"
        assert len(files.remove(["default/conv_1.mp3"])) == 1
        assert storage.objects == {}
