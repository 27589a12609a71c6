"""agentctl.verbs.migration_export: our migrations in a product's repository."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agentctl.clients.store.migrations import migrations
from agentctl.errors import ConfigurationError, UsageError
from agentctl.verbs.migration_export import LIST, export

NAMES = [str(migration) for migration in migrations()]
TEXTS = {str(migration): migration.path.read_bytes() for migration in migrations()}


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """A repository with two migrations of its own, the newer one from this moment."""
    folder = tmp_path / "supabase" / "migrations"
    folder.mkdir(parents=True)
    for number in ("20240101120000", f"{datetime.now(UTC):%Y%m%d%H%M%S}"):
        (folder / f"{number}_own.sql").write_text("select 1;")
    return tmp_path


def files(product: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((product / "supabase" / "migrations").iterdir())}


def without_the_newest(product: Path, count: int) -> list[str]:
    """As an older version, that lacks some of ours, would have left it: their names."""
    listed = product / "supabase" / LIST
    known = json.loads(listed.read_text())
    for name in NAMES[-count:]:
        (product / "supabase" / "migrations" / known.pop(name)["file"]).unlink()
    listed.write_text(json.dumps(known))
    return NAMES[-count:]


def test_all_are_copied_after_the_products_own_and_then_nothing_more(product: Path) -> None:
    own = files(product)

    done = export(product)

    there = files(product)
    assert list(done.written) == NAMES
    assert {name: there[file] for name, file in done.written.items()} == TEXTS
    assert {name: there[name] for name in own} == own
    # The CLI's order is that of the names: ours in our order, all of them after what was there, none in the far future.
    ours = list(done.written.values())
    assert sorted(there) == [*own, *ours]
    last = datetime.strptime(ours[-1][:14], "%Y%m%d%H%M%S")
    assert last <= datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=len(ours) + 1)
    again = export(product)
    assert (again.written, again.kept) == ({}, done.written)
    assert files(product) == there


def test_a_later_export_adds_what_is_new_after_what_came_since(product: Path) -> None:
    export(product)
    newer = without_the_newest(product, 2)
    (product / "supabase" / "migrations" / "20990101000000_later.sql").write_text("select 2;")
    before = files(product)

    done = export(product)

    assert done.written == {
        newer[0]: f"20990101000001_{newer[0].partition('_')[2]}.sql",
        newer[1]: f"20990101000002_{newer[1].partition('_')[2]}.sql",
    }
    assert {name: text for name, text in files(product).items() if name in before} == before


def test_an_empty_repository_gets_timestamps_that_end_now(tmp_path: Path) -> None:
    (tmp_path / "supabase").mkdir()

    numbers = [datetime.strptime(file[:14], "%Y%m%d%H%M%S") for file in export(tmp_path).written.values()]

    assert abs(numbers[-1] - datetime.now(UTC).replace(tzinfo=None)) < timedelta(seconds=10)
    assert numbers == sorted(set(numbers))


def test_other_numbers_are_counted_on(tmp_path: Path) -> None:
    folder = tmp_path / "supabase" / "migrations"
    folder.mkdir(parents=True)
    (folder / "0007_own.sql").write_text("select 1;")

    assert [file[:5] for file in export(tmp_path).written.values()][:2] == ["0008_", "0009_"]

    (folder / "9998_own.sql").write_text("select 1;")
    without_the_newest(tmp_path, 2)
    with pytest.raises(UsageError, match="no number of 4 digits comes after 9998"):
        export(tmp_path)
    assert len(files(tmp_path)) == len(NAMES)


def test_edited_and_missing_files_are_named_together_and_nothing_is_written(product: Path) -> None:
    written = list(export(product).written.values())
    folder = product / "supabase" / "migrations"
    (folder / written[3]).write_text("drop table public.calls;")
    (folder / written[5]).unlink()
    before = files(product), (product / "supabase" / LIST).read_text()

    with pytest.raises(ConfigurationError) as raised:
        export(product)

    told = str(raised.value)
    assert f"{written[3]}: was exported as {NAMES[3]} and has been edited since" in told
    assert f"{written[5]}: was exported as {NAMES[5]} and is gone" in told
    assert (files(product), (product / "supabase" / LIST).read_text()) == before


def test_an_export_of_a_newer_version_is_not_added_to(product: Path) -> None:
    export(product)
    listed = product / "supabase" / LIST
    known = json.loads(listed.read_text())
    known["29990101000000_agentctl_later"] = {"file": "29990101000000_agentctl_later.sql", "sha256": "ab"}
    listed.write_text(json.dumps(known))

    with pytest.raises(ConfigurationError, match="which this version of agentctl does not have"):
        export(product)


def test_an_export_that_was_cut_off_is_gone_on_with(product: Path) -> None:
    whole = export(product).written
    (product / "supabase" / LIST).unlink()  # it is written last
    (product / "supabase" / "migrations" / whole[NAMES[-1]]).unlink()

    done = export(product)

    assert list(done.written) == NAMES[-1:]
    assert done.kept == {name: file for name, file in whole.items() if name != NAMES[-1]}


def test_what_is_no_repository_of_a_product_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no folder `supabase`"):
        export(tmp_path)
    (tmp_path / "supabase").mkdir()
    (tmp_path / "supabase" / "migrations").write_text("not a folder")
    with pytest.raises(UsageError, match=re.escape(str(tmp_path))):
        export(tmp_path)
    (tmp_path / "supabase" / LIST).write_text('{"a": "b"}')
    with pytest.raises(ConfigurationError, match=LIST):
        export(tmp_path)
