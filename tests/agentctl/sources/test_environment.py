from __future__ import annotations

from pathlib import Path

import pytest

from agentctl.errors import ConfigurationError, UsageError
from agentctl.sources.environment import select
from agentctl.sources.files import load
from agentctl.sources.named_variables import REFERENCES, variables_named
from agentctl.sources.project import FILENAME
from tests.agentctl.sources.disk import PRIVACY, DiskProject

FULL = """
project = "demo"
[vars]
company = "Demo Ltd"
[defaults.llm]
temperature = 0.1
[environments.staging]
base_url = "https://api.eu.residency.elevenlabs.io"
public_url = "https://staging.example.org"
workspace = "acme-test"
api_key_env = "STAGING_KEY"
webhook_secret_env = "STAGING_SECRET"
[environments.staging.vars]
company = "Test Ltd"
[environments.staging.defaults.llm]
temperature = 0.2
max_tokens = 100
[environments.staging.overrides.voice]
stability = 0.9
[environments.staging.overrides.elevenlabs.conversation_config.turn]
turn_timeout = 9
[environments.staging.assistants.reception]
phone.numbers = ["+498999998101"]
post_call.mail_to = ["test@example.org"]
"""
ASSISTANT = f"""
name = "Reception"
first_message = "Hello, an AI of [[company]] answers."
[llm]
max_tokens = 50
[voice]
stability = 0.5
speed = 1.1
[phone]
numbers = ["+498999998100"]
[post_call]
mail_to = ["team@example.org"]
{PRIVACY}
[elevenlabs.conversation_config.turn]
turn_timeout = 8
mode = "turn"
"""


@pytest.fixture
def full(project: DiskProject) -> DiskProject:
    project.write(FILENAME, FULL)
    project.assistant("reception", ASSISTANT, "Be kind at [[company]].")
    return project


def test_each_layer_lies_where_it_belongs(full: DiskProject) -> None:
    (plain,) = full.load().checked().assistants
    loaded = load(full.root, "staging").checked()
    (staged,) = loaded.assistants
    assert (full.load().project.environment, loaded.project.environment) == ("production", "staging")
    # variables and defaults below the file, overrides above it, the assistant's own above those
    assert (plain.prompt, staged.prompt) == ("Be kind at Demo Ltd.", "Be kind at Test Ltd.")
    assert staged.first_message == "Hello, an AI of Test Ltd answers."
    assert (plain.llm.temperature, plain.llm.max_tokens) == (0.1, 50)
    assert (staged.llm.temperature, staged.llm.max_tokens) == (0.2, 50)
    assert (staged.voice.stability, staged.voice.speed) == (0.9, 1.1)
    assert staged.elevenlabs["conversation_config"]["turn"] == {"turn_timeout": 9, "mode": "turn"}
    assert (plain.phone.numbers, staged.phone.numbers) == (("+498999998100",), ("+498999998101",))
    assert staged.post_call.mail_to == ("test@example.org",)
    assert plain.post_call.mail_to == ("team@example.org",)


def test_layers_reach_the_sections_and_may_hold_parts_of_an_entry(project: DiskProject) -> None:
    project.write(
        FILENAME,
        """
project = "demo"
vars.company = "Demo Ltd"
[defaults.data_collection.city]
type = "string"
description = "Where the caller lives."
[environments.staging]
defaults.data_collection.city.description = "Where the tester lives."
defaults.knowledge_base.shared_folder = "Test"
vars.company = "Test Ltd"
[environments.staging.overrides]
privacy.retention_days = 1
rag.enabled = true
knowledge_base.folder = "Test reception"
data_collection.size.description = "How big."
language_presets.fr.first_message = "[[company]], bonjour."
[[environments.staging.overrides.evaluation.criteria]]
id = "polite"
name = "Polite"
conversation_goal_prompt = "Be polite."
[environments.staging.assistants.reception]
built_in_tools.end_call = {}
""",
    )
    project.assistant(
        "reception",
        """
name = "Reception"
privacy.retention_days = 90
privacy.record_voice = false
data_collection.size = { type = "integer", description = "Size." }
language_presets.fr.prompt = "Soyez aimable."
""",
        "Be kind.",
    )
    (plain,) = project.load().checked().assistants
    (staged,) = load(project.root, "staging").checked().assistants
    assert (plain.privacy.retention_days, staged.privacy.retention_days) == (90, 1)
    assert staged.privacy.record_voice is False
    assert (plain.rag.enabled, staged.rag.enabled) == (None, True)
    assert (staged.knowledge_base.folder, staged.knowledge_base.shared_folder) == ("Test reception", "Test")
    assert (plain.evaluation.criteria, [one.id for one in staged.evaluation.criteria or ()]) == (None, ["polite"])
    found = {name: (item.type, item.description) for name, item in staged.data_collection.items()}
    assert found == {"city": ("string", "Where the tester lives."), "size": ("integer", "How big.")}
    assert staged.language_presets["fr"].first_message == "Test Ltd, bonjour."
    assert staged.language_presets["fr"].prompt == "Soyez aimable."
    assert (plain.built_in_tools.end_call, staged.built_in_tools.end_call is None) == (None, False)
    assert plain.source == staged.source


