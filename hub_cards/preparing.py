"""From a folder and its facts to a checked tree with a card."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from xlzoo.hub_cards.cards import render_card
from xlzoo.hub_cards.checks import check_folder
from xlzoo.hub_cards.errors import PublishError
from xlzoo.hub_cards.facts import Facts
from xlzoo.hub_cards.probe import Probe
from xlzoo.hub_cards.staging import stage, stand_ins
from xlzoo.hub_cards.usage import run_usage


@dataclass(frozen=True)
class Parcel:
    """What is to be published, and against what it is checked."""

    folder: Path
    repo_id: str
    facts: Facts
    probe: Probe | None
    beside: Mapping[str, Path]


def prepare(parcel: Parcel, work: Path) -> tuple[Path, tuple[str, ...]]:
    """Return a checked copy of the folder with its card inside the working folder, and what was left out of it."""
    facts, tree = parcel.facts, work / "tree" / parcel.repo_id
    tree.mkdir(parents=True)
    left_out = stage(parcel.folder, tree, facts.kind, facts.base_model)
    check_folder(tree, facts.kind)
    with TemporaryDirectory(prefix="scratch-", dir=work) as scratch:
        if parcel.probe is not None:
            # Not at the top: it needs torch, which the rest of the door does not.
            from xlzoo.hub_cards.probes import check_probe

            check_probe(parcel.probe, tree, Path(scratch))
        usage = facts.usage.replace("{repo_id}", parcel.repo_id)
        output = _try_usage(parcel, usage, tree, work / "tree", Path(scratch))
    other = facts.other_usage.replace("{repo_id}", parcel.repo_id)
    title = facts.title or parcel.repo_id
    card = render_card(replace(facts, title=title, usage=usage, usage_output=output, other_usage=other))
    (tree / "README.md").write_text(card, encoding="utf-8")
    # Once more, because the card is new and the usage code was free to write into the folder.
    check_folder(tree, facts.kind)
    return tree, left_out


def _try_usage(parcel: Parcel, usage: str, tree: Path, root: Path, scratch: Path) -> str:
    """Return what the usage code prints; PublishError if it fails, or changes what was checked."""
    if not usage or not parcel.facts.usage_is_executable:
        return ""
    before = _stamps(tree)
    with stand_ins(root, parcel.beside):
        output = run_usage(usage, root, scratch, needs=parcel.facts.usage_needs)
    after = _stamps(tree)
    for name, stamp in before.items():
        if after.get(name) != stamp:
            raise PublishError(f"The usage code of README.md changes {name}, which must stay as it was checked.")
    return output


def _stamps(tree: Path) -> dict[str, tuple[int, int]]:
    return {
        path.relative_to(tree).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in tree.rglob("*")
        if path.is_file()
    }
