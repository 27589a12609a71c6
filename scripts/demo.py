"""The main job, end to end, on this machine and without any account.

Everything is the product's own command line, run as a user would: the sandbox stands for ElevenLabs and Twilio, a
local SMTP server is the mailbox, `agentctl serve` is the door with its worker. Each step checks its result; the exit
code is 0 only if every check held.
"""

from __future__ import annotations

import argparse
import contextlib
import email
import email.policy
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

ASSISTANT = "empfang"
NUMBER = "+498999998100"
CALLER = "+498999998777"
AGENTCTL = [sys.executable, "-m", "agentctl"]
WAIT = 30.0  # seconds until a step that waits for another process counts as failed


class StepFailed(Exception):
    """A step's result is not what it must be."""


@dataclass
class Demo:
    """One run: where it happens, what is running, what was seen so far."""

    project: Path
    quiet: bool
    env: dict[str, str]
    mailbox: queue.Queue[EmailMessage]
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    sandbox: str = ""
    door: str = ""
    conversation_id: str = ""

    def agentctl(self, *arguments: str, show: bool = False) -> str:
        """Run one command in the project; with `show` its output is part of the story."""
        if show:
            self.tell(f"\n$ agentctl {' '.join(arguments)}")
        run = subprocess.run(
            [*AGENTCTL, *arguments], cwd=self.project, env=self.env, capture_output=True, text=True, check=False
        )
        if show:
            self.tell(run.stdout.rstrip())
        if run.returncode:
            raise StepFailed(f"agentctl {' '.join(arguments)} exited with {run.returncode}:\n{run.stderr.strip()}")
        return run.stdout

    def agentctl_json(self, *arguments: str) -> Any:
        """Run one command with --json and decode what it printed."""
        return json.loads(self.agentctl(*arguments, "--json"))

    def start(self, *arguments: str, ready: Callable[[], bool]) -> None:
        """Start a command that goes on running and wait until it is ready."""
        process = subprocess.Popen(
            [*AGENTCTL, *arguments], cwd=self.project, env=self.env, text=True,
            stdout=subprocess.DEVNULL, stderr=(self.project / f"{arguments[0]}.log").open("w"),
        )  # fmt: skip
        self.processes.append(process)
        deadline = time.monotonic() + WAIT
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                log = (self.project / f"{arguments[0]}.log").read_text()
                raise StepFailed(f"agentctl {' '.join(arguments)} did not become ready:\n{log.strip()}")
            time.sleep(0.05)

    def tell(self, text: str) -> None:
        """Part of the story, for a person."""
        if not self.quiet:
            print(text, flush=True)

    def step(self, name: str, title: str, body: Callable[[Demo], None]) -> None:
        """Run one step, tell it and time it."""
        self.tell(heading(title))
        started = time.monotonic()
        try:
            body(self)
        except (StepFailed, OSError, ValueError, KeyError, IndexError, queue.Empty) as error:
            self.steps.append({"name": name, "ok": False, "seconds": round(time.monotonic() - started, 2)})
            raise StepFailed(f"{name}: {error or type(error).__name__}") from error
        self.steps.append({"name": name, "ok": True, "seconds": round(time.monotonic() - started, 2)})

    @property
    def ok(self) -> bool:
        """Every step ran and held."""
        return len(self.steps) == len(STEPS) and all(step["ok"] for step in self.steps)

    def report(self, wanted: bool) -> None:
        """The result for machines, on a line of its own."""
        if wanted:
            print(json.dumps({"ok": self.ok, "steps": self.steps}), flush=True)

    def stop(self) -> None:
        """End what was started, the embedded Postgres included."""
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        with contextlib.suppress(StepFailed):
            self.agentctl("db", "stop")


def write_project(demo: Demo) -> None:
    demo.agentctl("init", str(demo.project), show=True)
    check((demo.project / "assistants" / ASSISTANT / "prompt.md").is_file(), "init wrote no prompt")
    with (demo.project / ".env").open("w") as env:
        env.write("".join(f"{name}={value}\n" for name, value in local_settings(demo).items()))
    demo.start("sandbox", "--port", demo.sandbox.rpartition(":")[2], ready=lambda: answers(demo.sandbox))


def show_plan(demo: Demo) -> None:
    plan = demo.agentctl_json("plan")
    kinds = {change["kind"] for change in plan["changes"]}
    check({"knowledge_document", "agent"} <= kinds, f"the plan holds only {kinds}")
    check(plan["counts"]["update"] == plan["counts"]["delete"] == 0, "an empty workspace needs creates only")
    demo.agentctl("plan", show=True)
    check(not writes(demo), "a plan must not write")


