"""`agentctl` and `python -m agentctl`: run the command line; turn every failure into a message and an exit code."""

from __future__ import annotations

import gc
import sys

# What a command reads it keeps to its end. To look through all of it after every 700 new objects (Python's default)
# was a quarter of a small sync's processor time; a server that runs for weeks is still looked through.
_ALLOCATIONS = 50_000
# Answers come in while a thread reads files. Waiting 5 ms for it each time (Python's default) is a tenth of a request,
# and there are three waits in each; more switches were not seen to cost anything.
_SWITCH_SECONDS = 0.0001


def main() -> None:
    """Run the command line and exit with its code."""
    gc.set_threshold(_ALLOCATIONS, 20, 20)
    sys.setswitchinterval(_SWITCH_SECONDS)
    # httpx brings a command line of its own, and with it rich, click and pygments: 40 ms for nothing. It copes without.
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
    from agentctl.cli.app import run

    code = run(sys.argv[1:])
    # What is left ends with the process: to look through it for cycles once more was a tenth of a second.
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    main()
