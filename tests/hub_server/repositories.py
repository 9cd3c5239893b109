"""Making repositories and branches, and answering what they hold."""

import re
from urllib.parse import quote

from hub_server.accounts import account_of, check_may_write, readable, writable
from hub_server.cards import metadata_of
from hub_server.messages import HubError, Reply, Request, as_json
from hub_server.store import Commit, Entry, Repo, Store

DATE = "2026-01-01T00:00:00.000Z"


def create(store: Store, request: Request) -> Reply:
    """Make a repository in the caller's name or an organisation's; 409 if it is there."""
    wanted, account = request.json(), account_of(request)
    kind = wanted.get("type") or "model"
    namespace = wanted.get("organization") or (account.name if account else "")
    check_may_write(account, namespace, kind)
    name = f"{namespace}/{wanted['name']}"
    place = {"url": f"{request.values['base']}/{'datasets/' if kind == 'dataset' else ''}{name}", "name": name}
    if (kind, name) in store.repos:
        message = f"You already created this {kind} repo"
        return as_json({"error": message, **place}, 409, {"X-Error-Message": message})
    store.create(name, kind, private=wanted.get("visibility") == "private")
    return as_json({**place, "id": name})


def commit_of(repo: Repo, revision: str) -> Commit:
    """Return the commit that a revision names; 404 if none."""
    commit = repo.at(revision)
    if commit is None:
        raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    return commit


def info(store: Store, request: Request) -> Reply:
    """Describe a repository at a revision: its commit, its files, and the header of its card."""
    repo = readable(store, request)
    commit = commit_of(repo, request.revision)
    card = metadata_of(commit.tree["README.md"].data) if "README.md" in commit.tree else {}
    answer = {
        "_id": commit.oid[:24],
        "id": repo.name,
        "modelId": repo.name,
        "author": repo.namespace,
        "sha": commit.oid,
        "private": repo.private,
        "gated": False,
        "disabled": False,
        "tags": card.get("tags", []),
        "cardData": card,
        "downloads": 0,
        "likes": 0,
        "lastModified": DATE,
        "createdAt": DATE,
        "siblings": [{"rfilename": path, "size": len(entry.data)} for path, entry in sorted(commit.tree.items())],
    }
    return as_json(answer, headers={"X-Repo-Commit": commit.oid})


def _described(path: str, entry: Entry) -> dict:
    pointer = {"oid": entry.sha256, "size": len(entry.data), "pointerSize": 134}
    row = {"type": "file", "path": path, "size": len(entry.data), "oid": entry.git_oid}
    return {**row, "lfs": pointer} if entry.lfs else row


def tree(store: Store, request: Request) -> Reply:
    """List the files of a revision or of a folder in it, with all sub-folders or only their names."""
    commit = commit_of(readable(store, request), request.revision)
    folder = f"{request.filename.strip('/')}/" if request.filename.strip("/") else ""
    inside = {path: entry for path, entry in sorted(commit.tree.items()) if path.startswith(folder)}
    if folder and not inside:
        raise HubError(404, f"{folder} does not exist on {request.revision}", "EntryNotFound")
    rows = []
    if request.query.get("recursive", "").lower() not in ("true", "1"):
        names = {path[len(folder) :].partition("/")[0] for path in inside if "/" in path[len(folder) :]}
        rows = [{"type": "directory", "path": folder + name, "size": 0, "oid": "0" * 40} for name in sorted(names)]
        inside = {path: entry for path, entry in inside.items() if "/" not in path[len(folder) :]}
    rows += [_described(path, entry) for path, entry in inside.items()]
    return as_json(rows, headers={"X-Repo-Commit": commit.oid})


def paths_info(store: Store, request: Request) -> Reply:
    """Describe those of the named paths that exist."""
    commit = commit_of(readable(store, request), request.revision)
    asked = request.json() if request.body.startswith(b"{") else request.form()
    rows = []
    for path in asked.get("paths", []):
        if path in commit.tree:
            rows.append(_described(path, commit.tree[path]))
        elif any(other.startswith(f"{path}/") for other in commit.tree):
            rows.append({"type": "directory", "path": path, "size": 0, "oid": "0" * 40})
    return as_json(rows)


def refs(store: Store, request: Request) -> Reply:
    """List branches and tags, and the pull requests if they are asked for."""
    repo = readable(store, request)

    def under(prefix: str) -> list[dict]:
        found = [(ref, oid) for ref, oid in repo.refs.items() if ref.startswith(prefix)]
        return [{"name": ref.removeprefix(prefix), "ref": ref, "targetCommit": oid} for ref, oid in found]

    answer = {"branches": under("refs/heads/"), "tags": under("refs/tags/"), "converts": []}
    if request.query.get("include_prs"):
        answer["pullRequests"] = [{**row, "name": row["ref"]} for row in under("refs/pr/")]
    return as_json(answer)


def branch(store: Store, request: Request) -> Reply:
    """Make a branch from a starting point; 409 if it is there, 400 for the name of a pull request."""
    repo, name = writable(store, request), request.revision
    if name.startswith("refs/") or not re.fullmatch(r"[\w./-]+", name):
        raise HubError(400, f"Invalid reference for a branch: {name}")
    if f"refs/heads/{name}" in repo.refs:
        raise HubError(409, f"Reference already exists: refs/heads/{name}")
    repo.refs[f"refs/heads/{name}"] = commit_of(repo, request.json().get("startingPoint") or "main").oid
    return as_json({})


def discussion(store: Store, request: Request) -> Reply:
    """Describe one pull request."""
    repo, number = readable(store, request), int(request.values["number"])
    if not 1 <= number <= len(repo.pulls):
        raise HubError(404, "Discussion not found")
    answer = {
        "title": repo.pulls[number - 1],
        "num": number,
        "author": {"name": repo.namespace},
        "createdAt": DATE,
        "status": "open",
        "repo": {"name": repo.name, "type": repo.kind},
        "isPullRequest": True,
        "changes": {"base": "refs/heads/main"},
        "filesWithConflicts": [],
        "events": [],
    }
    return as_json(answer)


def resolve(store: Store, request: Request) -> Reply:
    """Send a file of a revision, or the range of it that the client still lacks."""
    commit = commit_of(readable(store, request), request.revision)
    entry = commit.tree.get(request.filename)
    if entry is None:
        raise HubError(404, "Entry not found", "EntryNotFound")
    marks = {
        "ETag": f'"{entry.etag}"',
        "X-Repo-Commit": commit.oid,
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(request.filename)}",
    }
    if entry.lfs:
        marks |= {"X-Linked-Size": str(len(entry.data)), "X-Linked-ETag": f'"{entry.sha256}"'}
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
    if asked is None:
        return Reply(200, entry.data, marks)
    first, last = int(asked[1]), min(int(asked[2] or len(entry.data) - 1), len(entry.data) - 1)
    if first > last:
        return Reply(416, b"", {"Content-Range": f"bytes */{len(entry.data)}"})
    marks["Content-Range"] = f"bytes {first}-{last}/{len(entry.data)}"
    return Reply(206, entry.data[first : last + 1], marks)
