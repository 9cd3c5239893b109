"""Causal LM from arguments to a saved model, or an adapter of PEFT's for one."""

from collections.abc import Mapping
from functools import partial
from itertools import islice
from typing import Any

from datasets import Dataset, DatasetDict, IterableDataset
from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase, set_seed

from xlzoo.hub_cards import Facts
from xlzoo.modeling.modeling_backpack import BackpackGPT2LMHeadModel
from xlzoo.run_scripts.corpora.checks import require_text
from xlzoo.run_scripts.corpora.sequences import as_completions, as_documents, as_packed, require_tokens
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.language_tests import by_language, joined
from xlzoo.run_scripts.measuring.token_losses import require_causal
from xlzoo.run_scripts.models.decoder_tokenizers import start_decoder_tokenizer
from xlzoo.run_scripts.models.decoders import DecoderArguments, start_decoder
from xlzoo.run_scripts.models.positions import positions_left
from xlzoo.run_scripts.models.quantization import require_adapter
from xlzoo.run_scripts.objectives.causal_lm import CausalLMConfig, CausalLMTrainer, SequenceCollator
from xlzoo.run_scripts.objectives.token_scores import completion_scores, perplexity
from xlzoo.run_scripts.peft_arguments import PeftArguments
from xlzoo.run_scripts.runs import check_output, claim_output, needed_splits, require_fit, run_trainer
from xlzoo.run_scripts.stages.causal_facts import causal_adapter_facts, causal_lm_facts
from xlzoo.run_scripts.stages.facts import Record
from xlzoo.run_scripts.stages.papers import METHODS
from xlzoo.run_scripts.stages.snippets import opening
from xlzoo.run_scripts.stages.text_writers import SHOWN, adapted_for, leave
from xlzoo.run_scripts.text_arguments import TextArguments, with_validation

LONGEST = 1024
"""Tokens of a row where `--block_size` does not say and the model could take more."""


def train_causal_lm(
    model_args: DecoderArguments, data_args: TextArguments, peft_args: PeftArguments, args: CausalLMConfig
) -> dict[str, Any]:
    """Train and evaluate as the arguments say, save to `output_dir`, and return the metrics.

    The result is a whole model with its tokenizer, or with `--use_peft` an adapter in PEFT's format.
    """
    require_adapter(model_args.quantization, peft_args.use_peft or bool(peft_args.load_adapter), args)
    rows, tests = _rows(data_args, args)
    checkpoint = check_output(args)
    set_seed(args.seed)
    tokenizer = start_decoder_tokenizer(model_args, rows, checkpoint)
    model = start_decoder(model_args, tokenizer)
    require_causal(model.eval())
    adapted = adapted_for("CAUSAL_LM", model, model_args, peft_args, args)
    if args.freeze_backpack:
        _freeze(adapted)
    require_fit(adapted, checkpoint)
    length = _block_size(data_args.block_size, adapted)
    encode = partial(_encode, tokenizer=tokenizer, length=length, data_args=data_args, args=args)
    splits = {split: encode(part) for split, part in rows.items() if split != "test"}
    claim_output(args)
    args.remove_unused_columns = False
    trainer = CausalLMTrainer(
        model=adapted,
        scores=completion_scores if any(map(_is_completion, rows.values())) else perplexity,
        args=args,
        train_dataset=splits.get("train"),
        eval_dataset=splits.get("validation"),
        data_collator=SequenceCollator(tokenizer.pad_token_id),
        processing_class=tokenizer,
    )
    results = run_trainer(trainer, checkpoint, by_language(tests, encode))
    leave(trainer, (model_args, data_args, args), results, partial(_describe, adapted, rows.get("train")))
    return results


def _rows(data_args: TextArguments, args: CausalLMConfig) -> tuple[Mapping[str, Any], DatasetDict]:
    """Return the needed rows by split, having refused what cannot be trained on, and the test rows by language."""
    splits: Mapping[str, Any] = data_args.rows()
    tests = data_args.tests(TextArguments.rows, splits) if args.do_predict else DatasetDict()
    splits = {**splits, **joined(tests)}
    if args.do_eval and not (data_args.streaming and args.do_train):
        splits = with_validation(splits, data_args.validation_split_percentage)
    needed = needed_splits(args, splits)
    held = DatasetDict({split: part for split, part in needed.items() if isinstance(part, Dataset)})
    for column in next(iter(held.values())).column_names if held else ():
        require_text(held, column)
    if args.do_train and data_args.streaming and args.max_steps <= 0:
        raise UserError("A stream has no end that is known; say with --max_steps how long to train.")
    if isinstance(stream := needed.get("train"), IterableDataset):
        seed = args.seed if args.data_seed is None else args.data_seed
        needed["train"] = stream.shuffle(seed=seed, buffer_size=data_args.shuffle_buffer_size)
    return needed, tests


def _block_size(asked: int | None, model: PreTrainedModel | PeftModel) -> int:
    most = positions_left(model)
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


def _describe(model: PreTrainedModel | PeftModel, rows: Any, run: Record) -> Facts:
    column = "prompt" if _is_completion(rows) else "text"
    prompt = opening(row[column] for row in islice(rows, SHOWN))
    if not isinstance(model, PeftModel):
        return causal_lm_facts(run, prompt, isinstance(model, BackpackGPT2LMHeadModel))
    plain: Any = model.get_base_model()
    own_code = bool(plain.config.to_dict().get("auto_map"))
    return causal_adapter_facts(run, prompt, METHODS[model.active_peft_config.peft_type], column == "prompt", own_code)
