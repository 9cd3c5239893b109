"""Masked LM from arguments to a saved encoder, or a language adapter of MAD-X's or PEFT's."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import PeftModel
from transformers import PreTrainedTokenizerBase, XLMRobertaForMaskedLM, set_seed

from xlzoo.hub_cards import Facts
from xlzoo.hub_cards.probe import Probe
from xlzoo.hub_cards.probes import record_adapter, record_model, record_peft
from xlzoo.modeling.modeling_madx import MadxForMaskedLM
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.corpora.checks import require_text
from xlzoo.run_scripts.corpora.collators import MaskingCollator
from xlzoo.run_scripts.corpora.pieces import EpochRows, as_blocks, as_lines
from xlzoo.run_scripts.data_arguments import DataArguments
from xlzoo.run_scripts.encoder_adapters import EncoderAdapterArguments
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.encoders import check_length, load_encoder, load_tokenizer, save_plain
from xlzoo.run_scripts.models.new_tokenizers import train_tokenizer
from xlzoo.run_scripts.models.peft_adapters import load_peft
from xlzoo.run_scripts.objectives.masked_lm import MaskedLMConfig, MaskedLMTrainer
from xlzoo.run_scripts.peft_arguments import load_adapted
from xlzoo.run_scripts.runs import (
    adapter_folder,
    check_output,
    claim_output,
    needed_splits,
    require_fit,
    run_trainer,
    write_results,
)
from xlzoo.run_scripts.stages.curves import draw_curve
from xlzoo.run_scripts.stages.facts import (
    Record,
    encoder_facts,
    language_adapter_facts,
    language_peft_facts,
    record_run,
)
from xlzoo.run_scripts.stages.papers import METHODS
from xlzoo.run_scripts.stages.publishing import publish_run, write_facts
from xlzoo.run_scripts.stages.snippets import encoder_usage


def train_masked_lm(
    model_args: ModelArguments, data_args: DataArguments, adapter_args: EncoderAdapterArguments, args: MaskedLMConfig
) -> dict[str, Any]:
    """Train and evaluate as the arguments say, save to `output_dir`, and return the metrics.

    Without an adapter the result is a stock XLM-R checkpoint; with MAD-X's it is `output_dir/<adapter name>` in
    AdapterHub's format, and with `--use_peft` an adapter in PEFT's.
    """
    dataset = needed_splits(args, data_args.load("text", {"text": data_args.text_column_name or "text"}))
    require_text(dataset, "text")
    _check_adapters(adapter_args, args)
    checkpoint = check_output(args)
    set_seed(args.seed)
    tokenizer = start_tokenizer(model_args, dataset["train"]["text"] if "train" in dataset else None, checkpoint)
    model = load_encoder(MadxForMaskedLM, model_args, tokenizer)
    check_length(model.config, data_args.max_seq_length)
    name = _prepare_adapter(model, adapter_args, data_args)
    adapted = _with_peft(model, adapter_args)
    require_fit(adapted, checkpoint)
    length = data_args.max_seq_length
    splits = {split: EpochRows(encode_text(rows, tokenizer, length, args)) for split, rows in dataset.items()}
    claim_output(args)
    args.remove_unused_columns = False
    trainer = MaskedLMTrainer(
        model=adapted,
        args=args,
        train_dataset=splits.get("train"),
        eval_dataset=splits.get("validation"),
        data_collator=MaskingCollator(tokenizer, args.mlm_probability, args.seed),
        processing_class=tokenizer,
    )
    results = run_trainer(trainer, checkpoint, splits.get("test"))
    if trainer.is_world_process_zero():
        if args.do_train:
            made = _save(adapted, tokenizer, name, args.folder)
            figures = draw_curve(trainer.state.log_history, "eval_perplexity", [made])
            run = record_run((model_args, data_args, args), results, "fill-mask", figures)
            facts = _describe(adapted, run, name, encoder_usage(dataset["train"]["text"], str(tokenizer.mask_token)))
            write_facts(args.folder, facts)
        write_results(args.folder, results)
        if args.do_train:
            record = partial(record_adapter, model, name, with_head=False) if name else partial(record_model, model)
            if isinstance(adapted, PeftModel):
                record = partial(_record_peft, model_args, tokenizer, made)
            publish_run(made, facts, args, model_args.model_name_or_path, record)
    return results


def _describe(model: MadxForMaskedLM | PeftModel, run: Record, name: str | None, usage: str) -> Facts:
    if isinstance(model, PeftModel):
        return language_peft_facts(run, METHODS[model.active_peft_config.peft_type])
    return encoder_facts(run, usage) if name is None else language_adapter_facts(run)


def _record_peft(model_args: ModelArguments, tokenizer: PreTrainedTokenizerBase, folder: Path, work: Path) -> Probe:
    """Ask the adapter on the stock encoder that its readers will have."""
    plain = load_encoder(XLMRobertaForMaskedLM, model_args, tokenizer)
    return record_peft(load_peft(plain, str(folder)), work, str(model_args.model_name_or_path))


def _save(
    model: MadxForMaskedLM | PeftModel, tokenizer: PreTrainedTokenizerBase, name: str | None, folder: Path
) -> Path:
    """Save what was trained, and return the folder of the adapter, or of the encoder."""
    tokenizer.save_pretrained(folder)
    if isinstance(model, PeftModel):
        model.save_pretrained(str(folder))
        return folder
    if name is None:
        save_plain(model, folder)
        return folder
    model.save_adapter(folder / name, name)
    return folder / name


def start_tokenizer(
    model_args: ModelArguments, texts: Iterable[str] | None, checkpoint: str | None
) -> PreTrainedTokenizerBase:
    """Load the tokenizer that the arguments name, or train a new one on the training texts, None if there are none.

    A new one is read from the checkpoint that the run goes on from.
    """
    if model_args.tokenizer_vocab_size is None:
        return load_tokenizer(model_args)
    if model_args.model_name_or_path or model_args.tokenizer_name or texts is None:
        raise UserError("--tokenizer_vocab_size trains the tokenizer of a new model, on its training text only.")
    if checkpoint is not None:
        return load_tokenizer(ModelArguments(tokenizer_name=checkpoint))
    return train_tokenizer(texts, model_args.tokenizer_vocab_size)


def _check_adapters(adapter_args: EncoderAdapterArguments, args: MaskedLMConfig) -> None:
    if adapter_args.load_lang_adapter or adapter_args.leave_out_last_layer:
        raise UserError("--load_lang_adapter and --leave_out_last_layer are for tasks; give --load_adapter here.")
    if len(adapter_args.load_adapter) > 1:
        raise UserError(f"--load_adapter names {len(adapter_args.load_adapter)} adapters; masked LM takes one.")
    trains = adapter_args.train_adapter or adapter_args.use_peft
    if adapter_args.load_adapter and args.do_train and not trains:
        raise UserError(
            "--load_adapter is trained with --train_adapter or --use_peft, or evaluated without --do_train."
        )


def _with_peft(model: MadxForMaskedLM, adapter_args: EncoderAdapterArguments) -> MadxForMaskedLM | PeftModel:
    """Return the model with the adapter of PEFT's that is to be trained or loaded, or as it is."""
    if (path := adapter_args.peft_path()) is not None:
        return load_adapted(model, path, trainable=adapter_args.use_peft)
    return adapter_args.add_new(model, None) if adapter_args.use_peft else model


def _prepare_adapter(
    model: MadxForMaskedLM, adapter_args: EncoderAdapterArguments, data_args: DataArguments
) -> str | None:
    """Add or load MAD-X's adapter to train and freeze the rest; return its name, or `None` where there is none."""
    name = None
    for path in adapter_args.load_adapter if adapter_args.of_madx else ():
        name = model.load_adapter(adapter_folder(path), load_as=adapter_args.adapter_name)
    if not adapter_args.train_adapter:
        if name is not None:
            model.set_active_adapters(name)
        return name
    if name is None:
        name = adapter_args.adapter_name or (data_args.language_code() or "mlm")
        model.add_adapter(name, adapter_args.adapter_config)
    model.train_adapter(name)
    return name


def encode_text(rows: Dataset, tokenizer: PreTrainedTokenizerBase, length: int, args: MaskedLMConfig) -> Dataset:
    """Turn `{"text"}` rows into `{"input_ids"}` of at most `length` pieces, lines or blocks; UserError for none."""
    encode = as_lines if args.line_by_line else as_blocks
    encoded = encode(rows, tokenizer, length)
    if not len(encoded):
        raise UserError("The text holds no tokens; expected at least one line with a word.")
    return encoded
