"""xTune from arguments to a tagger: one stage, or both, each a run of its own, and their scores by language."""

import json
from copy import copy
from functools import partial
from typing import Any

from datasets import DatasetDict
from transformers import set_seed

from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.corpora.checks import require_tagged_words
from xlzoo.run_scripts.corpora.pieces import as_windows
from xlzoo.run_scripts.corpora.sources import as_strings, label_names, require_known_labels
from xlzoo.run_scripts.corpora.tagged_views import TaggedViewCollator, ViewRows, as_word_windows
from xlzoo.run_scripts.encoder_adapters import EncoderAdapterArguments
from xlzoo.run_scripts.encoders import check_length, load_tokenizer
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.language_tests import by_language, joined
from xlzoo.run_scripts.objectives.consistency import TaggingConsistencyTrainer, Weights
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.objectives.teacher import Recollection, Teacher, TeacherFiles
from xlzoo.run_scripts.runs import (
    check_output,
    claim_output,
    needed_splits,
    read_results,
    require_fit,
    run_trainer,
    write_results,
)
from xlzoo.run_scripts.stages.xtune_models import Inputs, publish_tagger, save_tagger, start_tagger, start_teacher
from xlzoo.run_scripts.stages.xtune_report import add_means, write_report
from xlzoo.run_scripts.tasks import TASKS
from xlzoo.run_scripts.weights import FORMATS, weights_digest
from xlzoo.run_scripts.xtune_arguments import TaggedTests, ViewArguments

WEIGHTS = (*FORMATS, ("adapter_model.safetensors", "adapter_model.safetensors.index.json"))
"""Files of weights of which the folder of stage 1 has one; the last is PEFT's."""


def run_stages(
    model_args: ModelArguments,
    data_args: TaggedTests,
    view_args: ViewArguments,
    adapter_args: EncoderAdapterArguments,
    args: ConsistencyConfig,
) -> dict[str, Any]:
    """Run what `--stage` names, write scores by language to `output_dir`, and return the last stage's metrics.

    Of both stages each has its folder in `output_dir`; one that is complete is not run again when a run is resumed.
    """
    view_args.require_sources(args.kinds)
    inputs = _read(model_args, data_args, view_args, adapter_args, args)
    parts = _parts(args) if args.stage == "both" else [args]
    if args.stage == "both":
        check_output(args)
    results: dict[str, dict[str, Any]] = {}
    for part in parts:
        done = read_results(part.folder) if part is not args and part.resume_from_checkpoint else None
        results[part.stage] = done or _train(inputs, part, args)
    if args.process_index == 0:
        write_report(args.folder, inputs.task, list(inputs.tests), data_args.source_name, results)
        if args.stage == "both":
            write_results(args.folder, results["2"])
    return results[parts[-1].stage]


def _read(
    model_args: ModelArguments,
    data_args: TaggedTests,
    view_args: ViewArguments,
    adapter_args: EncoderAdapterArguments,
    args: ConsistencyConfig,
) -> Inputs:
    task = TASKS[args.task_name]
    column = task.label_column
    splits = data_args.tagged(column)
    tests = data_args.tests(lambda given: given.tagged(column), splits) if args.do_predict else DatasetDict()
    needed = needed_splits(args, DatasetDict({**splits, **joined(tests)}))
    if not args.do_train:
        raise UserError("run_xtune.py trains; add --do_train, or evaluate the tagger it made with run_ner.py.")
    for rows in (needed, tests):
        require_tagged_words(rows, column)
    labels = label_names(splits, column)
    named = as_strings(DatasetDict({split: rows for split, rows in needed.items() if split != "test"}), column)
    tested = as_strings(tests, column)
    for rows in (named, tested):
        require_known_labels(rows, column, labels)
    tokenizer = load_tokenizer(model_args)
    make = partial(view_args.augmentation, args=args, tokenizer=tokenizer, language=data_args.language_code())
    view = make(set(args.augmentation))
    view.require_links()
    copies = make(set(args.copy_augmentation)) if args.stage != "1" else None
    return Inputs(model_args, data_args, view_args, adapter_args, task, named, tested, labels, tokenizer, view, copies)


def _parts(args: ConsistencyConfig) -> list[ConsistencyConfig]:
    """Return the arguments of both stages; what is published is the second's."""
    if args.resume_from_checkpoint and args.resume_from_checkpoint.lower() not in ("true", "last"):
        raise UserError("--resume_from_checkpoint is 'last' where --stage is both: it finds the stage by itself.")
    parts = []
    for stage in ("1", "2"):
        part = copy(args)
        part.stage, part.output_dir = stage, str(args.folder / f"stage-{stage}")
        part.teacher = str(args.folder / "stage-1") if stage == "2" else None
        part.destination = args.destination if stage == "2" else None
        parts.append(part)
    return parts


def _train(inputs: Inputs, args: ConsistencyConfig, whole: ConsistencyConfig) -> dict[str, Any]:
    """Run one stage of the `whole` run: train, evaluate and predict, save, and publish where that was asked for."""
    checkpoint = check_output(args)
    set_seed(args.seed)
    tokenizer, length, column = inputs.tokenizer, inputs.data.max_seq_length, inputs.task.label_column
    model = start_tagger(inputs)
    check_length(model.config, length)
    require_fit(model, checkpoint)
    teacher_model = start_teacher(inputs, args.teacher) if args.teacher else None
    key = _key(inputs, args)
    for claimed in (whole, args) if args.stage == "1" and whole is not args else (args,):
        claim_output(claimed)
    cut = as_word_windows(inputs.rows["train"], tokenizer, inputs.labels, column, length)
    rows = ViewRows(cut, doubled=args.stage == "2")
    files = TeacherFiles(args.folder / "teacher", args.world_size, key)
    recall = Recollection(files) if args.stage == "2" else None
    copies = inputs.copies if args.stage == "2" else None
    collator = TaggedViewCollator(tokenizer, inputs.view, copies, length, args.seed, recall)
    encode = partial(as_windows, tokenizer=tokenizer, labels=inputs.labels, column=column, length=length)
    args.remove_unused_columns = False
    trainer = TaggingConsistencyTrainer(
        task=inputs.task,
        labels=inputs.labels,
        weights=Weights(args.r1_weight, args.r2_weight or 0.0, bool(args.hard_labels), inputs.views.noise()),
        teacher=Teacher(teacher_model, rows, collator, files, inputs.views.noise(), args) if teacher_model else None,
        model=model,
        args=args,
        train_dataset=rows,
        eval_dataset=encode(inputs.rows["validation"]) if "validation" in inputs.rows else None,
        data_collator=collator,
        processing_class=tokenizer,
    )
    results = run_trainer(trainer, checkpoint, by_language(inputs.tests, encode))
    add_means(results, inputs.task, list(inputs.tests), inputs.data.source_name)
    if trainer.is_world_process_zero():
        files.delete()
        folders = save_tagger(model, inputs, args)
        write_results(args.folder, results)
        publish_tagger(model, folders, inputs, args, trainer.state.log_history, results)
    return results


def _key(inputs: Inputs, args: ConsistencyConfig) -> str:
    """Return what the teacher's answers depend on."""
    told = {**vars(inputs.views), "teacher": weights_digest(args.teacher, WEIGHTS) if args.teacher else None}
    told |= {"copies": args.copy_augmentation, "seed": args.seed, "length": inputs.data.max_seq_length}
    return json.dumps({**told, "rows": len(inputs.rows["train"])}, sort_keys=True)
