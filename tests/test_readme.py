"""The README is true: its commands and options exist, its examples run, its pictures show what is there."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import psycopg
import pytest
import typer.main
from mypy import api as mypy
from pydantic import SecretStr

from agentctl import apply, connect, plan
from agentctl.cli.app import app, run
from agentctl.resources.assistant import Part
from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.settings import Settings
from agentctl.sources import named_variables
from agentctl.sources.assistant_file import AssistantFile, KnowledgeEntry
from agentctl.sources.files import load
from agentctl.sources.init import write
from agentctl.verbs.calls.call import calls
from webhooks.signature import HEADER, sign

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SAMPLE = ROOT / "tests" / "samples" / "post_call_transcription.json"
SECRET = "wsec_only_for_tests"
CALL = re.compile(r"(?<![\w.-])(?<!from )agentctl((?: +(?!agentctl\b)[^\s`|&()#]+)+)")


def blocks(language: str) -> list[str]:
    """The content of every fenced block of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def invocations() -> list[str]:
    """Whatever follows `agentctl` in code: fenced, indented or inline."""
    fenced = [content for name in ("text", "console", "ini", "toml") for content in blocks(name)]
    prose = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
    indented = [line for line in prose.splitlines() if line.startswith("    ")]
    inline = re.findall(r"`([^`\n]+)`", prose)
    found = {match[1].strip() for code in (*fenced, *indented, *inline) for match in CALL.finditer(code)}
    return sorted(found)


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something by itself, with its path."""
    for name, command in group.commands.items():
        nested = hasattr(command, "commands")
        if not nested or command.invoke_without_command:
            yield (*path, name), command
        if nested:
            yield from commands(command, (*path, name))


def options(command: Any) -> dict[str, Any]:
    """Each spelling of each option, with its parameter; `--help` is everybody's."""
    return {"--help": None} | {
        spelling: param for param in command.params for spelling in (*param.opts, *param.secondary_opts)
    }


def section(path: Sequence[str]) -> str:
    """What the README says of one command, heading included."""
    start = re.search(rf"^#### `agentctl {' '.join(path)}[ `].*$", README, re.MULTILINE)
    assert start, f"no section of its own: agentctl {' '.join(path)}"
    rest = README[start.end() :]
    end = re.search(r"^##", rest, re.MULTILINE)
    return start[0] + (rest[: end.start()] if end else rest)


@pytest.mark.parametrize("words", invocations())
def test_every_command_that_it_shows_exists_with_its_options(words: str) -> None:
    command: Any = typer.main.get_command(app)
    tokens = iter(word.strip("[],.;:…") for word in words.split())
    for token in tokens:
        if token.startswith("-"):
            known = options(command)
            name = token.partition("=")[0]
            assert name in known, f"agentctl {words}: no {name}"
            if known[name] is not None and not known[name].is_flag:
                next(tokens, None)
        elif hasattr(command, "commands") and (token.islower() or not token):
            assert token in command.commands, f"agentctl {words}: no {token!r}"
            command = command.commands[token]


def test_it_shows_enough_commands_for_the_test_above_to_mean_something() -> None:
    assert len(invocations()) > 30


def test_every_command_has_a_section_that_names_all_its_options() -> None:
    missing = []
    for path, command in commands(typer.main.get_command(app)):
        text = section(path)
        for param in command.params:
            spellings = [opt for opt in param.opts if opt.startswith("--") and opt != "--help"]
            if spellings and not any(re.search(rf"{spelling}(?![\w-])", text) for spelling in spellings):
                missing.append(f"agentctl {' '.join(path)} {spellings[0]}")
    assert missing == []


