"""One commit that brings a staged tree to the Hub."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, HTTPError, RepositoryNotFoundError, RevisionNotFoundError

from xlzoo.hub_cards.client import ContradictoryAnswer, limited_session, patiently
from xlzoo.hub_cards.errors import PublishError
from xlzoo.hub_cards.facts import Kind
from xlzoo.hub_cards.failures import FAILURES, reason, told
from xlzoo.hub_cards.remote_tree import files_at, require_all, require_sent
from xlzoo.hub_cards.target import NEW_PULL_REQUEST, PULL_REQUEST, Target

# What decides how a repository loads is replaced whole: a shard, a config, a tokenizer file or a split left over from
# an earlier commit would be picked up beside the new ones. Anything else that was added on the Hub stays.
WEIGHTS = ("*.safetensors", "*.bin", "*.ckpt", "*.h5", "*.msgpack", "*.pt", "*.pth")
SETTINGS = ("*.json", "*.py", "*.jinja", "*.model", "*merges.txt", "*vocab.txt")
ROWS = ("*.arrow", "*.csv", "*.json", "*.jsonl", "*.parquet", "*.py", "*.tsv", "*.txt")
REPLACED: dict[Kind, tuple[str, ...]] = {
    "adapter": WEIGHTS + SETTINGS,
    "peft": WEIGHTS + SETTINGS,
    "model": WEIGHTS + SETTINGS,
    "dataset": ROWS,
}
ALREADY_THERE = 409
REFUSED = frozenset({401, 402, 403})
# A .gitignore on the Hub would leave files out of the commit without a word.
IGNORE_NOTHING = "# nothing is ignored\n"


@dataclass(frozen=True)
class _Change:
    """What a commit adds, what it takes away, and the commit that it goes on top of."""

    head: str | None
    additions: tuple[CommitOperationAdd, ...]
    stale: tuple[str, ...]

    def operations(self) -> list[CommitOperationAdd | CommitOperationDelete]:
        return [*(CommitOperationDelete(path_in_repo=name) for name in self.stale), *self.additions]


def upload(tree: Path, target: Target, token: str | None = None) -> str:
    """Bring the tree to the Hub in one commit, or in none if it is there already, and return its URL.

    The repository and the branch are made if they are missing. Raises PublishError, with the commit either complete or
    not there at all.
    """
    with told(target.repo_id, tree, token):
        secret = token.strip() if token else get_token()
        if secret and not re.fullmatch(r"[!-~]+", secret):
            raise PublishError("the token has characters that no token has: copy it again")
    with told(target.repo_id, tree, secret), limited_session():
        # True asks for the token of the environment or the login, and for an error where there is none.
        api = HfApi(token=secret if token else True)
        target = _with_repository(api, target)
        if target.revision == NEW_PULL_REQUEST:
            return _open_pull_request(api, tree, target)
        # After a lost answer the next change is empty if the commit arrived.
        change, made = patiently(lambda: _change_and_commit(api, tree, target))
        _verify(api, target, change, made)
        return target.url()


def _change_and_commit(api: HfApi, tree: Path, target: Target) -> tuple[_Change, CommitInfo]:
    change = _change(api, tree, target)
    return change, _commit(api, target, change)


def _open_pull_request(api: HfApi, tree: Path, target: Target) -> str:
    """Open a pull request and return its URL; sent again after a lost answer it could open a second one."""
    change = patiently(lambda: _change(api, tree, target))
    try:
        made = _commit(api, target, change)
    except HTTPError as error:
        if isinstance(error, HfHubHTTPError):
            raise
        raise PublishError(
            f"the answer was lost, and the pull request may be open: look at {target.url()}/discussions first"
        ) from error
    try:
        _verify(api, target, change, made)
    except FAILURES as error:
        why = reason(error, target.repo_id)
        raise PublishError(f"{why}; the pull request is open, so give {made.pr_revision} as the revision") from error
    return made.pr_url or target.url()


def _with_repository(api: HfApi, target: Target) -> Target:
    """Make the repository if it is missing, and return the target under its full name."""
    if "/" not in target.repo_id:
        target = replace(target, repo_id=f"{patiently(api.whoami)['name']}/{target.repo_id}")
    # None leaves the choice to the organisation, whose default may be private; False would overrule it.
    private = target.private or None
    try:
        patiently(lambda: api.create_repo(target.repo_id, private=private, repo_type=target.repo_type))
    except HfHubHTTPError as refusal:
        if refusal.response.status_code == ALREADY_THERE:
            return target
        if refusal.response.status_code not in REFUSED:
            raise
        # A token for one repository may not create any.
        try:
            patiently(lambda: api.repo_info(target.repo_id, repo_type=target.repo_type))
        except RepositoryNotFoundError:
            raise refusal from None
    return target


def _change(api: HfApi, tree: Path, target: Target) -> _Change:
    """Bring the large files to the Hub's storage, where nobody sees them yet, and return what is to be committed."""
    head, named = _head(api, target)
    present = files_at(api, target, head)
    require_all(present, named)
    names = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file())
    stale = stale_files((file.path for file in present), target.kind, names)
    additions = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=tree / name) for name in names]
    api.preupload_lfs_files(
        target.repo_id,
        repo_type=target.repo_type,
        revision=target.branch,
        create_pr=target.revision == NEW_PULL_REQUEST,
        additions=additions,
        free_memory=False,
        gitignore_content=IGNORE_NOTHING,
    )
    return _Change(head, tuple(additions), tuple(stale))


