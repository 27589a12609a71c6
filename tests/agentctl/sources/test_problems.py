from pydantic import BaseModel, ConfigDict, ValidationError

from agentctl.sources.problems import dotted, problems_of, unknown_key


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = 0


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    parts: tuple[Inner, ...] = ()


def test_an_unknown_key_deep_inside_is_compared_with_its_neighbours() -> None:
    try:
        Outer.model_validate({"parts": [{}, {"siez": 1}]})
    except ValidationError as error:
        (problem,) = problems_of(error, "x.toml", Outer)
    assert str(problem) == "x.toml: parts[1]: unknown key 'siez', did you mean 'size'?"


def test_paths_are_written_as_in_toml() -> None:
    assert dotted(("phone", "numbers", 0)) == "phone.numbers[0]"
    assert dotted(()) == ""


def test_a_very_long_key_is_cut() -> None:
    assert len(unknown_key("x" * 10_000, ["name"])) < 100
