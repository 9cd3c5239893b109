"""A tokenizer, read from a repository without running its code, and tried out before it is used."""

import base64
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

from transformers import CONFIG_MAPPING, AutoTokenizer, PretrainedConfig, PreTrainedTokenizerBase

from xlzoo.modeling.adapter_config import AdapterError
from xlzoo.modeling.safe_files import find_file, read_json, require_file
from xlzoo.run_scripts.errors import UserError

SMALL_FILES = ("config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
VOCABULARY = "tokenizer.json"
ELSEWHERE = ("fast_tokenizer_files", "gguf_file", "init_inputs", "tokenizer_object")
"""Settings that would make transformers read other files, or pass on what no file holds."""
MOST_VOCABULARY = 2**28
"""Bytes that `tokenizer.json` may have; those of 250000 pieces have 17 million."""
SLOW = re.compile(r"\)[*+{]")
"""A repeated group: what patterns that take forever are made of, and no usual tokenizer's."""
PROBE = "Umuntu ngumuntu ngabantu, 你好 3.5"


def read_tokenizer(name: str, trust_remote_code: bool) -> PreTrainedTokenizerBase:
    """Load a fast tokenizer from a folder or the Hub; `UserError` where it is damaged, or needs code without trust."""
    settings = _read_settings(name)
    if "auto_map" not in settings["tokenizer_config.json"]:
        _check_vocabulary(name)
    elif not trust_remote_code:
        raise UserError(
            f"The tokenizer of {name!r} consists of code in that repository; read it, and if you trust it give "
            "--trust_remote_code, or give another --tokenizer_name."
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            name, config=_kind(settings["config.json"]), trust_remote_code=trust_remote_code
        )
        _try_out(tokenizer, name)
    except UserError:
        raise
    # The Rust library raises bare `Exception`s or panics, and transformers stumbles over wrong JSON in many ways.
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        reason = shorten(" ".join(str(error).split()), 200) or type(error).__name__
        raise UserError(
            f"No tokenizer could be loaded from {name!r}, its tokenizer.json or tokenizer_config.json is damaged "
            f"({reason}); download it again, or give another --tokenizer_name."
        ) from error
    return tokenizer


def _read_settings(name: str) -> dict[str, dict[str, Any]]:
    """Read the JSON files beside the vocabulary, empty where absent."""
    try:
        settings = {file: read_json(path) if (path := find_file(name, file)) else {} for file in SMALL_FILES}
    except AdapterError as error:
        raise UserError(f"The tokenizer of {name!r} has a file that is not a valid JSON object: {error}") from error
    for key in ELSEWHERE:
        if settings["tokenizer_config.json"].get(key):
            raise UserError(
                f"The tokenizer_config.json of {name!r} has the key {key}, which is not supported; delete it."
            )
    return settings


def _check_vocabulary(name: str) -> None:
    """Refuse a repository without `tokenizer.json`, or with parts that would take all memory or time."""
    try:
        path = require_file(name, VOCABULARY, "a fast tokenizer")
    except AdapterError as error:
        advice = "give --tokenizer_name, such as FacebookAI/xlm-roberta-base for a model with XLM-R's vocabulary."
        if not Path(name).is_dir():
            advice = "correct the name, or give --tokenizer_name if the model has no tokenizer of its own."
        raise UserError(f"No tokenizer could be loaded: {str(error).rstrip('.')}; {advice}") from error
    try:
        full = read_json(path, MOST_VOCABULARY)
    except AdapterError as error:
        raise UserError(f"The tokenizer of {name!r} has a file that is not a valid JSON object: {error}") from error
    for key, value in _texts([full.get(part) for part in ("normalizer", "pre_tokenizer", "decoder")]):
        if key == "precompiled_charsmap" and not _is_charsmap(value):
            raise UserError(f"{path}: its character map is truncated or damaged; download it again.")
        if key == "Regex" and SLOW.search(value):
            raise UserError(f"{path}: its pattern {value[:100]!r} could take forever; give another --tokenizer_name.")


def _texts(part: object) -> Iterator[tuple[str, str]]:
    """Yield every key that has a text, and the text, from all that is nested here."""
    parts = [part]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            yield from ((key, value) for key, value in part.items() if isinstance(value, str))
            parts.extend(part.values())
        elif isinstance(part, list):
            parts.extend(part)


def _is_charsmap(text: str) -> bool:
    """Say whether the map is as long as it says; the Rust library aborts where it cannot have that much memory."""
    try:
        raw = base64.b64decode(text)
    except ValueError:
        return False
    return len(raw) >= 4 and int.from_bytes(raw[:4], "little") <= len(raw) - 4


def _kind(fields: Mapping[str, Any]) -> PretrainedConfig:
    """Return a stock configuration of the repository's type, which is all that a tokenizer needs of it."""
    kind = fields.get("model_type")
    config = CONFIG_MAPPING[kind if isinstance(kind, str) and kind in CONFIG_MAPPING else "xlm-roberta"]()
    if isinstance(fields.get("tokenizer_class"), str):
        config.tokenizer_class = fields["tokenizer_class"]
    return config


def _try_out(tokenizer: PreTrainedTokenizerBase, name: str) -> None:
    """Refuse a tokenizer that is slow or empty, or whose pieces are not numbered from 0 to its length."""
    if len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        raise UserError(f"{name!r} holds no tokenizer; give --tokenizer_name.")
    if not tokenizer.is_fast:
        raise UserError(f"The tokenizer of {name!r} is a slow one; expected XLM-R's or one like it.")
    numbers = [*tokenizer.get_vocab().values(), *tokenizer(PROBE)["input_ids"]]
    if not 0 <= min(numbers) <= max(numbers) < len(tokenizer):
        raise UserError(
            f"The tokenizer of {name!r} has {len(tokenizer)} pieces and numbers one {max(numbers)}; "
            "expected numbers without gaps, give another --tokenizer_name."
        )
