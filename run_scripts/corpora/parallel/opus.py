"""Corpora of OPUS, from a local tree or its download service, as streams of pairs."""

import gzip
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from xlzoo.run_scripts.corpora.bitext import in_step
from xlzoo.run_scripts.corpora.raw_files import (
    DAMAGE,
    FREE,
    MOST_RATIO,
    Opener,
    bounded_lines,
    printable,
    require_plain,
)
from xlzoo.run_scripts.corpora.readers import read_lines
from xlzoo.run_scripts.errors import UserError

from .opus_download import download
from .opus_tree import MosesFiles, Wanted, XmlFiles, moses_files, xml_files
from .shards import Pair
from .standoff import Sentences, read_links

BLOCK = 2**16
Files = MosesFiles | XmlFiles


@dataclass(frozen=True)
class OpusCorpus:
    """One corpus, found on this machine or downloaded into a folder when it is read."""

    wanted: Wanted
    root: Path | None
    cache: Path
    limit: int = 0
    """The most pairs that are read, 0 for all."""

    @property
    def name(self) -> str:
        """What the corpus is called."""
        return self.wanted.corpus

    def identity(self) -> dict[str, Any]:
        """Return what its pairs depend on."""
        place = self.root or self.cache
        files = self._find(place)
        stamps = [[path.name, path.stat().st_size] for path in _paths(files) if path.is_file()] if files else []
        # What is downloaded first while it is read is the same as what is there afterwards.
        return {"opus": vars(self.wanted), "limit": self.limit, "files": stamps if self.root else []}

    def pairs(self) -> Iterator[Pair]:
        """Read the pairs; UserError where the corpus is not to be had, or damaged."""
        files = self.files()
        found = _moses_pairs(files) if isinstance(files, MosesFiles) else _xml_pairs(files, self.name)
        for number, pair in enumerate(found, start=1):
            yield pair
            if number == self.limit:
                return

    def licence(self) -> str:
        """Return the first line of the licence in the corpus's archive."""
        files = self.files()
        if isinstance(files, XmlFiles) or not files.members:
            return ""
        with suppress(*DAMAGE, StopIteration), zipfile.ZipFile(files.source) as archive:
            member = next(name for name in archive.namelist() if name.rpartition("/")[2] == "LICENSE")
            with archive.open(member) as file:
                return printable(file.read(1000).decode("utf-8", errors="replace").strip().partition("\n")[0])
        return ""

    def files(self) -> Files:
        """Find the files, after a download where that is needed; UserError where there are none."""
        if self.root is not None:
            if files := self._find(self.root):
                return files
            raise UserError(
                f"{self.root} has no {self.wanted.preprocess} files of {self.name} in {self.languages}; "
                "expected OPUS's layout, or another --preprocess."
            )
        if (files := self._find(self.cache)) is None:
            download(self.wanted, self.cache)
            files = self._find(self.cache)
        if files is None:
            raise UserError(f"OPUS has no {self.wanted.preprocess} files of {self.name} in {self.languages}.")
        return files

    def _find(self, root: Path) -> Files | None:
        return moses_files(root, self.wanted) if self.wanted.preprocess == "moses" else xml_files(root, self.wanted)

    @property
    def languages(self) -> str:
        """Both languages, for messages."""
        return " and ".join(self.wanted.languages)


def _paths(files: Files) -> list[Path]:
    if isinstance(files, MosesFiles):
        return [files.source, files.target]
    return [files.alignment, *files.documents]


def _moses_pairs(files: MosesFiles) -> Iterator[Pair]:
    sides, names = (files.source, files.target), (str(files.source), str(files.target))
    openers: list[Opener | None] = [None, None]
    if files.members:
        openers = [partial(_open_member, path=files.source, end=end) for end in files.members]
        names = (f"*{files.members[0]} in {names[0]}", f"*{files.members[1]} in {names[1]}")
    one, other = (read_lines(path, opener) for path, opener in zip(sides, openers, strict=True))
    for _, source, target in in_step(one, other, names):
        yield source, target


