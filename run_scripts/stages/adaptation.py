"""Sense adaptation from arguments to a saved Backpack."""

import logging
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase, set_seed
from transformers.trainer_utils import IntervalStrategy

from xlzoo.hub_cards.probes import record_model
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts.bitext_arguments import BitextArguments
from xlzoo.run_scripts.corpora.pair_rows import SIDES
from xlzoo.run_scripts.corpora.sequences import Frame
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.decoders import DTYPES, load_decoder, load_decoder_tokenizer
from xlzoo.run_scripts.models.new_tokenizers import save_tokenizer
from xlzoo.run_scripts.objectives.adaptation_config import SenseAdaptationConfig
from xlzoo.run_scripts.objectives.sense_adaptation import PairCollator, SenseAdaptationTrainer
from xlzoo.run_scripts.runs import check_output, claim_output, needed_splits, require_fit, run_trainer, write_results
from xlzoo.run_scripts.stages.adaptation_facts import adaptation_facts
from xlzoo.run_scripts.stages.curves import draw_curve
from xlzoo.run_scripts.stages.publishing import publish_run, write_facts

logger = logging.getLogger(__name__)


@dataclass
class BackpackArguments:
    """Which Backpack to start from."""

    model_name_or_path: str = field(
        default="", metadata={"aliases": ["--model_id"], "help": "Folder or Hub id of a Backpack."}
    )
    tokenizer_name: str | None = field(default=None, metadata={"help": "Hub id or folder, if not the model's."})
    dtype: str = field(
        default="float32", metadata={"help": "Numbers to hold weights in.", "choices": ["auto", *DTYPES]}
    )

    def __post_init__(self) -> None:
        if not self.model_name_or_path:
            raise UserError("Name the Backpack to adapt with --model_name_or_path, or --model_id.")

    def load(self) -> tuple[BackpackGPT2LMHeadModel, PreTrainedTokenizerBase]:
        """Return model and tokenizer, whose code never comes from a repository; UserError where it is no Backpack."""
        name = self.model_name_or_path
        tokenizer = load_decoder_tokenizer(self.tokenizer_name or name)
        model: Any = load_decoder(name, dtype=None if self.dtype == "auto" else self.dtype)
        if not isinstance(model, BackpackGPT2LMHeadModel):
            raise UserError(f"{name!r} is a {model.config.model_type} model without senses; expected a Backpack.")
        if len(tokenizer) > model.config.vocab_size:
            raise UserError(
                f"The tokenizer has {len(tokenizer)} pieces, the model {name!r} only {model.config.vocab_size}; give "
                "the --tokenizer_name that the model was trained with."
            )
        return model, tokenizer


def adapt_senses(
    model_args: BackpackArguments, data_args: BitextArguments, args: SenseAdaptationConfig
) -> dict[str, Any]:
    """Train and evaluate as the arguments say, save to `output_dir`, and return the metrics."""
    evaluates = args.do_eval or args.eval_strategy != IntervalStrategy.NO
    rows = needed_splits(args, data_args.pairs(evaluates))
    checkpoint = check_output(args)
    set_seed(args.seed)
    model, tokenizer = model_args.load()
    if data_args.max_length > model.config.n_positions:
        raise UserError(
            f"--max_length {data_args.max_length} is more than the model's {model.config.n_positions} positions; "
            "give less."
        )
    require_fit(model, checkpoint)
    splits = {split: encode_pairs(part, tokenizer, data_args.max_length) for split, part in rows.items()}
    claim_output(args)
    args.remove_unused_columns = False
    trainer = SenseAdaptationTrainer(
        model=model,
        args=args,
        train_dataset=splits.get("train"),
        eval_dataset=splits.get("validation"),
        data_collator=PairCollator(tokenizer.pad_token_id),
        processing_class=tokenizer,
    )
    results = run_trainer(trainer, checkpoint, splits.get("test"))
    if trainer.is_world_process_zero():
        if args.do_train:
            model.save_pretrained(str(args.folder))
            save_tokenizer(tokenizer, args.folder)
            figures = draw_curve(trainer.state.log_history, "eval_perplexity", [args.folder])
            start = model_args.model_name_or_path
            facts = adaptation_facts(start, data_args, args, results, figures, rows["train"]["target"])
            write_facts(args.folder, facts)
        write_results(args.folder, results)
        if args.do_train:
            publish_run(args.folder, facts, args, start, partial(record_model, model))
    return results


def encode_pairs(rows: Dataset, tokenizer: PreTrainedTokenizerBase, length: int) -> Dataset:
    """Turn `{"source", "target"}` texts into ids, each framed as a document and cut to `length` tokens with its frame.

    Pairs with an empty side are left out, and their number is logged. Raises UserError if none is left.
    """
    frame = Frame.of(tokenizer)
    room = length - len(frame([]))
    if room < 1:
        raise UserError(f"--max_length {length} leaves no room for text; expected at least {len(frame([])) + 1}.")

    def encode(batch: dict[str, list[str]]) -> dict[str, list[list[int]]]:
        texts = (tokenizer(batch[side], add_special_tokens=False, verbose=False)["input_ids"] for side in SIDES)
        whole = [pair for pair in zip(*texts, strict=True) if all(pair)]
        return {side: [frame(pair[place][:room]) for pair in whole] for place, side in enumerate(SIDES)}

    encoded = rows.map(encode, batched=True, remove_columns=rows.column_names, desc="Reading pairs")
    if not len(encoded):
        raise UserError(f"None of the {len(rows)} pairs has text on both sides; give other pairs.")
    if len(encoded) < len(rows):
        logger.info("%d of %d pairs left out: empty on one side", len(rows) - len(encoded), len(rows))
    return encoded
