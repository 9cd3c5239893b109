"""What the senses of a Backpack's words stand for, which of them counted in a text, and texts without some of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts.data_arguments import REPEATABLE, require_at_least
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.decoders import load_decoder, load_decoder_tokenizer
from xlzoo.run_scripts.stages.sense_picture import draw_senses, require_matplotlib, require_short

EDIT = re.compile(r"(.+):(\d+)=(-?\d+(?:\.\d+)?)")
Scale = dict[int, dict[int, float]]


@dataclass
class SenseArguments:
    """Which Backpack to look into, and what at."""

    model_name_or_path: str = field(metadata={"help": "Hub id or folder of a Backpack."})
    tokenizer_name: str | None = field(default=None, metadata={"help": "Hub id or folder, if not the model's."})
    trust_remote_code: bool = field(default=False, metadata={"help": "Run the tokenizer's code, if it has any."})
    word: list[str] = field(
        default_factory=list, metadata={"help": "Word(s) whose senses are listed with their top words.", **REPEATABLE}
    )
    top: int = field(default=8, metadata={"help": "Words listed for each sense."})
    text: str | None = field(default=None, metadata={"help": "A text whose sense weights are drawn into --plot."})
    plot: str | None = field(default=None, metadata={"help": "PNG to write."})
    prompt: str | None = field(default=None, metadata={"help": "A text to continue, with and without --scale."})
    max_new_tokens: int = field(default=20, metadata={"help": "Length of the continuations."})
    scale: list[str] = field(
        default_factory=list, metadata={"help": "word:sense=factor, ...; 0 removes the sense.", **REPEATABLE}
    )

    def __post_init__(self) -> None:
        require_at_least(1, self, "top", "max_new_tokens")
        if not (self.word or self.text or self.prompt):
            raise UserError("There is nothing to look at; give --word, --text with --plot, or --prompt.")
        if bool(self.text) != bool(self.plot):
            raise UserError("--text and --plot go together: the weights in the text are drawn into the file.")
        if self.scale and not (self.prompt or self.word or self.text):
            raise UserError("--scale changes what --word, --text or --prompt show; give one of them.")
        if self.plot:
            require_matplotlib()


def show_senses(args: SenseArguments) -> dict[str, Any]:
    """Return, by word, each sense's top words, and the continuations; draw the picture that is asked for."""
    model = load_decoder(args.model_name_or_path)
    if not isinstance(model, BackpackGPT2LMHeadModel):
        raise UserError(f"{args.model_name_or_path!r} is a {model.config.model_type} model, no Backpack.")
    model.eval()
    tokenizer = load_decoder_tokenizer(args.tokenizer_name or args.model_name_or_path, args.trust_remote_code)
    edits = _edits(args.scale, tokenizer, model.config.num_senses)
    found: dict[str, Any] = {}
    if args.prompt:
        found["continuations"] = {"as it is": _continued(model, tokenizer, args.prompt, args.max_new_tokens, {})}
        if edits:
            changed = _continued(model, tokenizer, args.prompt, args.max_new_tokens, edits)
            found["continuations"][", ".join(args.scale)] = changed
    with model.sense_intervention(scale=edits):
        found["senses"] = {word: _top_words(model, tokenizer, word, args.top) for word in args.word}
        if args.text and args.plot:
            _draw(model, tokenizer, args.text, Path(args.plot))
            found["plot"] = args.plot
    return found


def describe(found: Mapping[str, Any]) -> str:
    """Lay what was found out as Markdown."""
    parts = []
    for word, senses in found["senses"].items():
        rows = [f"| {number} | {' '.join(words)} |" for number, words in enumerate(senses)]
        parts.append("\n".join([f"| {word}: sense | top words |", "|---:|---|", *rows]))
    parts += [f"{name}: {text}" for name, text in found.get("continuations", {}).items()]
    parts += [f"Drawn into {found['plot']}."] if "plot" in found else []
    return "\n\n".join(parts)


def _edits(scale: list[str], tokenizer: PreTrainedTokenizerBase, senses: int) -> Scale:
    edits: Scale = {}
    for edit in scale:
        parsed = EDIT.fullmatch(edit)
        if not parsed or int(parsed[2]) >= senses:
            raise UserError(
                f"--scale {edit!r} names no sense; expected word:sense=factor, with senses 0 to {senses - 1}."
            )
        changed = edits.setdefault(_token(tokenizer, parsed[1]), {})
        if int(parsed[2]) in changed:
            raise UserError(f"--scale names sense {parsed[2]} of {parsed[1]!r} twice; give one factor.")
        changed[int(parsed[2])] = float(parsed[3])
    return edits


def _token(tokenizer: PreTrainedTokenizerBase, word: str) -> int:
    """Return the one token of a word, as it stands within a text if the tokenizer tells that apart."""
    spellings = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in (f" {word}", word)]
    alone = [ids[0] for ids in spellings if len(ids) == 1]
    if not alone:
        pieces = " ".join(tokenizer.convert_ids_to_tokens(spellings[0]))
        raise UserError(
            f"{word!r} is several tokens to this model ({pieces}); senses belong to one, name one of them."
        )
    return alone[0]


def _top_words(
    model: BackpackGPT2LMHeadModel, tokenizer: PreTrainedTokenizerBase, word: str, top: int
) -> list[list[str]]:
    """Return each sense's best words; special tokens and lone bytes, which are none, are passed over."""
    ids = model.top_words([_token(tokenizer, word)], len(tokenizer)).ids[0]
    special = set(tokenizer.all_special_ids)
    found = []
    for sense in ids.tolist():
        words = (str(tokenizer.decode([token])).strip() for token in sense if token not in special)
        found.append(
            list(islice((word for word in words if word and word.isprintable() and "\ufffd" not in word), top))
        )
    return found


def _draw(model: BackpackGPT2LMHeadModel, tokenizer: PreTrainedTokenizerBase, text: str, path: Path) -> None:
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    require_short(ids.shape[1], model.config.n_positions)
    names = [str(tokenizer.decode([token])).strip() or "·" for token in ids[0].tolist()]
    draw_senses(model.sense_weights(ids)[0], names, path)


@torch.no_grad()
def _continued(model: Any, tokenizer: PreTrainedTokenizerBase, prompt: str, length: int, edits: Scale) -> str:
    inputs = tokenizer(prompt, return_tensors="pt")
    total = inputs["input_ids"].shape[1] + length
    if total > model.config.n_positions:
        raise UserError(
            f"--prompt and --max_new_tokens make {total} tokens, the model has {model.config.n_positions} positions; "
            "give less."
        )
    with model.sense_intervention(scale=edits):
        ids = model.generate(**inputs, max_new_tokens=length, do_sample=False, pad_token_id=tokenizer.pad_token_id)
    return str(tokenizer.decode(ids[0], skip_special_tokens=True))
