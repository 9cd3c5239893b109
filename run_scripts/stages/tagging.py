"""Token classification from arguments to a saved tagger or task adapter."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from transformers import set_seed

from xlzoo.hub_cards import Facts
from xlzoo.hub_cards.probes import record_adapter, record_model
from xlzoo.modeling.modeling_madx import MadxForTokenClassification
from xlzoo.run_scripts.arguments import AdapterArguments, ModelArguments
from xlzoo.run_scripts.corpora.checks import require_tagged_words
from xlzoo.run_scripts.corpora.collators import TaggingCollator
from xlzoo.run_scripts.corpora.pieces import as_windows
from xlzoo.run_scripts.corpora.sources import as_strings, label_names, require_known_labels
from xlzoo.run_scripts.data_arguments import DataArguments
from xlzoo.run_scripts.encoders import check_length, load_encoder, load_tokenizer
from xlzoo.run_scripts.objectives.tagging import TaggingConfig, TaggingTrainer
from xlzoo.run_scripts.runs import check_output, claim_output, needed_splits, require_fit, run_trainer, write_results
from xlzoo.run_scripts.stages.curves import draw_curve
from xlzoo.run_scripts.stages.facts import Record, record_run, tagger_facts, task_adapter_facts
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


def train_tagger(
    model_args: ModelArguments, data_args: DataArguments, adapter_args: AdapterArguments, args: TaggingConfig
) -> dict[str, Any]:
    """Train, evaluate and predict as the arguments say, save to `output_dir`, and return the metrics.

    The result is the composed model, with `output_dir/<task>` in AdapterHub's format when an adapter was trained.
    """
    task = TASKS[args.task_name]
    column = task.label_column
    raw = data_args.load(
        "tokens", {"tokens": data_args.text_column_name or "tokens", column: data_args.label_column_name or column}
    )
    needed = needed_splits(args, raw)
    require_tagged_words(needed, column)
    stack = read_stack(adapter_args, args.task_name)
    labels = own_labels(stack, adapter_args.adapter_name or args.task_name)
    if labels is None:
        start = model_args.model_name_or_path
        labels = label_names(raw, column) if args.do_train else checkpoint_labels(start, "tagger")
    dataset = as_strings(needed, column)
    require_known_labels(dataset, column, labels)
    checkpoint = check_output(args)
    set_seed(args.seed)
    tokenizer = load_tokenizer(model_args)
    model = load_encoder(MadxForTokenClassification, model_args, tokenizer, **label_config(labels))
    check_length(model.config, data_args.max_seq_length)
    load_stack(model, stack, adapter_args, args.task_name)
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
            own = adapter_args.adapter_name or args.task_name
            adapter = partial(record_adapter, model, own, with_head=True)
            record = adapter if adapter_args.train_adapter else partial(record_model, model)
            publish_run(folders[-1], facts, args, model_args.model_name_or_path, record)
    return results


def _describe(
    model: MadxForTokenClassification,
    run: Record,
    task: Task,
    sentences: Iterable[Sequence[str]],
    adapter_args: AdapterArguments,
    folders: list[Path],
) -> Facts:
    """Write the facts of what was saved to each folder, and return the last one's."""
    facts = tagger_facts(run, task, tagger_usage(sentences), model.active_adapters)
    write_facts(folders[0], facts)
    if adapter_args.train_adapter:
        facts = task_adapter_facts(run, task, len(model.config.id2label or {}), adapter_args.leave_out_last_layer)
        write_facts(folders[1], facts)
    return facts
