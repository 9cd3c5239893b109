"""The taggers of xTune: what is trained, the teacher, and what is saved and published."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from datasets import DatasetDict
from peft import PeftModel
from transformers import PreTrainedTokenizerBase, XLMRobertaForTokenClassification

from xlzoo.hub_cards import Facts
from xlzoo.hub_cards.probes import record_adapter, record_model, record_peft
from xlzoo.modeling.modeling_madx import MadxForTokenClassification
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.corpora.views import Augmentation
from xlzoo.run_scripts.encoder_adapters import EncoderAdapterArguments
from xlzoo.run_scripts.encoders import load_encoder
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.objectives.consistency_config import ConsistencyConfig
from xlzoo.run_scripts.peft_arguments import load_adapted
from xlzoo.run_scripts.stages.classification_facts import with_languages
from xlzoo.run_scripts.stages.curves import draw_curve
from xlzoo.run_scripts.stages.facts import (
    LIBRARIES,
    TASK_NAMES,
    dataset_name,
    of_run,
    record_run,
    tagger_facts,
    task_adapter_facts,
)
from xlzoo.run_scripts.stages.papers import METHODS, XTUNE
from xlzoo.run_scripts.stages.publishing import publish_run, write_facts
from xlzoo.run_scripts.stages.snippets import peft_usage, tagger_usage
from xlzoo.run_scripts.stages.task_adapters import (
    checkpoint_labels,
    label_config,
    load_stack,
    own_labels,
    read_stack,
    save_task,
)
from xlzoo.run_scripts.tasks import Task
from xlzoo.run_scripts.xtune_arguments import TaggedTests, ViewArguments

Tagger = XLMRobertaForTokenClassification | MadxForTokenClassification | PeftModel


@dataclass(frozen=True)
class Inputs:
    """What all stages share: the arguments but for the training's, and the data with the labels' names."""

    model: ModelArguments
    data: TaggedTests
    views: ViewArguments
    adapters: EncoderAdapterArguments
    task: Task
    rows: DatasetDict
    tests: DatasetDict
    labels: list[str]
    tokenizer: PreTrainedTokenizerBase
    view: Augmentation
    """Of what R1 compares an example with."""
    copies: Augmentation | None
    """Of what stage 2 adds."""


def start_tagger(inputs: Inputs) -> Tagger:
    """Return the model that a stage begins with, what is to be trained thawed."""
    adapters, tokenizer, fields = inputs.adapters, inputs.tokenizer, label_config(inputs.labels)
    if adapters.use_peft:
        plain = load_encoder(XLMRobertaForTokenClassification, inputs.model, tokenizer, **fields)
        path = adapters.peft_path()
        return load_adapted(plain, path, trainable=True) if path else adapters.add_new(plain, "TOKEN_CLS")
    stack = read_stack(adapters, inputs.task.name)
    known = own_labels(stack, adapters.adapter_name or inputs.task.name)
    if known is not None and known != inputs.labels:
        raise UserError(
            f"The task adapter's labels are {', '.join(known)}, the data's {', '.join(inputs.labels)}; expected the "
            "same, in one order."
        )
    model = load_encoder(MadxForTokenClassification, inputs.model, tokenizer, **fields)
    load_stack(model, stack, adapters, inputs.task.name)
    return model


def start_teacher(inputs: Inputs, folder: str) -> Tagger:
    """Return the model that stage 1 saved to a folder; UserError where it has other labels."""
    tokenizer, fields = inputs.tokenizer, label_config(inputs.labels)
    if inputs.adapters.use_peft:
        plain = load_encoder(XLMRobertaForTokenClassification, inputs.model, tokenizer, **fields)
        return load_adapted(plain, folder, trainable=False)
    if (known := checkpoint_labels(folder, "tagger")) != inputs.labels:
        raise UserError(
            f"The labels of --teacher {folder} are {', '.join(known)}, the data's {', '.join(inputs.labels)}; give "
            "the folder of stage 1 on the same data."
        )
    return load_encoder(MadxForTokenClassification, ModelArguments(model_name_or_path=folder), tokenizer, **fields)


def save_tagger(model: Tagger, inputs: Inputs, args: ConsistencyConfig) -> list[Path]:
    """Save what was trained and return the folders, the last of which is the one to publish."""
    if isinstance(model, MadxForTokenClassification):
        return save_task(model, inputs.tokenizer, inputs.adapters, args.folder, args.task_name)
    model.save_pretrained(str(args.folder))
    inputs.tokenizer.save_pretrained(str(args.folder))
    return [args.folder]


def publish_tagger(
    model: Tagger,
    folders: list[Path],
    inputs: Inputs,
    args: ConsistencyConfig,
    log: list[dict[str, float]],
    results: dict[str, Any],
) -> None:
    """Write the facts of what was saved beside it, and publish the last folder where that was asked for."""
    facts = _facts(model, folders, inputs, args, log, results)
    for folder, told in zip(folders, facts, strict=True):
        write_facts(folder, told)
    start = inputs.model.model_name_or_path
    record: Any = partial(record_model, model)
    if isinstance(model, PeftModel):
        record = partial(record_peft, model, base=str(start))
    elif inputs.adapters.train_adapter:
        record = partial(record_adapter, model, inputs.adapters.adapter_name or inputs.task.name, with_head=True)
    publish_run(folders[-1], facts[-1], args, start, record)


def _facts(
    model: Tagger,
    folders: list[Path],
    inputs: Inputs,
    args: ConsistencyConfig,
    log: list[dict[str, float]],
    results: dict[str, Any],
) -> list[Facts]:
    task, adapters = inputs.task, inputs.adapters
    figures = draw_curve(log, f"eval_{task.metric}", folders)
    run = record_run((inputs.model, inputs.data, args), results, task.pipeline_tag, figures)
    run = with_languages(run, task, results, list(inputs.tests), dataset_name(inputs.data.dataset_name))
    if isinstance(model, PeftModel):
        method, base = METHODS[model.active_peft_config.peft_type], run.base.hub_id
        usage = peft_usage(base, "AutoModelForTokenClassification", len(inputs.labels), own_code=False) if base else ""
        told = Facts(
            title=f"{method} task adapter for {TASK_NAMES[task.name]}",
            kind="peft",
            summary=f"A {method} adapter of XLM-R with its head.",
            tags=("task-adapter", method.lower(), "xlm-roberta"),
            pipeline_tag=task.pipeline_tag,
            library_name="peft",
            usage=usage,
            **of_run(run, XTUNE, [run.language], (*LIBRARIES, "peft")),
        )
        return [_of_xtune(told)]
    active = model.active_adapters if isinstance(model, MadxForTokenClassification) else ()
    facts = [tagger_facts(run, task, tagger_usage(inputs.rows["train"]["tokens"]), active)]
    if adapters.train_adapter:
        facts.append(task_adapter_facts(run, task, len(inputs.labels), adapters.leave_out_last_layer))
    return [_of_xtune(told) for told in facts]


def _of_xtune(facts: Facts) -> Facts:
    summary = f"{facts.summary} It was tuned with xTune, to say the same of a sentence and of views of it."
    return replace(facts, summary=summary, tags=(*facts.tags, "xtune"), citation=XTUNE.bibtex, paper=XTUNE.arxiv)
