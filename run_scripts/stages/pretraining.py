"""Pre-training on text and translations, from arguments to a saved encoder."""

from functools import partial
from itertools import chain
from typing import Any

from datasets import Dataset, DatasetDict
from transformers import PreTrainedTokenizerBase, set_seed

from xlzoo.hub_cards.probes import record_model
from xlzoo.modeling.configuration_xlm_align import XLMAlignConfig
from xlzoo.modeling.modeling_madx import MadxForMaskedLM
from xlzoo.modeling.modeling_xlm_align_pretraining import XLMAlignForPreTraining
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.corpora.collators import PreTrainingCollator
from xlzoo.run_scripts.corpora.pair_rows import SIDES, MixedRows, as_pairs
from xlzoo.run_scripts.corpora.pieces import EpochRows
from xlzoo.run_scripts.devices import require_one_gpu
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.encoders import as_stock, check_length, load_encoder, stock_fields
from xlzoo.run_scripts.objectives.word_alignment import WordAlignmentConfig, WordAlignmentTrainer
from xlzoo.run_scripts.pretraining_arguments import PreTrainingArguments
from xlzoo.run_scripts.runs import check_output, claim_output, needed_splits, require_fit, run_trainer, write_results
from xlzoo.run_scripts.stages.curves import draw_curve
from xlzoo.run_scripts.stages.masked_lm import encode_text, start_tokenizer
from xlzoo.run_scripts.stages.pretraining_facts import pretraining_facts
from xlzoo.run_scripts.stages.publishing import publish_run, write_facts
from xlzoo.run_scripts.stages.snippets import encoder_usage

DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob")
"""What may be switched off for pre-training, and is as it was in the encoder that is saved."""
Parts = dict[str, Dataset]
"""The rows of a split: "text", "pairs", or both."""


def pre_train(
    model_args: ModelArguments, data_args: PreTrainingArguments, args: WordAlignmentConfig
) -> dict[str, Any]:
    """Train and evaluate as the arguments say, save a stock XLM-R to `output_dir`, and return the metrics."""
    require_one_gpu(args)
    splits, languages = _read(data_args, args)
    checkpoint = check_output(args)
    set_seed(args.seed)
    train = splits.get("train")
    tokenizer = start_tokenizer(model_args, _texts(train) if train else None, checkpoint)
    plain = load_encoder(MadxForMaskedLM, model_args, tokenizer)
    model, usual = start_model(plain, args), {name: getattr(plain.config, name) for name in DROPOUTS}
    del plain
    check_length(model.config, data_args.max_seq_length)
    require_fit(model, checkpoint)
    encoded = {split: _encode(parts, tokenizer, data_args, args) for split, parts in splits.items()}
    claim_output(args)
    args.remove_unused_columns = False
    trainer = WordAlignmentTrainer(
        model=model,
        args=args,
        train_dataset=MixedRows(**encoded["train"], seed=args.seed) if train else None,
        eval_dataset=_each(encoded.get("validation", {})),
        data_collator=PreTrainingCollator(tokenizer, args.mlm_probability, args.seed, model.contrast is not None),
        processing_class=tokenizer,
    )
    results = run_trainer(trainer, checkpoint, _each(encoded.get("test", {})))
    if trainer.is_world_process_zero():
        if train:
            stock = as_stock(model, **usual)
            stock.save_pretrained(args.folder)
            tokenizer.save_pretrained(args.folder)
            score = f"eval_{'pairs' if 'pairs' in train else 'text'}_perplexity"
            figures = draw_curve(trainer.state.log_history, score, [args.folder])
            usage = encoder_usage(_texts(train), str(tokenizer.mask_token))
            facts = pretraining_facts((model_args, data_args, args), results, languages, figures, usage)
            write_facts(args.folder, facts)
        write_results(args.folder, results)
        if train:
            publish_run(args.folder, facts, args, model_args.model_name_or_path, partial(record_model, stock))
    return results


def start_model(plain: MadxForMaskedLM, args: WordAlignmentConfig) -> XLMAlignForPreTraining:
    """Put the heads that the arguments ask for on a copy of an encoder; UserError where they do not go together."""
    if plain.config.adapters:
        raise UserError(f"{plain.name_or_path!r} holds adapters; pre-training takes an encoder without any.")
    try:
        config = XLMAlignConfig(**{**stock_fields(plain.config), **args.model_fields})
    except ValueError as error:
        raise UserError(f"The arguments do not suit the encoder: {error}") from error
    model = XLMAlignForPreTraining(config)
    model.load_state_dict(plain.state_dict(), strict=False)
    if model.contrast is not None:
        model.contrast.follow(model.roberta, momentum=0.0)
    return model


def _read(data_args: PreTrainingArguments, args: WordAlignmentConfig) -> tuple[dict[str, Parts], list[str]]:
    """Return the rows of every split that is needed, and their languages; UserError where the objective lacks some."""
    text, pairs = data_args.text(), data_args.pairs()
    if args.objective == "mlm" and pairs is not None:
        raise UserError("--objective mlm reads no translations; leave them out, or choose another objective.")
    if args.objective == "mlm" and text is None:
        raise UserError("--objective mlm reads text; give --dataset_name or --train_file.")
    if args.objective != "mlm" and pairs is None:
        raise UserError(
            f"--objective {args.objective} reads translations; give --tlm_data, or --source_file and --target_file."
        )
    given = {"text": text, "pairs": pairs.splits if pairs else None}
    found = {name: part for name, part in given.items() if part is not None}
    splits = needed_splits(args, DatasetDict({split: rows for part in found.values() for split, rows in part.items()}))
    needed = {split: {name: part[split] for name, part in found.items() if split in part} for split in splits}
    for name in (name for name in found if "train" in needed and name not in needed["train"]):
        flag = "train_file" if name == "text" else "source_file"
        raise UserError(f"--do_train needs a train split of the {name}; add --{flag}, or leave the {name} out.")
    return needed, [*(data_args.text_languages() if text is not None else ()), *(pairs.languages if pairs else ())]


def _texts(parts: Parts) -> list[str]:
    """Return all texts, and both sides of all pairs."""
    sides = [parts["pairs"][side] for side in SIDES] if "pairs" in parts else []
    return list(chain(*([parts["text"]["text"]] if "text" in parts else []), *sides))


def _encode(
    parts: Parts, tokenizer: PreTrainedTokenizerBase, data_args: PreTrainingArguments, args: WordAlignmentConfig
) -> dict[str, EpochRows | None]:
    length = data_args.max_seq_length
    text = EpochRows(encode_text(parts["text"], tokenizer, length, args)) if "text" in parts else None
    pairs = EpochRows(as_pairs(parts["pairs"], tokenizer, length)) if "pairs" in parts else None
    return {"text": text, "pairs": pairs}


def _each(parts: dict[str, EpochRows | None]) -> dict[str, MixedRows]:
    """Return the parts one by one, to be evaluated each for itself."""
    rows = {name: part for name, part in parts.items() if part is not None}
    return {name: MixedRows(**{"text": None, "pairs": None, name: part}, seed=0) for name, part in rows.items()}
