"""What a user may do wrong in assistant.toml and its folder, each with the exact words of the answer."""

from collections.abc import Callable

import pytest

from agentctl.errors import ConfigurationError, Problem
from tests.agentctl.sources.disk import ASSISTANT, DiskProject

TOML = "assistants/reception/assistant.toml"
PROMPT = "assistants/reception/prompt.md"
Wrong = Callable[[str], list[str]]


def test_a_correct_project_has_no_problem_and_no_warning(project: DiskProject) -> None:
    loaded = project.load().checked()
    assert loaded.problems == loaded.warnings == ()
    assert [assistant.key for assistant in loaded.assistants] == ["reception"]
    assert loaded.assistants[0].where == TOML
    assert loaded.assistants[0].prompt == "Be kind."
    assert loaded.project.name == "demo"
    assert loaded.project.environment == "production"


def test_load_works_from_a_directory_inside_the_project(project: DiskProject) -> None:
    from agentctl.sources.files import load

    assert load(project.root / "assistants" / "reception").assistants == project.load().assistants


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[voice]\nstability = 1.5", "voice.stability: must be <= 1 (got 1.5)"),
        ("[voice]\nspeed = 0.1", "voice.speed: must be >= 0.7 (got 0.1)"),
        ("[voice]\nstability = nan", "voice.stability: must be <= 1 (got nan)"),
        ("[llm]\ntemprature = 0.3", "llm: unknown key 'temprature', did you mean 'temperature'?"),
        ("frist_message = 'x'", "unknown key 'frist_message', did you mean 'first_message'?"),
        (
            "[llm]\nquux = 1",
            "llm: unknown key 'quux', known are max_tokens, model, temperature",
        ),
        ("[llm]\ntemperature = '0.3'", "llm.temperature: must be a number (got text: '0.3')"),
        ("[llm]\nmax_tokens = 1.5", "llm.max_tokens: must be a whole number (got a number: 1.5)"),
        ("[llm]\nmax_tokens = true", "llm.max_tokens: must be a whole number (got true/false: true)"),
        ("language = 49", "language: must be text in quotes (got a number: 49)"),
        ("language = 2026-11-21", "language: must be text in quotes (got a date)"),
        (
            "language = 'Deutsch'",
            "language: must be a language code in lower case, like de, en or pt-br (got 'Deutsch')",
        ),
        ("voice = 'Anna'", "voice: must be a table, like [section] (got text: 'Anna')"),
        (
            "[phone]\nnumbers = '+498999998100'",
            "phone.numbers: must be a list, like [\"…\"] (got text: '+498999998100')",
        ),
        (
            "[phone]\nnumbers = ['089 99998100']",
            "phone.numbers[0]: must be a number in E.164 form: + and 7 to 15 digits, without spaces, "
            "like +498999998100 (got '089 99998100')",
        ),
        (
            '[post_call]\nmail_to = ["a@example.org", "b@b.org\\nBcc: c@c.org"]',
            "post_call.mail_to[1]: must be one mail address, like team@example.org (got 'b@b.org\\nBcc: c@c.org')",
        ),
        ("[post_call]\naction_items = 'yes'", "post_call.action_items: must be true or false (got text: 'yes')"),
        (
            "[post_call]\ntimezone = 'Berlin'",
            "post_call.timezone: must be a time zone by its IANA name, like Europe/Berlin (got 'Berlin')",
        ),
        (
            "[post_call]\noutcomes = ['Termin', 'termin']",
            "post_call.outcomes: must not name an outcome twice",
        ),
        (
            "[voice]\nid = '../x'",
            "voice.id: must be a voice id from the ElevenLabs voice library: letters and digits only (got '../x')",
        ),
        (
            "language = 'de'\n[voice]\nmodel = 'eleven_flash_v2'",
            "voice.model: eleven_flash_v2 speaks English only; "
            "for language 'de' use eleven_flash_v2_5 or eleven_turbo_v2_5",
        ),
        (
            "[[knowledge]]\nname = 'x'\ntext = 'y'\nusage = 'always'",
            "knowledge[0].usage: must be one of auto or prompt (got 'always')",
        ),
        ("[elevenlabs]\nname = 'x'", "elevenlabs.name: belongs to agentctl; use name at the top of assistant.toml"),
        (
            "[elevenlabs]\nconversation_confg = {}",
            "elevenlabs: unknown key 'conversation_confg', did you mean 'conversation_config'?",
        ),
    ],
)
def test_a_wrong_value_gets_one_clear_line(wrong: Wrong, toml: str, message: str) -> None:
    assert wrong(toml) == [f"{TOML}: {message}"]