def test_a_part_of_an_entry_that_no_file_completes_is_told(project: DiskProject) -> None:
    project.write(FILENAME, "project = 'demo'\nenvironments.staging.overrides.data_collection.size.description = 'x'\n")
    project.assistant("reception", "name = 'Reception'", "Be kind.")
    assert project.problems() == []
    (problem,) = load(project.root, "staging").problems
    assert str(problem) == "assistants/reception/assistant.toml: data_collection.size.type: is missing"


@pytest.mark.parametrize("no", ["'no'", "0"])
def test_what_may_be_meant_as_no_table_is_told_and_not_taken_for_one(project: DiskProject, no: str) -> None:
    project.write(FILENAME, f"project = 'demo'\nenvironments.staging.table = {no}\n")
    (problem,) = load(project.root, "staging").problems
    assert str(problem).startswith("agentctl.toml: environments.staging.table: ")


def test_files_have_one_origin_whatever_the_environment(full: DiskProject) -> None:
    def origin() -> dict[str, str]:
        (one,) = full.load().checked().assistants
        (other,) = load(full.root, "staging").checked().assistants
        assert one.source == other.source
        return one.source

    before = origin()
    full.write(FILENAME, FULL.replace("stability = 0.9", "stability = 0.8"))
    assert origin() == before
    full.write(FILENAME, FULL.replace("temperature = 0.1", "temperature = 0.3"))
    assert origin() != before
    full.write(FILENAME, 'project = "demo"\nvars.company = "Demo Ltd"\n')
    (alone,) = full.load().checked().assistants
    assert alone.source == {}


def test_what_is_wrong_in_a_layer_is_told_of_the_layer(project: DiskProject) -> None:
    project.write(
        FILENAME,
        "project = 'demo'\n"
        "environments.staging.overrides.knowledge = [{ file = 'nope.md' }]\n"
        "environments.staging.assistants.reception.first_message = '[[nobody]]'\n"
        "environments.staging.overrides.data_collection.size.description = 'x'\n",
    )
    project.assistant("reception", "name = 'R'\n[data_collection.size]\nenum = ['a']\ntype = 'number'\n", "Be kind.")
    wheres = [problem.where for problem in load(project.root, "staging").problems]
    assert wheres == ["assistants/reception/assistant.toml: data_collection.size"]
    project.assistant("reception", "name = 'R'\n[data_collection.size]\ntype = 'number'\n", "Be kind.")
    wheres = [problem.where for problem in load(project.root, "staging").problems]
    assert wheres == [
        "agentctl.toml: environments.staging.overrides.knowledge[0].file",
        "agentctl.toml: environments.staging.assistants.reception.first_message",
    ]


