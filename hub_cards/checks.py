"""What a folder and its facts must satisfy before anything leaves the machine."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from xlzoo.hub_cards.cards import Facts

PICKLES = frozenset({".bin", ".ckpt", ".npy", ".npz", ".pickle", ".pkl", ".pt", ".pth"})
TEXTS = frozenset({".jinja", ".json", ".md", ".py", ".txt", ".yaml"})
ALLOWED = TEXTS | {".model", ".png", ".safetensors"}

# Inside JSON and Python strings a line may begin after the two characters `\n`, so these count as a boundary too.
_START = r"""(?:(?<![^\s"'`(\[{=,:|])|(?<=\\n)|(?<=\\t))"""
# What a pattern matches is shown in the error, so the one for tokens only looks ahead at the secret part.
SECRETS = {
    "an absolute path": re.compile(_START + r"/[\w.+-]+/[\w.+-]+"),
    "a path in a home directory": re.compile(
        r"(?<![\w.])/(?:home|Users|root)/[\w.-]+|(?<!\w)~/[\w.]+|\b[A-Za-z]:\\{1,4}Users\\{1,4}\w+"
    ),
    "what looks like an access token": re.compile(r"hf_(?=[A-Za-z0-9]{20})"),
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b"),
}


class PublishError(ValueError):
    """Nothing was published: the message is one sentence that names the file, or the fact, and the reason."""


def is_hub_id(name: str) -> bool:
    """Say whether `name` has the form "name" or "org/name" and is no file or folder on this machine."""
    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return not Path(name).exists()


def check_facts(repo_id: str, facts: Facts) -> None:
    """Raise PublishError for a bad repository id, a base model or dataset that is no Hub id, or a metric of nan."""
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise PublishError(f"The repository id {repo_id!r} is not valid: give 'name' or 'org/name'.") from error
    if facts.base_model and not is_hub_id(facts.base_model):
        raise PublishError(
            f"The base model {facts.base_model!r} is not a Hub id: give 'name' or 'org/name', or nothing."
        )
    for name in (*facts.datasets, *(metric.dataset for metric in facts.metrics)):
        if not is_hub_id(name):
            raise PublishError(f"The dataset {name!r} is not a Hub id: give 'name' or 'org/name', or leave it out.")
    for metric in facts.metrics:
        if not math.isfinite(metric.value):
            raise PublishError(
                f"The {metric.name} on {metric.dataset} is {metric.value}, which is no result to publish."
            )


def files_of(folder: Path) -> list[Path]:
    """List a folder's files relative to it; PublishError if it is none, or has a link to anything but such a file."""
    if not folder.is_dir():
        raise PublishError(f"{folder} is not a folder, so there is nothing to publish.")
    for path in folder.rglob("*"):
        target = path.resolve()
        if path.is_symlink() and not (target.is_file() and target.is_relative_to(folder.resolve())):
            raise PublishError(f"{path.relative_to(folder)} is a link that does not lead to a file inside the folder.")
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def check_folder(folder: Path) -> None:
    """Raise PublishError for the first file that must not leave the machine, or that is needed and not there."""
    files = files_of(folder)
    for file in files:
        _check_suffix(file)
        if file.suffix.lower() in TEXTS:
            _check_text(folder, file)
    for file in files:
        if file.name.endswith("config.json"):
            _check_auto_map(folder, file)
    if not any(file.suffix.lower() == ".safetensors" for file in files):
        raise PublishError("The folder holds no .safetensors file, so there are no weights to publish.")


def _check_suffix(file: Path) -> None:
    suffix = file.suffix.lower()
    if suffix in PICKLES:
        raise PublishError(f"{file} may hold a pickle, which runs code when it is loaded: publish .safetensors only.")
    if suffix not in ALLOWED:
        raise PublishError(f"{file} is of a kind that is not published: only {', '.join(sorted(ALLOWED))} files are.")


def _check_text(folder: Path, file: Path) -> None:
    try:
        text = (folder / file).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PublishError(f"{file} is not UTF-8 text, so it cannot be checked and is not published.") from error
    for what, pattern in SECRETS.items():
        found = pattern.search(text)
        if found:
            raise PublishError(f"{file} holds {what}, {found.group()!r}.")


def _check_auto_map(folder: Path, file: Path) -> None:
    config = read_json(folder, file)
    if not isinstance(config, dict) or "auto_map" not in config:
        return
    for reference in _references(config["auto_map"]):
        module = reference.rpartition(".")[0]
        code = file.parent / f"{module}.py"
        if not (folder / code).is_file():
            raise PublishError(f"{file} names {reference!r} in its auto_map, but the folder holds no file {code}.")


def _references(auto_map: object) -> Iterator[str]:
    """Yield every "module.Class" of an auto_map, in which a tokenizer has a list of two, one of them perhaps null."""
    if isinstance(auto_map, dict):
        for value in auto_map.values():
            yield from _references(value)
    elif isinstance(auto_map, list):
        for value in auto_map:
            yield from _references(value)
    elif isinstance(auto_map, str):
        yield auto_map


def read_json(folder: Path, file: Path) -> object:
    """Return what a JSON file holds; PublishError if it is not JSON."""
    try:
        return json.loads((folder / file).read_text(encoding="utf-8"))
    except ValueError as error:
        raise PublishError(f"{file} is not valid JSON, so it cannot be published: {error}.") from error
