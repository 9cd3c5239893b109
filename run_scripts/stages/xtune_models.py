"""The models of xTune: what is trained, the teacher, and what is saved and published."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from peft import PeftModel
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaPreTrainedModel

from xlzoo.hub_cards import Facts
from xlzoo.hub_cards.probes import record_adapter, record_model, record_peft
from xlzoo.modeling.adapter_files import read_head
from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.safe_files import read_json, require_file
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.encoder_adapters import EncoderAdapterArguments
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.models.encoders import load_encoder, read_config
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.peft_arguments import load_adapted
from xlzoo.run_scripts.stages.classification_facts import with_languages
from xlzoo.run_scripts.stages.curves import draw_curve
from xlzoo.run_scripts.stages.facts import Record, dataset_name, record_run, task_adapter_facts
from xlzoo.run_scripts.stages.papers import METHODS, XTUNE
from xlzoo.run_scripts.stages.publishing import publish_run, write_facts
from xlzoo.run_scripts.stages.task_adapters import (
    config_labels,
    label_config,
    load_stack,
    own_labels,
    read_stack,
)
from xlzoo.run_scripts.stages.xtune_kinds import Inputs, Kind

Model = XLMRobertaPreTrainedModel | PeftModel


def start_labels(
    labels: Sequence[str], model_args: ModelArguments, adapters: EncoderAdapterArguments, task_name: str
) -> list[str]:
    """Return the data's labels in the order of what is trained on, where that knows the same ones."""
    stack = read_stack(adapters, task_name) if adapters.of_madx else []
    own = own_labels(stack, adapters.adapter_name or task_name)
    if own is not None and set(own) != set(labels):
        raise UserError(
            f"The task adapter's labels are {', '.join(own)}, the data's {', '.join(labels)}; expected the same."
        )
    known = own or config_labels(model_args.model_name_or_path)
    return known if set(known) == set(labels) else list(labels)


def start_model(inputs: Inputs) -> Model:
    """Return the model that a stage begins with, what is to be trained thawed."""
    kind, adapters, path = inputs.kind, inputs.adapters, inputs.adapters.peft_path()
    if adapters.use_peft:
        plain = _load(kind.plain, inputs.model, inputs)
        if path:
            return load_adapted(plain, path, trainable=True, task_type=kind.peft_type)
        return adapters.add_new(plain, kind.peft_type)
    if path:
        raise UserError(f"{path} is an adapter of PEFT's; give --use_peft to train it on.")
    if not (adapters.of_madx or _has_adapters(inputs.model.model_name_or_path)):
        return _load(kind.plain, inputs.model, inputs)
    stack = read_stack(adapters, inputs.task.name)
    model: Any = _load(kind.composed, inputs.model, inputs)
    load_stack(model, stack, adapters, inputs.task.name)
    return model


def saved_model(inputs: Inputs) -> Model:
    """Return a model that is to be tested as it was saved; UserError where nothing brings a head for the task."""
    adapters, start = inputs.adapters, inputs.model.model_name_or_path
    if path := adapters.peft_path():
        return load_adapted(_load(inputs.kind.plain, inputs.model, inputs), path, trainable=False)
    own = adapters.adapter_name or inputs.task.name
    stack = read_stack(adapters, inputs.task.name)
    brought = any(name == own and read_head(folder) is not None for folder, name in stack)
    if not brought and not (start and _is_of(inputs.kind, start)):
        raise UserError(
            f"{start!r} is no trained model for {inputs.task.name}; train it with --do_train, or load its adapter "
            "with --load_adapter, and give --adapter_name if it is not named like the task."
        )
    return start_model(inputs)


def start_teacher(inputs: Inputs, folder: str) -> Model:
    """Return the model that stage 1 saved to a folder; UserError where it is of another task or has other labels."""
    kind = inputs.kind
    if inputs.adapters.use_peft:
        return load_adapted(_load(kind.plain, inputs.model, inputs), folder, trainable=False)
    config = read_config(folder, MadxConfig)
    if not _is_of(kind, folder):
        raise UserError(f"--teacher {folder} holds no model for {inputs.task.name}; give the folder of stage 1.")
    if inputs.labels and (known := config_labels(folder)) != inputs.labels:
        raise UserError(
            f"The labels of --teacher {folder} are {', '.join(known)}, the data's {', '.join(inputs.labels)}; give "
            "the folder of stage 1 on the same data."
        )
    return _load(kind.composed if config.adapters else kind.plain, ModelArguments(model_name_or_path=folder), inputs)


def _load(
    cls: type[XLMRobertaPreTrainedModel], model_args: ModelArguments, inputs: Inputs
) -> XLMRobertaPreTrainedModel:
    fields = label_config(inputs.labels) if inputs.labels else {}
    return load_encoder(cls, model_args, inputs.tokenizer, **fields)


def _is_of(kind: Kind, start: str) -> bool:
    """Say whether a folder or Hub id holds one of the kind's models, with its head."""
    made = read_json(require_file(start, "config.json", "a trained model")).get("architectures")
    return made in ([kind.plain.__name__], [kind.composed.__name__])


def _has_adapters(start: str | None) -> bool:
    return bool(start and read_config(start, MadxConfig).adapters)


def publish_model(
    model: Model,
    folders: list[Path],
    inputs: Inputs,
    args: ConsistencyConfig,
    log: list[dict[str, float]],
    results: dict[str, Any],
) -> None:
    """Write the facts of what was saved beside it, and publish the last folder where that was asked for."""
    task = inputs.task
    figures = draw_curve(log, f"eval_{task.metric}", folders)
    run = record_run((inputs.model, inputs.data, args), results, task.pipeline_tag, figures)
    run = with_languages(run, task, results, list(inputs.tests), dataset_name(inputs.data.tested_name))
    facts = [_of_xtune(told) for told in _facts(model, run, inputs)]
    for folder, told in zip(folders, facts, strict=True):
        write_facts(folder, told)
    start = inputs.model.model_name_or_path
    record: Any = partial(record_model, model)
    if isinstance(model, PeftModel):
        record = partial(record_peft, model, base=str(start))
    elif inputs.adapters.train_adapter:
        record = partial(record_adapter, model, inputs.adapters.adapter_name or task.name, with_head=True)
    publish_run(folders[-1], facts[-1], args, start, record)


def _facts(model: Any, run: Record, inputs: Inputs) -> list[Facts]:
    kind, adapters = inputs.kind, inputs.adapters
    if isinstance(model, PeftModel):
        return [kind.peft_facts(run, inputs, METHODS[model.active_peft_config.peft_type])]
    composed = isinstance(model, kind.composed)
    facts = [kind.model_facts(run, inputs, tuple(model.active_adapters or model.config.adapters) if composed else ())]
    if adapters.train_adapter:
        facts.append(task_adapter_facts(run, inputs.task, len(inputs.labels), adapters.leave_out_last_layer))
    return facts


def _of_xtune(facts: Facts) -> Facts:
    summary = f"{facts.summary} It was tuned with xTune, to say the same of an example and of views of it."
    return replace(facts, summary=summary, tags=(*facts.tags, "xtune"), citation=XTUNE.bibtex, paper=XTUNE.arxiv)