def test_every_setting_is_in_its_table_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (?:`([^`]*)`)? ?\|", README, re.MULTILINE))
    assert set(rows) == {name.upper() for name in Settings.model_fields}
    example = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert set(example) == set(rows)
    defaults = {name.upper(): field.default for name, field in Settings.model_fields.items()}
    assert rows == {name: str(value).rstrip("/") if value else "" for name, value in defaults.items()}


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    """A project out of the README's annotated files."""
    project, assistant = blocks("toml")
    home = tmp_path / "annotated" / "assistants" / "empfang"
    (home / "knowledge").mkdir(parents=True)
    (tmp_path / "annotated" / "agentctl.toml").write_text(project, encoding="utf-8")
    (home / "assistant.toml").write_text(assistant, encoding="utf-8")
    other = tmp_path / "annotated" / "assistants" / "notdienst"
    other.mkdir()
    greeting = 'first_message = "Notdienst, hier ist eine KI."'
    (other / "assistant.toml").write_text(f'name = "Notdienst"\nlanguage = "de"\n{greeting}\n', encoding="utf-8")
    (other / "prompt.md").write_text("Du bist der Notdienst.\n", encoding="utf-8")
    (home / "prompt.md").write_text("Du bist der Empfang der [[company]], {{system__time}}.\n", encoding="utf-8")
    (home / "knowledge" / "oeffnungszeiten.md").write_text("Täglich von 9 bis 17 Uhr.\n", encoding="utf-8")
    return tmp_path / "annotated"


def test_what_a_user_writes_loads_without_a_problem_and_shows_every_key(annotated: Path) -> None:
    project, assistant = blocks("toml")
    loaded = load(annotated)
    assert loaded.problems == ()
    assert [one.key for one in loaded.assistants] == ["empfang", "notdienst"]
    assert loaded.warnings == ()
    only_for_all = {"knowledge_base.shared_folder"}  # refused in assistant.toml
    theirs = set(re.findall(r"^\| `\[+(\w+)", README, re.MULTILINE))  # sections whose keys are ElevenLabs' own
    ours = {key for key in declared(AssistantFile) if key.partition(".")[0] not in theirs}
    assert set(keys(tomllib.loads(assistant))) >= ours - only_for_all
    shown = re.findall(r"^#? ?\[?(\w+)", project, re.MULTILINE)
    assert {"project", "environment", "mail", "digest", "vars", "defaults"} <= set(shown)


def test_the_environment_that_it_shows_loads_without_a_problem(annotated: Path) -> None:
    (shown,) = [block for block in blocks("ini") if "[environments." in block]
    project = annotated / "agentctl.toml"
    project.write_text(f"{project.read_text(encoding='utf-8')}\n{shown}", encoding="utf-8")
    loaded = load(annotated, "staging")
    assert loaded.problems == ()
    assert loaded.assistants[0].phone.numbers == ("+498999998101",)
    assert load(annotated).assistants[0].phone.numbers == ("+498999998100",)
    told = section_named("Environments")
    assert [key for key in named_variables.REFERENCES if f"`{key}`" not in told] == []


def section_named(heading: str) -> str:
    """What stands below one heading of the third level."""
    found = re.search(rf"^### {heading}$(.*?)^##", README, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def keys(table: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """Dotted path of every key; of an array of tables, those of all its entries."""
    for name, value in table.items():
        yield at + name
        for nested in value if isinstance(value, list) else [value]:
            if isinstance(nested, dict):
                yield from keys(nested, f"{at}{name}.")


def declared(model: type[Part], at: str = "") -> Iterator[str]:
    """Dotted path of every key that a file may have."""
    for name, field in model.model_fields.items():
        yield at + name
        nested = KnowledgeEntry if name == "knowledge" else field.annotation
        if isinstance(nested, type) and issubclass(nested, Part):
            yield from declared(nested, f"{at}{name}.")


def test_the_picture_of_the_tree_shows_what_is_there() -> None:
    parents: list[str] = []
    shown = []
    for line in blocks("tree")[0].splitlines():
        depth, name = (len(line) - len(line.lstrip())) // 2, line.split()[0]
        parents[depth:] = [name]
        path = ROOT.joinpath(*parents)
        assert path.is_dir() if name.endswith("/") else path.is_file(), f"{path.relative_to(ROOT)} is not there"
        shown.append(path.relative_to(ROOT))
    whole = [
        path for part in ("agentctl", "agentctl/sync", "agentctl/verbs", "webhooks") for path in (ROOT / part).iterdir()
    ]
    there = {path.relative_to(ROOT) for path in whole if path.name not in ("__pycache__", "py.typed", "__init__.py")}
    assert there - {*shown} == set()
    assert [path for path in {*shown} if shown.count(path) > 1] == [], "told twice"
    scripts = {path.name for path in (ROOT / "scripts").iterdir() if path.suffix == "" and path.is_file()}
    told = re.search(r"^scripts/ +(.*)$", README, re.MULTILINE)
    assert told
    assert set(told[1].split()) == scripts


def test_who_may_import_whom_is_what_the_linter_checks() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layered = next(one for one in project["tool"]["importlinter"]["contracts"] if one["type"] == "layers")
    assert blocks("layers")[0].splitlines() == layered["layers"]


def test_the_alerts_that_it_counts_are_those_that_are_printed() -> None:
    alerts = (ROOT / "agentctl/templates/monitoring/alerts.yml").read_text(encoding="utf-8").count("- alert:")
    assert f"a Grafana dashboard and {alerts} alerts over them" in README


def test_links_lead_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert target[1:] in anchors if target.startswith("#") else (ROOT / target).is_file(), target


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library example, as a file of its own."""
    path = tmp_path_factory.mktemp("readme") / "product.py"
    path.write_text(blocks("python")[0], encoding="utf-8")
    return path


def test_the_library_example_is_fully_typed(example: Path) -> None:
    # The project's configuration, so that scripts/check and this share a cache; it is strict.
    configuration = ("--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache"))
    said, failed, code = mypy.run([*configuration, str(example)])
    assert code == 0, said + failed


@pytest.mark.anyio
@pytest.mark.usefixtures("project")
async def test_what_a_user_writes_can_be_synced(annotated: Path) -> None:
    async with connect(annotated) as control:
        own = {"settings": {"auth_type": "hmac", "name": "own", "webhook_url": "https://example.org/own"}}
        made = await control.api.post("/v1/workspace/webhooks", json=own)
        declared = annotated / "assistants" / "empfang" / "assistant.toml"
        declared.write_text(declared.read_text("utf-8").replace("wh_1", made["webhook_id"]), "utf-8")
        found = await plan(control)
        assert {notice.what.partition(":")[0] for notice in found.notices} == {"retention", "sink.table"}
        assert [failure.error for failure in (await apply(control, found)).failures] == []
        assert (await plan(control)).changes == ()


@pytest.mark.anyio
async def test_the_library_example_does_what_it_says(example: Path, project: Path, sandbox: BlockingSandbox) -> None:
    product = module(example)
    assert await product.deploy(project) == []
    async with connect(project) as control:
        held = sandbox.call(agent_id=(await control.bindings()).of("agent")["empfang"])
        since = datetime.now(UTC) - timedelta(hours=1)
        assert await product.catch_up(control, since) == [held["conversation_id"]]
        assert await product.catch_up(control, since) == []
        assert await product.work_off(control) == ["Rückruf zum Angebot"]

        body = SAMPLE.read_bytes()
        transport = httpx.ASGITransport(await product.application(control))
        async with httpx.AsyncClient(transport=transport, base_url="http://product") as client:
            signature = {HEADER: sign(body, SecretStr(SECRET), int(time.time()))}
            path = "/telephone/webhooks/elevenlabs"
            assert (await client.post(path, content=body, headers=signature)).status_code == 200
            assert (await client.post(path, content=body)).status_code == 401
        await product.work_off(control)
        stored = {call["conversation_id"] for call in await calls(control)}
        assert stored == {held["conversation_id"], json.loads(body)["data"]["conversation_id"]}


def test_the_json_that_it_shows_is_part_of_what_commands_print(
    example: Path, project: Path, sandbox: BlockingSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(*arguments: str) -> Any:
        capsys.readouterr()
        assert run(["-C", str(project), *arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    conversation_id = asyncio.run(one_call(module(example), project, sandbox))
    toml = project / "assistants" / "empfang" / "assistant.toml"
    toml.write_text(toml.read_text().replace("stability = 0.5", "stability = 0.4"))
    for path in (("plan",), ("doctor",), ("calls", "list"), ("calls", "show"), ("db", "status")):
        told = json.loads(re.findall(r"^```json\n(.*?)^```$", section(path), re.MULTILINE | re.DOTALL)[0])
        arguments = [conversation_id] if path == ("calls", "show") else []
        assert lacking(told, printed(*path, *arguments)) == [], path


async def one_call(product: ModuleType, project: Path, sandbox: BlockingSandbox) -> str:
    """Sync, hold a call and store it, by the README's own example; the answer is its id."""
    await product.deploy(project)
    async with connect(project) as control:
        held = sandbox.call(agent_id=(await control.bindings()).of("agent")["empfang"])
        await product.catch_up(control, datetime.now(UTC) - timedelta(hours=1))
        await product.work_off(control)
    return str(held["conversation_id"])


def test_the_fault_that_it_orders_is_understood(sandbox: BlockingSandbox) -> None:
    order = re.search(r"-d '(\{.*\})'", README)
    assert order
    sandbox.fault(**json.loads(order[1]))
    assert sandbox.faults()[0]["times"] == 2


def test_what_deletes_a_call_leaves_nothing_of_it(
    example: Path, project: Path, sandbox: BlockingSandbox, dsn: str
) -> None:
    conversation_id = asyncio.run(one_call(module(example), project, sandbox))
    assert run(["-C", str(project), "calls", "forget", conversation_id, "--yes"]) == 0
    with psycopg.connect(dsn) as connection:
        for table in ("calls", "call_turns", "digests", "action_items", "events", "outbox"):
            counted = connection.execute(f"select count(*) from agentctl.{table}".encode()).fetchone()
            assert counted == (0,), table


def test_what_tells_of_a_new_address_changes_every_location(dsn: str) -> None:
    (told,) = (block for block in blocks("sql") if "OLD-HOST" in block)
    old = "'supabase:OLD-HOST/recordings/default/conv_1.mp3'"
    with psycopg.connect(dsn) as connection:
        places = connection.execute(
            "select table_name, column_name from information_schema.columns join information_schema.tables "
            "using (table_schema, table_name) where table_schema = 'agentctl' and table_type = 'BASE TABLE' "
            "and column_name in ('location', 'recording') and data_type = 'text' order by 1"
        ).fetchall()
        assert [table for table, _ in places] == ["begun_recordings", "recordings", "remains"]
        for table, column in places:
            more = (", at_vendor", ", false") if table == "remains" else ("", "")
            added = (
                f"insert into agentctl.{table} (conversation_id, {column}{more[0]}) values ('conv_1', {old}{more[1]})"
            )
            connection.execute(added.encode())
        connection.execute(told.encode())
        for table, column in places:
            (found,) = connection.execute(f"select {column} from agentctl.{table}".encode()).fetchone() or ()
            assert found == "supabase:NEW-HOST/recordings/default/conv_1.mp3", table


def lacking(told: Any, real: Any, at: str = "$") -> list[str]:
    """What the README shows and the real document has not, or has in another type."""
    if isinstance(told, dict):
        if not isinstance(real, dict):
            return [at]
        absent = [f"{at}.{key}" for key in told if key not in real]
        return absent + [place for key in told if key in real for place in lacking(told[key], real[key], f"{at}.{key}")]
    if isinstance(told, list):
        if not isinstance(real, list) or (told and not real):
            return [at]
        # Any one entry that has it all will do: findings and turns differ.
        return min((lacking(told[0], entry, f"{at}[]") for entry in real), key=len) if told else []
    kinds = {type(told), type(real)} - {type(None)}
    return [at] if len(kinds) > 1 and not kinds <= {int, float} else []


def module(path: Path) -> ModuleType:
    """The example, imported."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture
def sandbox() -> Iterator[BlockingSandbox]:
    with running_thread() as running:
        yield running


@pytest.fixture
def project(dsn: str, sandbox: BlockingSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project that `agentctl init` writes, without a number; its settings lead to a sandbox and a database."""
    home = tmp_path / "telephone"
    write(home, project="telephone")
    toml = home / "assistants" / "empfang" / "assistant.toml"
    toml.write_text(re.sub(r"^numbers = .*$", "numbers = []", toml.read_text(), flags=re.MULTILINE))
    settings = {
        "ELEVENLABS_BASE_URL": sandbox.url,
        "ELEVENLABS_API_KEY": sandbox.key,
        "ELEVENLABS_WEBHOOK_SECRET": SECRET,
        "DATABASE_URL": dsn,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return home
