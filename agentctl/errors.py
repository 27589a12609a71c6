"""Every exception that agentctl raises on purpose. Each has a message, a hint (what to do) and an exit code.

AgentctlError                   exit 1: the work failed
├── UsageError                  exit 2: the command was called wrongly, or refuses without a yes
├── ConfigurationError          exit 2: settings or project files are wrong; carries every problem at once
├── ApiError                    a vendor's API refused (status, code, request id)
│   ├── Unauthorized            401/403: wrong key, or a key without the needed scope
│   ├── NotFound                404
│   ├── Rejected                400/409/422: the request itself was refused
│   └── RateLimited             429 after all retries
├── Unreachable                 no answer: DNS, connection, timeout, repeated 5xx; safe to run again
│   └── AnswerLost              a write may or may not have happened
├── SyncError                   a plan cannot be made or applied
│   ├── Ambiguous               more than one remote object claims to be the same resource
│   ├── Ignored                 the platform answered 200 and kept something else
│   ├── Blocked                 a change waits for another that failed
│   ├── NotPassed               tests of an assistant did not pass, so that its change did not go live
│   ├── Stale                   what a plan was made of has changed since
│   ├── Elsewhere               nothing of what is bound is there: this is probably another workspace
│   ├── InUse                   what was to be deleted is used by somebody else, and stays
│   ├── Busy                    another sync of the same project is running
│   ├── Misdeclared             what is declared of one assistant is wrong, however often it is tried
│   ├── Incomplete              some changes of a plan failed; the others are done
│   ├── TimedOut                a run was ended by its own deadline
│   └── Waiting                 a resource waits for a step that a person takes; not a failure of the sync
├── StoreError                  the database refused
│   ├── StoreUnavailable        no connection, a deadline passed, the disk is full
│   │   └── StoreSilent         it was reached and did not answer: it may be the work that is too much for it
│   ├── StoreBehind             migrations are pending
│   ├── TokenRefused            who asks has shown a token that it does not take, or no more
│   └── NotThere                who asks has no such thing; that somebody else has one is not told
├── EventError                  a delivery or event cannot be understood
│   ├── BadSignature            missing, malformed, too old or wrong
│   └── Malformed               not the shape that the vendor documents
├── DigestError                 a digest engine failed; `charged` says whether that may have cost money
│   ├── BudgetSpent             the day's budget for the language model allows no further request
│   └── TranscriptTooLong       no language model is asked about that much
├── Anothers                    a call at ElevenLabs is another tenant's, and is left alone there
├── SinkError                   the product's own table did not take a call
├── Several                     more than one workspace of a project had an error of its own
└── MailError                   a mail route refused; `permanent` says whether trying again can help
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class AgentctlError(Exception):
    """An expected failure: `message` says what and where, `hint` what to do about it.

    `marks`: the reasons for a machine, where the message holds a platform's or a model's own words, which may be others
    each time; by them the same trouble is known as the same. `outage`: something that the work needs is away, which is
    no fault of the work: it waits, however often that is so.
    """

    exit_code: int = 1
    marks: tuple[str, ...] = ()
    outage: bool = False

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class UsageError(AgentctlError):
    """The command was called wrongly, or refuses to act without a yes."""

    exit_code = 2


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in the input: `where` is a file with a path in it, or a variable's name.

    `names`: the key that is named there and that no assistant has; `kind`: a name of `what`, for who has words of their
    own for it. Either may be empty. People read the same in `what`, so that two problems are equal without them.
    """

    where: str
    what: str
    names: str = field(default="", compare=False)
    kind: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class ConfigurationError(AgentctlError):
    """Settings or project files are wrong; `problems` holds all of them."""

    exit_code = 2

    def __init__(self, problems: list[Problem], hint: str = "") -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems), hint)


class ApiError(AgentctlError):
    """A vendor's API refused a request. `code`: the vendor's own, empty if it gave none; `places`: what it refuses."""

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        status: int = 0,
        code: str = "",
        request_id: str = "",
        places: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, hint)
        self.marks = (str(status), code, *places)
        self.status = status
        self.code = code
        self.request_id = request_id


class Unauthorized(ApiError):
    """Wrong key, or a key without the scope that the request needs."""


class NotFound(ApiError):
    """The object does not exist (any more) in this workspace."""


class Rejected(ApiError):
    """The request itself was refused; sending it again cannot help."""


class RateLimited(ApiError):
    """Still refused with 429 after all retries."""

    outage = True


