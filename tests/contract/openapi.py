"""The published OpenAPI spec as a judge: every request that we make, every answer that the sandbox gives.

The spec comes out of the vendor's own CLI (`--spec-raw`), pinned and fetched through npm, never committed. Its two
dangling refs mean `DynamicVariablesConfig`, which exists. Error bodies, which it hardly documents, have the three
shapes that public clients report (401/403/404 objects, 422 lists, plain text).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012, Draft202012Validator, Registry

from tests import npm

DANGLING = ("DynamicVariablesConfig-Input", "DynamicVariablesConfig-Output")
# Paths that the SDK knows and this spec, eight weeks older, does not; the SDK's models judge them instead.
NEWER_THAN_THE_SPEC = re.compile(r"^/v1/convai/v2/phone-numbers$")
FACTS = (
    "method", "path", "query", "content_type", "request_body", "request_form", "status", "response_content_type",
    "response_body", "ordered",
)  # fmt: skip
METHODS = ("get", "post", "patch", "put", "delete")


def cli() -> Path:
    """The vendor's CLI, a native binary."""
    return npm.program(npm.ELEVENLABS)


def _told() -> bytes:
    """What the CLI of this version says of the spec, asked once per checkout: each process that runs tests would."""
    kept = cli().with_name("spec.json")
    if not kept.exists():
        asked = subprocess.run([str(cli()), "--spec-raw"], capture_output=True, check=True)
        unfinished = kept.with_suffix(f".{os.getpid()}")
        unfinished.write_bytes(asked.stdout)
        unfinished.replace(kept)
    return kept.read_bytes()


@cache
def published() -> Contract:
    """The contract, read once per process."""
    spec = json.loads(_told())
    for name in DANGLING:
        spec["components"]["schemas"].setdefault(name, {"$ref": "#/components/schemas/DynamicVariablesConfig"})
    return Contract(spec)


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    pattern: re.Pattern[str]
    wire: Mapping[str, Any]


