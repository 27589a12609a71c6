"""`agentctl` and `python -m agentctl`: run the command line; turn every failure into a message and an exit code."""

from __future__ import annotations

import sys

from agentctl.cli import cycles

# Answers come in while a thread reads files. Waiting 5 ms for it each time (Python's default) is a tenth of a request,
# and there are three waits in each; more switches were not seen to cost anything.
_SWITCH_SECONDS = 0.0001
# What httpx loads where it is installed, and copes without: a command line of its own with rich, click and pygments
# (40 ms), and HTTP/2 (20 ms), which only supabase's own client would speak, and that is given ours instead.
_UNUSED = ("httpx._main", "h2")


def main() -> None:
    """Run the command line and exit with its code."""
    cycles.rarely()
    sys.setswitchinterval(_SWITCH_SECONDS)
    for unused in _UNUSED:
        sys.modules[unused] = None  # type: ignore[assignment]
    from agentctl.cli.app import run

    code = run(sys.argv[1:])
    cycles.never()
    sys.exit(code)


if __name__ == "__main__":
    main()
