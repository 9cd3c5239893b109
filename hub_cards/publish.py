"""The one door: a folder is staged, checked, described, and only then uploaded or placed."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from xlzoo.hub_cards.checks import check_facts
from xlzoo.hub_cards.errors import PublishError
from xlzoo.hub_cards.facts import Facts
from xlzoo.hub_cards.placing import place
from xlzoo.hub_cards.preparing import Parcel, prepare
from xlzoo.hub_cards.probe import Probe
from xlzoo.hub_cards.receipt import Receipt, files_and_sizes
from xlzoo.hub_cards.staging import kept_place
from xlzoo.hub_cards.target import Target
from xlzoo.hub_cards.upload import upload


def publish(
    folder: Path,
    repo_id: str,
    facts: Facts,
    *,
    probe: Probe | None = None,
    beside: Mapping[str, Path] = {},
    hub_dir: Path | None = None,
    private: bool = False,
    revision: str | None = None,
    token: str | None = None,
    dry_run: bool = False,
) -> Receipt:
    """Publish a folder with its card: to the Hub in one commit, or with `hub_dir` to the folder `hub_dir/repo_id`.

    The folder itself is not changed. A README.md in it, such as the stock one of PEFT, is not published: the card is
    written from the facts alone, so that all it says was known or checked. `probe` is what the live model answered,
    which the staged copy must answer as well. `beside` are local folders that stand in for the Hub ids which the
    card's usage code names beside `repo_id` while it runs without network. `revision` is a branch, which is made if it
    is missing, "refs/pr/N" for a pull request that is open, or "pr" for a new one. `token` is by default the one of
    `HF_TOKEN` or of the login. `dry_run` does everything but the last step. Raises PublishError, with nothing uploaded
    or placed, if a check, the usage code of the card, or the upload fails; after a failed upload the staged copy stays
    where the message says.
    """
    check_facts(repo_id, facts)
    target = Target(repo_id, facts.kind, private=private, revision=revision)
    destination = _destination(folder, repo_id, hub_dir, revision)
    parcel = Parcel(folder, repo_id, facts, probe, beside)
    if dry_run:
        return _rehearse(parcel, str(destination) if destination else target.url())
    if destination:
        return _to_folder(parcel, destination)
    return _to_hub(parcel, target, token)


def _destination(folder: Path, repo_id: str, hub_dir: Path | None, revision: str | None) -> Path | None:
    """Return the local folder to publish to, if there is one."""
    if hub_dir is None:
        return None
    if revision is not None:
        raise PublishError(f"The local folder {hub_dir} has no revisions: leave out {revision!r}, or the folder.")
    destination = hub_dir / repo_id
    if folder.resolve() in destination.resolve().parents:
        raise PublishError(f"{destination} lies inside the published folder {folder}: choose a hub_dir outside of it.")
    return destination


def _rehearse(parcel: Parcel, where: str) -> Receipt:
    with _told(parcel), TemporaryDirectory(prefix="xlzoo-publish-") as work:
        tree, left_out = prepare(parcel, Path(work))
        return Receipt(where, files_and_sizes(tree), left_out, dry_run=True)


def _to_folder(parcel: Parcel, destination: Path) -> Receipt:
    with _told(parcel):
        destination.parent.mkdir(parents=True, exist_ok=True)
        # On the same disk, so that the last step is one.
        with TemporaryDirectory(prefix=f".{destination.name}@", dir=destination.parent) as work:
            tree, left_out = prepare(parcel, Path(work))
            receipt = Receipt(str(destination), files_and_sizes(tree), left_out)
            place(tree, destination)
    return receipt


def _to_hub(parcel: Parcel, target: Target, token: str | None) -> Receipt:
    with _told(parcel), kept_place(parcel.repo_id, parcel.facts.kind) as kept:
        receipt = _to_folder(parcel, kept)
        where = upload(kept, target, token)
        # It is published, whatever becomes of the copy.
        shutil.rmtree(kept, ignore_errors=True)
    return replace(receipt, where=where)


@contextmanager
def _told(parcel: Parcel) -> Iterator[None]:
    """Turn what the file system refuses, such as a full disk, into a sentence."""
    try:
        yield
    except OSError as error:
        # Copying names both files, and the second one is where there is no room.
        place = error.filename2 or error.filename
        where = f" ({place})" if place else ""
        raise PublishError(
            f"{parcel.folder} could not be copied for {parcel.repo_id}: {error.strerror or error}{where}; "
            "make room or give access there, and run the same command again."
        ) from error
