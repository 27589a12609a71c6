"""A secret that was one once, or that somebody set in the dashboard, is not shown beside its own ***."""

from __future__ import annotations

import json

import httpx
import pytest

from agentctl.errors import Problem, Rejected
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Failure, Plan
from agentctl.verbs import former_secrets
from agentctl.wiring import Control
from tests.telephony import Bench
from tests.telephony import bench as bench

OLD, NEW, THEIRS = "ALTERSCHLUESSEL77", "NEUERSCHLUESSEL88", "fremdes-geheimnis-99"
LLM = """
[elevenlabs.conversation_config.agent.prompt.custom_llm]
url = "https://llm.example.org/v1"
request_headers = { X-Key = "das-eigene-geheimnis" }
"""


def declared(bench: Bench, secret: str, version: int) -> None:
    (bench.root / "agentctl.toml").write_text(f'project = "beispiel"\n[vars]\ntarif_api_key = "{secret}"\n')
    prompt = f"Tarife, Fassung {version}, gibt es mit [[tarif_api_key]] im Netz."
    (bench.toml.parent / "prompt.md").write_text(prompt)


def edits(bench: Bench, agent: dict[str, object]) -> None:
    path = f"/v1/convai/agents/{bench.agent()['agent_id']}"
    body = {"conversation_config": {"agent": agent}}
    headers = {"xi-api-key": bench.sandbox.key}
    httpx.patch(bench.sandbox.url + path, json=body, headers=headers, trust_env=False).raise_for_status()


@pytest.mark.parametrize(
    "arguments", [("plan",), ("plan", "--json"), ("sync", "--yes", "--report", "r.json"), ("sync", "--yes", "--json")]
)
def test_a_rotated_secret_is_shown_on_neither_side(bench: Bench, arguments: tuple[str, ...]) -> None:
    declared(bench, OLD, 1)
    assert bench("sync", "--yes")[0] == 0
    declared(bench, NEW, 2)
    report = bench.root / "r.json"
    code, out, err = bench(*(str(report) if one == report.name else one for one in arguments))
    text = out + err + (report.read_text() if report.exists() else "")
    assert (code, OLD in text, NEW in text) == (0, False, False)
    assert "gibt es mit *** im Netz" in text


def test_a_rollback_shows_neither_the_secret_it_leaves_nor_the_one_it_returns_to(bench: Bench) -> None:
    for version, secret in enumerate((OLD, NEW)):
        declared(bench, secret, version)
        assert bench("sync", "--yes")[0] == 0
    code, out, err = bench("rollback", "empfang", "--yes")
    assert (code, OLD in out + err, NEW in out + err) == (0, False, False)


def test_what_was_put_there_as_a_secret_is_one_in_every_text(bench: Bench) -> None:
    bench.toml.write_text(f'{bench.toml.read_text()}first_message = "Hallo!"\n{LLM}')
    assert bench("sync", "--yes")[0] == 0
    llm = {"url": "https://llm.example.org/v1", "request_headers": {"X-Key": THEIRS}}
    edits(bench, {"first_message": f"Hallo {THEIRS}!", "prompt": {"custom_llm": llm, "prompt": f"Nutze {THEIRS}."}})
    for arguments in (
        ("plan",),
        ("plan", "--json"),
        ("status",),
        ("pull", "empfang"),
        ("pull", "empfang", "--json", "--yes"),
    ):
        _, out, err = bench(*arguments)
        assert "Hallo" in out or arguments == ("status",)
        assert THEIRS not in out + err, arguments


def test_no_folder_is_called_after_a_secret(bench: Bench) -> None:
    declared(bench, "f00dfeedcafe0001", 1)
    body = {"name": "Neu f00dfeedcafe0001", "conversation_config": {"agent": {"prompt": {"prompt": "Hilf."}}}}
    bench.control(lambda control: control.api.post("/v1/convai/agents/create", json=body))
    code, out, err = bench("pull", "--all", "--json", "--yes")
    assert ([one["assistant"] for one in json.loads(out)["adopted"]], code) == (["neu"], 0), err
    assert "f00dfeed" not in out + err
    assert (bench.root / "assistants" / "neu").is_dir()


def test_a_pull_shows_the_former_secret_in_no_line_of_a_file(bench: Bench) -> None:
    prompt = bench.toml.parent / "prompt.md"
    (bench.root / "agentctl.toml").write_text(f'project = "beispiel"\n[vars]\ntarif_api_key = "{NEW}"\n')
    prompt.write_text(f"Hilf.\nNutze {NEW} dazu.\nDanke.\n")
    assert bench("sync", "--yes")[0] == 0
    edits(bench, {"prompt": {"prompt": f"Hilf.\nNutze {OLD} dazu.\nBitte."}})
    _, out, err = bench("pull", "empfang")
    assert OLD not in out + err
    assert NEW not in out + err
    assert "-Nutze *** dazu." in out
    assert "+Bitte." in out
    _, out, _ = bench("pull", "empfang", "--json", "--yes")
    assert OLD not in out
    assert json.loads(out)["taken"]