class Contract:
    """Says what is wrong with an exchange, as a list of sentences."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._spec = spec
        self._seen: dict[str, list[str]] = {}
        self._validators: dict[int, Draft202012Validator] = {}

    @cached_property
    def operations(self) -> list[Operation]:
        """Every operation, fixed paths before those with parameters."""
        found = [
            Operation(method, path, _pattern(path), item[method])
            for path, item in self._spec["paths"].items()
            for method in METHODS
            if method in item
        ]
        return sorted(found, key=lambda operation: operation.path.count("{"))

    @property
    def spec(self) -> Mapping[str, Any]:
        """All of it."""
        return self._spec

    @cached_property
    def _registry(self) -> Registry:
        return Registry([("urn:spec", self._spec)], draft=Draft202012)

    def check(self, entry: Mapping[str, Any]) -> list[str]:
        """What is wrong with one log entry of the sandbox; a request like an earlier one is not judged twice."""
        facts = {key: value for key, value in entry.items() if key in FACTS}
        name = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
        if name not in self._seen:
            self._seen[name] = list(self._judge(entry))
        return self._seen[name]

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation that a request means."""
        for operation in self.operations:
            if operation.method == method.lower() and operation.pattern.fullmatch(path):
                return operation
        return None

    def _judge(self, entry: Mapping[str, Any]) -> Iterable[str]:
        label = f"{entry['method']} {entry['path']}"
        operation = self.operation(entry["method"], entry["path"])
        if operation is None:
            if not NEWER_THAN_THE_SPEC.match(entry["path"]) and entry["status"] not in (404, 405):
                yield f"{label}: the spec has no such operation"
            return
        if entry["status"] not in (400, 422):
            yield from (f"{label}: request: {fault}" for fault in self._request(operation, entry))
        yield from (f"{label}: answer {entry['status']}: {fault}" for fault in self._answer(operation, entry))

    def _request(self, operation: Operation, entry: Mapping[str, Any]) -> Iterable[str]:
        parameters = {item["name"]: item for item in operation.wire.get("parameters", ()) if item["in"] == "query"}
        for name, values in entry["query"].items():
            if name not in parameters:
                yield f"no query parameter {name}"
            elif "schema" in parameters[name]:
                yield from self._value(parameters[name]["schema"], values, name)
        yield from (
            f"query parameter {name} is missing"
            for name, item in parameters.items()
            if item.get("required") and name not in entry["query"]
        )
        yield from self._body(operation.wire.get("requestBody"), entry)

    def _value(self, schema: Mapping[str, Any], values: list[str], name: str) -> Iterable[str]:
        """A query value is text; one of the readings of that text must fit."""
        readings: list[Any] = [values, *values]
        for value in values:
            try:
                readings.append(json.loads(value))
            except ValueError:
                continue
        faults = [list(self._faults(schema, reading)) for reading in readings]
        if all(faults):
            yield f"query parameter {name}: {faults[0][0]}"

    def _body(self, wanted: Mapping[str, Any] | None, entry: Mapping[str, Any]) -> Iterable[str]:
        media = (entry["content_type"] or "").split(";")[0].strip()
        if wanted is None:
            if entry["request_body"] is not None:
                yield "the operation takes no body"
            return
        content = wanted["content"]
        if not media:
            if wanted.get("required"):
                yield "the body is missing"
        elif media not in content:
            yield f"a body of {media}, but the operation takes {', '.join(content)}"
        elif media == "application/json":
            yield from self._faults(content[media]["schema"], entry["request_body"])
        else:
            schema = self._resolved(content[media]["schema"])
            form = entry["request_form"] or {}
            yield from (f"field {name} is missing" for name in schema.get("required", ()) if name not in form)
            yield from (f"no field {name}" for name in form if name not in schema["properties"])

    def _answer(self, operation: Operation, entry: Mapping[str, Any]) -> Iterable[str]:
        status, body = entry["status"], entry["response_body"]
        if status == 0 or status >= 500 or status == 429 or entry["ordered"]:
            return  # An ordered fault: a cut connection, an overloaded platform.
        if status >= 400:
            yield from _error_body(status, body)
            return
        answer = operation.wire["responses"].get(str(status))
        if answer is None:
            yield f"the operation never answers {status}"
            return
        media = (entry["response_content_type"] or "").split(";")[0]
        content = answer.get("content", {})
        if media in content:
            if media == "application/json":
                yield from self._faults(content[media].get("schema", {}), body)
        elif content and status != 204:
            yield f"an answer of {media}, but the operation gives {', '.join(content)}"

    def _faults(self, schema: Mapping[str, Any], value: Any) -> Iterable[str]:
        for error in self._validator(schema).iter_errors(value):
            yield f"{'.'.join(map(str, error.instance_path)) or 'body'}: {error.message[:300]}"

    def _validator(self, schema: Mapping[str, Any]) -> Draft202012Validator:
        """One per schema of the spec, which lives as long as this."""
        if id(schema) not in self._validators:
            anchored = json.loads(json.dumps(schema).replace('"#/components', '"urn:spec#/components'))
            self._validators[id(schema)] = Draft202012Validator(anchored, registry=self._registry)
        return self._validators[id(schema)]

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            schema = self._spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema


def _error_body(status: int, body: Any) -> Iterable[str]:
    detail = body.get("detail") if isinstance(body, dict) else None
    listed = isinstance(detail, list) and all({"type", "loc", "msg"} <= set(item) for item in detail)
    told = (
        isinstance(detail, dict) and isinstance(detail.get("message"), str) and ("status" in detail or "code" in detail)
    )
    if not (listed or told or (isinstance(detail, str) and detail)):
        yield f"an error body of no known shape: {str(body)[:200]}"
    if status == 422 and isinstance(detail, str):
        yield "a 422 is a list or an object"


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(
        "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{[^}]+\})", path))
    )
