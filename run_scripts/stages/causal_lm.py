"""Causal LM from arguments to a saved model, or a LoRA or IA3 adapter of one."""

from collections.abc import Mapping
from functools import partial
from itertools import islice
from typing import Any

from datasets import Dataset, DatasetDict, IterableDataset
from peft import PeftModel
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase, set_seed

from xlzoo.hub_cards import Facts
from xlzoo.hub_cards.probes import record_model, record_peft, require_trusted_base
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts.corpora.checks import require_text
from xlzoo.run_scripts.corpora.sequences import as_completions, as_documents, as_packed, require_tokens
from xlzoo.run_scripts.decoders import DecoderArguments, load_decoder_tokenizer, positions_of, start_decoder
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.new_tokenizers import save_tokenizer, train_decoder_tokenizer
from xlzoo.run_scripts.objectives.causal_lm import CausalLMConfig, CausalLMTrainer, SequenceCollator
from xlzoo.run_scripts.peft_arguments import PeftArguments
from xlzoo.run_scripts.runs import check_output, claim_output, needed_splits, require_fit, run_trainer, write_results
from xlzoo.run_scripts.stages.causal_facts import Method, causal_adapter_facts, causal_lm_facts
from xlzoo.run_scripts.stages.curves import draw_curve
from xlzoo.run_scripts.stages.facts import record_run
from xlzoo.run_scripts.stages.publishing import publish_run, write_facts
from xlzoo.run_scripts.stages.snippets import opening
from xlzoo.run_scripts.text_arguments import TextArguments, with_validation
from xlzoo.run_scripts.token_losses import require_causal

LONGEST = 1024
"""Tokens of a row where `--block_size` does not say and the model could take more."""
SHOWN = 1000
"""Training rows that are looked at for a prompt that a card can show."""


def train_causal_lm(
    model_args: DecoderArguments, data_args: TextArguments, peft_args: PeftArguments, args: CausalLMConfig
) -> dict[str, Any]:
    """Train and evaluate as the arguments say, save to `output_dir`, and return the metrics.

    The result is a whole model with its tokenizer, or with `--use_peft` an adapter in PEFT's format.
    """
    rows = _rows(data_args, args)
    checkpoint = check_output(args)
    set_seed(args.seed)
    tokenizer = _tokenizer(model_args, rows, checkpoint)
    model = start_decoder(model_args, tokenizer)
    require_causal(model.eval())
    length = _block_size(data_args.block_size, model.config)
    adapted = peft_args.adapt(model)
    if isinstance(adapted, PeftModel) and args.destination:
        require_trusted_base(adapted, str(model_args.model_name_or_path), model_args.trust_remote_code)
    if args.freeze_backpack:
        _freeze(adapted)
    require_fit(adapted, checkpoint)
    splits = {split: _encode(part, tokenizer, length, data_args, args) for split, part in rows.items()}
    claim_output(args)
    args.remove_unused_columns = False
    trainer = CausalLMTrainer(
        model=adapted,
        args=args,
        train_dataset=splits.get("train"),
        eval_dataset=splits.get("validation"),
        data_collator=SequenceCollator(tokenizer.pad_token_id),
        processing_class=tokenizer,
    )
    results = run_trainer(trainer, checkpoint, splits.get("test"))
    if trainer.is_world_process_zero():
        if args.do_train:
            adapted.save_pretrained(str(args.folder))
            save_tokenizer(tokenizer, args.folder)
            figures = draw_curve(trainer.state.log_history, "eval_perplexity", [args.folder])
            run = record_run((model_args, data_args, args), results, "text-generation", figures)
            facts = _describe(adapted, run, rows["train"])
            write_facts(args.folder, facts)
        write_results(args.folder, results)
        if args.do_train:
            start = model_args.model_name_or_path
            record = partial(record_model, adapted)
            if isinstance(adapted, PeftModel):
                trust = model_args.trust_remote_code
                record = partial(record_peft, adapted, base=str(start), trust_remote_code=trust)
            publish_run(args.folder, facts, args, start, record)
    return results


