"""The sandbox without sockets, and a store without a database: for tests that need thousands of worlds.

`InMemory` is a transport whose other end is the sandbox itself, so that a request costs a millisecond and time does not
pass: a request that would hang times out at once. `MemoryStore` keeps the promises of the SQL functions that a sync
calls; tests/faults/test_memory_store.py holds it to the same contract as the real ones.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from agentctl.errors import StoreError
from agentctl.sandbox import harness
from agentctl.sandbox.options import Options
from agentctl.sandbox.server import app
from agentctl.sandbox.world import World

SCOPE = ("project", "environment", "workspace")


class _Over(BaseException):
    """The client waits for something that never comes."""


class InMemory(httpx.AsyncBaseTransport):
    """One sandbox and the way to it. `world` is the sandbox itself: its state, its faults, its log."""

    def __init__(self, options: Options | None = None) -> None:
        self.app = app(options or Options(), connections=self)
        self.world: World = self.app.state.world
        self.requests = 0
        self._cut = False

    def cut(self, client: tuple[str, int]) -> None:
        """The sandbox cuts the connection."""
        self._cut = True

    def judged(self) -> None:
        """Show the log to whoever judges exchanges, and forget it."""
        for observe in harness.log_observers:
            observe(self.world.journal.entries())
        self.world.journal.clear()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Hand the request over. Raises ReadTimeout for one that hangs, ReadError for a connection that is cut."""
        self.requests += 1
        body, told = await request.aread(), dict[str, Any]()
        messages = [{"type": "http.request", "body": body, "more_body": False}]
        chunks: list[bytes] = []

        async def receive() -> dict[str, Any]:
            if not messages:
                raise _Over
            return messages.pop()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                told.update(message)
            else:
                chunks.append(message.get("body", b""))

        try:
            await self.app(_scope(request), receive, send)
        except _Over:
            if self._cut:
                self._cut = False
                raise httpx.ReadError("the connection was cut", request=request) from None
            raise httpx.ReadTimeout("nothing came", request=request) from None
        return httpx.Response(told["status"], headers=told["headers"], content=b"".join(chunks), request=request)


def _several(ids: str | list[str]) -> list[str]:
    return [ids] if isinstance(ids, str) else ids


def _scope(request: httpx.Request) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.url.path,
        "raw_path": request.url.raw_path,
        "query_string": request.url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 1),
        "server": (request.url.host, 80),
    }


