"""Tokenizers: good ones, and what may be wrong with them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cases import Case, Kind, flipped, harmless, linked, missing, no_plain_file, plant, put, truncated
from json_cases import HUGE, edit_json, nested, no_object, twice, with_values
from model_folders import SENTENCE, load_model, write_stock
from tensor_cases import beside
from transformers import AutoTokenizer

from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.encoders import load_tokenizer

CONFIG, VOCABULARY = "tokenizer_config.json", "tokenizer.json"


def load(folder: Path) -> list[int]:
    """Load model and tokenizer as the scripts do, and return the pieces of a sentence."""
    load_model(folder)
    return load_tokenizer(ModelArguments(tokenizer_name=str(folder)))(SENTENCE)["input_ids"]


def write(folder: Path) -> list[int]:
    """Write a model and its XLM-R tokenizer; return the pieces of a sentence."""
    write_stock(folder)
    return AutoTokenizer.from_pretrained(folder)(SENTENCE)["input_ids"]


def write_generic(folder: Path) -> list[int]:
    """Write a tokenizer of no class of its own, which is all that its `tokenizer.json` says."""
    write_stock(folder)
    edit_json(CONFIG, lambda full: full.update(tokenizer_class="PreTrainedTokenizerFast"))(folder)
    return AutoTokenizer.from_pretrained(folder)(SENTENCE)["input_ids"]


def cases() -> Iterator[Case]:
    for file in (VOCABULARY, CONFIG):
        yield from truncated(file)
        yield from no_object(file)
        yield from flipped(file, 15)
        yield linked(file)
        yield twice(file, "added_tokens", 3)
    yield from no_plain_file(VOCABULARY)
    yield missing(VOCABULARY)
    yield from harmless([*no_plain_file(CONFIG), missing(CONFIG)])  # What is no file counts as absent.
    yield from code()
    yield from harmless(with_values(CONFIG, SETTINGS))
    yield from harmless(parts())
    for file in ("special_tokens_map.json", "added_tokens.json"):
        yield Case(f"{file} cut", put(file, '{"a'))
        yield Case(f"{file} of another kind", put(file, f'{{"unk_token": 3, "<x>": {HUGE}}}'), may_load=True)
    yield Case("a sentencepiece model of noise", _sentencepiece)
    yield from beside("tokenizer.pkl", "spiece.model", "tekken.json")


def generic_cases() -> Iterator[Case]:
    yield from parts()
    yield from flipped(VOCABULARY, 15)


def code() -> Iterator[Case]:
    words = ("consists of code", "--trust_remote_code")
    maps = {
        "its own": {"AutoTokenizer": ["evil.Slow", "evil.Fast"]},
        "its own, in the old form": ["evil.Slow", "evil.Fast"],
        "another's": {"AutoTokenizer": [None, "someone/repo--evil.Fast"]},
        "nothing": {"AutoTokenizer": None},
        "no mapping": "evil.Fast",
    }
    for what, value in maps.items():

        def damage(folder: Path, value: object = value) -> None:
            plant(folder, "evil.py", "tokenization_evil.py", "__init__.py")
            edit_json(CONFIG, lambda full: full.update(auto_map=value))(folder)

        yield Case(f"{CONFIG} names code: {what}", damage, words=words)


ENDLESS_PADDING = {
    "strategy": {"Fixed": 4 * 10**9},
    "direction": "Right",
    "pad_to_multiple_of": None,
    "pad_id": 1,
    "pad_type_id": 0,
    "pad_token": "<pad>",
}


def _split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def _normalizer(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda full: full.update(normalizer=values)


def _model(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda full: full["model"].update(values)


def _template(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda full: full["post_processor"].update(values)


def _start(number: int) -> Callable[[dict[str, Any]], object]:
    return lambda full: full["post_processor"]["special_tokens"]["<s>"].update(ids=[number])


PARTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "no vocabulary": lambda full: full["model"].pop("vocab"),
    "an empty vocabulary": _model(vocab=[]),
    "a vocabulary of numbers": _model(vocab=[[3, "a"]]),
    "a score of NaN": lambda full: full["model"]["vocab"][5].__setitem__(1, float("nan")),
    "a piece without score": lambda full: full["model"]["vocab"].append(["x"]),
    "more pieces than the model": lambda full: full["model"]["vocab"].extend([f"x{i}", -9.0] for i in range(500)),
    "an unknown model": _model(type="Pickle"),
    "no model": lambda full: full.pop("model"),
    "an unk_id beyond the pieces": _model(unk_id=HUGE),
    "a negative unk_id": _model(unk_id=-1),
    "a token numbered 2^40": lambda full: full["added_tokens"][-1].update(id=2**40),
    "a token of numbers": lambda full: full["added_tokens"][0].update(content=3),
    "no added tokens": lambda full: full.pop("added_tokens"),
    "added tokens in a string": lambda full: full.update(added_tokens="<s>"),
    "a cut to -3": lambda full: full.update(truncation={"max_length": -3, "strategy": "LongestFirst"}),
    "a deep normalizer": lambda full: full.update(normalizer=nested(900)),
    "an unknown normalizer": _normalizer(type="Exec", pattern="rm"),
    "a charsmap of 4 GB": _normalizer(type="Precompiled", precompiled_charsmap="/////w=="),
    "a charsmap within others": _normalizer(
        type="Sequence", normalizers=[{"type": "Precompiled", "precompiled_charsmap": "////fw=="}]
    ),
    "a charsmap of noise": _normalizer(type="Precompiled", precompiled_charsmap="%%%"),
    "a wrong pattern": lambda full: full.update(pre_tokenizer=_split("(((")),
    "a slow pattern": lambda full: full.update(pre_tokenizer=_split("^(a+|[a-z ]+)+$!")),
    "a slow pattern to replace": _normalizer(type="Replace", pattern={"Regex": "(x*)*y"}, content=""),
    "an unknown special token": _template(single=[{"SpecialToken": {"id": "<x>", "type_id": 0}}]),
    "a special token far out": _start(HUGE),
    "a special token beyond": _start(31_999),
    "version 99": lambda full: full.update(version="99.0"),
    "nothing but a version": lambda full: [full.pop(key) for key in list(full) if key != "version"],
}
"""Parts of `tokenizer.json` that are not what they should be."""


def parts() -> Iterator[Case]:
    for what, change in PARTS.items():
        yield Case(f"{VOCABULARY} has {what}", edit_json(VOCABULARY, change))
    padding = edit_json(VOCABULARY, lambda full: full.update(padding=ENDLESS_PADDING))
    yield Case(f"{VOCABULARY} has padding to 4 billion", padding, may_load=True)
    number = edit_json(VOCABULARY, lambda full: full["added_tokens"][-1].update(id=2**32 - 1))
    yield Case(f"{VOCABULARY} has a token numbered 4294967295", number, may_load=True)


SETTINGS: dict[str, list[Any]] = {
    "tokenizer_class": ["os.system", "../../evil", "XLMTokenizer", "BertTokenizer", "GPT2Tokenizer", 3, [], None],
    "vocab_file": ["../../secret", "/etc/passwd", 3],
    "tokenizer_file": ["../../secret", "/etc/passwd", 3],
    "fast_tokenizer_files": [["../../x/tokenizer.5.0.0.json"], 3],
    "gguf_file": ["../../x.gguf"],
    "name_or_path": ["../../secret", 3],
    "init_inputs": [[3], ["../../secret", {}], 3],
    "tokenizer_object": ["x"],
    "added_tokens_decoder": [{str(HUGE): {"content": "<x>"}}, {"x": {"content": "<x>"}}, {"5": "x"}, [], 3],
    "model_max_length": [-1, HUGE, "512", None, 1e300, float("nan"), []],
    "unk_token": [3, None, {"content": "<unk>"}, {"__type": "AddedToken", "content": 3}, "", "x" * 10**6],
    "mask_token": [None, [], "<nowhere>"],
    "pad_token": [None, "<nowhere>"],
    "extra_special_tokens": [3, {"a": 3}, ["x"] * 50, [[]], {"a": "b"}],
    "chat_template": ["{{ ''.__class__.__mro__ }}", 3, {"default": 3}],
    "backend": ["os", 3],
    "padding_side": ["up", 3],
    "vocab": [["a"], 3],
    "self": [3],
    "cls": [3],
    "__class__": ["evil"],
    "sp_model_kwargs": [{"model_file": "/etc/passwd"}],
    "trust_remote_code": [True],
}
"""Settings that lead elsewhere, or are of another kind than they should be; some tokenizers do not read them."""


def _sentencepiece(folder: Path) -> None:
    (folder / VOCABULARY).unlink()
    (folder / "sentencepiece.bpe.model").write_bytes(bytes(range(256)) * 20)


KINDS = [
    Kind("tokenizer", write, load, cases, (UserError,)),
    Kind("tokenizer without a class", write_generic, load, generic_cases, (UserError,)),
]
