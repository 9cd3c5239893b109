"""Token classification from arguments to a saved tagger or task adapter."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase, set_seed

from xlzoo.hub_cards import Facts
from xlzoo.hub_cards.probes import record_adapter, record_model
from xlzoo.modeling.adapter_files import read_adapter, read_head
from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.modeling_madx import MadxForTokenClassification
from xlzoo.run_scripts.arguments import AdapterArguments, ModelArguments
from xlzoo.run_scripts.corpora.checks import require_tagged_words
from xlzoo.run_scripts.corpora.collators import TaggingCollator
from xlzoo.run_scripts.corpora.pieces import as_windows
from xlzoo.run_scripts.corpora.sources import as_strings, label_names, require_known_labels
from xlzoo.run_scripts.data_arguments import DataArguments
from xlzoo.run_scripts.encoders import check_length, load_encoder, load_tokenizer, read_config
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.objectives.tagging import TaggingConfig, TaggingTrainer
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
from xlzoo.run_scripts.stages.facts import Record, record_run, tagger_facts, task_adapter_facts
from xlzoo.run_scripts.stages.publishing import publish_run, write_facts
from xlzoo.run_scripts.stages.snippets import tagger_usage
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
        labels = label_names(raw, column) if args.do_train else checkpoint_labels(model_args.model_name_or_path)
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
            folders = _save(model, tokenizer, adapter_args, args)
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


def _save(
    model: MadxForTokenClassification,
    tokenizer: PreTrainedTokenizerBase,
    adapter_args: AdapterArguments,
    args: TaggingConfig,
) -> list[Path]:
    """Save the composed model and, if one was trained, the task adapter; return their folders, the latter's last."""
    folder, name = args.folder, adapter_args.adapter_name or args.task_name
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if not adapter_args.train_adapter:
        return [folder]
    model.save_adapter(folder / name, name, with_head=True)
    return [folder, folder / name]


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


def label_config(labels: Sequence[str]) -> dict[str, Any]:
    """Return the configuration fields that name the labels."""
    return {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}


def own_labels(stack: list[tuple[str, str]], own: str) -> list[str] | None:
    """Return the labels of the head that the task's own adapter brings, `None` where it brings none."""
    heads = [read_head(path) for path, name in stack if name == own]
    labels = [list(head.labels) for head in heads if head is not None and head.labels]
    return labels[0] if labels else None


def checkpoint_labels(name: str | None) -> list[str]:
    """Return the labels of the tagger that is to be evaluated."""
    config = read_config(name, MadxConfig) if name else None
    names = [str(label) for _, label in sorted((config.id2label or {}).items())] if config else []
    if names == [f"LABEL_{i}" for i in range(len(names))]:
        raise UserError(
            f"{name!r} is no trained tagger; train it with --do_train, or load a task adapter with its head through "
            "--load_adapter, and give --adapter_name if it is not named like the task."
        )
    return names


def read_stack(adapter_args: AdapterArguments, task_name: str) -> list[tuple[str, str]]:
    """Return (path, name) of every adapter to load, languages first, having read each of them once as a check."""
    paths = [adapter_folder(path) for path in (adapter_args.load_lang_adapter, *adapter_args.load_adapter) if path]
    stack = [(path, read_adapter(path).name) for path in paths]
    names, own = [name for _, name in stack], adapter_args.adapter_name or task_name
    if len(set(names)) < len(names):
        raise UserError(f"Two of the adapters {', '.join(paths)} have the same name; they are {', '.join(names)}.")
    if own in names[:-1]:
        raise UserError(f"The task adapter {own!r} must come last among the adapters, found {', '.join(names)}.")
    return stack


def load_stack(
    model: MadxForTokenClassification, stack: list[tuple[str, str]], adapter_args: AdapterArguments, task_name: str
) -> None:
    """Load the adapters, make them the active stack, and freeze what is not to be trained.

    Only the task's own adapter brings its head; a language adapter's folder may hold one, and it is left there.
    """
    own = adapter_args.adapter_name or task_name
    last = model.config.num_hidden_layers - 1
    for path, name in stack:
        drop = [last] if adapter_args.leave_out_last_layer and name != own else None
        model.load_adapter(path, leave_out=drop, with_head=name == own and read_head(path) is not None)
    names = [name for _, name in stack]
    if adapter_args.train_adapter:
        if own not in names:
            model.add_adapter(own, adapter_args.adapter_config)
            names.append(own)
        model.train_adapter(own)
    if names:
        model.set_active_adapters(names)
