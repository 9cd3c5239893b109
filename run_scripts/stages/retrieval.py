"""Sentence vectors of an encoder or a decoder, and how well they find translations."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from peft import PeftModel
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlzoo.modeling.modeling_backpack import BackpackGPT2Model
from xlzoo.modeling.modeling_madx import MadxForMaskedLM
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.devices import as_many_as_fit
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.measuring.text_perplexity import USUAL_CONTEXT
from xlzoo.run_scripts.models.decoders import DTYPES, load_decoder, load_decoder_tokenizer, read_fields
from xlzoo.run_scripts.models.encoders import load_encoder, load_tokenizer
from xlzoo.run_scripts.models.model_configs import FAMILY
from xlzoo.run_scripts.models.peft_adapters import load_peft
from xlzoo.run_scripts.models.positions import positions_of, prefix_length
from xlzoo.run_scripts.perplexity_arguments import MeasuredModel
from xlzoo.run_scripts.processes import shared
from xlzoo.run_scripts.tasks.retrieval import pool, retrieval_scores


def is_encoder(name: str) -> bool:
    """Say whether a folder or Hub id holds a model of the XLM-R family."""
    return read_fields(name)["model_type"] in FAMILY


def load_measured(args: MeasuredModel) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load the encoder or decoder that the arguments name, with its adapter, where it is to run, and its tokenizer."""
    dtype = None if args.dtype == "auto" else args.dtype
    if is_encoder(args.model_path):
        named = ModelArguments(
            model_name_or_path=args.model_path,
            tokenizer_name=args.tokenizer_name,
            trust_remote_code=args.trust_remote_code,
        )
        tokenizer = load_tokenizer(named)
        model: Any = load_encoder(MadxForMaskedLM, named, tokenizer)
        model = model.to(DTYPES[dtype]) if dtype else model
    else:
        tokenizer = load_decoder_tokenizer(args.tokenizer_name or args.model_path, args.trust_remote_code)
        model = load_decoder(args.model_path, trust_remote_code=args.trust_remote_code, dtype=dtype)
    if args.load_adapter:
        model = load_peft(model, args.load_adapter)
    return model.to(args.place()).eval(), tokenizer


@dataclass(frozen=True)
class Pooling:
    """How sentences are read and become vectors."""

    kind: str = "mean"
    temperature: float = 0.7
    """Of the softmax over senses."""
    batch_size: int = 16
    max_length: int | None = None
    """Tokens after which a sentence is cut off; by default all that the model takes."""


def measure_retrieval(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    pairs: tuple[Sequence[str], Sequence[str]],
    pooling: Pooling,
) -> dict[str, float]:
    """Return recall@1 both ways between sentences and their translations in English."""
    return retrieval_scores(*(sentence_vectors(model, tokenizer, side, pooling) for side in pairs))


def trunk_of(model: PreTrainedModel, pooling: str) -> Any:
    """Return the part of a model that makes states.

    UserError where senses are to be pooled, and it has none, and where an adapter's prefix would go unread.
    """
    if prefix_length(model):
        raise UserError("Sentence vectors are made without an adapter's prefix; give a LoRA or IA3 adapter, or none.")
    trunk = (model.get_base_model() if isinstance(model, PeftModel) else model).base_model
    if pooling == "senses" and not isinstance(trunk, BackpackGPT2Model):
        raise UserError(f"--pooling senses is for Backpacks, not {type(trunk).__name__}; give mean or last.")
    return trunk


def sentence_vectors(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], pooling: Pooling
) -> torch.Tensor:
    """Return vectors `[N, D]` of texts, in float32 on the CPU: pooled states of the trunk, of a Backpack its sums.

    Texts of like lengths are read together, as many as the memory holds; several processes share them. Raises
    UserError for senses of a model that has none.
    """

    def read(mine: list[str]) -> list[torch.Tensor]:
        return as_many_as_fit(
            lambda rows: _vectors(model, tokenizer, mine, replace(pooling, batch_size=rows)), pooling.batch_size
        )

    return torch.stack(shared(texts, read))


@torch.no_grad()
def _vectors(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], pooling: Pooling
) -> list[torch.Tensor]:
    trunk = trunk_of(model, pooling.kind)
    length = _length(trunk, pooling.max_length)
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    made: list[torch.Tensor] = [torch.empty(0)] * len(texts)
    for start in tqdm(range(0, len(order), pooling.batch_size), unit="batches", disable=None, leave=False):
        places = order[start : start + pooling.batch_size]
        inputs = tokenizer(
            [texts[place] for place in places], padding=True, truncation=True, max_length=length, return_tensors="pt"
        ).to(model.device)
        vectors = _pooled(trunk, inputs["input_ids"], inputs["attention_mask"], pooling)
        for place, vector in zip(places, vectors.cpu(), strict=True):
            made[place] = vector
    return made


def _pooled(trunk: Any, ids: torch.Tensor, mask: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    if pooling.kind == "senses":
        options = {"use_cache": False, "sense_pool_temperature": pooling.temperature}
        return trunk(input_ids=ids, attention_mask=mask, **options).sense_vectors.float()
    return pool(trunk(input_ids=ids, attention_mask=mask).last_hidden_state, mask, pooling.kind)


def _length(trunk: PreTrainedModel, wanted: int | None) -> int:
    """Return how many tokens of a text are read; RoBERTa's positions begin after its padding token's number."""
    most = positions_of(trunk.config) or USUAL_CONTEXT
    if trunk.config.model_type in FAMILY:
        most -= (trunk.config.pad_token_id or 0) + 1
    return min(wanted or most, most)