def test_a_key_in_the_wrong_field_is_not_repeated(wrong: Wrong) -> None:
    secret = "sk_0123456789abcdef0123456789abcdef0123456789abcdef"
    for toml in (f"[voice]\nid = '{secret}'", f"language = '{secret}'", f"[llm]\ntemperature = '{secret}'"):
        (problem,) = wrong(toml)
        assert secret[:12] not in problem


def test_all_problems_come_at_once(project: DiskProject) -> None:
    project.write("agentctl.toml", 'project = "Demo!"\nmial = {}\n')
    project.assistant("reception", "[voice]\nstability = 2\n", "[[ nobody ]]")
    project.assistant("night", "name = ", "")
    project.write("assistants/night/knowledge/a.exe", "x")
    with pytest.raises(ConfigurationError) as caught:
        project.load().checked()
    assert {problem.where for problem in caught.value.problems} == {
        "agentctl.toml",
        "agentctl.toml: project",
        "assistants/night/assistant.toml: end of document",
        "assistants/night/prompt.md",
        "assistants/night/knowledge/a.exe",
        "assistants/reception/assistant.toml: name",
        "assistants/reception/assistant.toml: voice.stability",
        "assistants/reception/prompt.md: line 1",
    }
    assert caught.value.exit_code == 2


def test_broken_toml_names_line_and_column(project: DiskProject) -> None:
    project.write(TOML, 'name = "Reception"\nlanguage = de\n')
    assert project.problems() == [f"{TOML}: line 2, column 12: is not valid TOML: invalid value"]


def test_unfinished_toml_names_the_end(project: DiskProject) -> None:
    project.write(TOML, 'name = "Reception"\n[voice')
    (problem,) = project.problems()
    assert problem.startswith(f"{TOML}: ")
    assert "is not valid TOML: expected ']'" in problem


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name = 'K\xf6ln'", "is not UTF-8 text (line 1); save it as UTF-8"),
        (b"# x\0", "is not text: it contains a NUL character"),
        (b"#" * 1_000_001, "is larger than 1 MB"),
        (b"a = " + b"[" * 30_000, "is nested more than 60 levels deep"),
        (b"a" + b".a" * 3000 + b" = 1", "is nested more than 60 levels deep"),
    ],
)
def test_a_file_that_is_no_usable_toml(project: DiskProject, content: bytes, message: str) -> None:
    project.write(TOML, content)
    assert project.problems() == [f"{TOML}: {message}"]


def test_what_must_be_there(project: DiskProject) -> None:
    project.write("assistants/empty/notes.txt", "x")
    assert project.problems() == [
        "assistants/empty/assistant.toml: is missing",
        "assistants/empty/prompt.md: is missing",
    ]
    project.assistant("empty", "", " \n")
    assert project.problems() == [
        "assistants/empty/assistant.toml: name: is missing",
        "assistants/empty/prompt.md: is empty",
    ]


def test_a_blank_name_is_none(project: DiskProject) -> None:
    project.write(TOML, 'name = " "')
    assert project.problems() == [f"{TOML}: name: must be one line of text and not blank (got ' ')"]


def test_a_prompt_that_is_not_utf8(project: DiskProject) -> None:
    project.write(PROMPT, "Grüß\n".encode("latin-1"))
    assert project.problems() == [f"{PROMPT}: is not UTF-8 text (line 1); save it as UTF-8"]


