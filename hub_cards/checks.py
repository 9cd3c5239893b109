"""What a folder and its facts must satisfy before anything leaves the machine."""

import math
import re
from pathlib import Path

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from xlzoo.hub_cards.code_checks import check_code
from xlzoo.hub_cards.errors import PublishError
from xlzoo.hub_cards.facts import Facts, Kind
from xlzoo.hub_cards.file_checks import TABLES, check_file, files_of, read_json, read_object, require_files
from xlzoo.hub_cards.weight_checks import INDEX, check_indexes, check_weights

__all__ = ["PublishError", "check_facts", "check_folder", "files_of", "is_hub_id", "read_json"]

PLAIN_NAME = re.compile(r"\w[\w .,()+-]{0,95}")


def is_hub_id(name: str) -> bool:
    """Say whether `name` has the form "name" or "org/name" and is no file or folder on this machine."""
    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return not Path(name).exists()


def check_facts(repo_id: str, facts: Facts) -> None:
    """Raise PublishError for a bad repository id, a name that is no Hub id, a metric of nan, or a figure elsewhere."""
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise PublishError(f"The repository id {repo_id!r} is not valid: give 'name' or 'org/name'.") from error
    if facts.base_model and not is_hub_id(facts.base_model):
        raise PublishError(
            f"The base model {facts.base_model!r} is not a Hub id: give 'name' or 'org/name', or nothing."
        )
    for name in facts.datasets:
        if not is_hub_id(name):
            raise PublishError(f"The dataset {name!r} is not a Hub id: give 'name' or 'org/name', or leave it out.")
    for metric in facts.metrics:
        if not PLAIN_NAME.fullmatch(metric.dataset) and not is_hub_id(metric.dataset):
            raise PublishError(f"The dataset {metric.dataset!r} is not a Hub id: give one, or a name that is no path.")
        if not math.isfinite(metric.value):
            raise PublishError(
                f"The {metric.name} on {metric.dataset} is {metric.value}, which is no result to publish."
            )
    for figure in facts.figures:
        if Path(figure.file).name != figure.file or not figure.file.endswith(".png"):
            raise PublishError(f"The figure {figure.file!r} is not the name of a .png file of the folder.")


def check_folder(tree: Path, kind: Kind = "model") -> None:
    """Raise PublishError for the first file that must not leave the machine, or that is needed and not there."""
    files = files_of(tree)
    for file in files:
        check_file(tree, file, kind)
    if kind == "dataset":
        if not any(file.suffix.lower() in TABLES and not file.name.startswith("dataset_info") for file in files):
            raise PublishError(f"The folder holds no data: a dataset needs one of {', '.join(sorted(TABLES))} files.")
        return
    tensors = {file: check_weights(tree, file) for file in files if file.suffix.lower() == ".safetensors"}
    check_indexes(tree, tensors)
    check_code(tree, files)
    if kind == "model":
        _check_model(files)
    else:
        _check_adapter(tree, files, kind)


def _check_model(files: list[Path]) -> None:
    require_files(files, ["config.json"], "model")
    if Path(f"model{INDEX}") not in files:
        require_files(files, ["model.safetensors"], "model")


def _check_adapter(tree: Path, files: list[Path], kind: Kind) -> None:
    """Require the files of either format, and that the configuration is of the same one."""
    require_files(files, ["adapter_config.json"], kind)
    is_peft = "peft_type" in read_object(tree, Path("adapter_config.json"))
    if is_peft != (kind == "peft"):
        format_ = "PEFT's" if is_peft else "AdapterHub's"
        raise PublishError(f"adapter_config.json is in {format_} format, which does not go with the kind {kind!r}.")
    require_files(files, ["adapter_model.safetensors" if is_peft else "adapter.safetensors"], kind)
    if not is_peft and (Path("head_config.json") in files or Path("model_head.safetensors") in files):
        require_files(files, ["head_config.json", "model_head.safetensors"], kind)
