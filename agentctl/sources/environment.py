"""Environments: what `[environments.<name>]` in agentctl.toml says of one target of the project.

Each has its own bindings, revisions and holds, lies in layers under and over the assistants' files, and may be at
another host with another key. Secrets are never in it: it names the variables that hold them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StrictBool, ValidationError

from agentctl.errors import ConfigurationError, Problem, UsageError
from agentctl.resources.assistant import KEY, Part
from agentctl.settings import nearest
from agentctl.sources.assistant_file import Layer, misplaced
from agentctl.sources.named_variables import REFERENCES, unusable_references
from agentctl.sources.problems import kind_of, located, looks_secret, problems_of, unknown_key
from agentctl.sources.project import FILENAME, Defaults, Project, read_project, usable_variables
from agentctl.sources.raw import raw_settings
from agentctl.sync.diff import overlaid

_VALUES = {"base_url": "elevenlabs_base_url", "public_url": "public_url"}
# Who names one of a group means all of it: two accounts' credentials must not mix.
_GROUPS = tuple(
    frozenset(name for name in REFERENCES.values() if name.startswith(prefixes))
    for prefixes in (("database", "supabase"), ("twilio",), ("smtp", "resend"))
)
_LAYERS = ("defaults", "overrides", "assistants")
_LABEL = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")


@dataclass(frozen=True)
class Environment:
    """One environment. `values`: settings that the files decide; `variables`: setting -> variable that holds it.

    The layers are raw, in the form of an assistant.toml: `defaults` lies under each, `overrides` over each, and
    `assistants` over the one of that key.
    """

    name: str
    workspace: str | None = None
    values: Mapping[str, str | None] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    vars: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    assistants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def laid(self, under: Mapping[str, Any], key: str, table: Mapping[str, Any]) -> dict[str, Any]:
        """The table of one assistant between the layers; `under` is the project's own [defaults]."""
        return overlaid(overlaid(overlaid(under, self.defaults), table), self._over(key))

    def decides(self, key: str, path: Sequence[str | int]) -> bool:
        """Whether the field at `path` of that assistant.toml is laid over here, so that the file has no say in it."""
        return bool(_at(self._over(key), path) != {})

    def placed(self, key: str, problem: Problem) -> Problem:
        """A problem of that assistant.toml, with the place of the layer that says what is wrong, if one does."""
        file, _, path = problem.where.partition(": ")
        if file != f"assistants/{key}/assistant.toml":
            return problem
        names = re.split(r"[.\[]", path.replace("]", ""))
        layers = {f"assistants.{key}": self.assistants.get(key, {}), "overrides": self.overrides}
        for layer, table in layers.items():
            if not isinstance(_at(table, names), Mapping):
                return Problem(located(FILENAME, f"environments.{self.name}.{layer}.{path}"), problem.what)
        return problem

    def _over(self, key: str) -> dict[str, Any]:
        return overlaid(self.overrides, self.assistants.get(key, {}))


def _at(table: Mapping[str, Any], path: Sequence[str | int]) -> Any:
    """What a layer has at `path`, or whatever it has instead of a table on the way there; an empty table: nothing."""
    place: Any = table
    for name in path:
        if not isinstance(place, Mapping):
            break
        place = place.get(name, {})
    return place


def read_environments(project: Project, problems: list[Problem]) -> dict[str, Environment]:
    """Every environment that the project declares; what is wrong with one goes to the problems, and it is left out."""
    found: dict[str, Environment] = {}
    for name, table in project.environments.items():
        if not KEY.fullmatch(name):
            what = "the name must be at most 63 of a-z, 0-9, - and _, and begin with a letter or digit"
            problems.append(Problem(located(FILENAME, f"environments.{name[:70]!r}"), what))
            continue
        before = len(problems)
        environment = _environment(name, table, problems)
        if environment is not None and len(problems) == before:
            found[name] = environment
    return found


def strangers(environments: Mapping[str, Environment], keys: list[str]) -> Iterator[Problem]:
    """A problem for each assistant that an environment names and that no folder declares."""
    for environment in environments.values():
        for key in environment.assistants:
            if key not in keys:
                near = nearest(key, keys)
                meant = f"did you mean {near!r}?" if near else f"there are {', '.join(keys) or 'none'}"
                place = located(FILENAME, f"environments.{environment.name}.assistants.{key}")
                yield Problem(place, f"no assistant {key!r}, {meant}", names=key)


def known_names(project: Project) -> list[str]:
    """The environments that can be selected: the default one and those that are declared."""
    return sorted({project.environment, *project.environments})


def chosen(project: Project, environments: Mapping[str, Environment], name: str | None) -> Environment:
    """The environment `name`, or the project's default one. Raises UsageError for one that nobody declares."""
    wanted = name or project.environment
    if wanted in environments:
        return environments[wanted]
    known = known_names(project)
    if wanted not in known:
        near = nearest(wanted, known)
        hint = f"Did you mean {near}?" if near else f"{FILENAME} knows: {', '.join(known)}."
        raise UsageError(f"there is no environment {wanted!r}", hint)
    return Environment(wanted)


