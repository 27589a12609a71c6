"""What is wrong with all assistants together, wherever each is declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from agentctl.errors import Problem
from agentctl.resources.assistant import Assistant
from agentctl.settings import nearest
from agentctl.sources.problems import located


def lost_transfers(assistants: Iterable[Assistant], keys: Sequence[str]) -> Iterator[Problem]:
    """Transfers to an assistant that nobody declares, or to the one that transfers. `keys`: of all there are."""
    for assistant in assistants:
        tool = assistant.built_in_tools.transfer_to_agent
        for index, transfer in enumerate(tool.transfers if tool else ()):
            place = located(assistant.where, f"built_in_tools.transfer_to_agent.transfers[{index}].assistant")
            if transfer.assistant == assistant.key:
                yield Problem(place, "is this assistant itself")
            elif transfer.assistant is not None and transfer.assistant not in keys:
                near = nearest(transfer.assistant, list(keys))
                others = ", ".join(key for key in keys if key != assistant.key) or "none"
                meant = f"did you mean {near!r}?" if near else f"there are {others}"
                yield Problem(place, f"no assistant {transfer.assistant!r}, {meant}", names=transfer.assistant)


def shared_numbers(numbers: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    """Numbers that are declared more than once. `numbers`: the sources that declare each."""
    for number, places in numbers.items():
        for where in places[1:]:
            yield Problem(f"{where}: phone.numbers", f"{number} is declared more than once, first in {places[0]}")
