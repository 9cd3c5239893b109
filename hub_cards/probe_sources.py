"""Where a fresh process finds what a probe needs beside the published folder: the base model, our modeling code."""

from importlib.util import find_spec
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from xlzoo.hub_cards.errors import PublishError
from xlzoo.hub_cards.file_checks import read_object

MODELING = "xlzoo.modeling"
LOADED = ("*.safetensors", "*.json", "*.py", "*.model", "*.txt", "*.jinja")


def base_folder(name_or_path: Path | str) -> Path:
    """Return the folder of a base model: itself, or that of a Hub id in the cache, else downloaded from the Hub."""
    if Path(name_or_path).is_dir():
        return Path(name_or_path).resolve()
    name = str(name_or_path)
    try:
        found = _snapshot(name, local=True)
        if found is None or not list(found.glob("*.safetensors")):
            found = _snapshot(name, local=False)
    except (OSError, HfHubHTTPError, HFValidationError) as error:
        raise PublishError(
            f"The base model {name!r} is neither a folder nor had from the Hub, so the adapter cannot be tried: "
            f"{str(error).splitlines()[0]}"
        ) from error
    if found is None:
        raise PublishError(f"The base model {name!r} cannot be had from the Hub, so the adapter cannot be tried.")
    return found


def _snapshot(name: str, local: bool) -> Path | None:
    try:
        return Path(snapshot_download(name, allow_patterns=list(LOADED), local_files_only=local))
    except FileNotFoundError:
        if local:
            return None
        raise


def recorded_base(folder: Path) -> str:
    """Return the base model that a PEFT adapter names; PublishError if it names none."""
    name = read_object(folder, Path("adapter_config.json")).get("base_model_name_or_path")
    if not isinstance(name, str) or not name:
        raise PublishError(f"adapter_config.json of {folder} names no base model: give it with --base_model.")
    return name


def modeling_code() -> Path:
    """Return the folder of this project's modeling files, which are published with every MAD-X model."""
    spec = find_spec(MODELING)
    if spec is None or not spec.submodule_search_locations:
        raise PublishError(f"{MODELING} is not installed, so an adapter cannot be tried: install xlzoo.")
    return Path(next(iter(spec.submodule_search_locations)))


def require_no_code(folder: Path) -> None:
    """Raise PublishError if a folder brings code that would run when it is loaded."""
    for path in sorted(folder.glob("*config.json")):
        if read_object(folder, Path(path.name)).get("auto_map"):
            raise PublishError(
                f"{folder} has code of its own, which {path.name} names in its auto_map and which would run here: "
                "read its .py files, and give --trust_remote_code if you trust them."
            )
