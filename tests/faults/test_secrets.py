"""Every secret is a canary: it stands in all inputs, platforms repeat it in their refusals, and nobody hears of it."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from agentctl.clients.retry import Retry
from agentctl.sandbox.harness import running_thread
from agentctl.sandbox.options import Options, TwilioNumber
from agentctl.settings import Settings
from agentctl.wiring import Control
from tests.cluster import free_port
from tests.faults.world import no_time
from tests.telephony import NUMBER, Bench, environment

CANARIES = {
    name: f"{prefix}canary{index}{name.lower().replace('_', '')}0123456789abcdef"
    for index, (name, prefix) in enumerate({
        "ELEVENLABS_API_KEY": "sk_", "TWILIO_AUTH_TOKEN": "", "TWILIO_API_KEY_SECRET": "",
        "ELEVENLABS_WEBHOOK_SECRET": "wsec_", "SMTP": "", "LLM_API_KEY": "sk-", "RESEND_API_KEY": "re_",
        "HEADER": "Bearer-", "TOOL_TOKEN": "", "THEIRS": "", "TOOL": "", "ADDRESS": "", "PARAMETER": "",
    }.items())
}  # fmt: skip
IMPORT = ("import-number", NUMBER, "--assistant", "empfang", "--yes")
SID = "SK" + "0" * 31 + "1"
RAW = """
[elevenlabs.conversation_config.agent.prompt.custom_llm]
url = "https://llm.example.org/0"
request_headers = {{ Authorization = "{header}0" }}

[elevenlabs.platform_settings.workspace_overrides.conversation_initiation_client_data_webhook]
url = "https://crm:{address}@crm.example.org/callers?api_key={parameter}"
request_headers = {{ X-Token = "{token}" }}