class MemoryStore:
    """The functions that a sync calls, by their names in SQL."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {}
        self._skew = timedelta()

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self._skew += timedelta(seconds=seconds)

    async def close(self) -> None:
        """Nothing to close."""

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        """Run one function. Raises StoreError where SQL would."""
        known = getattr(self, f"_{function}", None)
        if known is None:
            raise StoreError(f"the store in memory has no {function}")
        return copy.deepcopy(known(copy.deepcopy(dict(args))))

    def _now(self) -> datetime:
        return datetime.now(UTC) + self._skew

    def _of(self, table: str, args: Mapping[str, Any], *names: str) -> tuple[Any, dict[str, Any]]:
        """The key of one row and its table."""
        key = (args.get("tenant") or "default", *(args[name] for name in names))
        return key, self._tables.setdefault(table, {})

    def _listed(self, table: str, args: Mapping[str, Any]) -> list[dict[str, Any]]:
        place, rows = self._of(table, args, *SCOPE)
        return [rows[key] for key in sorted(rows) if key[:4] == place]

    def _removed(self, table: str, args: Mapping[str, Any], *names: str) -> bool:
        key, rows = self._of(table, args, *names)
        return rows.pop(key, None) is not None

    def _bindings(self, args: Mapping[str, Any]) -> Any:
        return self._listed("bindings", args)

    def _bound_elsewhere(self, args: Mapping[str, Any]) -> Any:
        place, rows = self._of("bindings", args, *SCOPE)
        base = str(place[3]).partition("/")[0]
        others = sorted(
            (row["updated_at"], row["key"], row["remote_id"])
            for key, row in rows.items()
            if (*key[:3], row["kind"]) == (*place[:3], args["kind"])
            and key[3] != place[3]
            and str(key[3]).partition("/")[0] == base
        )
        if args.get("ids") is not None:
            others = [one for one in others if one[2] in _several(args["ids"].get(one[1], []))]
        return sorted({one[2] for one in others[-args.get("newest", len(others)) :]})

    def _bind(self, args: Mapping[str, Any]) -> Any:
        if args["remote_id"] is None:
            raise StoreError("a binding needs an id")
        key, rows = self._of("bindings", args, *SCOPE, "kind", "key")
        before, now = rows.get(key), self._now().isoformat()
        if "expected" in args and args["expected"] != (before and before["updated_at"]):
            return None
        self._removed("intents", args, *SCOPE, "kind", "key")
        row = {name: args[name] for name in ("kind", "key", "remote_id")} | {"applied": args.get("applied")}
        same = before is not None and before["remote_id"] == args["remote_id"]
        rows[key] = row | {"bound_at": before["bound_at"] if before and same else now, "updated_at": now}
        return {"new": before is None, "updated_at": now}

    def _unbind(self, args: Mapping[str, Any]) -> Any:
        key, rows = self._of("bindings", args, *SCOPE, "kind", "key")
        if args.get("remote_id") not in (None, rows.get(key, {}).get("remote_id")):
            return {"removed": False}
        return {"removed": self._removed("bindings", args, *SCOPE, "kind", "key")}

    def _intend(self, args: Mapping[str, Any]) -> Any:
        key, rows = self._of("intents", args, *SCOPE, "kind", "key")
        new = key not in rows
        fresh = {name: args.get(name) for name in ("kind", "key", "said")} | {"intended_at": self._now().isoformat()}
        if not new and args.get("again"):
            rows[key]["said"] = fresh["said"]
        bound = self._of("bindings", args, *SCOPE, "kind", "key")[1].get(key, {}).get("remote_id")
        return {"new": new, "intended_at": rows.setdefault(key, fresh)["intended_at"], "remote_id": bound}

    def _hold(self, args: Mapping[str, Any]) -> Any:
        key, rows = self._of("holds", args, *SCOPE, "key")
        new = key not in rows
        rows[key] = {name: args[name] for name in ("key", "revision", "digest")} | {"held_at": self._now().isoformat()}
        return {"new": new}

    def _holds(self, args: Mapping[str, Any]) -> Any:
        return self._listed("holds", args)

    def _unhold(self, args: Mapping[str, Any]) -> Any:
        return {"removed": self._removed("holds", args, *SCOPE, "key")}

    def _undertakings(self, args: Mapping[str, Any]) -> Any:
        return []

    def _intents(self, args: Mapping[str, Any]) -> Any:
        return self._listed("intents", args)

    def _forget_intent(self, args: Mapping[str, Any]) -> Any:
        return {"removed": self._removed("intents", args, *SCOPE, "kind", "key")}

    def _assistants(self, args: Mapping[str, Any]) -> Any:
        return self._listed("assistants", {**args, "tenant": None})  # whosever they are

    def _retention(self, args: Mapping[str, Any]) -> Any:
        key, rows = self._of("retention", args, "project", "environment")
        return [rows[key]] if key in rows else []

    def _save_retention(self, args: Mapping[str, Any]) -> Any:
        key, rows = self._of("retention", args, "project", "environment")
        changed = rows.get(key) != args
        rows[key] = dict(args)
        return {"changed": changed}

    def _save_assistant(self, args: Mapping[str, Any]) -> Any:
        key, rows = self._of("assistants", {**args, "tenant": None}, *SCOPE, "key")
        new = key not in rows
        tenant = {"tenant": args.get("tenant") or "default"}
        rows[key] = tenant | {name: args[name] for name in ("key", "name", "language", "agent_id", "post_call")}
        return {"new": new}

    def _remove_assistant(self, args: Mapping[str, Any]) -> Any:
        return {"removed": self._removed("assistants", args, *SCOPE, "key")}

    def _save_route(self, args: Mapping[str, Any]) -> Any:
        key, rows = self._of("routes", args, "phone_number")
        new = key not in rows
        rows.setdefault(key, {"route": args["route"], "saved_at": self._now().isoformat()})
        return {"new": new}

    def _hand_over_route(self, args: Mapping[str, Any]) -> Any:
        key, rows = self._of("routes", args, "phone_number")
        same = key in rows and rows[key]["saved_at"] == args["expected"]
        if same:
            rows[key] = {"route": args["route"], "saved_at": self._now().isoformat()}
        return {"handed_over": same}

    def _route(self, args: Mapping[str, Any]) -> Any:
        key, rows = self._of("routes", args, "phone_number")
        return rows.get(key)

    def _forget_route(self, args: Mapping[str, Any]) -> Any:
        return {"removed": self._removed("routes", args, "phone_number")}

    def _take_lease(self, args: Mapping[str, Any]) -> Any:
        if not args["holder"] or not args["name"]:
            raise StoreError("a lease needs a name and a holder")
        key, rows = self._of("leases", args, "name")
        now, until = self._now(), self._now() + timedelta(seconds=args["lease_seconds"])
        held = rows.get(key)
        if held is None or (held["expires_at"] <= now and held["holder"] != args["holder"]):
            held = rows[key] = {"holder": args["holder"], "since": now}
        mine = held["holder"] == args["holder"]
        if mine:
            held["expires_at"] = until
        told = {name: held[name].isoformat() for name in ("since", "expires_at")}
        return {"held": mine, "holder": held["holder"], **told}

    def _renew_lease(self, args: Mapping[str, Any]) -> Any:
        key, rows = self._of("leases", args, "name")
        held = rows.get(key)
        if held is None or held["holder"] != args["holder"]:
            return {"held": False}
        held["expires_at"] = self._now() + timedelta(seconds=args["lease_seconds"])
        return {"held": True}

    def _release_lease(self, args: Mapping[str, Any]) -> Any:
        key, rows = self._of("leases", args, "name")
        held = rows.get(key)
        if held is None or held["holder"] != args["holder"]:
            return {"released": False}
        del rows[key]
        return {"released": True}
