"""Squawk, the linter of Postgres migrations, over ours: what it finds is either listed with a reason, or unsafe."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from agentctl.clients.store.migrations import migrations

SQUAWK = Path(sys.executable).with_name("squawk")
LISTED = tomllib.loads((Path(__file__).parents[2] / "supabase" / "lint.toml").read_text("utf-8"))


def found(paths: Iterable[Path]) -> set[tuple[str, str]]:
    """(name of the file, rule), each once."""
    # Each file is one transaction, whoever applies it.
    command = [str(SQUAWK), "--assume-in-transaction", "--pg-version", "15.0"]
    ran = subprocess.run([*command, "--reporter", "json", *map(str, paths)], capture_output=True, text=True)
    return {(Path(one["file"]).stem, one["rule_name"]) for one in json.loads(ran.stdout)}


def test_no_migration_is_unsafe_and_each_exception_is_still_one() -> None:
    everywhere = set(LISTED["rules"])
    of_files = {(file, rule) for file, rules in LISTED["files"].items() for rule in rules}

    here = found(migration.path for migration in migrations())

    assert {(file, rule) for file, rule in here if rule not in everywhere} == of_files
    assert {rule for _, rule in here} >= everywhere
    assert all(reason for rules in (LISTED["rules"], *LISTED["files"].values()) for reason in rules.values())


def test_what_would_lock_or_break_is_found(tmp_path: Path) -> None:
    unsafe = tmp_path / "1_unsafe.sql"
    unsafe.write_text(
        "create index calls_by_sid on agentctl.calls (call_sid);\n"
        "alter table agentctl.calls alter column duration_secs set not null;\n"
        "alter table agentctl.calls drop column channel;\n"
    )

    rules = {rule for _, rule in found([unsafe])} - set(LISTED["rules"])

    assert rules == {"require-concurrent-index-creation", "adding-not-nullable-field", "ban-drop-column"}
