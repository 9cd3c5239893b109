"""The way of a large file: is it one, where may it go, here it is, is it there."""

import hashlib

from hub_server.accounts import readable, writable
from hub_server.messages import HubError, Reply, Request, as_json
from hub_server.repositories import commit_of
from hub_server.store import Repo, Store

LFS_ABOVE_BYTES = 2000
MULTIPART_ABOVE_BYTES = 4000
PART_BYTES = 4000
LFS_SUFFIXES = (".safetensors", ".parquet", ".model", ".png")


def preupload(store: Store, request: Request) -> Reply:
    """Say for each file whether it goes through LFS, and the id of its older version."""
    repo = writable(store, request, pull_request="create_pr" in request.query)
    commit, rows = commit_of(repo, request.revision), []
    for file in request.json()["files"]:
        path, old = file["path"], commit.tree.get(file["path"])
        lfs = file["size"] > LFS_ABOVE_BYTES or path.endswith(LFS_SUFFIXES)
        mode = "lfs" if lfs else "regular"
        oid = old.etag if old and old.lfs == lfs else None
        rows.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
    return as_json({"files": rows, "commitOid": commit.oid})


def batch(store: Store, request: Request) -> Reply:
    """Say where each object is to be sent: nowhere if it is there, in one piece, or in parts."""
    asked = request.json()
    revision = asked.get("ref", {}).get("name")
    repo = writable(store, request, pull_request=revision is None)
    if revision is not None:
        commit_of(repo, revision)
    base = request.values["base"]
    transfer = "multipart" if "multipart" in asked.get("transfers", []) else "basic"
    rows = [_instructions(store, repo, base, item, transfer) for item in asked["objects"]]
    return as_json({"transfer": transfer, "objects": rows})


def _instructions(store: Store, repo: Repo, base: str, item: dict, transfer: str) -> dict:
    oid, size = item["oid"], item["size"]
    row = {"oid": oid, "size": size, "authenticated": True}
    if oid in repo.objects:
        return row
    number = store.start_upload(repo, oid, size)
    prefix = "datasets/" if repo.kind == "dataset" else ""
    verify = {"href": f"{base}/{prefix}{repo.name}.git/info/lfs/objects/verify", "header": {}}
    if transfer == "basic" or size <= MULTIPART_ABOVE_BYTES:
        upload = {"href": f"{base}/storage/{number}", "header": {}}
    else:
        parts = {str(n + 1): f"{base}/storage/{number}/{n + 1}" for n in range(-(-size // PART_BYTES))}
        upload = {"href": f"{base}/complete/{number}", "header": {"chunk_size": str(PART_BYTES), **parts}}
    return {**row, "actions": {"upload": upload, "verify": verify}}


def put(store: Store, request: Request) -> Reply:
    """Take a whole object; 400 if it is not what was announced."""
    upload = store.uploads[request.values["upload"]]
    upload.parts[1] = request.body
    if not upload.finish():
        raise HubError(400, "The object does not have the announced size and hash")
    return Reply(200, b"", {"ETag": f'"{upload.oid}"'})


def put_part(store: Store, request: Request) -> Reply:
    """Take one part; sent again, it replaces the first."""
    store.uploads[request.values["upload"]].parts[int(request.values["number"])] = request.body
    return Reply(200, b"", {"ETag": f'"{hashlib.md5(request.body).hexdigest()}"'})


def complete(store: Store, request: Request) -> Reply:
    """Join the parts if the client names each of them, with the tag that it was given; 400 otherwise."""
    upload, asked = store.uploads[request.values["upload"]], request.json()
    named = {part["partNumber"]: part["etag"].strip('"') for part in asked["parts"]}
    tags = {number: hashlib.md5(data).hexdigest() for number, data in upload.parts.items()}
    if asked["oid"] != upload.oid or named != tags or not upload.finish():
        raise HubError(400, "The parts do not make up the announced object")
    return as_json({"oid": upload.oid})


def verify(store: Store, request: Request) -> Reply:
    """Say whether an object has arrived whole."""
    repo, asked = readable(store, request), request.json()
    if len(repo.objects.get(asked["oid"], b"")) != asked["size"]:
        raise HubError(404, "The object has not been uploaded")
    return as_json({})
