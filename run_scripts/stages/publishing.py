"""What the cards of adapters and models say, from what the runs know."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from xlzoo.hub_cards import Facts, Metric, publish
from xlzoo.run_scripts.arguments import RunArguments
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


def language_adapter_facts(language: str, base: str | None, flags: Mapping[str, Any]) -> Facts:
    """Describe a language adapter trained with these flags on the model `base`."""
    return Facts(
        title=f"MAD-X language adapter for {display_name(language)}",
        kind="adapter",
        summary=f"A language adapter trained with masked language modelling on {display_name(language)} text.",
        languages=(hub_tag(language),),
        tags=("adapters", "language-adapter", "mad-x", "xlm-roberta"),
        **_common(base, flags),
    )


def task_adapter_facts(
    task: Task, language: str, base: str | None, flags: Mapping[str, Any], metrics: tuple[Metric, ...]
) -> Facts:
    """Describe a task adapter trained in one language, with its head."""
    return Facts(
        title=f"MAD-X task adapter for {task.name}, trained in {display_name(language)}",
        kind="adapter",
        summary=f"A {task.name} adapter with its head, to be stacked on a language adapter of the same base model.",
        languages=(hub_tag(language),),
        tags=("adapters", "mad-x", "task-adapter", task.pipeline_tag, "xlm-roberta"),
        metrics=metrics,
        **_common(base, flags),
    )


def tagger_facts(
    task: Task, languages: tuple[str, str], flags: Mapping[str, Any], metrics: tuple[Metric, ...], words: list[str]
) -> Facts:
    """Describe a composed tagger: trained in the first language, used in the second; `words` go into its example."""
    source, target = (display_name(language) for language in languages)
    return Facts(
        title=f"MAD-X {task.name} for {target}, transferred from {source}",
        kind="model",
        summary=f"XLM-R with a {target} language adapter under a {task.name} adapter that saw labels in {source} only.",
        languages=tuple(dict.fromkeys(hub_tag(language) for language in languages[::-1])),
        tags=("mad-x", "xlm-roberta", "zero-shot"),
        pipeline_tag=task.pipeline_tag,
        metrics=metrics,
        usage=TAGGER_USAGE.replace("WORDS", repr(words)),
        library_name="transformers",
        recipe=_shown(flags),
        versions=_versions(),
        citation=CITATION,
        paper=PAPER,
    )


def hub_id(name: str | None) -> str | None:
    """Return a model name that is a Hub id; a local folder's path must not get into a card."""
    return name if name and not Path(name).exists() and name.count("/") <= 1 else None


def publish_run(folder: Path, facts: Facts, args: RunArguments) -> None:
    """Publish what a script wrote, if its arguments ask for it, under `--hub_model_id` or the output folder's name."""
    if args.publish_when_done:
        repo_id = args.hub_model_id or Path(args.output_dir).name
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
