"""What the server keeps: repositories, their commits as complete trees, and the objects uploaded to them."""

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

MAIN = "refs/heads/main"
ATTRIBUTES = b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n*.parquet filter=lfs diff=lfs merge=lfs -text\n"


@dataclass(frozen=True)
class Entry:
    """One file of a commit; `lfs` says that git holds only a pointer to it."""

    data: bytes
    lfs: bool = False

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def git_oid(self) -> str:
        """The id of the blob in git: of the content, or of the pointer file for LFS."""
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.data)}\n"
        content = pointer.encode() if self.lfs else self.data
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.git_oid


@dataclass(frozen=True)
class Commit:
    """A complete tree of files, and the commit that it replaced."""

    oid: str
    parent: str | None
    title: str
    tree: Mapping[str, Entry]


@dataclass
class Repo:
    """A model or dataset; `refs` are full names such as refs/heads/main, `objects` were uploaded, used or not."""

    kind: str
    name: str
    private: bool = False
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    pulls: list[str] = field(default_factory=list)

    @property
    def namespace(self) -> str:
        return self.name.partition("/")[0]

    def ref_of(self, revision: str) -> str | None:
        """Return the full name of a branch, tag or pull request; None if it is none."""
        names = (revision, f"refs/heads/{revision}", f"refs/tags/{revision}")
        return next((name for name in names if name in self.refs), None)

    def at(self, revision: str) -> Commit | None:
        """Return the commit that a branch, tag, pull request or commit id names."""
        ref = self.ref_of(revision)
        return self.commits.get(self.refs[ref] if ref else revision)

    def files(self, revision: str = "main") -> dict[str, bytes]:
        """Return the complete tree of a revision as plain bytes."""
        commit = self.at(revision)
        assert commit is not None, f"{self.name} has no revision {revision}"
        return {path: entry.data for path, entry in commit.tree.items()}

    def record(self, ref: str, title: str, tree: Mapping[str, Entry], parent: str | None) -> Commit:
        """Make one commit and let the reference point to it; there is no state in between."""
        lines = [
            title,
            str(parent),
            str(len(self.commits)),
            *(f"{path} {tree[path].git_oid}" for path in sorted(tree)),
        ]
        commit = Commit(hashlib.sha1("\n".join(lines).encode()).hexdigest(), parent, title, dict(tree))
        self.commits[commit.oid] = commit
        self.refs[ref] = commit.oid
        return commit


@dataclass
class Upload:
    """Parts that arrive for one object of a repository."""

    repo: Repo
    oid: str
    size: int
    parts: dict[int, bytes] = field(default_factory=dict)

    def finish(self) -> bool:
        """Join the parts and keep the object if it is what was announced."""
        data = b"".join(self.parts[number] for number in sorted(self.parts))
        if len(data) != self.size or hashlib.sha256(data).hexdigest() != self.oid:
            return False
        self.repo.objects[self.oid] = data
        return True


class Store:
    """All repositories, by kind ("model" or "dataset") and name, and the uploads under way."""

    def __init__(self) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.uploads: dict[str, Upload] = {}
        self._numbers = itertools.count(1)

    def create(self, name: str, kind: str = "model", private: bool = False) -> Repo:
        """Add a repository with the one commit that the Hub makes itself."""
        repo = self.repos[kind, name] = Repo(kind, name, private)
        repo.record(MAIN, "initial commit", {".gitattributes": Entry(ATTRIBUTES)}, None)
        return repo

    def fill(self, name: str, files: Mapping[str, bytes], kind: str = "model", private: bool = False) -> Repo:
        """Create a repository that holds an older version of some files."""
        repo = self.create(name, kind, private)
        self.commit(repo, files)
        return repo

    def commit(self, repo: Repo, files: Mapping[str, bytes]) -> None:
        """Add files to the main branch, as somebody else might."""
        tree = dict(repo.commits[repo.refs[MAIN]].tree)
        for path, data in files.items():
            tree[path] = Entry(data, lfs=path.endswith((".safetensors", ".parquet")))
            if tree[path].lfs:
                repo.objects[tree[path].sha256] = data
        repo.record(MAIN, "by somebody else", tree, repo.refs[MAIN])

    def start_upload(self, repo: Repo, oid: str, size: int) -> str:
        """Return the id under which the parts of an object may be sent."""
        number = f"{next(self._numbers):06d}"
        self.uploads[number] = Upload(repo, oid, size)
        return number
