"""Corpora in OPUS's own folders: `Corpus/release/moses/en-sw.txt.zip`, or XML and the alignment of its sentences.

A folder that opustools downloads to has the same files side by side: `Corpus_latest_moses_en-sw.txt.zip`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xlzoo.run_scripts.corpora.languages import hub_tag, iso639_3
from xlzoo.run_scripts.errors import UserError

LATEST = "latest"
PREPROCESSINGS = ("moses", "xml", "raw")
PAIR = r"(?P<one>[A-Za-z_]+)-(?P<other>[A-Za-z_]+)"
MOSES_ZIP = re.compile(rf"{PAIR}\.txt\.zip")
MOSES_TEXT = re.compile(rf".+\.{PAIR}\.(?P<side>[A-Za-z_]+)(\.gz)?")
ALIGNMENT = re.compile(rf"{PAIR}\.xml(\.gz)?")


@dataclass(frozen=True)
class Wanted:
    """A corpus, in two languages in ISO 639-3."""

    corpus: str
    source: str
    target: str
    release: str = LATEST
    preprocess: str = "moses"

    @property
    def languages(self) -> tuple[str, str]:
        """Source and target."""
        return self.source, self.target


@dataclass(frozen=True)
class MosesFiles:
    """Two files of lines, which may both be in the same zip archive, where `members` names them."""

    source: Path
    target: Path
    members: tuple[str, str] | None = None


@dataclass(frozen=True)
class XmlFiles:
    """An alignment file, and for each side of it, in its own order, an archive or folder with the documents."""

    alignment: Path
    documents: tuple[Path, Path]
    preprocess: str
    is_swapped: bool
    """Whether the alignment's first side is the target."""


def moses_files(root: Path, wanted: Wanted) -> MosesFiles | None:
    """Find the lines of a corpus, in a zip archive, plain or in gzip files; None where there are none."""
    for path, name in _listed(root, wanted, "moses"):
        found = MOSES_ZIP.fullmatch(name)
        if found and set(_codes(found)) == set(wanted.languages):
            return MosesFiles(path, path, _members(found, wanted))
    texts: dict[tuple[str, str], dict[str, Path]] = {}
    for path, name in _listed(root, wanted, "moses"):
        found = MOSES_TEXT.fullmatch(name)
        if found and set(_codes(found)) == set(wanted.languages):
            texts.setdefault((found["one"], found["other"]), {})[_code(found["side"])] = path
    whole = [sides for sides in texts.values() if sides.keys() == set(wanted.languages)]
    return MosesFiles(whole[0][wanted.source], whole[0][wanted.target]) if whole else None


def xml_files(root: Path, wanted: Wanted) -> XmlFiles | None:
    """Find the alignment of a corpus and the documents of both sides; None where there is no alignment."""
    for path, name in _listed(root, wanted, "xml"):
        found = ALIGNMENT.fullmatch(name)
        if not found or set(_codes(found)) != set(wanted.languages):
            continue
        one, other = (_documents(root, wanted, found[side], path) for side in ("one", "other"))
        return XmlFiles(path, (one, other), wanted.preprocess, _code(found["one"]) == wanted.target)
    return None


def _members(found: re.Match[str], wanted: Wanted) -> tuple[str, str]:
    """Return what the names of a Moses archive's members end in, source and target."""
    pair = f"{found['one']}-{found['other']}"
    ends = {_code(found[side]): f".{pair}.{found[side]}" for side in ("one", "other")}
    return ends[wanted.source], ends[wanted.target]


def _documents(root: Path, wanted: Wanted, language: str, alignment: Path) -> Path:
    """Find the archive or folder with the documents in one language."""
    for path, name in _listed(root, wanted, wanted.preprocess):
        if name == f"{language}.zip" or (name == language and path.is_dir()):
            return path
    raise UserError(
        f"{alignment} has no {wanted.preprocess}/{language}.zip with its sentences beside it; complete the corpus."
    )


def _listed(root: Path, wanted: Wanted, kind: str) -> Iterator[tuple[Path, str]]:
    """Yield what lies in a corpus's folder of this kind, or was downloaded for it, with OPUS's own name for it.

    Names without regions come first, of `en-pt` and `en-pt_BR` for Portuguese say.
    """
    downloaded = f"{wanted.corpus}_{wanted.release}_{kind}_"
    places = [(path, path.name.removeprefix(downloaded)) for path in _inside(root) if path.name.startswith(downloaded)]
    for release in _releases(root / wanted.corpus, wanted.release):
        for path in _inside(release / kind):
            places.append((path, path.name))
            if kind == "moses" and path.is_dir():
                places += [(file, file.name) for file in _inside(path)]
    yield from sorted(places, key=lambda place: (len(place[1]), place[1]))


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _releases(corpus: Path, release: str) -> list[Path]:
    """Return the folder of a release: the latest by name, or else by number."""
    if release != LATEST or (corpus / LATEST).is_dir():
        return [corpus / release]
    numbered = [path for path in _inside(corpus) if path.is_dir() and re.fullmatch(r"v\d.*", path.name)]
    return sorted(numbered, key=lambda path: [int(part) for part in re.findall(r"\d+", path.name)])[-1:]


def _codes(found: re.Match[str]) -> list[str]:
    return [_code(found[side]) for side in ("one", "other")]


def _code(language: str) -> str:
    """Return the ISO 639-3 code, and what is no language as it is."""
    try:
        return iso639_3(language)
    except UserError:
        return language


def opus_codes(language: str) -> tuple[str, ...]:
    """Return under which codes OPUS may have a language, the usual one first."""
    return tuple(dict.fromkeys((hub_tag(language), iso639_3(language))))