def test_knowledge_that_an_environment_lays_over_is_no_part_of_the_origin(project: DiskProject) -> None:
    project.write(
        FILENAME,
        "project = 'demo'\n[[environments.staging.overrides.knowledge]]\nfile = 'test.md'\n",
    )
    project.assistant("reception", "name = 'R'\n[[knowledge]]\nfile = 'live.md'\n", "Be kind.")
    for name in ("live.md", "test.md", "knowledge/both.md"):
        project.write(f"assistants/reception/{name}", name)
    (plain,) = project.load().checked().assistants
    (staged,) = load(project.root, "staging").checked().assistants
    assert sorted(one.name for one in plain.knowledge) == ["both", "live"]
    assert sorted(one.name for one in staged.knowledge) == ["both", "test"]
    assert plain.source == staged.source
    project.write("assistants/reception/live.md", "changed")
    (staged,) = load(project.root, "staging").checked().assistants
    assert plain.source != staged.source


def test_what_it_says_of_settings(full: DiskProject) -> None:
    there = select(full.root / FILENAME, "staging")
    assert there is not None
    assert there.workspace == "acme-test"
    assert there.variables == {
        "elevenlabs_api_key": "STAGING_KEY",
        "elevenlabs_webhook_secret": "STAGING_SECRET",
    }
    assert there.values == {
        "elevenlabs_base_url": "https://api.eu.residency.elevenlabs.io",
        "public_url": "https://staging.example.org",
    }
    assert variables_named(full.root) == ["STAGING_KEY", "STAGING_SECRET"]
    broken = '[environments.broken]\nwrokspace = "x"\napi_key_env = "BROKEN_KEY"\nsmtp_url_env = "not a variable"\n'
    with (full.root / FILENAME).open("a") as file:
        file.write(broken)
    assert variables_named(full.root) == ["BROKEN_KEY", "STAGING_KEY", "STAGING_SECRET"], "it is no less its own"
    default = select(full.root / FILENAME, None)
    assert default is not None
    assert (default.name, default.values, default.variables) == ("production", {}, {})


