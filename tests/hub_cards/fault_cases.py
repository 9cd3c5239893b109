"""The faults of test_faults.py: every kind of call, in every way that it can go wrong, once or for good."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub_server.accounts import WRITER
from hub_server.faults import Act, Fault, Garbage, Hang, Reset, Status, Truncated

# The calls of a publication onto a branch that is missing, with one small and one large file of weights.
CALLS = (
    *("create", "info", "branch", "tree", "preupload", "batch"),
    *("put", "part", "complete", "verify", "validate", "commit"),
)
ACTS = {
    "401": Status(401),
    "403": Status(403),
    "404": Status(404, "RepoNotFound"),
    "409": Status(409),
    "412": Status(412),
    "429": Status(429, headers={"Retry-After": "2"}),
    "500": Status(500),
    "503": Status(503),
    "reset": Reset(),
    "hang": Hang(),
    "page": Garbage(),
    "null": Garbage(body=b"null"),
    "list": Garbage(body=b"[]"),
    "object": Garbage(body=b"{}"),
    "truncated": Truncated(),
}
# These are what the Hub may answer, or as good as that.
NO_FAULTS = {"verify-object", "validate-object", "put-truncated", "part-truncated"}
# After these one more try is worth it, and publishing is to make it by itself ...
PASSING = {"429", "500", "503", "reset", "hang", "page", "truncated"}
# ... except that a page with status 200 passes for an answer where none is read; the next call then shows that nothing
# was done.
UNREAD = {"branch-page", "put-page", "part-page", "complete-page"}
# An empty list of files contradicts the description of the repository, and is asked for again.
CONTRADICTIONS = {"tree-list", "tree-object"}
# These stand in nobody's way: the repository is there, or the work was done, or the next call asks again.
HARMLESS = {
    *("create-401", "create-403", "create-409", "branch-truncated", "commit-truncated"),
    *("verify-page", "verify-null", "verify-list"),
}


@dataclass(frozen=True)
class Case:
    """Faults of one call: the first `times` after `skip`, or all; the repository has an older commit, or is `new`.

    Publishing must succeed if the case `passes`, must fail if it `fails`, with these `words` in its sentence, and may
    do either if neither.
    """

    call: str
    act: Act
    times: int | None = None
    skip: int = 0
    new: bool = False
    passes: bool = False
    fails: bool = False
    words: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)

    def fault(self) -> Fault:
        return Fault(self.call, self.act, self.times, self.skip)

    @property
    def silence(self) -> float:
        """Seconds after which a server counts as silent: little only where it is to be."""
        if not isinstance(self.act, Hang):
            return 20.0
        return 0.15 if self.times is None else 0.5


def _cases() -> dict[str, Case]:
    """Return the product of calls, acts and durations."""
    found = {}
    for name, call, act in ((f"{call}-{act}", call, act) for call in CALLS for act in ACTS):
        if name in NO_FAULTS:
            continue
        options = {"revision": "next"} if call == "branch" else {}
        harmless = name in HARMLESS
        passes = harmless or name in CONTRADICTIONS or (act in PASSING and name not in UNREAD)
        found[f"{name}-always"] = Case(call, ACTS[act], passes=harmless, fails=not harmless, options=options)
        found[f"{name}-once"] = Case(call, ACTS[act], 1, passes=passes, options=options)
    return found


def lost(call: str, times: int | None = 1, **options: object) -> Case:
    """Return a case in which a call does its work and the answer is lost."""
    return Case(call, Reset(done=True), times, passes=True, **options)


def refused(call: str, act: Act, *words: str, new: bool = False, times: int | None = None) -> Case:
    """Return a case that ends in a sentence with these words."""
    return Case(call, act, times, fails=True, words=words, new=new)


def _unverified() -> dict[str, Case]:
    """Return cases in which the commit is made, and the list of its files is what goes wrong: the second one."""
    found = {}
    for act in ("403", "404", "500", "reset", "hang", "page", "null", "list", "object", "truncated"):
        passes = act in PASSING or f"tree-{act}" in CONTRADICTIONS
        found[f"list-of-the-new-commit-{act}-always"] = Case("tree", ACTS[act], skip=1, fails=True)
        found[f"list-of-the-new-commit-{act}-once"] = Case("tree", ACTS[act], 1, skip=1, passes=passes)
    return found


CONFLICT = Status(409, message="Cannot create repo: another conflicting operation is in progress")
HOUR = {"Retry-After": "3600"}
PARTICULAR = {
    "reset-in-a-part-always": Case("part", Reset(after_bytes=1000), skip=1, fails=True, words=("model-00002-of",)),
    "reset-in-a-part-once": Case("part", Reset(after_bytes=1000), 1, skip=1, passes=True),
    "reset-in-a-file-once": Case("put", Reset(after_bytes=100), 1, passes=True),
    "reset-in-the-commit-once": Case("commit", Reset(after_bytes=500), 1, passes=True),
    "answer-to-two-parts-lost": lost("part", 2),
    "answer-to-the-completion-lost": lost("complete"),
    "answer-to-the-creation-lost": lost("create", new=True),
    "answer-to-the-branch-lost": lost("branch", options={"revision": "next"}),
    "answer-to-the-commit-lost": lost("commit"),
    "answer-to-the-commit-always-lost": lost("commit", None),
    "answer-to-the-first-commit-lost": lost("commit", new=True),
    "answer-to-the-commit-hangs": Case("commit", Hang(done=True), 1, passes=True),
    "answer-to-the-commit-is-a-page": Case("commit", Garbage(done=True), 1, passes=True),
    "creation-in-conflict-always": refused("create", CONFLICT, "409", "try again", new=True),
    "creation-in-conflict-once": Case("create", CONFLICT, 1, new=True, passes=True),
    "creation-refused": refused("create", Status(403), "write access", "org", new=True),
    "creation-unauthorized": refused("create", Status(401), "hf auth login", new=True),
    "creation-busy": refused("create", Status(503), "503", "try again", new=True),
    "creation-once-busy": Case("create", Status(503), 1, new=True, passes=True),
    "first-commit-refused": refused("commit", Status(403), "write access", new=True),
    "first-commit-reset": refused("commit", Reset(), "connection", new=True),
    "token-in-the-answer": refused("commit", Status(403, message=f"The token {WRITER} is bad"), "[token]"),
    "token-in-the-answer-of-a-part": refused("part", Status(400, message=f"Bearer {WRITER}"), "[token]"),
    "long-answer": refused("commit", Status(500, message="word " * 2000), "500"),
    "answer-of-many-lines": refused("batch", Garbage(body=b'{"objects": "a\\nb"}')),
    "payment": refused("commit", Status(402), "payment"),
    "too-large": refused("commit", Status(413), "too large"),
    "an-hour": refused("preupload", Status(429, headers=HOUR), "3600 seconds"),
    "an-hour-once": refused("commit", Status(503, headers=HOUR), "3600 seconds", times=1),
    "rate-limit": refused("tree", Status(429, headers={"RateLimit": '"api";r=0;t=900'}), "900 seconds"),
}
CASES = {**_cases(), **_unverified(), **PARTICULAR}
