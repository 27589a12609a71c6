"""The line that an import adds to an assistant.toml, where that cannot be written."""

from __future__ import annotations

import os
import subprocess

from tests.commands import PROGRAM
from tests.deploy.image import as_user
from tests.telephony import NUMBER, Bench, bench

__all__ = ["bench"]


def test_a_number_whose_line_cannot_be_written_is_left_where_it_is(bench: Bench) -> None:
    def imported() -> subprocess.CompletedProcess[str]:
        started = [*as_user(f"{os.geteuid()}:{os.getegid()}"), *PROGRAM, "-C", str(bench.root)]
        words = [*started, "import-number", NUMBER, "--assistant", "empfang", "--yes"]
        return subprocess.run(words, capture_output=True, text=True)

    before, folder = bench.at_twilio(), bench.toml.parent
    folder.chmod(0o555)
    try:
        with bench.writes() as writes:
            told = imported()
        assert told.returncode == 2, told
        said = f"assistants/empfang/assistant.toml: cannot be written: no file can be made in {folder}"
        assert said in told.stderr
        assert "Run it in a checkout, with the same store; or declare it first" in told.stderr
        assert (writes, bench.at_twilio()) == ([], before)
        assert bench.store("route", phone_number=NUMBER) is None
        bench.toml.write_text(f'{bench.toml.read_text()}[phone]\nnumbers = ["{NUMBER}"]\n')
        assert imported().returncode == 0
        assert bench.call()["reached"]
        assert bench.json("plan")["changes"] == []
    finally:
        folder.chmod(0o755)