@pytest.mark.parametrize(
    ("given", "unset"),
    [
        ('database_url_env = "DB"', {"supabase_url", "supabase_service_role_key"}),
        ('smtp_url_env = "MAIL"', {"resend_api_key"}),
        (
            'twilio_account_sid_env = "SID"\ntwilio_auth_token_env = "TOKEN"',
            {"twilio_api_key_sid", "twilio_api_key_secret"},
        ),
        ('api_key_env = "KEY"', set()),
    ],
)
def test_credentials_of_two_accounts_do_not_mix(project: DiskProject, given: str, unset: set[str]) -> None:
    project.write(FILENAME, f'project = "demo"\n[environments.staging]\n{given}\n')
    there = select(project.root / FILENAME, "staging")
    assert there is not None
    assert {name for name, value in there.values.items() if value is None} == unset


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("overrides.voice.stability = 2", "staging.overrides.voice.stability: must be <= 1 (got 2)"),
        (
            "overrides.voice.stabilty = 1",
            "staging.overrides.voice: unknown key 'stabilty', did you mean 'stability'?",
        ),
        (
            "assistants.reception.phone.numbers = ['1']",
            "staging.assistants.reception.phone.numbers[0]: must be a number in E.164 form: + and 7 to 15 digits, "
            "without spaces, like +498999998100 (got '1')",
        ),
        (
            "assistants.reception.voise.speed = 1",
            "staging.assistants.reception: unknown key 'voise', did you mean 'voice'?",
        ),
        (
            "assistants.recepton.voice.speed = 1",
            "staging.assistants.recepton: no assistant 'recepton', did you mean 'reception'?",
        ),
        ("defaults.llm.temperature = 3", "staging.defaults.llm.temperature: must be <= 1 (got 3)"),
        (
            "overrides.elevenlabs.tags = []",
            "staging.overrides.elevenlabs.tags: belongs to agentctl, which finds its own agents by their tags",
        ),
        (
            "assistants.reception.knowledge_base.shared_folder = 'X'",
            "staging.assistants.reception.knowledge_base.shared_folder: holds for all assistants alike: put it under "
            "[defaults.knowledge_base] in agentctl.toml",
        ),
        (
            "overrides.data_collection.city.typ = 'x'",
            "staging.overrides.data_collection.city: unknown key 'typ', did you mean 'type'?",
        ),
        ("overrides.privacy.retention_days = -2", "staging.overrides.privacy.retention_days: must be >= -1 (got -2)"),
        ("defaults.rag.enable = true", "staging.defaults.rag: unknown key 'enable', did you mean 'enabled'?"),
        ("api_key_evn = 'X'", "staging: unknown key 'api_key_evn', did you mean 'api_key_env'?"),
        (
            "vars.my-firm = 1",
            "staging.vars: 'my-firm' cannot be a variable: use letters, digits and _, as in [[company_name]]",
        ),
        (
            "base_url = 'api.elevenlabs.io'\napi_key_env = 'X'",
            "staging.base_url: must be a web address, like https://api.elevenlabs.io",
        ),
        ("base_url = 'https://u:geheim@h'\napi_key_env = 'X'", "staging.base_url: must carry no user and no password"),
        (
            "base_url = 'https://proxy.example.org'",
            "staging.base_url: needs api_key_env beside it: a key belongs to one host, and must not be sent to another",
        ),
        (
            "workspace = 'a b'",
            "staging.workspace: must be at most 63 letters, digits, dots, - and _, like acme-test (got 'a b')",
        ),
        (
            "workspace = 'sk_0123456789abcdef0123456789abcdef'",
            "staging.workspace: must be a name of yours for the workspace, and never a key",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(project: DiskProject, toml: str, message: str) -> None:
    project.write(FILENAME, f"project = 'demo'\n[environments.staging]\n{toml}\n")
    assert project.problems() == [f"agentctl.toml: environments.{message}"]
    assert [str(problem) for problem in load(project.root, "staging").problems] == project.problems()


def test_all_mistakes_of_all_environments_come_at_once(project: DiskProject) -> None:
    project.write(
        FILENAME,
        "project = 'demo'\nenvironments.Live = {}\n"
        "[environments.staging]\napi_key_env = 'sk_x'\noverrides.voice.speed = 9\n[environments.test]\nvars = 3\n",
    )
    assert sorted(project.problems()) == [
        "agentctl.toml: environments.'Live': the name must be at most 63 of a-z, 0-9, - and _, "
        "and begin with a letter or digit",
        "agentctl.toml: environments.staging.api_key_env: must be the name of a variable in capitals, "
        "like ELEVENLABS_API_KEY_STAGING, and never the value",
        "agentctl.toml: environments.staging.overrides.voice.speed: must be <= 1.2 (got 9)",
        "agentctl.toml: environments.test.vars: must be a table, like [section] (got a number: 3)",
    ]


@pytest.mark.parametrize("reference", list(REFERENCES))
@pytest.mark.parametrize("key", ["sk_canary", "ABCDEF0123456789ABCDEF0123456789CANARY", "postgresql://u:canary@h/d"])
def test_a_key_in_the_place_of_a_name_is_refused_and_not_quoted(project: DiskProject, reference: str, key: str) -> None:
    project.write(FILENAME, f"project = 'demo'\n[environments.staging]\n{reference} = '{key}'\n")
    (problem,) = project.problems()
    assert problem.startswith(f"agentctl.toml: environments.staging.{reference}: must be the name of a variable")
    assert "canary" not in problem.lower()
    with pytest.raises(ConfigurationError) as caught:
        select(project.root / FILENAME, "staging")
    assert "canary" not in str(caught.value).lower()
    # Who works elsewhere is not stopped before the files are read.
    assert select(project.root / FILENAME, None) is not None


def test_an_unknown_environment_is_answered_with_the_known_ones(full: DiskProject, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        select(full.root / FILENAME, "stagign")
    assert (caught.value.message, caught.value.hint) == (
        "there is no environment 'stagign'",
        "Did you mean staging?",
    )
    with pytest.raises(UsageError) as caught:
        load(full.root, "qa")
    assert caught.value.hint == "agentctl.toml knows: production, staging."
    with pytest.raises(ConfigurationError, match="not found"):
        select(tmp_path / FILENAME, "staging")


def test_a_file_that_cannot_be_read_stops_only_who_asked_for_an_environment(project: DiskProject) -> None:
    project.write(FILENAME, "project = ")
    assert select(project.root / FILENAME, None) is None
    with pytest.raises(ConfigurationError, match=r"agentctl\.toml"):
        select(project.root / FILENAME, "staging")