def select(file: Path, name: str | None, *, by_variable: bool = False) -> Environment | None:
    """Where the environment `name` of the project in `file` is; None: its default one.

    `by_variable`: AGENTCTL_ENV has named it. Other mistakes in the file are left to whoever loads it. Raises UsageError
    for an unknown environment, and ConfigurationError where what is said of its settings is wrong; None where nobody
    asked for one and the file cannot be read.
    """
    if name is not None and not file.exists():
        what = f"not found in {file.parent} or above, and it would declare environment {name!r}"
        otherwise = "without AGENTCTL_ENV" if by_variable else f"without naming {name!r}"
        raise ConfigurationError([Problem(FILENAME, what)], f"Run this inside a project, or {otherwise}.")
    project, problems = read_project(file)
    if project is None:
        if name is not None:
            raise ConfigurationError(problems)
        return None
    wrong: list[Problem] = []
    found = read_environments(project, wrong)
    wanted = name or project.environment
    place = located(FILENAME, f"environments.{wanted}")
    fields = {f"{place}.{one}" for one in (*REFERENCES, *_VALUES, "workspace")}
    mine = [problem for problem in wrong if problem.where == place or problem.where in fields]
    if mine:
        raise ConfigurationError(mine, f"Correct them in {file}.")
    return chosen(project, found, name)


def _environment(name: str, table: Any, problems: list[Problem]) -> Environment | None:
    path = f"environments.{name}"
    if not isinstance(table, dict):
        problems.append(Problem(located(FILENAME, path), f"must be a table, like [{path}] (got {kind_of(table)})"))
        return None
    table = _layered(table, path, problems)
    problems += unusable_references(table, path)
    checked = {key: value for key, value in table.items() if key not in REFERENCES}
    try:
        declared = _declared(name, checked)
    except ValidationError as error:
        if found := list(_found(error, path)):
            problems += found
            return None
        # Parts of entries that the files complete; they are checked where the layers come together.
        declared = _declared(name, {key: value for key, value in checked.items() if key not in _LAYERS})
    variables = {REFERENCES[key]: str(value) for key, value in table.items() if key in REFERENCES}
    if declared.base_url is not None and "elevenlabs_api_key" not in variables:
        what = "needs api_key_env beside it: a key belongs to one host, and must not be sent to another"
        problems.append(Problem(located(FILENAME, f"{path}.base_url"), what))
    values: dict[str, str | None] = {
        setting: value for key, setting in _VALUES.items() if (value := getattr(declared, key)) is not None
    }
    for group in _GROUPS:
        if group & variables.keys():
            values |= dict.fromkeys(group - variables.keys())
    layers = {layer: table.get(layer) or {} for layer in _LAYERS}
    return Environment(name, declared.workspace, values, variables, declared.vars, **layers)


def _layered(table: Mapping[str, Any], path: str, problems: list[Problem]) -> dict[str, Any]:
    """The table with its layers as they are laid, each with its [elevenlabs] as JSON values."""
    found = dict(table)
    for layer in ("defaults", "overrides"):
        if layer in found:
            found[layer] = _with_raw(found[layer], f"{path}.{layer}.", problems)
    assistants = found.get("assistants")
    if isinstance(assistants, dict):
        prefix = f"{path}.assistants."
        found["assistants"] = {key: _with_raw(layer, f"{prefix}{key}.", problems) for key, layer in assistants.items()}
        for key, layer in assistants.items():
            problems += misplaced(layer, FILENAME, f"{prefix}{key}.") if isinstance(layer, dict) else ()
    return found


def _declared(name: str, table: Mapping[str, Any]) -> _EnvironmentTable:
    return _Environments.model_validate({"environments": {name: table}}).environments[name]


def _with_raw(layer: Any, prefix: str, problems: list[Problem]) -> Any:
    """The layer with its [elevenlabs] as JSON values."""
    if isinstance(layer, dict) and "elevenlabs" in layer:
        return {**layer, "elevenlabs": raw_settings(layer["elevenlabs"], FILENAME, prefix, problems)}
    return layer


def _found(error: ValidationError, path: str) -> Iterator[Problem]:
    place = located(FILENAME, path)
    known = [*_EnvironmentTable.model_fields, *REFERENCES]
    for item, problem in zip(error.errors(), problems_of(error, FILENAME, _Environments), strict=True):
        if item["type"] == "missing" and item["loc"][2] in _LAYERS:
            continue
        if item["type"] == "value_error" and item["loc"][-1] in _VALUES:  # it may carry a password
            yield Problem(problem.where, str(item["ctx"]["error"]))
            continue
        if item["type"] == "extra_forbidden" and problem.where == place:
            yield Problem(place, unknown_key(str(item["loc"][-1]), known))
        else:
            yield problem


def _server(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("must be a web address, like https://api.elevenlabs.io")
    if "@" in parts.netloc:
        raise ValueError("must carry no user and no password")
    return url


def _label(name: str) -> str:
    if looks_secret(name):
        raise ValueError("must be a name of yours for the workspace, and never a key")
    if not _LABEL.fullmatch(name):
        raise ValueError("must be at most 63 letters, digits, dots, - and _, like acme-test")
    return name


class _EnvironmentTable(Part):
    base_url: Annotated[str, AfterValidator(_server)] | None = None
    public_url: Annotated[str, AfterValidator(_server)] | None = None
    workspace: Annotated[str, AfterValidator(_label)] | None = None
    table: StrictBool = True
    vars: Annotated[dict[str, Any], AfterValidator(usable_variables)] = Field({})
    defaults: Defaults = Defaults()
    overrides: Layer = Layer()
    assistants: dict[str, Layer] = Field({})


class _Environments(Part):
    environments: dict[str, _EnvironmentTable]
