"""Any OpenAI-compatible /chat/completions endpoint, asked for JSON of a schema."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import httpx

from agentctl.calls import wire
from agentctl.calls.completions import Completion
from agentctl.clients.refusal import trusts_proxy
from agentctl.errors import DigestError, TranscriptTooLong
from agentctl.secrecy.veil import Veil
from agentctl.telemetry import figures
from agentctl.telemetry.spans import span

TIMEOUT = 60.0  # seconds; a local model may take that long
_CHECK_TIMEOUT = 10.0
_MOST = 4_000_000  # bytes of an answer; a digest is a thousandth of that
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
# Servers differ in what they know: OpenAI and vLLM know schemas, others only JSON, some neither.
_FORMATS = ("json_schema", "json_object", "text")
_TOO_LONG = ("context_length_exceeded", "string_above_max_length", "request_too_large")
# The codes and types of errors that OpenAI, Azure, Anthropic, Groq and vLLM document. Any other word may be a caller's,
# since the request was made of theirs.
_CODES = {
    *("invalid_api_key", "invalid_request_error", "authentication_error", "permission_error", "insufficient_quota"),
    *("rate_limit_exceeded", "rate_limit_error", "model_not_found", "not_found_error", "context_length_exceeded"),
    *("string_above_max_length", "request_too_large", "unsupported_parameter", "unsupported_value", "invalid_type"),
    *("invalid_value", "unknown_parameter", "missing_required_parameter", "invalid_json_schema"),
    *("json_validate_failed", "content_filter", "content_policy_violation", "server_error", "api_error"),
    *("overloaded_error", "timeout_error", "billing_error", "billing_not_active"),
    *(
        "billing_hard_limit_reached",
        "account_deactivated",
        "unsupported_country_region_territory",
        "model_decommissioned",
    ),
    *(
        "DeploymentNotFound",
        "BadRequestError",
        "NotFoundError",
        "AuthenticationError",
        "RateLimitError",
        "InternalServerError",
    ),
}


class ChatCompletions:
    """One model. `base_url` as vendors give it, with its version: https://api.openai.com/v1.

    `veil` knows what no error may repeat.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        key: str | None,
        *,
        timeout: float = TIMEOUT,
        retry_seconds: float = 2.0,
        transport: httpx.AsyncBaseTransport | None = None,
        veil: Veil | None = None,
    ) -> None:
        self.model = model
        self._veil = veil or Veil()
        self._veil.add(key or "")
        self._base = base_url.rstrip("/")
        self._url = f"{self._base}/chat/completions"
        self._retry_seconds = retry_seconds
        self._format = 0  # the first of _FORMATS that this server has not refused
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        proxied = trusts_proxy(httpx.URL(base_url).host)
        self._client = httpx.AsyncClient(headers=headers, timeout=timeout, transport=transport, trust_env=proxied)

    def __repr__(self) -> str:
        return f"ChatCompletions({self._url!r}, model={self.model!r})"

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def check(self) -> tuple[str, ...]:
        """Ask for the models, which costs nothing; empty where the server does not tell them. Raises DigestError."""
        try:
            response = await self._answer("GET", f"{self._base}/models", timeout=_CHECK_TIMEOUT)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            what = f"the language model cannot be reached ({type(error).__name__})"
            raise DigestError(what, "Check LLM_BASE_URL, and that this machine is online.") from None
        if response.status_code in (404, 405):
            return ()  # Not every server has it; a wrong path looks the same, and a digest then falls back and says so.
        if not response.is_success:
            raise DigestError(
                f"the language model's server answered {response.status_code}{self._code(response)}", _hint(response)
            )
        try:
            return tuple(str(model["id"]) for model in response.json()["data"])
        except (ValueError, KeyError, TypeError, RecursionError):
            what = "the language model's server does not answer as an OpenAI-compatible one does"
            raise DigestError(what, "Check LLM_BASE_URL (with its version, such as /v1).") from None

    async def complete(self, *, system: str, user: str, schema: Mapping[str, Any], name: str) -> Completion:
        """One answer. Raises DigestError, without a word of the conversation in it."""
        url, outcome, began = httpx.URL(self._url), "failed", time.perf_counter()
        about = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",  # by its interface; whose the model is, is not to be seen
            "gen_ai.request.model": self.model,
            "server.address": url.host,
            "server.port": url.port,
        }
        try:
            with span(f"chat {self.model}", about, kind="client") as one:
                made = await self._complete(system, user, schema, name)
                used = {"gen_ai.usage.input_tokens": made.tokens_in, "gen_ai.usage.output_tokens": made.tokens_out}
                one.set(used)
            outcome = "answered"
        finally:
            figures.LLM.add(outcome)
            figures.LLM_SECONDS.observe(time.perf_counter() - began)
        figures.LLM_TOKENS.add("in", by=made.tokens_in or 0)
        figures.LLM_TOKENS.add("out", by=made.tokens_out or 0)
        return made

    async def _complete(self, system: str, user: str, schema: Mapping[str, Any], name: str) -> Completion:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        while True:
            kind = _FORMATS[self._format]
            response = await self._post({"model": self.model, "messages": messages} | _format(kind, schema, name))
            if any(code in self._code(response) for code in _TOO_LONG):
                raise TranscriptTooLong(f"the transcript is too long for {self.model}")
            if response.status_code not in (400, 422) or kind == _FORMATS[-1]:
                return self._completion(response)
            self._format = _FORMATS.index(kind) + 1

    async def _answer(self, method: str, url: str, **request: Any) -> httpx.Response:
        """The answer, read as far as it is of any use. Raises DigestError for a longer one, and httpx' own errors."""
        content = bytearray()
        async with self._client.stream(method, url, **request) as response:
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > _MOST:
                    what = f"the language model's answer is longer than {_MOST / 1e6:g} MB"
                    raise DigestError(what, charged=response.is_success)
        return httpx.Response(response.status_code, content=bytes(content))

    async def _post(self, body: dict[str, Any]) -> httpx.Response:
        """One request, and one more after bad luck: the answer is only text, so asking twice is safe."""
        for last in (False, True):
            try:
                response = await self._answer("POST", self._url, json=body)
            except httpx.TimeoutException:
                raise DigestError("the language model did not answer in time", charged=True) from None
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if last:
                    raise DigestError(f"the language model cannot be reached ({type(error).__name__})") from None
            else:
                if last or response.status_code not in _TRANSIENT:
                    return response
            await asyncio.sleep(self._retry_seconds)
        raise AssertionError("unreachable")

    def _completion(self, response: httpx.Response) -> Completion:
        if not response.is_success:
            raise DigestError(
                f"the language model's server answered {response.status_code}{self._code(response)}", _hint(response)
            )
        try:
            body = response.json()
            choice = body["choices"][0]
            content = choice["message"]["content"]
        except (ValueError, KeyError, IndexError, TypeError, RecursionError):
            what = "the language model's server did not answer in the form of chat completions"
            raise DigestError(what, charged=True) from None
        if choice.get("finish_reason") == "length":
            raise DigestError("the language model's answer was cut off at its length limit", charged=True)
        if not isinstance(content, str) or not content.strip():
            raise DigestError("the language model gave no answer", charged=True)
        usage = wire.mapping(body.get("usage"))  # some servers leave it out
        return Completion(content, wire.whole(usage.get("prompt_tokens")), wire.whole(usage.get("completion_tokens")))

    def _code(self, response: httpx.Response) -> str:
        """The vendor's short code, if it is a known one. Its message may repeat the request or part of the key."""
        try:
            error = response.json()["error"]
            found = [error.get("code"), error.get("type")]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return ""
        known = [word for word in found if isinstance(word, str) and word in _CODES]
        return f" ({self._veil(known[0])})" if known else ""


def _format(kind: str, schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    if kind == "json_schema":
        return {
            "response_format": {"type": kind, "json_schema": {"name": name, "strict": True, "schema": dict(schema)}}
        }
    return {"response_format": {"type": kind}} if kind == "json_object" else {}


def _hint(response: httpx.Response) -> str:
    if response.status_code in (401, 403):
        return "Check LLM_API_KEY."
    if response.status_code == 404:
        return "Check LLM_BASE_URL (with its version, such as /v1) and LLM_MODEL."
    return ""