@pytest.mark.parametrize("secret", [OLD, "open sesame & more", "Sommer-2026!"])
def test_a_secret_that_leaves_the_variables_and_the_text_at_once_is_not_shown(bench: Bench, secret: str) -> None:
    declared(bench, secret, 1)
    assert bench("sync", "--yes")[0] == 0
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n')
    prompt = bench.root / "assistants" / "empfang" / "prompt.md"
    prompt.write_text("Ganz anders, und ohne Tarife.\n")
    for arguments in (("plan",), ("plan", "--json"), ("status",), ("sync", "--yes")):
        _, out, err = bench(*arguments)
        assert not any(word in out + err for word in (secret, *secret.split()) if len(word) > 5)
    assert bench("plan")[0] == 0


def test_a_secret_that_moved_into_the_variables_without_a_change_is_known_too(bench: Bench) -> None:
    prompt = bench.root / "assistants" / "empfang" / "prompt.md"
    prompt.write_text(f"Tarife mit {OLD} abfragen.\n")
    assert bench("sync", "--yes")[0] == 0
    (bench.root / "agentctl.toml").write_text(f'project = "beispiel"\n[vars]\ntarif_api_key = "{OLD}"\n')
    prompt.write_text("Tarife mit [[ tarif_api_key ]] abfragen.\n")
    assert bench("sync", "--yes")[0] == 0
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n')
    prompt.write_text("Ganz anders.\n")
    assert OLD not in bench("plan")[1]


def test_a_rollback_to_words_with_a_rotated_secret_does_not_show_it(bench: Bench) -> None:
    declared(bench, OLD, 1)
    assert bench("sync", "--yes")[0] == 0
    declared(bench, NEW, 2)
    (bench.root / "assistants" / "empfang" / "prompt.md").write_text("Ganz anders, und ohne Tarife.\n")
    assert bench("sync", "--yes")[0] == 0
    code, out, err = bench("rollback", "empfang", "--yes")
    assert code == 0
    assert OLD not in out + err
    assert OLD in bench.agent()["conversation_config"]["agent"]["prompt"]["prompt"], "the words are as they were"


@pytest.mark.parametrize("environment", [(), ("--env", "staging")])
def test_a_secret_of_an_environments_variables_is_hidden_and_known_again(
    bench: Bench, environment: tuple[str, ...]
) -> None:
    toml, prompt = bench.root / "agentctl.toml", bench.root / "assistants" / "empfang" / "prompt.md"
    name = "staging" if environment else "production"

    def declare(secret: str) -> None:
        own = f'[environments.{name}.vars]\ncrm_key = "{secret}"\n'
        toml.write_text(f'project = "beispiel"\n[vars]\ncrm_key = "keiner"\n{own}')

    declare(OLD)
    prompt.write_text("Nutze [[ crm_key ]] im Netz.\n")
    report = bench.root / "r.json"
    for arguments in (("plan",), ("plan", "--json"), ("sync", "--yes", "--force", "--report", str(report))):
        code, out, err = bench(*environment, *arguments)
        assert (code, OLD in out + err) == (0, False), (arguments, err)
    assert OLD not in report.read_text()
    declare(NEW)
    prompt.write_text("Anders im Netz, mit [[ crm_key ]].\n")
    _, out, err = bench(*environment, "plan")
    assert "im Netz" in out
    assert not any(secret in out + err for secret in (OLD, NEW))


def test_a_rotated_secret_is_known_where_a_plan_only_quotes_it(bench: Bench) -> None:
    declared(bench, OLD, 1)
    assert bench("sync", "--yes")[0] == 0
    declared(bench, NEW, 2)
    refused = Failure(Ref("agent", "empfang"), "assistants/empfang", Rejected(f"refused: {OLD}"))
    plans = (Plan(failures=(refused,)), Plan(waiting=(refused,)), Plan(notices=(Problem("agent", f"has {OLD}"),)))

    async def told(control: Control, plan: Plan) -> str:
        veiled = await former_secrets.veiled(control, plan)
        assert OLD not in str(veiled.notices)
        return control.veil(f"404: {OLD}")

    assert [bench.control(lambda control, one=plan: told(control, one)) for plan in plans] == ["404: ***"] * 3


def test_a_plan_with_nothing_to_show_asks_the_store_for_no_fingerprint(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(control: Control) -> None:
        raise AssertionError("it was asked")

    monkeypatch.setattr(Control, "store", refuses)
    assert bench.control(lambda control: former_secrets.veiled(control, Plan())) == Plan()
