"""The house's rules that no linter knows, checked by machine."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp  # the graph that import-linter looks at
import pytest

ROOT = Path(__file__).parents[1]
SAYS_NOTHING = {"utils", "helpers", "common", "base", "manager", "service", "handler", "processor", "misc", "info"}
REGISTRIES = ("py" + "pi.org", "pythonhos" + "ted", "registry.np" + "mjs", "deb.deb" + "ian.org")
ENVIRONMENT = (".environ", ".environb", ".getenv", ".getenvb")
# What import-linter cannot forbid: it knows packages of others as a whole, and no attributes.
SOCKETS = ("socket", "urllib.request", "http.client", "xmlrpc.client", "ftplib", ".open_connection", ".start_server")
SOCKETS += (".open_unix_connection", ".create_connection", ".create_unix_connection", ".create_server", ".sock_connect")
# What these write overwrites nothing that anybody made, so that they ask nobody and show no plan.
UNSEEN = {
    "agentctl/verbs/pulling/adoption.py:adopt",
    "agentctl/verbs/pulling/pull.py:write",
    "agentctl/verbs/rekeying/marking.py:marked",
    "agentctl/verbs/testing.py:_synced",
}


def sources() -> list[Path]:
    found = sorted(path for package in ("agentctl", "webhooks") for path in (ROOT / package).rglob("*.py"))
    assert found, "a rule that looks at nothing would hold"
    return found


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """What was parsed is a million objects, that no other test has a use for."""
    yield
    parsed.cache_clear()


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def users(*ends: str) -> list[str]:
    """The files that import or reach for a name of which the end, its module counted in, is one of these."""
    return [name(path) for path in sources() if any(one.endswith(ends) for one in named(parsed(path)))]


def named(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (str(node.module), *(f"{node.module}.{one.name}" for one in node.names))
        elif isinstance(node, ast.Attribute):
            yield f".{node.attr}"


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_files_stay_small_enough_to_read() -> None:
    assert {name(path): lines for path in sources() if (lines := len(path.read_text().splitlines())) > 300} == {}


def test_functions_stay_small_and_nine_in_ten_are_under_thirty_lines() -> None:
    lengths = {
        f"{name(path)}:{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for path in sources()
        for function in functions(parsed(path))
    }
    assert {place: lines for place, lines in lengths.items() if lines > 40} == {}
    assert sum(lines < 30 for lines in lengths.values()) / len(lengths) >= 0.9


def test_the_sandbox_is_kept_from_all_of_ours() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (sandbox,) = (one for one in contracts if one.get("source_modules") == ["agentctl.sandbox"])
    parts = {path.stem for path in (ROOT / "agentctl").iterdir() if path.suffix in ("", ".py")}
    ours = {f"agentctl.{part}" for part in parts if part.isidentifier() and not part.startswith("__")}
    ours -= {"agentctl.sandbox", "agentctl.templates"}
    assert set(sandbox["forbidden_modules"]) == {*ours, "webhooks"}


def test_no_module_needs_itself_by_way_of_others_not_even_when_it_runs_or_for_a_type() -> None:
    graph = grimp.build_graph("agentctl", "webhooks", cache_dir=None)
    needs = {one: graph.find_modules_directly_imported_by(one) for one in graph.modules}
    assert needs["agentctl.verbs.sync"]
    graphlib.TopologicalSorter(needs).prepare()  # raises CycleError, which names them


def test_names_say_what_a_module_is() -> None:
    assert [name(path) for path in sources() if path.stem in SAYS_NOTHING] == []


def test_inner_packages_are_empty_but_for_the_list_of_kinds() -> None:
    inits = [path for path in sources() if path.name == "__init__.py" and path.read_text().strip()]
    assert [name(path) for path in inits] == ["agentctl/__init__.py", "agentctl/resources/__init__.py"]


def test_only_settings_reads_the_environment() -> None:
    assert users(*ENVIRONMENT) == ["agentctl/settings.py"]


def test_only_clients_and_servers_open_sockets() -> None:
    outside = [one for one in users(*SOCKETS) if not one.startswith(("agentctl/clients/", "agentctl/sandbox/"))]
    assert outside == ["webhooks/connection.py", "webhooks/server.py"]


def plans_of_verbs() -> Iterator[tuple[str, ast.Call, ast.AsyncFunctionDef]]:
    """Where each is made, by which call, and in what: the function that makes it has to make it fit to be shown."""
    for path in ROOT.glob("agentctl/verbs/**/*.py"):
        tree = parsed(path)
        # By another name it would not be found here.
        assert all(one.module != "agentctl.sync.planning" for one in ast.walk(tree) if isinstance(one, ast.ImportFrom))
        for function in (one for one in functions(tree) if isinstance(one, ast.AsyncFunctionDef)):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "planning.plan":
                    yield f"{name(path)}:{function.name}", node, function


def test_no_plan_of_a_verb_looks_again_in_silence() -> None:
    given = [
        (place, [ast.unparse(one.value) for one in call.keywords if one.arg == "patience"])
        for place, call, _ in plans_of_verbs()
    ]
    assert [at for at, some in given if not some or not some[0].endswith("control.patience")] == []
    assert given


def test_every_plan_of_a_verb_is_made_fit_to_be_shown_but_for_those_that_nobody_sees() -> None:
    bare = set()
    for place, _, function in plans_of_verbs():
        calls = [ast.unparse(one.func) for one in ast.walk(function) if isinstance(one, ast.Call)]
        bare |= set() if "showable" in calls else {place}
    assert bare == UNSEEN


def test_nothing_swallows_what_it_did_not_expect() -> None:
    bare = []
    for path in sources():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ExceptHandler) and all(
                isinstance(line, ast.Pass | ast.Continue) for line in node.body
            ):
                caught = ast.unparse(node.type) if node.type else "everything"
                if caught in ("everything", "Exception", "BaseException"):
                    bare.append(f"{name(path)}:{node.lineno}")
    assert bare == []


def test_the_public_api_is_small_and_every_name_of_it_exists() -> None:
    import agentctl

    assert len(agentctl.__all__) <= 12
    for public in agentctl.__all__:
        assert getattr(agentctl, public).__doc__


def test_every_public_thing_says_what_it_means() -> None:
    silent = []
    for path in sources():
        tree = parsed(path)
        if path.read_text().strip() and not ast.get_docstring(tree):
            silent.append(name(path))
        for node in tree.body:
            public = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_"
            if public and not ast.get_docstring(node):  # type: ignore[arg-type]
                silent.append(f"{name(path)}:{node.name}")  # type: ignore[attr-defined]
    assert silent == []


def test_tests_mirror_the_tree() -> None:
    tried = [*sources(), *(ROOT / "agentctl").rglob("*.sql")]
    homes = {f"tests/{name(path.parent)}/test_{path.stem}.py" for path in tried}
    mirrored = [path for package in ("agentctl", "webhooks") for path in (ROOT / "tests" / package).rglob("test_*.py")]
    assert mirrored
    strays = [name(path) for path in mirrored if name(path) not in homes and not _about_a_module(path, homes)]
    assert strays == []


def _about_a_module(path: Path, homes: set[str]) -> bool:
    """`test_app_on_sockets.py` stands beside `test_app.py`: the same module, another way of trying it. A
    `test_contract_….py` holds what all modules of its folder promise alike.
    """
    stem = path.stem
    return stem.startswith("test_contract") or any(
        name(path.with_name(f"{stem[:cut]}.py")) in homes for cut in range(len(stem)) if stem[cut] == "_"
    )


@pytest.mark.parametrize("command", [["git", "ls-files"]])
def test_nothing_names_a_package_registry(command: list[str]) -> None:
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert listed
    guilty = []
    for path in (ROOT / entry for entry in listed):
        try:
            content = path.read_text()
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        guilty += [name(path) for registry in REGISTRIES if registry in content]
    assert guilty == []
