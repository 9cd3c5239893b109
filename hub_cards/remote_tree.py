"""What a repository on the Hub holds, and whether that is what was sent.

The list of files is the one answer that no error guards: a proxy or a cache that gives back an empty list with status
200 would let an old shard stay beside the new weights. So it is held against a second answer before a commit, and
against what was staged after it.
"""

from collections.abc import Iterable
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi, RepoFile
from huggingface_hub.utils.sha import git_hash

from xlzoo.hub_cards.client import ContradictoryAnswer
from xlzoo.hub_cards.target import Target


def files_at(api: HfApi, target: Target, commit: str | None) -> list[RepoFile]:
    """Return the files of a commit."""
    items = api.list_repo_tree(target.repo_id, recursive=True, repo_type=target.repo_type, revision=commit)
    return [item for item in items if isinstance(item, RepoFile)]


def require_all(found: Iterable[RepoFile], named: Iterable[str]) -> None:
    """Raise ContradictoryAnswer if the list of files lacks one that the description of the repository names."""
    missing = sorted(set(named) - {file.path for file in found})
    if missing:
        raise ContradictoryAnswer(f"the Hub's list of files lacks {missing[0]}, which it names elsewhere")


def require_sent(found: Iterable[RepoFile], additions: Iterable[CommitOperationAdd], gone: Iterable[str]) -> None:
    """Raise ContradictoryAnswer if a file is missing or another one than was sent, or one is there that was to go."""
    files = {file.path: file for file in found}
    for addition in additions:
        name = addition.path_in_repo
        if name not in files:
            raise ContradictoryAnswer(f"the new commit on the Hub lacks {name}")
        if not _is_same(files[name], addition):
            raise ContradictoryAnswer(f"the {name} of the new commit on the Hub is not the one that was sent")
    for name in gone:
        if name in files:
            raise ContradictoryAnswer(f"the new commit on the Hub still holds {name}, which was to go")


def _is_same(file: RepoFile, addition: CommitOperationAdd) -> bool:
    """Compare contents by their hashes: the SHA-256 of a large file, git's own for the others."""
    if file.size != addition.upload_info.size:
        return False
    if file.lfs is not None:
        return file.lfs.sha256 == addition.upload_info.sha256.hex()
    return file.blob_id == git_hash(Path(str(addition.path_or_fileobj)).read_bytes())