[[elevenlabs.conversation_config.agent.prompt.tools]]
type = "webhook"
name = "crm"
description = "Looks a caller up."
api_schema = {{ url = "https://crm.example.org/tool", request_headers = {{ Authorization = "Bearer {tool}" }} }}
"""


class Watched:
    """A bench of which everything is heard: what is printed and what is logged down to DEBUG."""

    def __init__(self, bench: Bench, dsn: str, caplog: pytest.LogCaptureFixture) -> None:
        self.bench, self.heard = bench, dict[str, str]()
        self._dsn, self._caplog = dsn, caplog

    def __call__(self, *arguments: str) -> int:
        self._caplog.clear()
        with self._caplog.at_level(logging.DEBUG):
            code, out, err = self.bench(*arguments)
        logs = "\n".join(f"{record.getMessage()} {record.args!r} {record.exc_text}" for record in self._caplog.records)
        self.heard[f"{' '.join(arguments)} ({len(self.heard)})"] = f"{out}{err}{logs}"
        return code

    def state(self) -> Iterator[tuple[str, str]]:
        """Every table of ours, as text."""
        with psycopg.connect(self._dsn) as connection:
            tables = connection.execute("select tablename from pg_tables where schemaname = 'agentctl'").fetchall()
            for (table,) in tables:
                rows = connection.execute(f"select t::text from agentctl.{table} t").fetchall()
                yield table, "\n".join(row[0] for row in rows)

    def told(self) -> list[str]:
        """Where a canary was heard."""
        places = [*self.heard.items(), *self.state()]
        files = [path for path in self.bench.root.rglob("*") if path.is_file() and path.name != ".env"]
        places += [(str(path), path.read_text()) for path in files if path.name != "assistant.toml"]
        return [f"{name} in {place}" for place, text in places for name, one in CANARIES.items() if one in text]


@pytest.fixture
def watched(
    dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Watched]:
    options = Options(
        api_key=CANARIES["ELEVENLABS_API_KEY"],
        auth_token=CANARIES["TWILIO_AUTH_TOKEN"],
        api_key_sid=SID,
        api_key_secret=CANARIES["TWILIO_API_KEY_SECRET"],
        numbers=(TwilioNumber(NUMBER, voice_url="https://phone.example.org/old-flow"),),
    )
    for client in ("elevenlabs", "twilio"):
        monkeypatch.setattr(f"agentctl.clients.{client}.Retry", lambda: Retry(attempts=2, sleep=no_time))
    with running_thread(options) as sandbox:
        environment(monkeypatch, sandbox, dsn)
        for name in ("TWILIO_AUTH_TOKEN", "ELEVENLABS_API_KEY"):
            monkeypatch.delenv(name, raising=False)
        closed = f"http://127.0.0.1:{free_port()}"
        (tmp_path / ".env").write_text(
            "".join(f"{name}={one}\n" for name, one in CANARIES.items() if name.isupper() and "_" in name)
            + f"SMTP_URL=smtp://post:{CANARIES['SMTP']}@127.0.0.1:{free_port()}\nMAIL_FROM=post@example.org\n"
            + f"TWILIO_API_KEY_SID={SID}\nLLM_BASE_URL={closed}\nLLM_MODEL=any\n"
        )
        (tmp_path / "agentctl.toml").write_text('project = "beispiel"\n')
        bench = Bench(tmp_path, sandbox, capsys)
        names = {
            "header": "HEADER",
            "token": "TOOL_TOKEN",
            "tool": "TOOL",
            "address": "ADDRESS",
            "parameter": "PARAMETER",
        }
        raw = RAW.format(**{name: CANARIES[which] for name, which in names.items()})
        bench.declare("empfang", f'[post_call]\nmail_to = ["a@example.org"]\n{raw}')
        yield Watched(bench, dsn, caplog)


def test_what_works_tells_no_secret(watched: Watched) -> None:
    bench = watched.bench
    for arguments in (("plan",), ("plan", "--json"), ("status",)):
        assert watched(*arguments) == 0
    assert watched("sync", "--yes", "--json") == 0
    assert watched(*IMPORT) == 0
    agent = bench.agent()
    llm = agent["conversation_config"]["agent"]["prompt"]["custom_llm"]
    assert llm["request_headers"]["Authorization"] == CANARIES["HEADER"] + "0", (
        "the platform has what is kept from everybody else"
    )
    theirs = {"url": "https://llm.example.org/v2", "request_headers": {"Authorization": CANARIES["THEIRS"]}}
    edit(bench, {"conversation_config": {"agent": {"prompt": {"custom_llm": theirs}}}})
    assert watched("plan") == 0
    assert watched("plan", "--json") == 0
    assert watched("sync", "--yes") == 3
    assert watched("status", "--json") == 0
    assert watched("pull", "empfang", "--json") in (0, 2)
    assert watched("sync", "--take-ours", "--yes") == 0
    again(bench)
    assert watched("sync", "--yes") == 0
    for arguments in (("history", "empfang"), ("history", "empfang", "--json"), ("rollback", "empfang", "--yes")):
        watched(*arguments)
    assert watched("unhold", "empfang") == 0
    watched("doctor")
    watched("doctor", "--json")
    assert not watched.told()
    assert len(watched.heard) > 12


# What a refusal may repeat: what was sent with the request.
SENT = ("ELEVENLABS_API_KEY", "HEADER", "TOOL_TOKEN", "TWILIO_API_KEY_SECRET")
SYNC = ("sync", "--yes")
ECHOES = (
    ("GET", "/v1/convai/agents*", SENT[:1], SYNC),
    ("POST", "/v1/convai/agents/create", SENT[:3], SYNC),
    ("*", "/2010*", SENT[3:], IMPORT),
    ("POST", "/v1/convai/phone-numbers", (SENT[0], SENT[3]), IMPORT),
    ("PATCH", "/v1/convai/agents/*", SENT[:2], SYNC),
)


@pytest.mark.parametrize("status", [401, 422])
def test_refusals_that_repeat_what_was_sent_tell_no_secret(watched: Watched, status: int) -> None:
    bench = watched.bench
    for method, path, names, command in ECHOES:
        number = again(bench)
        said = " ".join(CANARIES[name] + str(number) * (name == "HEADER") for name in names)
        body = {"message": said} if method == "*" else {"detail": {"status": "refused", "message": said}}
        bench.sandbox.fault(method=method, path=path, status=status, body=body, times=9)
        assert watched(*command) == 1
        assert bench.sandbox.faults()[0]["hits"], (method, path)
        bench.sandbox.clear_faults()
        if path.endswith("create"):
            assert watched("sync", "--yes") == 0
    assert watched.told() == []


def test_what_is_kept_at_the_platform_is_told_without_its_secrets_whoever_asks(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    bench = watched.bench
    caplog.set_level(logging.INFO, "httpcore")  # Its log for debugging holds every header of an answer.
    assert watched("sync", "--yes") == 0
    key, token, tool = (CANARIES[name] for name in ("ELEVENLABS_API_KEY", "TWILIO_API_KEY_SECRET", "TOOL"))
    basic = base64.b64encode(f"{SID}:{token}".encode()).decode()
    report = bench.root / "report.json"
    for said, headers in (
        (f"stored header is Bearer {tool}", {}),
        (f"stored header is Bearer%20{tool.upper()}", {"request-id": key}),
        (repr(f"https://u:{CANARIES['ADDRESS']}@x?y={CANARIES['PARAMETER']}"), {"x-trace-id": tool}),
        (None, {"content-type": f"text/{key}"}),
    ):
        body: Any = {"detail": said} if said else f"<html>{key}"
        bench.sandbox.fault(path="/v1/convai/agents/*", status=400, body=body, headers=headers, times=9)
        assert watched("sync", "--yes", "-q", "--report", str(report)) == 1
        assert "400" in report.read_text()
        bench.sandbox.clear_faults()
    for headers in ({"location": f"https://{key}/v1"}, {"location": f"https://{key.lower()}.example.org"}):
        bench.sandbox.fault(path="/v1/convai/agents/*", status=302, headers=headers, times=9)
        assert watched("plan") == 1
        bench.sandbox.clear_faults()
    for place in ("/2010*", "/v1/convai/phone-numbers*"):
        said = f"Authorization: Basic {basic} is wrong"
        bench.sandbox.fault(path=place, status=400, body={"message": said, "detail": said, "code": 20003}, times=9)
        assert watched(*IMPORT) == 1
        bench.sandbox.clear_faults()
    httpx.post(
        f"{bench.sandbox.url}/v1/convai/agents/create",
        json={"name": f"of {key}", "conversation_config": {}},
        headers={"xi-api-key": bench.sandbox.key},
    ).raise_for_status()
    assert watched("plan") == 0
    assert watched("plan", "--json") == 0
    assert watched.told() == []
    assert basic not in str(watched.heard)
    assert "of ***" in str(watched.heard)
    watched("pull", "--all")
    assert watched.told() == []
    assert "of ***" in list(watched.heard.values())[-1]


def test_wrong_settings_and_files_are_not_repeated(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = watched.bench
    for name, wrong in {
        "DATABASE_URL": f"postgresql://post:{CANARIES['SMTP']}@127.0.0.1:1/none",
        "SMTP_URL": f"nonsense://post:{CANARIES['SMTP']}@",
        "ELEVENLABS_BASE_URL": f"https://post:{CANARIES['SMTP']}@127.0.0.1:1",
        "ELEVENLABS_API_KEY": f"{CANARIES['ELEVENLABS_API_KEY']} with spaces",
        "TWILIO_ACCOUNT_SID": CANARIES["TWILIO_AUTH_TOKEN"],
    }.items():
        with monkeypatch.context() as changed:
            changed.setenv(name, wrong)
            for arguments in (("plan",), ("doctor",), IMPORT):
                watched(*arguments)
    text = bench.toml.read_text()
    for wrong in (f'language = "{CANARIES["HEADER"]}"\n', f"prompt = {CANARIES['SMTP']}\n", f"= {CANARIES['SMTP']}\n"):
        bench.toml.write_text(f"{wrong}{text}")
        assert watched("plan") == 2
    assert watched.told() == []


def test_no_repr_tells_a_secret(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, one in CANARIES.items():
        monkeypatch.setenv(name, one)
    monkeypatch.setenv("SMTP_URL", f"smtp://post:{CANARIES['SMTP']}@mail.example.org")

    async def shown(control: Any) -> str:
        from agentctl.verbs import sync

        plan = await sync.plan(control)
        store = await control.store()
        parts = (control, control.settings, control.api, store, plan, *plan.changes, *plan.failures)
        return " ".join(f"{one!r} {one!s}" for one in parts)

    text = watched.bench.control(shown) + repr(Settings()) + str(Settings())
    assert [name for name, one in CANARIES.items() if one in text and name not in ("HEADER", "TOOL_TOKEN")] == []
    assert [name for name in ("HEADER", "TOOL_TOKEN") if CANARIES[name] in text] == []


def again(bench: Bench) -> int:
    """Another URL, and another header with it: their number."""
    text, base = bench.toml.read_text(), "https://llm.example.org/"
    number = int(text.partition(base)[2].partition('"')[0])
    for start in (base, CANARIES["HEADER"]):
        text = text.replace(f'{start}{number}"', f'{start}{number + 1}"')
    bench.toml.write_text(text)
    return number + 1


def edit(bench: Bench, patch: Any) -> None:
    """Somebody edits the agent in the dashboard."""
    (agent_id,) = bench.sandbox.state()["agents"]
    headers = {"xi-api-key": bench.sandbox.key}
    httpx.patch(f"{bench.sandbox.url}/v1/convai/agents/{agent_id}", json=patch, headers=headers).raise_for_status()


def test_what_stands_in_a_text_at_the_platform_is_shown_without_secrets(watched: Watched) -> None:
    bench = watched.bench
    assert watched("sync", "--yes") == 0
    names = ("ELEVENLABS_API_KEY", "TWILIO_AUTH_TOKEN", "ELEVENLABS_WEBHOOK_SECRET", "TOOL", "PARAMETER")
    said = "\n".join(f"Line {number}: {CANARIES[name]}" for number, name in enumerate(names))

    async def write(control: Control) -> None:
        agent = {"prompt": {"prompt": said}}
        agent_id = (await control.bindings()).of("agent")["empfang"]
        body = {"name": f"Of {CANARIES['TWILIO_AUTH_TOKEN']}", "conversation_config": {"agent": agent}}
        await control.api.patch("/v1/convai/agents/{agent_id}", agent_id=agent_id, json=body)
        await control.api.post("/v1/convai/agents/create", json={**body, "name": "Theirs"})

    bench.control(write)
    for arguments in (("plan",), ("status",), ("sync", "--yes"), ("history",), ("doctor",)):
        watched(*arguments)
        watched(*arguments, "--json")
    watched("sync", "--yes", "--quiet", "--mail-to", "team@example.org", "--report", str(bench.root / "report.json"))
    for arguments in (("pull", "--all"), ("pull", "--all", "--json")):
        assert watched(*arguments) == 2, "nobody says yes"
    assert watched.told() == []
    plan, pull = (
        next(text for what, text in watched.heard.items() if what.startswith(one)) for one in ("plan", "pull")
    )
    assert "-Line 4: ***" in plan
    assert 'name: "Of ***" -> "***"' in plan
    assert "+Line 4: ***" in pull
    assert "assistants/empfang/prompt.md: would hold a secret of this project's" in pull
    assert watched("pull", "empfang", "--yes", "--json") == 0
    assert (bench.root / "assistants" / "empfang" / "prompt.md").read_text().strip() == said, "as it is there"
    told = watched.heard.popitem()[1]
    assert [name for name in CANARIES if CANARIES[name] in told] == []


def test_an_address_that_lets_in_is_masked_in_the_middle_of_any_text(watched: Watched) -> None:
    bench, prompt = watched.bench, watched.bench.root / "assistants" / "empfang" / "prompt.md"

    def said(number: int) -> str:
        return f"Call https://svc:amsel{number}word@x.org/y or https://x.org/v1?api_key=amsel{number}key now, {number}."

    def heard() -> list[str]:
        places = ((what, text, text.find("amsel")) for what, text in watched.heard.items())
        return [f"{what}: {text[at - 80 : at + 80]}" for what, text, at in places if at >= 0]

    prompt.write_text(f"Be kind.\n{said(1)}\n")
    bench.toml.write_text(bench.toml.read_text().replace("Looks a caller up.", said(2)))
    report = bench.root / "report.json"
    for arguments in (("plan",), ("plan", "--json"), ("sync", "--yes", "--report", str(report))):
        assert watched(*arguments) == 0
        watched.heard[f"report of {arguments}"] = report.read_text() if report.exists() else ""
    assert said(1) in bench.agent()["conversation_config"]["agent"]["prompt"]["prompt"]
    assert not heard()
    edit(
        bench,
        {"conversation_config": {"agent": {"first_message": said(4), "prompt": {"prompt": f"Hello.\n{said(5)}"}}}},
    )
    assert watched("plan") == 0
    assert f"+{said(1)}".replace("amsel1word", "***").replace("amsel1key", "***") in watched.heard["plan (6)"]
    for arguments in (("status",), ("sync", "--yes", "--report", str(report)), ("history", "empfang")):
        watched(*arguments)
        watched(*arguments, "--json")
    watched.heard["the last report"] = report.read_text()
    assert watched("pull", "empfang") == 2, "nobody says yes"
    (pull,) = (text for what, text in watched.heard.items() if what.startswith("pull"))
    assert "+Call https://svc:***@x.org/y or https://x.org/v1?api_key=*** now, 5." in pull
    assert "assistants/empfang/prompt.md: would hold an address with a secret in it" in pull
    assert watched("pull", "empfang", "--yes", "--json") == 0
    assert prompt.read_text() == f"Hello.\n{said(5)}\n", "the text of the team is pulled as it is there"
    prompt.write_text(f"Hello.\n{said(6)}\n")
    assert watched("sync", "--yes", "--json") == 0
    assert watched("history", "empfang") == 0
    assert watched("rollback", "empfang", "--to", "1", "--yes") == 0, "what was applied is known as text"
    assert said(1) in bench.agent()["conversation_config"]["agent"]["prompt"]["prompt"]
    assert not heard()