def _rows(data_args: TextArguments, args: CausalLMConfig) -> Mapping[str, Any]:
    """Return the rows of every split that is needed, having refused what cannot be trained on."""
    splits: Mapping[str, Any] = data_args.rows()
    if args.do_eval and not (data_args.streaming and args.do_train):
        splits = with_validation(splits, data_args.validation_split_percentage)
    needed = needed_splits(args, splits)
    held = DatasetDict({split: part for split, part in needed.items() if isinstance(part, Dataset)})
    for column in next(iter(held.values())).column_names if held else ():
        require_text(held, column)
    if args.do_train and data_args.streaming and args.max_steps <= 0:
        raise UserError("A stream has no end that is known; say with --max_steps how long to train.")
    if isinstance(stream := needed.get("train"), IterableDataset):
        needed["train"] = stream.shuffle(seed=args.data_seed or args.seed, buffer_size=data_args.shuffle_buffer_size)
    return needed


def _tokenizer(
    model_args: DecoderArguments, rows: Mapping[str, Any], checkpoint: str | None
) -> PreTrainedTokenizerBase:
    size = model_args.tokenizer_vocab_size
    if size is None:
        name = model_args.tokenizer_name or model_args.model_name_or_path or model_args.config_name
        if name is None:
            raise UserError(
                "Name a checkpoint with --model_name_or_path, or give a new model a tokenizer, with "
                "--tokenizer_name or --tokenizer_vocab_size."
            )
        return load_decoder_tokenizer(name, model_args.trust_remote_code)
    train = rows.get("train")
    if model_args.model_name_or_path or model_args.tokenizer_name or not isinstance(train, Dataset):
        raise UserError(
            "--tokenizer_vocab_size trains the tokenizer of a new model, on training text that is no stream."
        )
    if checkpoint is not None:
        return load_decoder_tokenizer(checkpoint)
    return train_decoder_tokenizer((text for column in train.column_names for text in train[column]), size)


def _block_size(asked: int | None, config: PretrainedConfig) -> int:
    most = positions_of(config)
    if asked and most and asked > most:
        raise UserError(f"--block_size {asked} is more than the model's {most} positions; give less.")
    return asked or min(most or LONGEST, LONGEST)


def _freeze(model: PreTrainedModel | PeftModel) -> None:
    """Freeze a Backpack but for its head, which is the matrix of its word embeddings too."""
    if not isinstance(model, BackpackGPT2LMHeadModel):
        raise UserError(
            "--freeze_backpack trains the head of a Backpack; for other models, or adapters, leave it out."
        )
    model.requires_grad_(False)
    model.lm_head.weight.requires_grad_(True)


def _encode(
    rows: Any, tokenizer: PreTrainedTokenizerBase, length: int, data_args: TextArguments, args: CausalLMConfig
) -> Any:
    if _is_completion(rows):
        separator, only = data_args.completion_separator, args.completion_only_loss
        encoded = as_completions(rows, tokenizer, length, separator, only)
    else:
        encoded = (as_documents if data_args.line_by_line else as_packed)(rows, tokenizer, length)
    require_tokens(encoded)
    return encoded


def _is_completion(rows: Any) -> bool:
    return "completion" in next(iter(rows), {})


def _describe(model: PreTrainedModel | PeftModel, run: Any, rows: Any) -> Facts:
    column = "prompt" if _is_completion(rows) else "text"
    prompt = opening(row[column] for row in islice(rows, SHOWN))
    if not isinstance(model, PeftModel):
        return causal_lm_facts(run, prompt, isinstance(model, BackpackGPT2LMHeadModel))
    plain: Any = model.get_base_model()
    method: Method = "IA3" if model.active_peft_config.peft_type == "IA3" else "LoRA"
    return causal_adapter_facts(run, prompt, method, column == "prompt", bool(plain.config.to_dict().get("auto_map")))
