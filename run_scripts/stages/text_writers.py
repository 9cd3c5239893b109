"""What training a causal LM and a sequence-to-sequence model share: the model made ready, and what is left behind."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from peft import PeftModel
from transformers import PreTrainedModel, Trainer

from xlzoo.hub_cards import Facts
from xlzoo.hub_cards.probes import record_model, record_peft, require_trusted_base
from xlzoo.run_scripts.arguments import RunArguments
from xlzoo.run_scripts.data_arguments import SourceArguments
from xlzoo.run_scripts.models.decoders import DecoderArguments
from xlzoo.run_scripts.models.new_tokenizers import save_tokenizer
from xlzoo.run_scripts.models.quantization import prepared
from xlzoo.run_scripts.peft_arguments import PeftArguments, require_trainable
from xlzoo.run_scripts.runs import write_results
from xlzoo.run_scripts.stages.curves import draw_curve
from xlzoo.run_scripts.stages.facts import Record, record_run
from xlzoo.run_scripts.stages.publishing import publish_run, write_facts

Arguments = tuple[DecoderArguments, SourceArguments, RunArguments]

SHOWN = 1000
"""Training rows that are looked at for a prompt that a card can show."""


def adapted_for(
    task_type: str, model: PreTrainedModel, model_args: DecoderArguments, peft_args: PeftArguments, args: RunArguments
) -> PreTrainedModel | PeftModel:
    """Return the model ready for training, with the adapter that is asked for; `task_type` is PEFT's.

    Raises UserError or PublishError for what could not be trained, or not be published in the end.
    """
    checkpointing = bool(args.gradient_checkpointing)
    adapted = peft_args.adapt(prepared(model, model_args.quantization, checkpointing), task_type)
    require_trainable(adapted, checkpointing)
    if isinstance(adapted, PeftModel) and args.destination:
        require_trusted_base(adapted, str(model_args.model_name_or_path), model_args.trust_remote_code)
    return adapted


def leave(
    trainer: Trainer, arguments: Arguments, results: Mapping[str, Any], describe: Callable[[Record], Facts]
) -> None:
    """Write what a run leaves in its folder, if this process is the first one, and publish it if that is asked for.

    These are its results and, if it trained, the model or the adapter, its tokenizer and its facts.
    """
    model_args, _, args = arguments
    if not trainer.is_world_process_zero():
        return
    facts = _save(trainer, arguments, results, describe) if args.do_train else None
    write_results(args.folder, dict(results))
    if facts is None:
        return
    model, start = trainer.model, model_args.model_name_or_path
    record = partial(record_model, model)
    if isinstance(model, PeftModel):
        record = partial(record_peft, model, base=str(start), trust_remote_code=model_args.trust_remote_code)
    publish_run(args.folder, facts, args, start, record)


def _save(
    trainer: Trainer, arguments: Arguments, results: Mapping[str, Any], describe: Callable[[Record], Facts]
) -> Facts:
    model: Any = trainer.model
    tokenizer: Any = trainer.processing_class
    folder = arguments[2].folder
    model.save_pretrained(str(folder))
    save_tokenizer(tokenizer, folder)
    figures = draw_curve(trainer.state.log_history, "eval_perplexity", [folder])
    facts = describe(record_run(arguments, results, "text-generation", figures))
    write_facts(folder, facts)
    return facts