def stale_files(names: Iterable[str], kind: Kind, new: Collection[str] = ()) -> list[str]:
    """Return those files of a repository that would be loaded beside, or in place of, the `new` ones."""
    return [
        name
        for name in sorted(names)
        if name not in new
        and any(fnmatch(name, pattern) for pattern in REPLACED[kind])
        and not name.rpartition("/")[2].startswith("LICENSE")
    ]


def _commit(api: HfApi, target: Target, change: _Change) -> CommitInfo:
    """Make the change in one commit, on the condition that nobody else made one meanwhile.

    Not through `upload_folder`, which knows no such condition and, with Xet, makes several commits.
    """
    return api.create_commit(
        target.repo_id,
        repo_type=target.repo_type,
        revision=target.branch,
        create_pr=target.revision == NEW_PULL_REQUEST,
        operations=change.operations(),
        parent_commit=change.head,
        commit_message=f"Publish {target.repo_id}",
    )


def _verify(api: HfApi, target: Target, change: _Change, made: CommitInfo) -> None:
    """Look whether the commit holds what was sent, and nothing that would be loaded beside it."""
    sent = {addition.path_in_repo for addition in change.additions}

    def look() -> None:
        try:
            found = files_at(api, target, made.oid)
        except RevisionNotFoundError as error:
            raise ContradictoryAnswer("the Hub does not show the new commit yet") from error
        require_sent(found, change.additions, stale_files((file.path for file in found), target.kind, sent))

    patiently(look)


def _head(api: HfApi, target: Target) -> tuple[str | None, list[str]]:
    """Return the newest commit of the target's branch, which is made if it is missing, and its files' names."""
    branch = target.branch
    try:
        info: Any = api.repo_info(target.repo_id, repo_type=target.repo_type, revision=branch)
    except RevisionNotFoundError:
        if branch is None or branch.startswith(PULL_REQUEST):
            raise
        api.create_branch(target.repo_id, branch=branch, repo_type=target.repo_type, exist_ok=True)
        info = api.repo_info(target.repo_id, repo_type=target.repo_type, revision=branch)
    if target.private and info.private is False:
        raise PublishError(f"{target.repo_id} is public on the Hub: make it private there, or choose another name")
    if branch is not None and branch.startswith(PULL_REQUEST):
        number = int(branch.removeprefix(PULL_REQUEST))
        status = api.get_discussion_details(target.repo_id, number, repo_type=target.repo_type).status
        if status not in ("open", "draft"):
            raise PublishError(f"pull request {number} is {status}: give an open one, or pr for a new one")
    return info.sha, [sibling.rfilename for sibling in info.siblings or ()]
