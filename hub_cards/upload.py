"""One commit that brings a staged tree to the Hub."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, HTTPError, RepositoryNotFoundError, RevisionNotFoundError

from xlzoo.hub_cards.client import limited_session, patiently
from xlzoo.hub_cards.errors import PublishError
from xlzoo.hub_cards.facts import Kind
from xlzoo.hub_cards.failures import told
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
    """The operations of a commit, and the commit that it goes on top of."""

    head: str | None
    operations: tuple[CommitOperationAdd | CommitOperationDelete, ...]


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
        patiently(lambda: _commit(api, target, _change(api, tree, target)))
        return target.url()


def _open_pull_request(api: HfApi, tree: Path, target: Target) -> str:
    """Open a pull request and return its URL; sent again after a lost answer it could open a second one."""
    change = patiently(lambda: _change(api, tree, target))
    try:
        return _commit(api, target, change).pr_url or target.url()
    except HTTPError as error:
        if isinstance(error, HfHubHTTPError):
            raise
        raise PublishError(
            f"the answer was lost, and the pull request may be open: look at {target.url()}/discussions first"
        ) from error


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
    head = _head(api, target)
    names = {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}
    present = api.list_repo_files(target.repo_id, repo_type=target.repo_type, revision=head)
    stale = [
        CommitOperationDelete(path_in_repo=name) for name in stale_files(present, target.kind) if name not in names
    ]
    additions = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=tree / name) for name in sorted(names)]
    api.preupload_lfs_files(
        target.repo_id,
        repo_type=target.repo_type,
        revision=target.branch,
        create_pr=target.revision == NEW_PULL_REQUEST,
        additions=additions,
        free_memory=False,
        gitignore_content=IGNORE_NOTHING,
    )
    return _Change(head, (*stale, *additions))


def stale_files(names: Iterable[str], kind: Kind) -> list[str]:
    """Return those files of a repository that would be loaded beside, or in place of, what is published."""
    return [
        name
        for name in sorted(names)
        if any(fnmatch(name, pattern) for pattern in REPLACED[kind])
        and not name.rpartition("/")[2].startswith("LICENSE")
    ]


def _commit(api: HfApi, target: Target, change: _Change) -> CommitInfo:
    """Make the change in one commit, on the condition that nobody else made one meanwhile.

    Not through `upload_folder`: with Xet it makes several, and a failure between them leaves half a tree.
    """
    return api.create_commit(
        target.repo_id,
        repo_type=target.repo_type,
        revision=target.branch,
        create_pr=target.revision == NEW_PULL_REQUEST,
        operations=change.operations,
        parent_commit=change.head,
        commit_message=f"Publish {target.repo_id}",
    )


def _head(api: HfApi, target: Target) -> str | None:
    """Return the newest commit of the target's branch, which is made if it is missing."""
    branch = target.branch
    try:
        info = api.repo_info(target.repo_id, repo_type=target.repo_type, revision=branch)
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
    return info.sha
