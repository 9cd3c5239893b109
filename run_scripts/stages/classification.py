"""Classification of sentence pairs from arguments to a saved classifier, or a MAD-X or PEFT adapter for one."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from datasets import Dataset, DatasetDict
from peft import PeftModel
from transformers import PreTrainedTokenizerBase, XLMRobertaForSequenceClassification, set_seed

from xlzoo.hub_cards import Facts
from xlzoo.hub_cards.probes import record_adapter, record_model, record_peft
from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.modeling_madx import MadxForSequenceClassification
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.corpora.collators import LabelCollator
from xlzoo.run_scripts.corpora.text_pairs import as_text_pairs
from xlzoo.run_scripts.encoder_adapters import EncoderAdapterArguments
from xlzoo.run_scripts.errors import UserError
from xlzoo.run_scripts.language_tests import by_language, joined
from xlzoo.run_scripts.models.encoders import check_length, load_encoder, load_tokenizer, read_config
from xlzoo.run_scripts.objectives.classification import ClassificationConfig, ClassificationTrainer
from xlzoo.run_scripts.pair_arguments import PairArguments
from xlzoo.run_scripts.peft_arguments import load_adapted
from xlzoo.run_scripts.runs import check_output, claim_output, needed_splits, require_fit, run_trainer, write_results
from xlzoo.run_scripts.stages.classification_facts import classifier_adapter_facts, classifier_facts, with_languages
from xlzoo.run_scripts.stages.curves import draw_curve
from xlzoo.run_scripts.stages.facts import Record, dataset_name, record_run, task_adapter_facts
from xlzoo.run_scripts.stages.papers import METHODS
from xlzoo.run_scripts.stages.publishing import publish_run, write_facts
from xlzoo.run_scripts.stages.snippets import classifier_usage
from xlzoo.run_scripts.stages.task_adapters import (
    checkpoint_labels,
    config_labels,
    label_config,
    load_stack,
    own_labels,
    read_stack,
    save_task,
)
from xlzoo.run_scripts.tasks.text_pairs import PAIR_TASKS, PairTask

Classifier = XLMRobertaForSequenceClassification | MadxForSequenceClassification | PeftModel


def train_classifier(
    model_args: ModelArguments,
    data_args: PairArguments,
    adapter_args: EncoderAdapterArguments,
    args: ClassificationConfig,
) -> dict[str, Any]:
    """Train, evaluate and predict as the arguments say, save to `output_dir`, and return the metrics.

    The result is a stock classifier, an adapter of PEFT's with its classifier, or MAD-X's composed model with
    `output_dir/<task>` in AdapterHub's format. Several languages are scored one by one, and their mean is told.
    """
    task = PAIR_TASKS[args.task_name]
    splits = data_args.pairs(task)
    tests = data_args.tests(lambda given: given.pairs(task), splits) if args.do_predict else DatasetDict()
    rows = needed_splits(args, DatasetDict({**splits, **joined(tests)}))
    checkpoint = check_output(args)
    set_seed(args.seed)
    tokenizer = load_tokenizer(model_args)
    model, labels = _start(model_args, adapter_args, args, tokenizer, task)
    check_length(model.config, data_args.max_seq_length)
    require_fit(model, checkpoint)
    claim_output(args)
    encode = partial(as_text_pairs, tokenizer=tokenizer, labels=labels, length=data_args.max_seq_length)
    encoded = {split: encode(part) for split, part in rows.items() if split != "test"}
    args.remove_unused_columns = False
    trainer = ClassificationTrainer(
        model=model,
        args=args,
        train_dataset=encoded.get("train"),
        eval_dataset=encoded.get("validation"),
        data_collator=LabelCollator(tokenizer),
        processing_class=tokenizer,
    )
    results = run_trainer(trainer, checkpoint, by_language(tests, encode))
    if len(tests) > 1:
        results[f"test_mean_{task.metric}"] = mean(results[f"test_{language}_{task.metric}"] for language in tests)
    if trainer.is_world_process_zero():
        if args.do_train:
            folders = save_task(model, tokenizer, adapter_args, args.folder, args.task_name)
            figures = draw_curve(trainer.state.log_history, f"eval_{task.metric}", folders)
            run = record_run((model_args, data_args, args), results, task.pipeline_tag, figures)
            run = with_languages(run, task, results, list(tests), dataset_name(data_args.tested_name))
            facts = _describe(model, run, task, rows["train"], adapter_args)
            for folder, told in zip(folders, facts, strict=True):
                write_facts(folder, told)
        write_results(args.folder, results)
        if args.do_train:
            _publish(model, facts[-1], folders[-1], adapter_args, args, model_args)
    return results


def _start(
    model_args: ModelArguments,
    adapter_args: EncoderAdapterArguments,
    args: ClassificationConfig,
    tokenizer: PreTrainedTokenizerBase,
    task: PairTask,
) -> tuple[Classifier, Sequence[str]]:
    """Return the model that the run begins with, what is to be trained thawed, and its labels in their order."""
    start, peft_path = model_args.model_name_or_path, adapter_args.peft_path()
    stack = read_stack(adapter_args, task.name) if adapter_args.of_madx else []
    labels = own_labels(stack, adapter_args.adapter_name or task.name)
    if labels is None:
        new = args.do_train or peft_path is not None
        known = config_labels(start) if new else checkpoint_labels(start, "classifier")
        # A classifier that is trained on keeps the order of its labels.
        labels = list(task.labels) if new and set(known) != set(task.labels) else known
    if set(labels) != set(task.labels):
        raise UserError(
            f"The labels of what is loaded are {', '.join(labels)}; {task.name} has {', '.join(task.labels)}."
        )
    if adapter_args.of_madx or (start and read_config(start, MadxConfig).adapters):
        madx = load_encoder(MadxForSequenceClassification, model_args, tokenizer, **label_config(labels))
        load_stack(madx, stack, adapter_args, task.name)
        return madx, labels
    plain = load_encoder(XLMRobertaForSequenceClassification, model_args, tokenizer, **label_config(labels))
    if peft_path is not None:
        return load_adapted(plain, peft_path, trainable=adapter_args.use_peft, task_type="SEQ_CLS"), labels
    return (adapter_args.add_new(plain, "SEQ_CLS") if adapter_args.use_peft else plain), labels


def _describe(
    model: Classifier, run: Record, task: PairTask, rows: Dataset, adapter_args: EncoderAdapterArguments
) -> list[Facts]:
    """Return the facts of what was saved, in the order of its folders."""
    if isinstance(model, PeftModel):
        return [classifier_adapter_facts(run, task, METHODS[model.active_peft_config.peft_type])]
    composed = isinstance(model, MadxForSequenceClassification)
    usage = classifier_usage((rows[0]["first"], rows[0]["second"]), own_code=composed)
    facts = [classifier_facts(run, task, usage, has_adapters=composed)]
    if adapter_args.train_adapter:
        facts.append(task_adapter_facts(run, task, len(task.labels), adapter_args.leave_out_last_layer))
    return facts


def _publish(
    model: Classifier,
    facts: Facts,
    folder: Path,
    adapter_args: EncoderAdapterArguments,
    args: ClassificationConfig,
    model_args: ModelArguments,
) -> None:
    start = model_args.model_name_or_path
    record = partial(record_model, model)
    if isinstance(model, PeftModel):
        record = partial(record_peft, model, base=str(start))
    elif adapter_args.train_adapter:
        own = adapter_args.adapter_name or args.task_name
        record = partial(record_adapter, model, own, with_head=True)
    publish_run(folder, facts, args, start, record)
