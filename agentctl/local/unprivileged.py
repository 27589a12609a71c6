"""Become somebody who is not root and run a program. A script of its own: only the standard library, no package.

    python -I -S unprivileged.py namespace|keep|switch UID GID DIRECTORY PROGRAM [ARGUMENT...]

Postgres refuses to run as root. Three ways to please it, DIRECTORY being entered on the way to prove it reachable:

namespace   A user namespace in which root's own id is called UID: Postgres sees somebody else and the files stay
            root's. Needs no second account. Container runtimes often forbid it.
keep        Change to UID, keeping one right of root's, CAP_DAC_OVERRIDE, so that a project or a virtual environment
            below /root can be reached. Only for data in a directory that root alone can enter.
switch      Change to UID and keep nothing: for a directory that belongs to UID anyway.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_CLONE_NEWUSER = 0x10000000
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


def main(arguments: list[str]) -> None:
    """Change, enter the directory, and become the program; a failure is one line on stderr and exit code 126."""
    way, uid, gid, directory, *command = arguments
    step = "refused by the system"
    try:
        if way == "namespace":
            _enter_namespace(int(uid), int(gid))
        else:
            _switch(int(uid), int(gid), keep=way == "keep")
        os.chdir(directory)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and a program would inherit that
        step = command[0]
        os.execv(command[0], command)  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.stderr.write(f"{way} for account {uid}: {error.filename or step}: {error.strerror}\n")
        sys.exit(126)


def _enter_namespace(uid: int, gid: int) -> None:
    own_uid, own_gid = os.geteuid(), os.getegid()
    _call("unshare", ctypes.c_int(_CLONE_NEWUSER))
    # The kernel takes a group map from inside only after setgroups was given up (user_namespaces(7)).
    for name, text in (
        ("setgroups", "deny"),
        ("gid_map", f"{gid} {own_gid} 1"),
        ("uid_map", f"{uid} {own_uid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def _switch(uid: int, gid: int, *, keep: bool) -> None:
    if keep:
        _prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if keep:
        # Permitted and inheritable first: only such a right may be made ambient, and so outlive exec (capabilities(7)).
        bit = 1 << _CAP_DAC_OVERRIDE
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        _call("capset", header, (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0))
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE)


def _prctl(option: int, *values: int) -> None:
    padded = (*values, 0, 0, 0, 0)[:4]
    _call("prctl", ctypes.c_int(option), *(ctypes.c_ulong(value) for value in padded))


def _call(name: str, *arguments: object) -> None:
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if function is None:
        raise OSError(0, f"this system has no {name}()")
    if function(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


if __name__ == "__main__":
    main(sys.argv[1:])