def test_a_prompt_that_is_a_directory(project: DiskProject) -> None:
    (project.root / PROMPT).unlink()
    (project.root / PROMPT).mkdir()
    assert project.problems() == [f"{PROMPT}: is a directory; a file is needed"]


def test_a_prompt_that_leads_outside(project: DiskProject) -> None:
    outside = project.root.parent / "secret.md"
    outside.write_text("secret")
    (project.root / PROMPT).unlink()
    (project.root / PROMPT).symlink_to(outside)
    assert project.problems() == [f"{PROMPT}: leads outside the project; copy the file into it"]


def test_a_prompt_that_cannot_be_read(project: DiskProject, monkeypatch: pytest.MonkeyPatch) -> None:
    # A link to itself is unreadable for root as well, unlike a file without read permission.
    (project.root / PROMPT).unlink()
    (project.root / PROMPT).symlink_to("prompt.md")
    (problem,) = project.problems()
    assert problem in (
        f"{PROMPT}: is a link that leads to itself",
        f"{PROMPT}: cannot be read: Too many levels of symbolic links",
    )


def test_a_folder_name_that_is_no_key(project: DiskProject) -> None:
    project.assistant("Empfang München")
    assert project.problems() == [
        "assistants/Empfang München: the folder's name is the assistant's key: "
        "at most 63 of a-z, 0-9, - and _, like 'empfang-muenchen'"
    ]


def test_the_key_under_which_stands_what_belongs_to_all_is_nobodys(project: DiskProject) -> None:
    project.assistant("shared")
    assert project.problems() == [
        "assistants/shared: no assistant can have the key 'shared', under which stands what belongs to all: "
        "rename the folder"
    ]


def test_one_number_cannot_ring_at_two_assistants(project: DiskProject) -> None:
    for key in ("day", "night"):
        project.assistant(key, 'name = "x"\nphone.numbers = ["+498999998100"]\nfirst_message="AI"\n')
    assert project.problems() == [
        "assistants/night/assistant.toml: phone.numbers: +498999998100 is declared more than once, "
        "first in assistants/day/assistant.toml"
    ]


def test_files_of_the_system_are_no_assistants(project: DiskProject) -> None:
    project.write("assistants/.DS_Store", "x")
    project.write("assistants/README.md", "x")
    (project.root / "assistants/.git").mkdir()
    assert project.problems() == []


def test_a_project_without_assistants_is_no_error_but_said(project: DiskProject) -> None:
    import shutil

    shutil.rmtree(project.root / "assistants")
    assert project.problems() == []
    assert project.warnings() == ["assistants: no assistant is declared; make assistants/<key>/assistant.toml"]


def test_defaults_lie_under_each_assistant(project: DiskProject) -> None:
    project.write(
        "agentctl.toml",
        """
        project = "demo"
        [mail]
        to = ["team@example.org"]
        [digest]
        language = "de"
        [defaults]
        language = "de"
        [defaults.voice]
        model = "eleven_turbo_v2_5"
        speed = 0.9
        [defaults.elevenlabs.conversation_config.asr]
        keywords = ["Beispiel", "Muster"]
        quality = "high"
        """,
    )
    project.assistant(
        "own",
        f"""
        {ASSISTANT}
        [voice]
        speed = 1.1
        [post_call]
        mail_to = []
        [elevenlabs.conversation_config.asr]
        keywords = ["Eigenes"]
        """,
    )
    own, plain = project.load().checked().assistants
    assert (plain.language, plain.voice.model, plain.voice.speed) == ("de", "eleven_turbo_v2_5", 0.9)
    assert (plain.post_call.mail_to, plain.post_call.summary_language) == (("team@example.org",), "de")
    assert (own.voice.model, own.voice.speed) == ("eleven_turbo_v2_5", 1.1)
    assert own.post_call.mail_to == ()
    assert own.elevenlabs["conversation_config"]["asr"] == {"keywords": ["Eigenes"], "quality": "high"}


