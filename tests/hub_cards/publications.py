"""What test_faults.py publishes: a small folder of each kind, and one repository with what it held before."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub_server.accounts import WRITER
from hub_server.clients import Child
from hub_server.faults import Fault
from hub_server.server import HubServer

from xlzoo.hub_cards import Facts
from xlzoo.hub_cards.facts import facts_to_json

LEFT_OUT = {"run.json": b"{}"}
OLD_CARD = b"---\nlicense: mit\n---\n# Old\n"
STAYS = {"notes.md": b"written on the Hub"}


def weights(name: str, size: int) -> bytes:
    """Return a safetensors file with one tensor of bytes."""
    header = json.dumps({name: {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(index * 7 % 251 for index in range(size))


def parquet(size: int) -> bytes:
    """Return what begins and ends like a parquet file."""
    return b"PAR1" + bytes(index * 5 % 251 for index in range(size)) + b"PAR1"


SHARDS = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
# What is published, with one large file in one piece and one in three parts, and what the repository held before.
NEW = {
    "model": {
        "config.json": json.dumps({"auto_map": {"AutoModel": "modeling_toy.ToyModel"}}).encode(),
        "modeling_toy.py": b"class ToyModel: ...\n",
        SHARDS["a"]: weights("a", 2500),
        SHARDS["b"]: weights("b", 9000),
        "model.safetensors.index.json": json.dumps({"weight_map": SHARDS}).encode(),
    },
    "dataset": {"data/train.parquet": parquet(3000), "data/test.parquet": parquet(9000), "rows.jsonl": b'{"a": 1}\n'},
}
OLD = {
    "model": {
        **STAYS,
        "README.md": OLD_CARD,
        "config.json": b'{"old": true}',
        "model-00003-of-00003.safetensors": b"an old shard",
    },
    "dataset": {**STAYS, "README.md": OLD_CARD, "data/validation.parquet": b"an old split"},
}


def facts_of(kind: str) -> str:
    library = {"library_name": "transformers"} if kind == "model" else {}
    return facts_to_json(Facts(title="Toy", kind=kind, license="mit", languages=("sw",), **library))


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write(folder: Path, kind: str) -> Path:
    """Write the folder to publish, with a file of a run's bookkeeping that stays behind."""
    for name, data in {**NEW[kind], **LEFT_OUT}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@dataclass
class Publication:
    """One repository on a server and the child that publishes to it; `card` is what README.md is to be."""

    server: HubServer
    child: Child
    folder: Path
    repo_id: str
    card: bytes
    kind: str = "model"

    def fill(self) -> None:
        self.server.store.fill(self.repo_id, OLD[self.kind], self.kind)

    def publish(self, **question: object) -> dict:
        """Return the child's answer: the receipt, or the error."""
        facts = facts_of(self.kind)
        return self.child.ask(folder=self.folder, repo_id=self.repo_id, facts=facts, **question)

    def found(self, revision: str = "main") -> dict[str, bytes] | None:
        """Return the tree on the server without what the Hub puts there itself; None if there is none."""
        repo = self.server.store.repos.get((self.kind, self.repo_id))
        if repo is None or repo.at(revision) is None:
            return None
        return {path: data for path, data in repo.files(revision).items() if path != ".gitattributes"}

    def commits(self) -> int:
        repo = self.server.store.repos.get((self.kind, self.repo_id))
        return 0 if repo is None else len(repo.commits)

    @property
    def staged(self) -> dict[str, bytes]:
        """What is to be published: the folder without the bookkeeping, and the card."""
        return {**NEW[self.kind], "README.md": self.card}

    @property
    def complete(self) -> dict[str, bytes]:
        """What is to be on the server after it had an older version."""
        return {**self.staged, **STAYS}

    @contextmanager
    def broken(self, *faults: Fault) -> Iterator[None]:
        """Let calls go wrong inside the block; each fault must be met."""
        self.server.break_with(*faults)
        try:
            yield
        finally:
            self.server.heal()
        assert all(fault.met for fault in faults)


def check_sentence(answer: dict, words: tuple[str, ...] = ()) -> str:
    """Check that a failure is one PublishError of one line that helps, with no token anywhere near it; return it."""
    assert answer.get("error") == "PublishError", answer.get("shown", answer)
    message = answer["message"]
    assert "\n" not in message and 40 < len(message) < 1000 and message.endswith("."), message
    assert WRITER not in answer["shown"] and "Traceback" not in message and "<html" not in message, message
    for word in words:
        assert word in message, message
    return message


def staged_in(message: str) -> Path:
    """Return the staged copy that a sentence names."""
    return next(Path(word) for word in re.split(r"[\s;,]+", message) if word.startswith("/"))
