"""xTune from arguments to a model: one stage, or both, each a run of its own, and their scores by language."""

import json
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any

from transformers import set_seed

from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.corpora.translations import Translations, read_translations
from xlzoo.run_scripts.corpora.view_rows import ViewRows
from xlzoo.run_scripts.encoder_adapters import EncoderAdapterArguments
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.language_tests import by_language
from xlzoo.run_scripts.models.encoders import check_length, load_tokenizer
from xlzoo.run_scripts.models.weights import FORMATS, weights_digest
from xlzoo.run_scripts.objectives.consistency import Weights
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.objectives.teacher import Recollection, Teacher, TeacherFiles
from xlzoo.run_scripts.runs import check_output, claim_output, read_results, require_fit, run_trainer, write_results
from xlzoo.run_scripts.stages.task_adapters import save_task
from xlzoo.run_scripts.stages.xtune_kinds import Inputs
from xlzoo.run_scripts.stages.xtune_models import publish_model, start_labels, start_model, start_teacher
from xlzoo.run_scripts.stages.xtune_report import add_means, write_report
from xlzoo.run_scripts.stages.xtune_tasks import KINDS
from xlzoo.run_scripts.stages.xtune_testing import test_model
from xlzoo.run_scripts.xtreme_arguments import with_xtreme
from xlzoo.run_scripts.xtune_arguments import TaskData, ViewArguments

WEIGHTS = (*FORMATS, ("adapter_model.safetensors", "adapter_model.safetensors.index.json"))
"""Files of weights of which the folder of stage 1 has one; the last is PEFT's."""


def run_stages(
    model_args: ModelArguments,
    data_args: TaskData,
    view_args: ViewArguments,
    adapter_args: EncoderAdapterArguments,
    args: ConsistencyConfig,
) -> dict[str, Any]:
    """Run what `--stage` names, write scores by language to `output_dir`, and return the last stage's metrics.

    Without training, a model that was trained is tested. Of both stages each has its folder in `output_dir`; one that
    is complete is not run again when a run is resumed.
    """
    data_args, view_args = with_xtreme(data_args, view_args, args)
    view_args.require_sources(args.kinds)
    inputs = _read(model_args, data_args, view_args, adapter_args, args)
    if not args.do_train:
        return test_model(inputs, args)
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
    data_args: TaskData,
    view_args: ViewArguments,
    adapter_args: EncoderAdapterArguments,
    args: ConsistencyConfig,
) -> Inputs:
    kind = KINDS[args.task_name]
    rows, tests, labels = kind.read(data_args, args)
    if not (args.do_train or kind.tested_here):
        raise UserError(
            "run_xtune.py trains; add --do_train, or test its models with run_ner.py or run_classification.py."
        )
    tokenizer = load_tokenizer(model_args)
    translations: Translations = {}
    if "translation" in args.kinds and not kind.translates_rows:
        sentences = kind.sentences(rows["train"])
        translations = read_translations(view_args.translations, view_args.translation_languages, sentences)
    every = view_args.augmentation(args, tokenizer, data_args.language_code(), translations)
    kind.check_view(every.limited(args.augmentation + args.later_augmentation))
    return Inputs(
        kind=kind,
        model=model_args,
        data=data_args,
        views=view_args,
        adapters=adapter_args,
        rows=rows,
        tests=tests,
        labels=start_labels(labels, model_args, adapter_args, kind.task.name),
        tokenizer=tokenizer,
        length=data_args.max_seq_length or args.published.length,
        view=every,
        copies=every,
        translated=kind.translated(view_args, rows) if "translation" in args.kinds else None,
    )


def _parts(args: ConsistencyConfig) -> list[ConsistencyConfig]:
    """Return the arguments of both stages; what is published is the second's."""
    if args.resume_from_checkpoint and args.resume_from_checkpoint.lower() not in ("true", "last"):
        raise UserError("--resume_from_checkpoint is 'last' where --stage is both: it finds the stage by itself.")
    parts = []
    for stage in ("1", "2"):
        part = copy(args)
        part.stage, part.output_dir = stage, str(args.folder / f"stage-{stage}")
        part.teacher = str(args.folder / "stage-1") if stage == "2" else None
        part.augmentation = args.later_augmentation if stage == "2" else args.augmentation
        part.max_steps = args.steps_of(stage)
        part.destination = args.destination if stage == "2" else None
        parts.append(part)
    return parts


def _train(inputs: Inputs, args: ConsistencyConfig, whole: ConsistencyConfig) -> dict[str, Any]:
    """Run one stage of the `whole` run: train, evaluate and predict, save, and publish where that was asked for."""
    checkpoint = check_output(args)
    set_seed(args.seed)
    copies = inputs.copies.limited(args.copy_augmentation) if inputs.copies and args.stage == "2" else None
    view = inputs.view.limited(args.augmentation) if inputs.view and args.r1_weight else None
    inputs = replace(inputs, view=view, copies=copies)
    kind, noise = inputs.kind, inputs.views.noise()
    model = start_model(inputs)
    check_length(model.config, inputs.length)
    require_fit(model, checkpoint)
    teacher_model = start_teacher(inputs, args.teacher) if args.teacher and args.r2_weight else None
    key = _key(inputs, args)
    for claimed in (whole, args) if args.stage == "1" and whole is not args else (args,):
        claim_output(claimed)
    rows = ViewRows(kind.train_rows(inputs), doubled=args.stage == "2")
    files = TeacherFiles(args.folder / "teacher", args.world_size, key)
    collator = kind.collator(inputs, copies, args.seed, Recollection(files) if teacher_model else None)
    encode = partial(kind.encode, inputs=inputs)
    args.remove_unused_columns = False
    trainer = kind.trainer(
        inputs,
        weights=Weights(args.r1_weight, args.r2_weight or 0.0, bool(args.hard_labels), noise),
        teacher=Teacher(teacher_model, rows, collator, files, noise, args) if teacher_model else None,
        model=model,
        args=args,
        train_dataset=rows,
        eval_dataset=encode(inputs.rows["validation"]) if "validation" in inputs.rows else None,
        data_collator=collator,
        processing_class=inputs.tokenizer,
    )
    results = run_trainer(trainer, checkpoint, by_language(inputs.tests, encode))
    add_means(results, inputs.task, list(inputs.tests), inputs.data.source_name)
    if trainer.is_world_process_zero():
        files.delete()
        folders = save_task(model, inputs.tokenizer, inputs.adapters, args.folder, args.task_name)
        write_results(args.folder, results)
        publish_model(model, folders, inputs, args, trainer.state.log_history, results)
    return results


def _key(inputs: Inputs, args: ConsistencyConfig) -> str:
    """Return what the teacher's answers depend on."""
    told = {**vars(inputs.views), "teacher": weights_digest(args.teacher, WEIGHTS) if args.teacher else None}
    told |= {"copies": args.copy_augmentation, "seed": args.seed, "length": inputs.length}
    told |= {"windows": [inputs.data.doc_stride, inputs.data.max_query_length]}
    return json.dumps({**told, "rows": len(inputs.rows["train"])}, sort_keys=True)