class Unreachable(AgentctlError):
    """No usable answer after all retries; running the same again is safe."""

    outage = True


class AnswerLost(Unreachable):
    """A write was sent and no answer came: it may or may not have happened."""


class SyncError(AgentctlError):
    """A plan cannot be made or applied."""


class Ambiguous(SyncError):
    """More than one remote object claims to be the same resource."""


class Ignored(SyncError):
    """The platform accepted a request and kept something other than what was sent."""


class Blocked(SyncError):
    """A change was not tried, because something it refers to failed."""


class NotPassed(SyncError):
    """Tests of an assistant failed or could not be run; its change did not go live. `tests`: name -> how it ended."""

    def __init__(self, message: str, hint: str = "", *, tests: Mapping[str, str] | None = None) -> None:
        super().__init__(message, hint)
        self.marks = tuple(sorted(f"{name} {state}" for name, state in (tests or {}).items()))


class Stale(SyncError):
    """What a plan was made of has changed since; nothing of that change was written."""


class Elsewhere(SyncError):
    """Nothing of what is bound is there: the key probably opens another workspace than the one it was bound in."""


class InUse(SyncError):
    """What was to be deleted is used by somebody else; nothing was deleted. `users`: by id, how they are called."""

    def __init__(self, message: str, hint: str = "", *, users: Mapping[str, str] | None = None) -> None:
        super().__init__(message, hint)
        self.users = dict(users or {})


class Busy(SyncError):
    """Another sync of the same project and workspace is running."""


class Misdeclared(SyncError):
    """What its source declares of one assistant is wrong; trying again helps once somebody has changed it."""


class Incomplete(SyncError):
    """Some changes of a plan failed; the others are done, and whoever is told of each has been told."""


class TimedOut(SyncError):
    """A run reached the deadline that its caller set; what was done is bound, the next run goes on from there."""


class Waiting(SyncError):
    """A resource waits for a step that a person takes, which `hint` names; everything else goes on."""


class StoreError(AgentctlError):
    """The database refused a call."""


class StoreUnavailable(StoreError):
    """No connection, a deadline passed, or the server cannot write; trying later can help."""

    outage = True


class StoreSilent(StoreUnavailable):
    """It was reached, and no answer came: it hangs, it broke, or what it was asked was too much for it.

    So this may be the fault of the work, which would otherwise be tried for ever.
    """

    outage = False


class StoreBehind(StoreError):
    """The database lacks migrations that this version needs."""

    outage = True


class TokenRefused(StoreError):
    """Who asks has shown a token that the database does not take: it is over, or of another key."""


class NotThere(StoreError):
    """There is no such thing, or it is not for whoever asks."""


class EventError(AgentctlError):
    """A delivery or a stored event cannot be understood."""


class BadSignature(EventError):
    """The signature is missing, malformed, outside the tolerance, or made with another secret."""


class Malformed(EventError):
    """The content is not what the vendor documents, so that nothing can be made of it."""


class DigestError(AgentctlError):
    """A digest engine failed or answered nonsense. `charged`: its vendor may have charged for that all the same."""

    def __init__(self, message: str, hint: str = "", *, charged: bool = False) -> None:
        super().__init__(message, hint)
        self.charged = charged


class BudgetSpent(DigestError):
    """The day's budget for the language model allows no further request."""


class TranscriptTooLong(DigestError):
    """No language model is asked about that much."""


class Anothers(AgentctlError):
    """A conversation is a call of another tenant where it is, and is left alone there."""


class SinkError(AgentctlError):
    """The product's own table did not take a call: a constraint or a trigger of it, or it is not as it was declared."""


class Several(AgentctlError):
    """What kept a piece of work from its end in more than one workspace: all of it, with the gravest exit code."""

    @classmethod
    def of(cls, errors: Sequence[AgentctlError]) -> Several:
        """All of these as one."""
        hints = dict.fromkeys(one.hint for one in errors if one.hint)
        made = cls("\n".join(dict.fromkeys(one.message for one in errors)), "\n  ".join(hints))
        made.exit_code = max(one.exit_code for one in errors)
        made.marks = tuple(mark for one in errors for mark in (type(one).__name__, *one.marks))
        made.outage = all(one.outage for one in errors)
        return made


class MailError(AgentctlError):
    """A mail route refused. `permanent`: the same mail would be refused again; `outage`: any mail is refused now."""

    def __init__(self, message: str, hint: str = "", *, permanent: bool = False, outage: bool = False) -> None:
        super().__init__(message, hint)
        self.permanent, self.outage = permanent, outage
