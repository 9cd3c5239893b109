"""Word alignment as one of an evaluation's tasks: the links of an encoder's layer against gold."""

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlzoo.modeling.modeling_xlm_align import XLMAlignModel
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.decoders import DTYPES
from xlzoo.run_scripts.perplexity_arguments import MeasuredModel
from xlzoo.run_scripts.processes import shared
from xlzoo.run_scripts.stages.word_alignment import load_aligner
from xlzoo.run_scripts.tasks.word_alignment import AlignmentTally
from xlzoo.run_scripts.word_align_arguments import AlignerArguments


def load_measured_aligner(args: MeasuredModel) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load the encoder that the arguments name as an aligner, where it is to run, and its tokenizer."""
    named = AlignerArguments(args.model_path, args.tokenizer_name, args.trust_remote_code)
    tokenizer, loaded = load_aligner(named, args.place())
    model: Any = loaded
    return (model if args.dtype == "auto" else model.to(DTYPES[args.dtype])), tokenizer


def layer_of(model: PreTrainedModel, layer: int | None) -> int:
    """Return the layer whose states are compared; UserError where the model has none such, or is no aligner."""
    if not isinstance(model, XLMAlignModel):
        raise UserError(f"Words are aligned by an XLMAlignModel, not by {type(model).__name__}; load it as one.")
    last = model.config.num_hidden_layers
    if layer is not None and layer > last:
        raise UserError(f"--align_layer is {layer}; this encoder has 0 (its embeddings) to {last}.")
    return model.config.align_layer if layer is None else layer


def measure_alignment(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, pairs: Mapping[str, Sequence[Any]], layer: int | None
) -> dict[str, float]:
    """Return precision, recall, F1 and alignment error rate of optimal transport's links, as `run_word_align.py`.

    `pairs` has the columns source and target, words, and sure and possible, links. Several processes share them.
    """
    aligner: Any = model
    chosen = layer_of(aligner, layer)

    def align(mine: list[tuple[list[str], list[str]]]) -> list[list[tuple[int, int]]]:
        found = aligner.align_layers(mine, tokenizer, [chosen])[chosen]
        return [list(links) for links in found]

    tally = AlignmentTally([chosen])
    links = shared(list(zip(pairs["source"], pairs["target"], strict=True)), align)
    for found, sure, possible in zip(links, pairs["sure"], pairs["possible"], strict=True):
        tally.add({chosen: found}, map(tuple, sure), map(tuple, possible))
    return tally.scores()[chosen]
