"""A double of Supabase Storage, as far as recordings need it: buckets, objects, signed addresses, resumable uploads.

The genuine server does not run here. Statuses, codes and words are those of supabase/storage (src/internal/errors/
codes.ts, src/http/error-handler.ts, src/http/routes/tus): most refusals are 400 with their own status in the body, and
resumable uploads answer with the status itself and plain text.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

import httpx

CHUNK = 6 * 1024 * 1024
_ROUTES = (
    ("GET", r"bucket/(?P<bucket>[^/]+)", "bucket"),
    ("POST", r"bucket/?", "create_bucket"),
    ("POST", r"object/sign/(?P<bucket>[^/]+)/(?P<key>.+)", "sign"),
    ("GET", r"object/sign/(?P<bucket>[^/]+)/(?P<key>.+)", "signed"),
    ("POST", r"object/list/(?P<bucket>[^/]+)", "list"),
    ("GET", r"object/info/(?P<bucket>[^/]+)/(?P<key>.+)", "info"),
    ("GET", r"object/(?:authenticated/)?(?P<bucket>[^/]+)/(?P<key>.+)", "download"),
    ("POST|PUT", r"object/(?P<bucket>[^/]+)/(?P<key>.+)", "upload"),
    ("DELETE", r"object/(?P<bucket>[^/]+)", "remove"),
    ("POST", r"upload/resumable/?", "begin"),
    ("HEAD", r"upload/resumable/(?P<upload>[^/]+)", "offset"),
    ("PATCH", r"upload/resumable/(?P<upload>[^/]+)", "append"),
    ("DELETE", r"upload/resumable/(?P<upload>[^/]+)", "terminate"),
)


class Refusal(Exception):
    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status, self.error, self.message = status, error, message


@dataclass
class Upload:
    bucket: str
    key: str
    length: int
    content_type: str
    upsert: bool
    content: bytes = b""
    expires: float = field(default_factory=lambda: time.time() + 86_400)


class Storage:
    """As a transport's handler. `refuse` answers, or raises, in the place of everything; `before` sees each request."""

    def __init__(self, *buckets: str, key: str = "sb_secret_geheim", largest: int = 50 * 1024 * 1024) -> None:
        self.key, self.largest = key, largest
        self.buckets: dict[str, dict[str, Any]] = {name: {"id": name, "public": False} for name in buckets}
        self.objects: dict[str, bytes] = {}
        self.types: dict[str, str] = {}
        self.uploads: dict[str, Upload] = {}
        self.requests: list[httpx.Request] = []
        self.refuse: httpx.Response | Exception | None = None
        self.before: Callable[[httpx.Request], None] = lambda request: None
        self.tokens: dict[str, tuple[str, float]] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.before(request)
        if isinstance(self.refuse, Exception):
            raise self.refuse
        if self.refuse is not None:
            return self.refuse
        path = request.url.path.removeprefix("/storage/v1/")
        plain = path.startswith("upload/resumable")
        try:
            for method, form, name in _ROUTES:
                if re.fullmatch(method, request.method) and (found := re.fullmatch(form, path)):
                    if name != "signed":
                        self._allow(request)
                    parts = {part: unquote(value) for part, value in found.groupdict().items()}
                    return getattr(self, f"_{name}")(request, **parts)
            raise Refusal(404, "Not Found", f"Route {request.method}:{request.url.path} not found")
        except Refusal as refusal:
            if plain:
                return httpx.Response(refusal.status, text=refusal.message)
            told = {"statusCode": str(refusal.status), "error": refusal.error, "message": refusal.message}
            return httpx.Response(400, json=told)

    def _allow(self, request: httpx.Request) -> None:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.key.startswith("sb_") and bearer.startswith("sb_"):
            raise Refusal(403, "Unauthorized", "Invalid Compact JWS")
        if request.headers.get("apikey") != self.key:
            raise Refusal(401, "Unauthorized", "Invalid API key")

    def _in(self, bucket: str) -> dict[str, Any]:
        if bucket not in self.buckets:
            raise Refusal(404, "Bucket not found", "Bucket not found")
        return self.buckets[bucket]

    def _there(self, bucket: str, key: str) -> bytes:
        self._in(bucket)
        if key not in self.objects:
            raise Refusal(404, "not_found", "Object not found")
        return self.objects[key]

    def _bucket(self, request: httpx.Request, bucket: str) -> httpx.Response:
        return httpx.Response(200, json=self._in(bucket))

    def _create_bucket(self, request: httpx.Request) -> httpx.Response:
        made = json.loads(request.content)
        if made["id"] in self.buckets:
            raise Refusal(409, "Duplicate", "The resource already exists")
        if (made.get("file_size_limit") or 0) > self.largest:
            raise Refusal(413, "Payload too large", "The object exceeded the maximum allowed size")
        self.buckets[made["id"]] = {"public": False, **made}
        return httpx.Response(200, json={"name": made["id"]})

    def _takes(self, bucket: str, key: str, size: int, kind: str, upsert: bool) -> None:
        limits = self._in(bucket)
        if size > (limits.get("file_size_limit") or self.largest):
            raise Refusal(413, "Payload too large", "The object exceeded the maximum allowed size")
        if (kinds := limits.get("allowed_mime_types")) and kind not in kinds:
            raise Refusal(415, "invalid_mime_type", f"mime type {kind} is not supported")
        if key in self.objects and not upsert:
            raise Refusal(409, "Duplicate", "The resource already exists")

    def _upload(self, request: httpx.Request, bucket: str, key: str) -> httpx.Response:
        content, kind = request.read(), request.headers.get("content-type", "")
        if kind.startswith("multipart/form-data"):
            content, kind = _part(content, kind)
        upsert = request.method == "PUT" or request.headers.get("x-upsert") == "true"
        self._takes(bucket, key, len(content), kind, upsert)
        self.objects[key], self.types[key] = content, kind
        return httpx.Response(200, json={"Key": f"{bucket}/{key}", "Id": "1"})

    def _info(self, request: httpx.Request, bucket: str, key: str) -> httpx.Response:
        content = self._there(bucket, key)
        told = {"id": "1", "name": key, "bucket_id": bucket, "size": len(content), "content_type": self.types[key]}
        return httpx.Response(200, json=told)

    def _download(self, request: httpx.Request, bucket: str, key: str) -> httpx.Response:
        content = self._there(bucket, key)
        return httpx.Response(200, content=content, headers={"content-type": self.types[key]})

    def _list(self, request: httpx.Request, bucket: str) -> httpx.Response:
        self._in(bucket)
        folder = json.loads(request.content)["prefix"].strip("/") + "/"
        found = [key.removeprefix(folder) for key in sorted(self.objects) if key.startswith(folder)]
        return httpx.Response(200, json=[{"name": name, "id": "1", "metadata": {}} for name in found])

    def _remove(self, request: httpx.Request, bucket: str) -> httpx.Response:
        self._in(bucket)
        gone = [key for key in json.loads(request.content)["prefixes"] if self.objects.pop(key, None) is not None]
        return httpx.Response(200, json=[{"name": key} for key in gone])

    def _sign(self, request: httpx.Request, bucket: str, key: str) -> httpx.Response:
        self._there(bucket, key)
        token = secrets.token_urlsafe(16)
        self.tokens[token] = (f"{bucket}/{key}", time.time() + int(json.loads(request.content)["expiresIn"]))
        return httpx.Response(200, json={"signedURL": f"/object/sign/{bucket}/{key}?token={token}"})

    def _signed(self, request: httpx.Request, bucket: str, key: str) -> httpx.Response:
        token = parse_qs(request.url.query.decode()).get("token", [""])[0]
        name, until = self.tokens.get(token, ("", 0.0))
        if name != f"{bucket}/{key}":
            raise Refusal(400, "InvalidSignature", "Invalid signature")
        if until < time.time():
            raise Refusal(400, "InvalidJWT", '"exp" claim timestamp check failed')
        return self._download(request, bucket, key)

    def _begin(self, request: httpx.Request) -> httpx.Response:
        pairs = (pair.strip().split(" ") for pair in request.headers["upload-metadata"].split(","))
        told = {pair[0]: base64.b64decode(pair[1]).decode() for pair in pairs}
        length, kind = int(request.headers["upload-length"]), told.get("contentType", "")
        upsert = request.headers.get("x-upsert") == "true"
        self._takes(told["bucketName"], told["objectName"], length, kind, upsert)
        version = f"{told['bucketName']}/{told['objectName']}/{secrets.token_hex(8)}"
        name = base64.urlsafe_b64encode(version.encode()).rstrip(b"=").decode()
        self.uploads[name] = Upload(told["bucketName"], told["objectName"], length, kind, upsert)
        place = str(request.url.copy_with(path=f"/storage/v1/upload/resumable/{name}"))
        if request.headers.get("content-type") == "application/offset+octet-stream":  # its beginning comes with it
            self._grow(name, request.read())
        return httpx.Response(201, headers={**_TUS, **_at(self.uploads[name]), "Location": place})

    def _going(self, name: str) -> Upload:
        found = self.uploads.get(name)
        if found is None:
            raise Refusal(404, "NoSuchUpload", "The file for this url was not found\n")
        if found.expires < time.time():
            raise Refusal(410, "TusError", "The file for this url no longer exists\n")
        return found

    def _offset(self, request: httpx.Request, upload: str) -> httpx.Response:
        found = self._going(upload)
        return httpx.Response(200, headers={**_TUS, **_at(found), "Upload-Length": str(found.length)})

    def _append(self, request: httpx.Request, upload: str) -> httpx.Response:
        found, content = self._going(upload), request.read()
        if request.headers.get("content-type") != "application/offset+octet-stream":
            raise Refusal(403, "TusError", "Content-Type header required\n")
        if int(request.headers["upload-offset"]) != len(found.content):
            raise Refusal(409, "TusError", "Upload-Offset conflict\n")
        return httpx.Response(204, headers={**_TUS, **_at(self._grow(upload, content))})

    def _grow(self, name: str, content: bytes) -> Upload:
        found = self.uploads[name]
        found.content += content
        if len(found.content) < found.length:
            assert len(content) == CHUNK, "the genuine server wants pieces of exactly 6 MB"
        else:
            self.objects[found.key], self.types[found.key] = found.content, found.content_type
        return found

    def _terminate(self, request: httpx.Request, upload: str) -> httpx.Response:
        self._going(upload)
        del self.uploads[upload]
        return httpx.Response(204, headers=_TUS)


_TUS = {"Tus-Resumable": "1.0.0"}


def _at(upload: Upload) -> dict[str, str]:
    return {"Upload-Offset": str(len(upload.content))}


def _part(body: bytes, kind: str) -> tuple[bytes, str]:
    """The file of a multipart body, and its type."""
    edge = kind.partition("boundary=")[2].strip('"').encode()
    for part in body.split(b"--" + edge):
        head, _, content = part.partition(b"\r\n\r\n")
        if b"filename=" in head:
            found = re.search(rb"(?i)content-type:\s*([^\r\n]+)", head)
            return content.removesuffix(b"\r\n"), found[1].decode() if found else ""
    raise Refusal(400, "InvalidRequest", "no file")