def test_what_the_project_says_of_digests_holds_for_each_assistant_that_says_nothing_else(project: DiskProject) -> None:
    digest = 'outcomes = ["Termin", "Storno"]\ntimezone = "Europe/Berlin"\nlanguage = "de"\naction_items = false'
    project.write("agentctl.toml", f'project = "demo"\n[digest]\n{digest}\n')
    project.assistant("plain", ASSISTANT)
    project.assistant("own", f'{ASSISTANT}\n[post_call]\noutcomes = ["a", "b"]\ntimezone = "America/New_York"\n')
    found = {assistant.key: assistant.post_call for assistant in project.load().checked().assistants}
    own, plain = found["own"], found["plain"]
    assert (plain.outcomes, plain.timezone) == (("Termin", "Storno"), "Europe/Berlin")
    assert (plain.summary_language, plain.action_items) == ("de", False)
    assert (own.outcomes, own.timezone, own.summary_language) == (("a", "b"), "America/New_York", "de")


def test_first_message_and_prompt_know_the_variables(project: DiskProject) -> None:
    project.write("agentctl.toml", 'project = "demo"\n[vars]\ncompany = "Beispiel GmbH"\n')
    project.assistant(
        "reception",
        ASSISTANT.replace("Hello,", "[[company]]:"),
        "[[assistant.name]] ([[assistant.key]], [[assistant.language]]) of [[company]], caller {{system__caller_id}}\n",
    )
    (assistant,) = project.load().checked().assistants
    assert assistant.first_message == "Beispiel GmbH: an AI answers."
    assert assistant.prompt == "Reception (reception, en) of Beispiel GmbH, caller {{system__caller_id}}"


def test_a_mistake_in_a_first_message_names_its_key(project: DiskProject) -> None:
    project.write(TOML, ASSISTANT.replace("Hello", "[[ compnay ]]"))
    assert project.problems() == [f"{TOML}: first_message: [[compnay]] is not defined, known are assistant"]


def test_a_mistake_in_a_shared_part_is_said_once(project: DiskProject) -> None:
    project.write("shared/tone.md", "kind\n[[ nobody ]]")
    for key in ("reception", "night"):
        project.assistant(key, prompt='[% include "shared/tone.md" %]')
    assert project.problems() == ["shared/tone.md: line 2: [[nobody]] is not defined, known are assistant"]


def test_a_shared_part_must_be_text(project: DiskProject) -> None:
    project.write("shared/deep/tone.docx", "x")
    project.write("shared/.DS_Store", "x")
    assert project.problems() == ["shared/deep/tone.docx: cannot be a prompt part: its name must end in .md or .txt"]


def test_a_broken_agentctl_toml_does_not_make_every_prompt_wrong(project: DiskProject) -> None:
    project.write("agentctl.toml", "project = \n")
    project.assistant("reception", prompt="[[ company ]]")
    assert project.problems() == ["agentctl.toml: line 1, column 11: is not valid TOML: invalid value"]


def test_an_assistant_with_a_problem_is_left_out(project: DiskProject) -> None:
    project.assistant("night", "", "x")
    loaded = project.load()
    assert [assistant.key for assistant in loaded.assistants] == ["reception"]
    assert loaded.problems == (Problem("assistants/night/assistant.toml: name", "is missing"),)


def test_a_thousand_assistants_share_one_reading_of_what_is_shared(project: DiskProject) -> None:
    project.write("shared/knowledge/all.md", "for all")
    for number in range(1000):
        project.assistant(f"a{number}", prompt="I am [[assistant.key]].")
    assistants = project.load().checked().assistants
    assert len(assistants) == 1001
    assert len({id(assistant.knowledge[0]) for assistant in assistants}) == 1
    assert {a.prompt for a in assistants} >= {"I am a0.", "I am a999."}
