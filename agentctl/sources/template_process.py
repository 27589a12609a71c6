"""The process in which prompts are rendered: JSON lines in, JSON lines out. Started by prompt.py.

Why a process: Jinja's sandbox stops a template from reaching Python, not from using time or memory, and neither a
thread nor a signal handler stops `'a' * 10**9` or one long call inside a filter. Here the kernel does: a timer with
the default action ends the process wherever it is, and the address space is limited.
"""

import contextlib
import json
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

# Beside the processor time that it is given: this only ends what sleeps in swap.
WALL_SECONDS = 20.0
MEMORY_BYTES = 1 << 30


class _Parts(BaseLoader):
    """The prompt itself and the parts in shared/, by name; a template reaches no other file."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        if template not in self.texts:
            raise TemplateNotFound(template)
        text = self.texts[template]
        return text, template, lambda: self.texts.get(template) is text


def environment(loader: BaseLoader) -> ImmutableSandboxedEnvironment:
    """Jinja with [[ ]], [% %] and [# #], as {{ }} belongs to the platform; the same input gives the same text."""
    jinja = ImmutableSandboxedEnvironment(
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        loader=loader,
    )
    # A prompt that differs from run to run would be a change in every plan.
    del jinja.globals["lipsum"], jinja.filters["random"]
    return jinja


def render(jinja: Environment, name: str, variables: dict[str, Any], limit: int) -> dict[str, Any]:
    """{"text"} or {"error", "template", "line"}: `template` is the file that the error is in, if known."""
    try:
        size, chunks = 0, []
        for chunk in jinja.get_template(name).generate(variables):
            size += len(chunk)
            if size > limit:
                return _failure(f"becomes longer than {limit:,} characters", name)
            chunks.append(chunk)
        return {"text": "".join(chunks)}
    except TemplateSyntaxError as error:
        return _failure(_sentence(error.message), error.name or name, error.lineno)
    except TemplateNotFound as error:
        return _failure("", *_place(error, name), missing=str(error.name))
    except RecursionError as error:
        return _failure("includes or calls itself without end", *_place(error, name))
    except MemoryError:
        return _failure("needs too much memory", name)
    except TemplateError as error:
        return _failure(_sentence(error.message), *_place(error, name))
    except Exception as error:  # noqa: BLE001 -- a template can raise anything, and its author wants to know what
        return _failure(_sentence(str(error) or type(error).__name__), *_place(error, name))


def serve(lines: Iterator[str], limit: int, cpu_seconds: float) -> Iterator[str]:
    """Answer each request line {"name", "text", "variables"}; the first line holds the parts, {name: text}."""
    loader = _Parts()
    jinja = environment(loader)
    parts = json.loads(next(lines, "{}"))
    for line in lines:
        request = json.loads(line)
        loader.texts = {**parts, request["name"]: request["text"]}
        _start_timers(cpu_seconds)
        answer = render(jinja, request["name"], request["variables"], limit)
        _stop_timers()
        yield json.dumps(answer) + "\n"


def main() -> NoReturn:
    """Serve stdin until it ends, which it also does when the parent dies."""
    with contextlib.suppress(ValueError, OSError):  # macOS does not limit address space; the timers still hold
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for signum in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(signum, signal.SIG_DFL)
    for answer in serve(iter(sys.stdin), int(sys.argv[1]), float(sys.argv[2])):
        sys.stdout.write(answer)
        sys.stdout.flush()
    raise SystemExit


def _start_timers(cpu_seconds: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)


def _stop_timers() -> None:
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)


def _failure(error: str, template: str, line: int = 0, *, missing: str = "") -> dict[str, Any]:
    return {"error": error, "template": template, "line": line, "missing": missing}


def _place(error: BaseException, name: str) -> tuple[str, int]:
    """The template and line where `error` was raised: the innermost frame that Jinja rewrote."""
    template, line = name, 0
    trace = error.__traceback__
    while trace is not None:
        if "__jinja_exception__" in trace.tb_frame.f_globals:
            template, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    return template, line


def _sentence(message: str | None) -> str:
    text = " ".join((message or "cannot be rendered").split()).rstrip(".")
    return text[:200]


if __name__ == "__main__":
    main()
