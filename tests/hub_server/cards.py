"""The Hub's checks of the header of a README.md, as far as cards of this project can get them wrong."""

import re

import yaml
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from hub_server.messages import HubError, Reply, Request, as_json
from hub_server.store import Store

HEADER = re.compile(r"\A---\r?\n(.*?\r?\n)---\r?\n", re.DOTALL)
RELATIONS = {"adapter", "finetune", "merge", "quantized"}


def metadata_of(readme: bytes) -> object:
    """Return the header of a card as YAML gives it; an empty mapping if there is none."""
    found = HEADER.match(readme.decode("utf-8"))
    return yaml.safe_load(found.group(1)) if found else {}


def problems_of(readme: bytes) -> list[str]:
    """Return what the Hub would not accept, one sentence each."""
    try:
        metadata = metadata_of(readme)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return [f"The metadata is not YAML: {error}"]
    if not isinstance(metadata, dict):
        return ["The metadata is not a mapping"]
    found = [f'"{key}" must not be empty' for key, value in metadata.items() if value in (None, "", [], {})]
    for key in ("base_model", "datasets"):
        found += [f'"{key}" with value {name!r} is not valid' for name in _list(metadata, key) if not _is_id(name)]
    for code in _list(metadata, "language"):
        if not re.fullmatch(r"[a-z]{2,3}|code|multilingual", str(code)):
            found.append(f'"language" with value {code!r} must be an ISO 639 code')
    for key in ("tags", "task_categories"):
        found += [f'"{key}" must hold strings' for tag in _list(metadata, key) if not isinstance(tag, str)]
    if metadata.get("base_model_relation", "adapter") not in RELATIONS:
        found.append('"base_model_relation" is not one of ' + ", ".join(sorted(RELATIONS)))
    if not re.fullmatch(r"[a-z0-9.-]+", str(metadata.get("license", "mit"))):
        found.append('"license" is not an identifier')
    return found + [message for model in _list(metadata, "model-index") for message in _index_problems(model)]


def _list(metadata: dict, key: str) -> list:
    value = metadata.get(key, [])
    return value if isinstance(value, list) else [value]


def _is_id(name: object) -> bool:
    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return True


def _index_problems(model: dict) -> list[str]:
    """Each result needs a task, a dataset with name and type, and metrics whose values are numbers."""
    found = [] if model.get("name") else ['"model-index" needs a name']
    for result in model.get("results", []):
        dataset = result.get("dataset", {})
        if not (result.get("task", {}).get("type") and dataset.get("name") and dataset.get("type")):
            found.append('"model-index" needs a task type, and a dataset with name and type')
        for metric in result.get("metrics", []):
            if not (metric.get("type") and isinstance(metric.get("value"), (int, float))):
                found.append('"model-index" needs metrics with a type and a number as value')
    return found


def validate(store: Store, request: Request) -> Reply:
    """Answer the client's question about a card, before it uploads anything."""
    content = request.json()["content"].encode()
    problems = problems_of(content)
    if problems:
        return as_json({"errors": [{"message": text} for text in problems], "warnings": []}, 400)
    missing = [] if metadata_of(content) else [{"message": "empty or missing yaml metadata in repo card"}]
    return as_json({"errors": [], "warnings": missing})


def check(readme: bytes) -> None:
    """Refuse a commit with a bad card, as the Hub does."""
    problems = problems_of(readme)
    if problems:
        raise HubError(400, f"Invalid metadata in README.md: {'; '.join(problems)}")