def first_sync(demo: Demo) -> None:
    told = demo.agentctl("sync", "--yes")
    check(demo.agentctl_json("plan")["changes"] == [], "something is left to do after the sync")
    # The plan that it begins with was shown a step before.
    demo.tell(f"\n$ agentctl sync --yes\n…\n{told.splitlines()[-1]}")


def import_number(demo: Demo) -> None:
    demo.agentctl("import-number", NUMBER, "--assistant", ASSISTANT, "--yes", show=True)
    numbers = state(demo)["numbers"].values()
    check(any(number["phone_number"] == NUMBER for number in numbers), f"ElevenLabs does not have {NUMBER}")


def register_webhook(demo: Demo) -> None:
    url = f"{demo.door}/webhooks/elevenlabs"
    demo.tell(f"\n$ agentctl webhook register {url} --write-env --yes")
    demo.agentctl("webhook", "register", url, "--write-env", "--yes")
    check("ELEVENLABS_WEBHOOK_SECRET=" in (demo.project / ".env").read_text(), "the secret is not in .env")
    demo.tell("The secret is in .env; the agent delivers its calls to the door.")
    demo.start("serve", "--port", demo.door.rpartition(":")[2], ready=lambda: answers(f"{demo.door}/readyz"))
    demo.tell(f"\n$ agentctl serve\nThe door listens at {url}; a worker runs beside it.")


def hold_call(demo: Demo) -> None:
    answer = post(f"{demo.sandbox}/_sandbox/calls", {"to_number": NUMBER, "from_number": CALLER})
    demo.conversation_id = answer["conversation_id"]
    statuses = {delivery["type"]: delivery["status"] for delivery in answer["deliveries"]}
    check(bool(statuses) and set(statuses.values()) == {200}, f"deliveries were answered {statuses}")
    demo.tell(f"{CALLER} called {NUMBER}; delivered: {', '.join(statuses)}.")


def store_call(demo: Demo) -> None:
    deadline = time.monotonic() + WAIT
    while not any(call["conversation_id"] == demo.conversation_id for call in demo.agentctl_json("calls", "list")):
        check(time.monotonic() < deadline, "the call was not stored in time")
    demo.agentctl("calls", "show", demo.conversation_id, show=True)
    call = demo.agentctl_json("calls", "show", demo.conversation_id)
    first = greeting(demo)
    check(call["assistant"] == ASSISTANT, f"the call belongs to {call['assistant']}")
    check(call["turns"][0]["message"] == first, "the call does not begin with the first message that was pushed")
    check(bool(call["summary"]), "there is no summary")
    check(bool(call["action_items"]), "there are no action items")


def receive_mail(demo: Demo) -> None:
    mail = demo.mailbox.get(timeout=WAIT)
    body = mail.get_body(("plain",))
    check(body is not None, "the mail has no text part")
    assert body is not None
    text = body.get_content()
    demo.tell(f"From: {mail['From']}\nTo: {mail['To']}\nSubject: {mail['Subject']}\n\n{text.strip()}")
    call = demo.agentctl_json("calls", "show", demo.conversation_id)
    check(call["summary"].split()[0] in text, "the mail does not carry the summary")
    check(mail.get_body(("html",)) is not None, "the mail has no HTML part")
    for delivery in post(f"{demo.sandbox}/_sandbox/conversations/{demo.conversation_id}/deliver", {})["deliveries"]:
        check(delivery["status"] == 200, f"a redelivery was answered {delivery['status']}")
    demo.agentctl("calls", "process")
    check(demo.mailbox.empty(), "a redelivered event was mailed twice")
    demo.tell("\nDelivered a second time: still one call and one mail.")


def second_sync(demo: Demo) -> None:
    before = len(writes(demo))
    demo.agentctl("sync", "--yes", show=True)
    check(len(writes(demo)) == before, "a second sync wrote something")


STEPS: tuple[tuple[str, str, Callable[[Demo], None]], ...] = (
    ("init", "A project is written", write_project),
    ("plan", "The plan", show_plan),
    ("sync", "The assistant goes to ElevenLabs (here: the sandbox)", first_sync),
    ("import-number", "Its number comes over from Twilio", import_number),
    ("webhook", "ElevenLabs learns where to deliver calls", register_webhook),
    ("call", "Somebody calls", hold_call),
    ("store", "The call as it is stored", store_call),
    ("mail", "The mail as the mailbox received it", receive_mail),
    ("second-sync", "A second sync", second_sync),
)


