"""What may be wrong with a tokenizer's folder."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapter_cases import _nested
from cases import Case, executed, flipped, missing, no_plain_file, truncated
from json_cases import HUGE, duplicated, edit_json, no_object, with_values
from model_folders import SENTENCE, load_model, write_stock
from tensor_cases import beside

from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.encoders import load_tokenizer

CONFIG, VOCABULARY = "tokenizer_config.json", "tokenizer.json"


def load(folder: Path) -> list[int]:
    """Load model and tokenizer as the scripts do, and return the pieces of a sentence."""
    load_model(folder)
    return load_tokenizer(ModelArguments(tokenizer_name=str(folder)))(SENTENCE)["input_ids"]


def write(folder: Path) -> list[int]:
    return load(write_stock(folder))


def cases() -> Iterator[Case]:
    for file in (VOCABULARY, CONFIG):
        yield from truncated(file)
        # What is no file counts as absent.
        yield from (replace(case, may_load=file == CONFIG) for case in no_plain_file(file))
        yield from no_object(file)
        yield from flipped(file, range(30))
        yield duplicated(file, "added_tokens", 3)
    yield missing(VOCABULARY)
    yield Case(f"no {CONFIG}", lambda folder: (folder / CONFIG).unlink(), may_load=True)
    yield from code()
    yield from parts()
    yield from settings()
    yield beside("tokenizer.pkl")
    yield beside("spiece.model")


def write_generic(folder: Path) -> list[int]:
    """Write a tokenizer of no class of its own, which is all that its `tokenizer.json` says."""
    write_stock(folder)
    edit_json(CONFIG, lambda full: full.update(tokenizer_class="PreTrainedTokenizerFast"))(folder)
    return load(folder)


def generic_cases() -> Iterator[Case]:
    yield from parts()
    yield from flipped(VOCABULARY, range(30))


def code() -> Iterator[Case]:
    words = ("consists of code", "--trust_remote_code")
    for what, value in {
        "its own": {"AutoTokenizer": ["evil.Slow", "evil.Fast"]},
        "its own, in the old form": ["evil.Slow", "evil.Fast"],
        "another's": {"AutoTokenizer": [None, "someone/repo--evil.Fast"]},
        "nothing": {"AutoTokenizer": None},
        "no mapping": "evil.Fast",
    }.items():

        def damage(folder: Path, value: object = value) -> None:
            for name in ("evil.py", "tokenization_evil.py", "__init__.py"):
                (folder / name).write_text(f"open({str(executed(folder))!r}, 'w')\n", encoding="utf-8")
            edit_json(CONFIG, lambda full: full.update(auto_map=value))(folder)

        yield Case(f"{CONFIG} names code: {what}", damage, words=words)


def parts() -> Iterator[Case]:
    """One part of `tokenizer.json` is not what it should be."""
    changes: dict[str, Callable[[dict[str, Any]], object]] = {
        "no vocabulary": lambda full: full["model"].pop("vocab"),
        "an empty vocabulary": lambda full: full["model"].update(vocab=[]),
        "a vocabulary of numbers": lambda full: full["model"].update(vocab=[[3, "a"]]),
        "a score of NaN": lambda full: full["model"]["vocab"][5].__setitem__(1, float("nan")),
        "a piece without score": lambda full: full["model"]["vocab"].append(["x"]),
        "more pieces than the model": lambda full: full["model"]["vocab"].extend([f"x{i}", -9.0] for i in range(500)),
        "an unknown model": lambda full: full["model"].update(type="Pickle"),
        "no model": lambda full: full.pop("model"),
        "an unk_id beyond the pieces": lambda full: full["model"].update(unk_id=HUGE),
        "a negative unk_id": lambda full: full["model"].update(unk_id=-1),
        "a token numbered 4294967295": lambda full: full["added_tokens"][-1].update(id=2**32 - 1),
        "a token numbered 2^40": lambda full: full["added_tokens"][-1].update(id=2**40),
        "a token of numbers": lambda full: full["added_tokens"][0].update(content=3),
        "no added tokens": lambda full: full.pop("added_tokens"),
        "added tokens in a string": lambda full: full.update(added_tokens="<s>"),
        "padding to 10^12": lambda full: full.update(padding=ENDLESS),
        "cutting to -3": lambda full: full.update(truncation={"max_length": -3, "strategy": "LongestFirst"}),
        "a deep normalizer": lambda full: full.update(normalizer=_nested(900)),
        "an unknown normalizer": lambda full: full.update(normalizer={"type": "Exec", "pattern": "rm"}),
        "a charsmap of noise": lambda full: full.update(
            normalizer={"type": "Precompiled", "precompiled_charsmap": "/////w=="}
        ),
        "a wrong charsmap": lambda full: full.update(
            normalizer={"type": "Precompiled", "precompiled_charsmap": "%%%"}
        ),
        "a wrong pattern": lambda full: full.update(pre_tokenizer=_split("(((")),
        "a slow pattern": lambda full: full.update(pre_tokenizer=_split("^(a+|[a-z ]+)+$!")),
        "an unknown special token": lambda full: full["post_processor"].update(
            single=[{"SpecialToken": {"id": "<x>", "type_id": 0}}]
        ),
        "a special token far out": lambda full: full["post_processor"]["special_tokens"]["<s>"].update(ids=[HUGE]),
        "a special token beyond": lambda full: full["post_processor"]["special_tokens"]["<s>"].update(ids=[31_999]),
        "version 99": lambda full: full.update(version="99.0"),
        "nothing but a version": lambda full: [full.pop(key) for key in list(full) if key != "version"],
    }
    harmless = (
        "NaN",
        "padding",
        "cutting",
        "added",
        "deep",
        "charsmap",
        "pattern",
        "special",
        "version 99",
        "normalizer",
        "numbered 4294967295",
    )
    for what, change in changes.items():
        yield Case(f"{VOCABULARY} has {what}", edit_json(VOCABULARY, change), any(word in what for word in harmless))


ENDLESS = {
    "strategy": {"Fixed": 4 * 10**9},
    "direction": "Right",
    "pad_to_multiple_of": None,
    "pad_id": 1,
    "pad_type_id": 0,
    "pad_token": "<pad>",
}


def _split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def settings() -> Iterator[Case]:
    """Settings that lead elsewhere, or are of another kind than they should be; some tokenizers do not read them."""
    values: dict[str, list[Any]] = {
        "tokenizer_class": ["os.system", "../../evil", "XLMTokenizer", "BertTokenizer", "GPT2Tokenizer", 3, [], None],
        "vocab_file": ["../../secret", "/etc/passwd", 3],
        "tokenizer_file": ["../../secret", "/etc/passwd", 3],
        "name_or_path": ["../../secret", 3],
        "added_tokens_decoder": [
            {str(HUGE): {"content": "<x>"}},
            {"x": {"content": "<x>"}},
            {"5": "x"},
            [],
            3,
            {"5": {"content": "<x>", "evil": 1}},
            {"-1": {"content": "<x>"}},
        ],
        "model_max_length": [-1, HUGE, "512", None, 1e300, float("nan"), []],
        "unk_token": [3, None, {"content": "<unk>"}, {"__type": "AddedToken", "content": 3}, "", "x" * 10**6],
        "mask_token": [None, [], "<nowhere>"],
        "pad_token": [None, "<nowhere>"],
        "extra_special_tokens": [3, {"a": 3}, ["x"] * 50, [[]], {"a": "b"}],
        "init_inputs": [[3], ["../../secret", {}], 3],
        "tokenizer_object": ["x"],
        "chat_template": ["{{ ''.__class__.__mro__ }}", 3, {"default": 3}],
        "fast_tokenizer_files": [["../../x/tokenizer.5.0.0.json"], 3],
        "backend": ["os", 3],
        "padding_side": ["up", 3],
        "vocab": [["a"], 3],
        "self": [3],
        "cls": [3],
        "__class__": ["evil"],
        "sp_model_kwargs": [{"model_file": "/etc/passwd"}],
        "gguf_file": ["../../x.gguf"],
        "trust_remote_code": [True],
        "clean_up_tokenization_spaces": ["x"],
    }
    for case in with_values(CONFIG, values):
        yield Case(case.name, case.damage, may_load=True)
    files = {"special_tokens_map.json": {"unk_token": 3}, "added_tokens.json": {"<x>": HUGE}}
    for file, content in files.items():
        text = json.dumps(content)
        yield Case(f"{file} {text}", lambda folder, f=file, t=text: (folder / f).write_text(t), may_load=True)
        yield Case(f"{file} cut", lambda folder, f=file: (folder / f).write_text('{"a'))
    yield Case("a sentencepiece model of noise", _sentencepiece)


def _sentencepiece(folder: Path) -> None:
    (folder / VOCABULARY).unlink()
    (folder / "sentencepiece.bpe.model").write_bytes(bytes(range(256)) * 20)
