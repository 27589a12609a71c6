"""Make .venv from the hashed lock file, once: run by the system's Python with the standard library alone.

Several scripts may start at once: the first sets up, the others wait for its lock. A stamp with the digest of what
was installed makes every later start free.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import vendor

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".agentctl-stamp"


def main() -> int:
    wanted = digest()
    if stamped() != wanted:
        with (ROOT / ".venv.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if stamped() != wanted and (failed := install(wanted)):
                return failed
    if not vendor.right(vendor.FOLDER, vendor.LISTED):
        # It says what it cannot fetch, and only the console's pages would miss that. Its npm may be that of .venv.
        subprocess.run([str(VENV / "bin" / "python"), "scripts/vendor.py"], cwd=ROOT, check=False)
    return 0


def stamped() -> str:
    try:
        return STAMP.read_text()
    except OSError:
        return ""


def digest() -> str:
    locked = (ROOT / "requirements.txt").read_bytes()
    return hashlib.sha256(b"\0".join([locked, sys.version.encode(), str(ROOT).encode()])).hexdigest()


def install(wanted: str) -> int:
    started = time.monotonic()
    say("Setting up .venv (once; about a minute) ...")
    if VENV.exists():
        shutil.rmtree(VENV)
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode:
        say(made.stdout + made.stderr)
        say("Python has no working venv module. On Debian or Ubuntu: apt-get install python3-venv")
        return 1
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for arguments in (["--require-hashes", "-r", "requirements.txt"], ["--no-deps", "--no-build-isolation", "-e", "."]):
        if subprocess.run([*pip, *arguments], cwd=ROOT, stdout=sys.stderr, check=False).returncode:
            say("pip could not install what requirements.txt names; its own words stand above. Run this again then.")
            return 1
    # As pip does with what it copies; each of the first commands would do it for itself.
    compiling = [str(VENV / "bin" / "python"), "-m", "compileall", "-q", "agentctl", "webhooks"]
    subprocess.run(compiling, cwd=ROOT, check=False)
    temporary = STAMP.with_suffix(".new")
    temporary.write_text(wanted)
    os.replace(temporary, STAMP)
    say(f"Set up in {time.monotonic() - started:.0f} s.")
    return 0


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