def _open_member(raw: IO[bytes], path: Path, end: str) -> IO[bytes]:
    """Open the one member of a zip archive whose name has this end."""
    archive = zipfile.ZipFile(raw)
    found = [member for member in archive.infolist() if member.filename.endswith(end)]
    if len(found) != 1:
        raise UserError(f"{path} holds {len(found)} files named *{end}; expected one, as in OPUS's Moses archives.")
    _require_honest(found[0], path)
    return archive.open(found[0])


def _require_honest(member: zipfile.ZipInfo, path: Path) -> None:
    if member.file_size > FREE and member.file_size > MOST_RATIO * member.compress_size:
        raise UserError(f"{path} unpacks to more than {MOST_RATIO} times its size, which no text does: give another.")


def _xml_pairs(files: XmlFiles, corpus: str) -> Iterator[Pair]:
    """Yield linked sentences; a link to a sentence that is not there has an empty side."""
    stores = [_Documents(place, files.preprocess) for place in files.documents]
    opened: tuple[str, str] | None = None
    sides: list[Sentences] = []
    blocks = bounded_lines(files.alignment, _opener(files.alignment))
    try:
        for link in read_links(blocks, files.alignment):
            documents = link.source_document, link.target_document
            if documents != opened:
                sides = [store.open(name) for store, name in zip(stores, documents, strict=True)]
                opened = documents
            ids = (link.sources, link.targets)
            texts = [side.text(names) or "" for side, names in zip(sides, ids, strict=True)]
            yield (texts[1], texts[0]) if files.is_swapped else (texts[0], texts[1])
    except DAMAGE as error:
        raise UserError(f"cannot read {corpus} of {files.alignment}: {printable(error)}, give whole files") from error


class _Documents:
    """The documents of one side, in an archive or a folder."""

    def __init__(self, place: Path, preprocess: str) -> None:
        self.place = place
        self.archive = zipfile.ZipFile(place) if place.is_file() else None
        self.members: dict[str, zipfile.ZipInfo] = {}
        for member in self.archive.infolist() if self.archive else ():
            # `Corpus/xml/en/a.xml` in the archive is `en/a.xml.gz` in the alignment.
            name = member.filename
            self.members[re.split(rf"(?:^|/){preprocess}/", name, maxsplit=1)[-1]] = member

    def open(self, name: str) -> Sentences:
        """Start reading a document; UserError where it is not there."""
        plain = name.removesuffix(".gz")
        where = f"{name} in {self.place}"
        if self.archive is None:
            return Sentences(self._blocks_of_file(plain), where)
        member = self.members.get(plain) or self.members.get(name)
        if member is None:
            raise UserError(f"{self.place} has no document {name}, which the alignment names; complete the corpus.")
        _require_honest(member, self.place)
        return Sentences(self._blocks_of_member(member), where)

    def _blocks_of_member(self, member: zipfile.ZipInfo) -> Iterator[bytes]:
        assert self.archive is not None
        with self.archive.open(member) as raw:
            file: IO[bytes] = gzip.open(raw) if member.filename.endswith(".gz") else raw  # type: ignore[assignment]
            while block := file.read(BLOCK):
                yield block

    def _blocks_of_file(self, plain: str) -> Iterator[bytes]:
        """Read a document of a folder named after its language, with which the document's name begins as well."""
        home = self.place.parent
        for path in (home / plain, home / f"{plain}.gz"):
            if path.exists():
                if not path.resolve().is_relative_to(home.resolve()):
                    raise UserError(f"An alignment leads to {path}, outside of its corpus; give another one.")
                require_plain(path, home)
                yield from bounded_lines(path, _opener(path))
                return
        raise UserError(f"{home} has no document {plain}, which the alignment names; complete the corpus.")


def _opener(path: Path) -> Opener | None:
    return gzip.open if path.name.endswith(".gz") else None
