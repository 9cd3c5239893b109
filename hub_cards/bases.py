"""What a card may say about the model that a run started from: its Hub id and its license, never a path."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import GatedRepoError, HTTPError, RepositoryNotFoundError
from huggingface_hub.repocard import metadata_load, yaml

from xlzoo.hub_cards.checks import is_hub_id

# Where a folder says what it was made from, by file and key. transformers 5 no longer saves `_name_or_path`, so what
# a run of ours or a card says comes first or last, and the configs hold it in folders that older releases wrote.
RECORDS = {
    "facts.json": "base_model",
    "config.json": "_name_or_path",
    "adapter_config.json": "base_model_name_or_path",
    "README.md": "base_model",
}
NO_ID = "The model that training started from is a local one that names no Hub id, so there is no link to it."
NOT_THERE = "The model that training started from is a local one, and the Hub id that it names is not on the Hub."
ORIGIN = (
    "Training started from a local folder that names {} as its origin; its weights may differ from those on the Hub."
)


@dataclass(frozen=True)
class Base:
    """The model that a run started from, as a card describes it; what is not known is None or "".

    `license` has the form of `Facts.license`, and `license_link` is the address of its text. `note` is a sentence for
    the card where the Hub id alone is not the whole truth.
    """

    hub_id: str | None
    license: str
    note: str
    license_link: str = ""


def describe_base(name_or_path: str | None) -> Base:
    """Describe the model with this Hub id, or the one in this local folder by the Hub id that it records.

    The license is that of the folder's card, or else that of the Hub id's card in the cache or on the Hub. It is ""
    if neither card says, and if there is no network. A recorded id that the Hub denies is not passed on.
    """
    if not name_or_path:
        return Base(None, "", "")
    folder = Path(os.path.expanduser(name_or_path))
    hub_id = _cached_id(folder) or name_or_path
    if is_hub_id(hub_id):
        license_, link = _license(_card_on_hub(hub_id) or {}, hub_id)
        return Base(hub_id, license_, "", link)
    if not os.path.isdir(folder):
        return Base(None, "", NO_ID)
    return _describe_folder(folder)


def _describe_folder(folder: Path) -> Base:
    """Describe a local model, whose own license goes before that of the model it was made from."""
    contents = {name: _read_record(folder / name) for name in RECORDS}
    hub_id = _recorded_id(contents)
    license_, link = next(filter(any, (_license(contents[name]) for name in ("README.md", "facts.json"))), ("", ""))
    if hub_id is None:
        return Base(None, license_, NO_ID, link)
    card = _card_on_hub(hub_id)
    if card is None:
        return Base(None, license_, NOT_THERE, link)
    if not license_:
        license_, link = _license(card, hub_id)
    return Base(hub_id, license_, ORIGIN.format(hub_id), link)


def _cached_id(folder: Path) -> str:
    """Return the Hub id of a snapshot in the Hub's cache, `models--org--name/snapshots/commit`, and "" of others."""
    found = re.search(r"(?:^|/)models--([\w.-]+)/snapshots/\w+$", folder.as_posix())
    return found[1].replace("--", "/") if found and os.path.isdir(folder) else ""


def _recorded_id(contents: Mapping[str, Mapping[str, object]]) -> str | None:
    """Return the first Hub id that the files of a folder record."""
    for name, key in RECORDS.items():
        value = contents[name].get(key)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, str) and is_hub_id(value):
            return value
    return None


def _read_record(path: Path) -> Mapping[str, object]:
    """Return what a JSON file, or the header of a card, holds; a file that is missing or damaged records nothing."""
    try:
        found = metadata_load(path) if path.suffix == ".md" else json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _card_on_hub(hub_id: str) -> Mapping[str, object] | None:
    """Return the header of a repository's card, {} if it cannot be had, and None if the Hub denies the repository."""
    # Asked once and then, if need be, looked for in the cache: a download without network would retry for a while.
    is_reachable = True
    try:
        get_hf_file_metadata(hf_hub_url(hub_id, "README.md"))
    except (HTTPError, OSError) as error:  # no network, offline mode, a gate, no card there
        if isinstance(error, RepositoryNotFoundError) and not isinstance(error, GatedRepoError):
            return None
        is_reachable = False
    try:
        return _read_record(Path(hf_hub_download(hub_id, "README.md", local_files_only=not is_reachable)))
    except (HTTPError, OSError):  # not in the cache, or no space for it there
        return {}


def _license(card: Mapping[str, object], hub_id: str | None = None) -> tuple[str, str]:
    """Return the license that a card's header gives and the address of its text, each "" if it does not say.

    A file name as `license_link` is the address of that file in the card's repository.
    """
    named = card.get("license")
    names = [name.strip() for name in (named if isinstance(named, list) else [named]) if isinstance(name, str)]
    own_name, link = card.get("license_name"), card.get("license_link")
    if names == ["other"] and isinstance(own_name, str) and own_name.strip():
        names = [own_name.strip()]
    license_ = ", ".join(name for name in names if name and not re.search(r"[/\\]", name))
    if not license_ or not isinstance(link, str):
        return license_, ""
    if hub_id and re.fullmatch(r"[\w.-]+", link):
        return license_, f"https://huggingface.co/{hub_id}/blob/main/{link}"
    return license_, link if re.match(r"https?://", link) else ""
