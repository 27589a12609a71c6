"""What a plan is given before it is shown: whole or one step of it, the veil is the last of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentctl.errors import Ambiguous, Problem
from agentctl.resources.phone_number import PhoneNumber, undertaking_of
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Failure, Plan
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.showable import showable
from agentctl.verbs.undertaking import Undertaking
from agentctl.wiring import Control
from tests.telephony import NUMBER, Bench
from tests.telephony import bench as bench

OLD = "ALTERSCHLUESSEL77"


def test_a_step_is_told_like_a_whole_plan_but_for_what_is_no_matter_of_it(bench: Bench) -> None:
    project = 'project = "beispiel"\n[vars]\ntarif_api_key = "{}"\n'
    for secret in (OLD, "NEUERSCHLUESSEL88"):
        (bench.root / "agentctl.toml").write_text(project.format(secret))
        (bench.toml.parent / "prompt.md").write_text(f"Nach {len(secret)}: [[ tarif_api_key ]]")
        assert bench("sync", "--yes")[0] == 0
    several = Failure(Ref("agent", "empfang"), "empfang", Ambiguous("2 claim it", "agentctl sync --take-ours"))
    found = Plan(failures=(several,), notices=(Problem("agent", f"has {OLD}"),))

    async def look(control: Control) -> list[ProjectPlan]:
        bindings, declared = await control.bindings(), control.loaded.assistants
        await (await Undertaking.of(control, undertaking_of(NUMBER))).save({})
        plan = ProjectPlan.of(found, declared)
        made_of: Sequence[Sequence[Any]] = ([PhoneNumber(control.api)], await control.kinds(bindings))
        return [await showable(control, plan, bindings, kinds, declared) for kinds in made_of]

    step, whole = bench.control(look)
    for plan in (step, whole):
        assert [str(one) for one in plan.notices] == ["agent: has ***"]
        assert plan.failures[0].error.hint == "agentctl sync --take-ours --only empfang"
    assert [one.ref.key for one in step.failures] == ["empfang"]
    assert [one.ref.key for one in whole.failures] == ["empfang", NUMBER]