def local_settings(demo: Demo) -> dict[str, str]:
    """What a user would have from the dashboards of ElevenLabs and Twilio."""
    return {
        "ELEVENLABS_API_KEY": "sandbox-key",
        "ELEVENLABS_BASE_URL": demo.sandbox,
        "TWILIO_ACCOUNT_SID": "AC" + "1".zfill(32),
        "TWILIO_AUTH_TOKEN": "sandbox-token",
        "TWILIO_BASE_URL": demo.sandbox,
        "SMTP_URL": demo.env["DEMO_SMTP"],
        "MAIL_FROM": "telefon@example.org",
    }


def state(demo: Demo) -> Any:
    """The sandbox's whole state."""
    return get(f"{demo.sandbox}/_sandbox/state")


def writes(demo: Demo) -> list[Any]:
    """Every request to the platform that could have changed something."""
    return [entry for entry in get(f"{demo.sandbox}/_sandbox/log") if entry["method"] not in ("GET", "HEAD")]


def greeting(demo: Demo) -> str:
    """The first message of the agent as the platform has it."""
    (agent,) = state(demo)["agents"].values()
    return str(agent["conversation_config"]["agent"]["first_message"])


def check(holds: bool, otherwise: str) -> None:
    """A step's result must hold."""
    if not holds:
        raise StepFailed(otherwise)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own loopback servers
        return json.load(answer)


def post(url: str, body: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def answers(url: str) -> bool:
    """Whether a server answers there; any status but 5xx will do."""
    try:
        urllib.request.urlopen(url, timeout=2).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def heading(title: str) -> str:
    width = min(shutil.get_terminal_size().columns, 100)
    return f"\n── {title} {'─' * max(3, width - len(title) - 4)}"


@contextlib.contextmanager
def mailbox() -> Iterator[tuple[queue.Queue[EmailMessage], str]]:
    """A real SMTP server on loopback that keeps what it is given."""
    received: queue.Queue[EmailMessage] = queue.Queue()

    class Keep:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
            received.put(email.message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
            return "250 kept"

    controller = Controller(Keep(), hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield received, f"smtp://127.0.0.1:{controller.port}"
    finally:
        controller.stop()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--keep", action="store_true", help="leave everything running and say where to look")
    parser.add_argument("--json", action="store_true", help="print one machine-readable result as the last line")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)  # an end from outside cleans up like Ctrl-C
    started = time.monotonic()
    directory = Path(tempfile.mkdtemp(prefix="agentctl-demo-"))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OWN_NAMES)}
    with mailbox() as (received, smtp):
        demo = Demo(directory / "beispiel", options.json, {**clean, "DEMO_SMTP": smtp}, received)
        demo.project.mkdir()
        demo.sandbox, demo.door = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        try:
            for name, title, body in STEPS:
                demo.step(name, title, body)
            demo.tell(heading("Done"))
            demo.tell(f"{len(STEPS)} steps, each result checked, in {time.monotonic() - started:.1f} s.")
            if options.keep:
                demo.report(options.json)
                keep(demo)
        except StepFailed as failure:
            print(f"demo failed at {failure}", file=sys.stderr)
            options.keep = False
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
        finally:
            demo.stop()
            shutil.rmtree(directory, ignore_errors=True)
    if not options.keep:
        demo.report(options.json)
    return 0 if demo.ok else 1


# A user's own settings must not leak into a demo that needs none.
OWN_NAMES = (
    "ELEVENLABS_", "TWILIO_", "SUPABASE_", "DATABASE_URL", "SMTP_URL", "RESEND_", "MAIL_FROM", "LLM_", "WEBHOOK_",
    "PUBLIC_URL",
)  # fmt: skip


def keep(demo: Demo) -> None:
    where = sys.stderr if demo.quiet else sys.stdout
    print(
        f"""
It goes on running until Ctrl-C. Look around in another terminal:

  cd {demo.project}
  {sys.executable} -m agentctl calls list
  {sys.executable} -m agentctl sandbox call {NUMBER} --url {demo.sandbox}

  console   {demo.agentctl("link", "--url", demo.door).strip()}
  door      {demo.door}/webhooks/elevenlabs
  sandbox   {demo.sandbox}/_sandbox/state""",
        file=where,
        flush=True,
    )
    while True:
        mail = demo.mailbox.get()
        demo.tell(f"mail to {mail['To']}: {mail['Subject']}")


if __name__ == "__main__":
    sys.exit(main())
