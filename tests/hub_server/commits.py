"""The one call that changes what others see."""

import base64
import json

from hub_server import cards
from hub_server.accounts import writable
from hub_server.messages import HubError, Reply, Request, as_json
from hub_server.repositories import commit_of
from hub_server.store import Entry, Repo, Store


def commit(store: Store, request: Request) -> Reply:
    """Apply all operations of a commit to a branch, a pull request, or a new pull request, or none of them."""
    pull_request = "create_pr" in request.query
    repo = writable(store, request, pull_request)
    head = commit_of(repo, request.revision)
    header, operations = _parsed(request)
    if header.get("parentCommit", head.oid) != head.oid:
        raise HubError(412, "A commit has happened since. Please refresh and try again.")
    tree = dict(head.tree)
    for key, value in operations:
        _apply(repo, tree, key, value)
    if "README.md" in tree:
        cards.check(tree["README.md"].data)
    prefix = f"{request.values['base']}/{'datasets/' if repo.kind == 'dataset' else ''}{repo.name}"
    answer, ref = {}, repo.ref_of(request.revision)
    if pull_request:
        repo.pulls.append(header["summary"])
        ref = f"refs/pr/{len(repo.pulls)}"
        answer = {"pullRequestUrl": f"{prefix}/discussions/{len(repo.pulls)}"}
    if ref is None:
        raise HubError(400, f"{request.revision} is no branch")
    made = repo.record(ref, header["summary"], tree, head.oid)
    return as_json({**answer, "success": True, "commitOid": made.oid, "commitUrl": f"{prefix}/commit/{made.oid}"})


def _parsed(request: Request) -> tuple[dict, list[tuple[str, dict]]]:
    """Return the header and the operations; every line is one JSON object with a key and a value."""
    try:
        lines = [json.loads(line) for line in request.body.splitlines()]
    except ValueError as error:
        raise HubError(400, "A line of the commit is not JSON") from error
    if not lines or lines[0]["key"] != "header" or not lines[0]["value"].get("summary"):
        raise HubError(400, "The commit has no header with a summary")
    return lines[0]["value"], [(line["key"], line["value"]) for line in lines[1:]]


def _apply(repo: Repo, tree: dict[str, Entry], key: str, value: dict) -> None:
    path = value["path"]
    if key == "file":
        tree[path] = Entry(base64.b64decode(value["content"], validate=True))
    elif key == "lfsFile":
        if value["oid"] not in repo.objects:
            raise HubError(400, f"LFS pointer of {path} points to a file that does not exist")
        tree[path] = Entry(repo.objects[value["oid"]], lfs=True)
    elif key == "deletedFile":
        if tree.pop(path, None) is None:
            raise HubError(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
    elif key == "deletedFolder":
        inside = [other for other in tree if other.startswith(f"{path.rstrip('/')}/")]
        if not inside:
            raise HubError(404, f"A folder with this name doesn't exist: {path}", "EntryNotFound")
        for other in inside:
            del tree[other]
    else:
        raise HubError(400, f"Unknown operation {key}")
