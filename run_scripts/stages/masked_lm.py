"""Masked LM from arguments to a saved encoder or language adapter."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from datasets import Dataset, DatasetDict
from transformers import PreTrainedTokenizerBase, set_seed

from xlzoo.modeling.modeling_madx import MadxForMaskedLM
from xlzoo.run_scripts.arguments import AdapterArguments, DataArguments, ModelArguments
from xlzoo.run_scripts.corpora.collators import MaskingCollator
from xlzoo.run_scripts.corpora.pieces import EpochRows, as_blocks, as_lines
from xlzoo.run_scripts.encoders import load_encoder, load_tokenizer, save_plain, train_tokenizer
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.objectives.masked_lm import MaskedLMConfig, MaskedLMTrainer
from xlzoo.run_scripts.runs import adapter_folder, claim_output, needed_splits, run_trainer, write_results
from xlzoo.run_scripts.stages.publishing import (
    encoder_facts,
    hub_id,
    language_adapter_facts,
    publish_run,
    run_flags,
)


def train_masked_lm(
    model_args: ModelArguments, data_args: DataArguments, adapter_args: AdapterArguments, args: MaskedLMConfig
) -> dict[str, Any]:
    """Train and evaluate as the arguments say, save to `output_dir`, and return the metrics.

    Without an adapter the result is a stock XLM-R checkpoint; with one it is `output_dir/<adapter name>` in
    AdapterHub's format.
    """
    dataset = needed_splits(args, data_args.load("text", {"text": data_args.text_column_name or "text"}))
    checkpoint = claim_output(args)
    set_seed(args.seed)
    tokenizer = _tokenizer(model_args, dataset, args.folder, resuming=checkpoint is not None)
    model = load_encoder(MadxForMaskedLM, model_args, tokenizer)
    name = _prepare_adapter(model, adapter_args, data_args)
    splits = {split: EpochRows(_encode(rows, tokenizer, data_args, args)) for split, rows in dataset.items()}
    args.remove_unused_columns = False
    trainer = MaskedLMTrainer(
        model=model,
        args=args,
        train_dataset=splits.get("train"),
        eval_dataset=splits.get("validation"),
        data_collator=MaskingCollator(tokenizer, args.mlm_probability, args.seed),
        processing_class=tokenizer,
    )
    results = run_trainer(trainer, checkpoint, splits.get("test"))
    folder = args.folder
    if trainer.is_world_process_zero():
        if name is not None:
            model.save_adapter(folder / name, name)
        else:
            save_plain(model, folder)
        tokenizer.save_pretrained(folder)
        write_results(folder, results)
        _publish(model, tokenizer, name, (model_args, data_args, adapter_args, args))
    return results


def _publish(
    model: MadxForMaskedLM,
    tokenizer: PreTrainedTokenizerBase,
    name: str | None,
    arguments: tuple[ModelArguments, DataArguments, AdapterArguments, MaskedLMConfig],
) -> None:
    """Publish the language adapter, or the encoder, if the arguments ask for it."""
    model_args, data_args, _, args = arguments
    flags, language = run_flags(*arguments), data_args.language_code()
    if name is not None:
        base = hub_id(model_args.model_name_or_path)
        publish_run(args.folder / name, language_adapter_facts(language, base, flags), args)
    elif args.publish_when_done:
        with TemporaryDirectory() as work:
            save_plain(model, Path(work))
            tokenizer.save_pretrained(work)
            publish_run(Path(work), encoder_facts(language, flags), args)


def _tokenizer(
    model_args: ModelArguments, dataset: DatasetDict, folder: Path, resuming: bool
) -> PreTrainedTokenizerBase:
    if model_args.tokenizer_vocab_size is None:
        return load_tokenizer(model_args)
    if resuming:
        return load_tokenizer(ModelArguments(tokenizer_name=str(folder)))
    tokenizer = train_tokenizer(dataset["train"]["text"], model_args.tokenizer_vocab_size)
    tokenizer.save_pretrained(folder)
    return tokenizer


def _prepare_adapter(model: MadxForMaskedLM, adapter_args: AdapterArguments, data_args: DataArguments) -> str | None:
    """Add or load the adapter to train and freeze the rest; return its name, or `None` for full training."""
    name = None
    for path in adapter_args.load_adapter:
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


def _encode(
    rows: Dataset, tokenizer: PreTrainedTokenizerBase, data_args: DataArguments, args: MaskedLMConfig
) -> Dataset:
    encode = as_lines if args.line_by_line else as_blocks
    encoded = encode(rows, tokenizer, data_args.max_seq_length)
    if not len(encoded):
        raise UserError("The text holds no tokens; expected at least one line with a word.")
    return encoded
