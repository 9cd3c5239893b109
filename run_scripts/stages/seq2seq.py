"""Sequence-to-sequence learning from arguments to a saved model, or an adapter of PEFT's for one."""

from functools import partial
from itertools import islice
from typing import Any

from datasets import Dataset, DatasetDict
from peft import PeftModel
from transformers import PreTrainedModel, set_seed

from xlzoo.hub_cards import Facts
from xlzoo.run_scripts.corpora.checks import require_text
from xlzoo.run_scripts.corpora.sequences import as_source_and_target
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.language_tests import by_language, joined
from xlzoo.run_scripts.models.decoder_tokenizers import start_decoder_tokenizer
from xlzoo.run_scripts.models.decoders import DecoderArguments
from xlzoo.run_scripts.models.positions import positions_left, positions_of
from xlzoo.run_scripts.models.quantization import require_adapter
from xlzoo.run_scripts.models.seq2seq_models import start_seq2seq
from xlzoo.run_scripts.objectives.seq2seq import Seq2SeqCollator, Seq2SeqConfig, Seq2SeqTrainer
from xlzoo.run_scripts.peft_arguments import PeftArguments
from xlzoo.run_scripts.runs import check_output, claim_output, needed_splits, require_fit, run_trainer
from xlzoo.run_scripts.seq2seq_arguments import Seq2SeqArguments
from xlzoo.run_scripts.stages.causal_facts import seq2seq_facts
from xlzoo.run_scripts.stages.facts import Record
from xlzoo.run_scripts.stages.papers import METHODS
from xlzoo.run_scripts.stages.snippets import opening
from xlzoo.run_scripts.stages.text_writers import SHOWN, adapted_for, leave


def train_seq2seq(
    model_args: DecoderArguments, data_args: Seq2SeqArguments, peft_args: PeftArguments, args: Seq2SeqConfig
) -> dict[str, Any]:
    """Train and evaluate as the arguments say, save to `output_dir`, and return the metrics.

    The result is a whole model with its tokenizer, or with `--use_peft` an adapter in PEFT's format.
    """
    require_adapter(model_args.quantization, peft_args.use_peft or bool(peft_args.load_adapter), args)
    splits = data_args.prompts()
    tests = data_args.tests(Seq2SeqArguments.prompts, splits) if args.do_predict else DatasetDict()
    rows = needed_splits(args, DatasetDict({**splits, **joined(tests)}))
    for column in ("prompt", "completion"):
        require_text(rows, column)
    checkpoint = check_output(args)
    set_seed(args.seed)
    tokenizer = start_decoder_tokenizer(model_args, rows, checkpoint)
    model, start = start_seq2seq(model_args, tokenizer)
    adapted = adapted_for("SEQ_2_SEQ_LM", model, model_args, peft_args, args)
    _require_room(data_args, adapted)
    require_fit(adapted, checkpoint)
    encode = partial(
        as_source_and_target,
        tokenizer=tokenizer,
        source_length=data_args.max_source_length,
        target_length=data_args.max_target_length,
    )
    encoded = {split: encode(part) for split, part in rows.items() if split != "test"}
    claim_output(args)
    args.remove_unused_columns = False
    trainer = Seq2SeqTrainer(
        model=adapted,
        args=args,
        train_dataset=encoded.get("train"),
        eval_dataset=encoded.get("validation"),
        data_collator=Seq2SeqCollator(tokenizer.pad_token_id, start),
        processing_class=tokenizer,
    )
    results = run_trainer(trainer, checkpoint, by_language(tests, encode))
    leave(trainer, (model_args, data_args, args), results, partial(_describe, adapted, rows.get("train")))
    return results


def _require_room(data_args: Seq2SeqArguments, model: PreTrainedModel | PeftModel) -> None:
    """Refuse lengths for which the model has no positions; a prefix stands before what the decoder reads."""
    rooms = {"source": positions_of(model.config), "target": positions_left(model)}
    for side, most in rooms.items():
        asked = getattr(data_args, f"max_{side}_length")
        if most is not None and asked > most:
            raise UserError(f"--max_{side}_length {asked} is more than the model's {most} positions; give less.")


def _describe(model: PreTrainedModel | PeftModel, rows: Dataset, run: Record) -> Facts:
    prompt = opening(row["prompt"] for row in islice(rows, SHOWN))
    method = METHODS[model.active_peft_config.peft_type] if isinstance(model, PeftModel) else None
    return seq2seq_facts(run, prompt, method)
