"""What the cards of adapters and models say, from what the runs know."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from xlzoo.hub_cards import Facts, Metric, publish
from xlzoo.run_scripts.arguments import DataArguments, RunArguments
from xlzoo.run_scripts.corpora.languages import display_name, hub_tag
from xlzoo.run_scripts.tasks import Task

PAPER = "2005.00052"
CITATION = """@inproceedings{pfeiffer-etal-2020-mad,
  title = {{MAD-X}: An Adapter-Based Framework for Multi-Task Cross-Lingual Transfer},
  author = {Pfeiffer, Jonas and Vuli{\\'c}, Ivan and Gurevych, Iryna and Ruder, Sebastian},
  booktitle = {Proceedings of EMNLP},
  year = {2020},
}"""
TAGGER_USAGE = """import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{repo_id}", trust_remote_code=True)
model = AutoModelForTokenClassification.from_pretrained("{repo_id}", trust_remote_code=True).eval()
words = WORDS
inputs = tokenizer(words, is_split_into_words=True, return_tensors="pt")
with torch.no_grad():
    labels = model(**inputs).logits[0].argmax(-1).tolist()
places = inputs.word_ids()
for number, word in enumerate(words):
    print(f"{word:<16}{model.config.id2label[labels[places.index(number)]]}")
"""
ADAPTER_USAGE = """from adapters import AutoAdapterModel

model = AutoAdapterModel.from_pretrained("BASE")
name = model.load_adapter("{repo_id}", use_safetensors=True)
model.set_active_adapters(name)
"""
SHOWN = ("adapter_config", "learning_rate", "max_steps", "num_train_epochs", "per_device_train_batch_size", "seed")


def language_adapter_facts(language: str | None, base: str | None, flags: Mapping[str, Any]) -> Facts:
    """Describe a language adapter trained with these flags on the model `base`."""
    name = display_name(language) if language else ""
    return Facts(
        title=f"MAD-X language adapter{' for ' * bool(name)}{name}",
        kind="adapter",
        summary=f"A language adapter trained with masked language modelling on {name or 'raw'} text.",
        languages=(hub_tag(language),) if language else (),
        tags=("adapters", "language-adapter", "mad-x", "xlm-roberta"),
        **_common(base, flags),
    )


def task_adapter_facts(
    task: Task, language: str | None, base: str | None, flags: Mapping[str, Any], metrics: tuple[Metric, ...]
) -> Facts:
    """Describe a task adapter trained in one language, with its head."""
    trained = f", trained in {display_name(language)}" if language else ""
    return Facts(
        title=f"MAD-X task adapter for {task.name}{trained}",
        kind="adapter",
        summary=f"A {task.name} adapter with its head, to be stacked on a language adapter of the same base model.",
        languages=(hub_tag(language),) if language else (),
        tags=("adapters", "mad-x", "task-adapter", task.pipeline_tag, "xlm-roberta"),
        metrics=metrics,
        **_common(base, flags),
    )


def tagger_facts(
    task: Task,
    languages: Sequence[str],
    flags: Mapping[str, Any],
    metrics: tuple[Metric, ...],
    words: Sequence[str],
) -> Facts:
    """Describe a tagger trained in the first language and, with MAD-X, composed for the second.

    `words` go into its example.
    """
    names = [display_name(language) for language in languages]
    title = f"{task.name} for {names[-1]}" if names else task.name
    summary = f"An XLM-R tagger for {task.name}."
    if len(names) == 2:
        title = f"MAD-X {title}, transferred from {names[0]}"
        summary = (
            f"XLM-R with a {names[1]} language adapter under a {task.name} adapter that saw {names[0]} labels only."
        )
    return Facts(
        title=title,
        kind="model",
        summary=summary,
        languages=tuple(dict.fromkeys(hub_tag(language) for language in languages[::-1])),
        tags=("mad-x", "xlm-roberta", "zero-shot") if len(names) == 2 else ("xlm-roberta",),
        pipeline_tag=task.pipeline_tag,
        metrics=metrics,
        usage=TAGGER_USAGE.replace("WORDS", repr(list(words))),
        library_name="transformers",
        recipe=_shown(flags),
        versions=_versions(),
        citation=CITATION if len(names) == 2 else "",
        paper=PAPER if len(names) == 2 else "",
    )


def encoder_facts(language: str | None, flags: Mapping[str, Any]) -> Facts:
    """Describe an encoder trained with masked LM."""
    return Facts(
        title=f"XLM-R encoder{f' for {display_name(language)}' if language else ''}",
        summary="An XLM-R encoder trained with masked language modelling.",
        languages=(hub_tag(language),) if language else (),
        tags=("xlm-roberta",),
        pipeline_tag="fill-mask",
        library_name="transformers",
        recipe=_shown(flags),
        versions=_versions(),
    )


def run_flags(*arguments: object) -> dict[str, Any]:
    """Return the settings of a run that a card shows, from its argument dataclasses."""
    values = {key: value for part in arguments for key, value in vars(part).items()}
    unused = set() if values["train_adapter"] else {"adapter_config"}
    unused.add("num_train_epochs" if values["max_steps"] > 0 else "max_steps")
    return {key: values[key] for key in SHOWN if key in values and key not in unused}


def run_metrics(
    task: Task, data_args: DataArguments, language: str | None, results: Mapping[str, Any]
) -> tuple[Metric, ...]:
    """Return the task's score on the validation and test splits, if the data has a name that can be cited."""
    dataset = hub_id(data_args.dataset_name)
    if dataset is None:
        return ()
    found = {split: results.get(f"{key}_{task.metric}") for split, key in (("validation", "eval"), ("test", "test"))}
    return tuple(
        Metric(task.pipeline_tag, dataset, split, language or "", task.metric, value)
        for split, value in found.items()
        if value is not None
    )


def hub_id(name: str | None) -> str | None:
    """Return a model name that is a Hub id; a local folder's path must not get into a card."""
    return name if name and not Path(name).exists() and name.count("/") <= 1 else None


def publish_run(folder: Path, facts: Facts, args: RunArguments) -> None:
    """Publish what a script wrote, if its arguments ask for it, under `--hub_model_id` or the output folder's name."""
    if args.publish_when_done:
        repo_id = args.hub_model_id or args.folder.name
        hub_dir = Path(args.hub_dir) if args.hub_dir else None
        publish(folder, repo_id, facts, hub_dir=hub_dir, private=bool(args.hub_private_repo), token=args.hub_token)


def _common(base: str | None, flags: Mapping[str, Any]) -> dict[str, Any]:
    usage = ADAPTER_USAGE.replace("BASE", base) if base else ""
    return {
        "base_model": base,
        "library_name": "adapters",
        "recipe": _shown(flags),
        "usage": usage,
        "usage_is_executable": False,
        "versions": _versions(),
        "citation": CITATION,
        "paper": PAPER,
    }


def _shown(flags: Mapping[str, Any]) -> dict[str, Any]:
    return {key: flags[key] for key in SHOWN if key in flags}


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("xlzoo", "transformers", "torch")}
