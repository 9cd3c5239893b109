"""Token classification from arguments to a saved tagger, or a MAD-X or PEFT adapter for one."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from peft import PeftModel
from transformers import PreTrainedTokenizerBase, XLMRobertaForTokenClassification, set_seed

from xlzoo.hub_cards import Facts
from xlzoo.hub_cards.probes import record_adapter, record_model, record_peft
from xlzoo.modeling.modeling_madx import MadxForTokenClassification
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.corpora.checks import require_tagged_words
from xlzoo.run_scripts.corpora.collators import TaggingCollator
from xlzoo.run_scripts.corpora.pieces import as_windows
from xlzoo.run_scripts.corpora.sources import as_strings, label_names, require_known_labels
from xlzoo.run_scripts.data_arguments import DataArguments
from xlzoo.run_scripts.encoder_adapters import EncoderAdapterArguments
from xlzoo.run_scripts.models.encoders import check_length, load_encoder, load_tokenizer
from xlzoo.run_scripts.objectives.tagging import TaggingConfig, TaggingTrainer
from xlzoo.run_scripts.peft_arguments import load_adapted
from xlzoo.run_scripts.runs import check_output, claim_output, needed_splits, require_fit, run_trainer, write_results
from xlzoo.run_scripts.stages.curves import draw_curve
from xlzoo.run_scripts.stages.facts import Record, record_run, tagger_facts, task_adapter_facts, task_peft_facts
from xlzoo.run_scripts.stages.papers import METHODS
from xlzoo.run_scripts.stages.publishing import publish_run, write_facts
from xlzoo.run_scripts.stages.snippets import tagger_usage
from xlzoo.run_scripts.stages.task_adapters import (
    checkpoint_labels,
    label_config,
    load_stack,
    own_labels,
    read_stack,
    save_task,
)
from xlzoo.run_scripts.tasks import TASKS, Task

Tagger = MadxForTokenClassification | PeftModel


def train_tagger(
    model_args: ModelArguments, data_args: DataArguments, adapter_args: EncoderAdapterArguments, args: TaggingConfig
) -> dict[str, Any]:
    """Train, evaluate and predict as the arguments say, save to `output_dir`, and return the metrics.

    The result is the composed model, with `output_dir/<task>` in AdapterHub's format when an adapter was trained; with
    `--use_peft` it is an adapter of PEFT's with its head, whose labels are those of the data's train split.
    """
    task = TASKS[args.task_name]
    column = task.label_column
    raw = data_args.load(
        "tokens", {"tokens": data_args.text_column_name or "tokens", column: data_args.label_column_name or column}
    )
    needed = needed_splits(args, raw)
    require_tagged_words(needed, column)
    stack, peft_path = (
        read_stack(adapter_args, args.task_name) if adapter_args.of_madx else [],
        adapter_args.peft_path(),
    )
    labels = own_labels(stack, adapter_args.adapter_name or args.task_name)
    if labels is None:
        new, start = args.do_train or peft_path is not None, model_args.model_name_or_path
        labels = label_names(raw, column) if new else checkpoint_labels(start, "tagger")
    dataset = as_strings(needed, column)
    require_known_labels(dataset, column, labels)
    checkpoint = check_output(args)
    set_seed(args.seed)
    tokenizer = load_tokenizer(model_args)
    model = _start(model_args, adapter_args, args.task_name, stack, tokenizer, labels)
    check_length(model.config, data_args.max_seq_length)
    require_fit(model, checkpoint)
    claim_output(args)
    windows = {
        split: as_windows(rows, tokenizer, labels, column, data_args.max_seq_length) for split, rows in dataset.items()
    }
    args.remove_unused_columns = False
    trainer = TaggingTrainer(
        task=task,
        labels=labels,
        model=model,
        args=args,
        train_dataset=windows["train"].remove_columns("place") if "train" in windows else None,
        eval_dataset=windows.get("validation"),
        data_collator=TaggingCollator(tokenizer),
        processing_class=tokenizer,
    )
    results = run_trainer(trainer, checkpoint, windows.get("test"))
    if trainer.is_world_process_zero():
        if args.do_train:
            folders = save_task(model, tokenizer, adapter_args, args.folder, args.task_name)
            figures = draw_curve(trainer.state.log_history, f"eval_{task.metric}", folders)
            run = record_run((model_args, data_args, args), results, task.pipeline_tag, figures)
            facts = _describe(model, run, task, dataset["train"]["tokens"], adapter_args, folders)
        write_results(args.folder, results)
        if args.do_train:
            _publish(model, facts, folders[-1], adapter_args, args, model_args)
    return results


def _start(
    model_args: ModelArguments,
    adapter_args: EncoderAdapterArguments,
    task_name: str,
    stack: list[tuple[str, str]],
    tokenizer: PreTrainedTokenizerBase,
    labels: Sequence[str],
) -> Tagger:
    """Return the model that the run begins with, what is to be trained thawed."""
    path = adapter_args.peft_path()
    if path is None and not adapter_args.use_peft:
        model = load_encoder(MadxForTokenClassification, model_args, tokenizer, **label_config(labels))
        load_stack(model, stack, adapter_args, task_name)
        return model
    plain = load_encoder(XLMRobertaForTokenClassification, model_args, tokenizer, **label_config(labels))
    if path is None:
        return adapter_args.add_new(plain, "TOKEN_CLS")
    return load_adapted(plain, path, trainable=adapter_args.use_peft, task_type="TOKEN_CLS")


def _describe(
    model: Tagger,
    run: Record,
    task: Task,
    sentences: Iterable[Sequence[str]],
    adapter_args: EncoderAdapterArguments,
    folders: list[Path],
) -> Facts:
    """Write the facts of what was saved to each folder, and return the last one's."""
    labels = len(model.config.id2label or {})
    if isinstance(model, PeftModel):
        facts = task_peft_facts(run, task, METHODS[model.active_peft_config.peft_type], labels)
        write_facts(folders[0], facts)
        return facts
    facts = tagger_facts(run, task, tagger_usage(sentences), model.active_adapters)
    write_facts(folders[0], facts)
    if adapter_args.train_adapter:
        facts = task_adapter_facts(run, task, labels, adapter_args.leave_out_last_layer)
        write_facts(folders[1], facts)
    return facts


def _publish(
    model: Tagger,
    facts: Facts,
    folder: Path,
    adapter_args: EncoderAdapterArguments,
    args: TaggingConfig,
    model_args: ModelArguments,
) -> None:
    start = model_args.model_name_or_path
    record: Any = partial(record_model, model)
    if isinstance(model, PeftModel):
        record = partial(record_peft, model, base=str(start))
    elif adapter_args.train_adapter:
        record = partial(record_adapter, model, adapter_args.adapter_name or args.task_name, with_head=True)
    publish_run(folder, facts, args, start, record)
