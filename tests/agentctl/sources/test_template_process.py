import json

from agentctl.sources.template_process import serve


def test_one_answer_per_request_and_no_template_outlives_its_request() -> None:
    lines = [{"shared/a.md": "part [[ x ]]"}]
    lines += [{"name": "p", "text": f"[% include 'shared/a.md' %] {n}", "variables": {"x": n}} for n in (1, 2)]
    lines += [{"name": "q", "text": "[% include 'p' %]", "variables": {}}]
    first, second, third = (json.loads(answer) for answer in serve((json.dumps(line) for line in lines), 100, 2.0))
    assert (first, second) == ({"text": "part 1 1"}, {"text": "part 2 2"})
    assert third == {"error": "", "template": "q", "line": 1, "missing": "p"}


def test_the_limit_counts_characters() -> None:
    lines = [
        {},
        {"name": "p", "text": "[[ 'ä' * 10 ]]", "variables": {}},
        {"name": "p", "text": "[[ 'ä' * 11 ]]", "variables": {}},
    ]
    fits, too_long = (json.loads(answer) for answer in serve((json.dumps(line) for line in lines), 10, 2.0))
    assert fits == {"text": "ä" * 10}
    assert too_long["error"] == "becomes longer than 10 characters"
