"""The card's header is read back with the Hub's own parser; the body is held against texts written out by hand."""

import re
from dataclasses import replace
from pathlib import Path

import yaml
from huggingface_hub import ModelCard

from xlzoo.hub_cards import Facts, Metric, render_card

FULL = Facts(
    title="Swahili adapter",
    kind="adapter",
    summary="Knows Swahili.",
    languages=("sw", "zh-Hans", "no"),
    license="apache-2.0",
    base_model="xlm-roberta-base",
    datasets=("org/news", "stories"),
    tags=("xlzoo", "adapter", "xlzoo"),
    pipeline_tag="fill-mask",
    library_name="transformers",
    metrics=(
        Metric("token-classification", "org/ner", "test", "sw", "f1", 0.8125),
        Metric("token-classification", "org/ner", "test", "sw", "precision", 0.9),
        Metric("token-classification", "org/ner", "test", "yo", "f1", 0.25),
        Metric("fill-mask", "stories", "dev", "", "perplexity", 12345.678),
    ),
    recipe={"learning_rate": 1e-4, "seeds": (1, 2), "config": Path("seq_bn")},
    usage="print('hello')",
    usage_output="hello\n",
    versions={"transformers": "5.23.0", "torch": "2.13.0"},
    citation="@misc{a, title={A}}",
    paper="2005.00052",
)

# A value that gives the field something to say, for every field that has a line in the body.
FIELDS = {
    "title": ("T", "# T"),
    "summary": ("A summary.", "A summary."),
    "languages": (("sw",), "- Languages: sw"),
    "datasets": (("a/b",), "- Training data: [a/b](https://huggingface.co/datasets/a/b)"),
    "license": ("mit", "- License: mit"),
    "usage": ("f()", "## Usage\n\n```python\nf()\n```"),
    "metrics": (
        (Metric("t", "d", "test", "sw", "f1", 0.5),),
        "## Results\n\n| task | dataset | split | language | metric | value |\n|---|---|---|---|---|---|\n"
        "| t | d | test | sw | f1 | 0.5 |",
    ),
    "recipe": ({"a": 1}, "## Training\n\n```yaml\na: 1\n```"),
    "versions": ({"torch": "2", "peft": "1"}, "## Training\n\nMade with peft 1, torch 2."),
    "paper": ("2005.00052", "## Citation\n\n[arXiv:2005.00052](https://arxiv.org/abs/2005.00052)"),
    "citation": ("@misc{a}", "## Citation\n\n```bibtex\n@misc{a}\n```"),
}


def test_header_holds_every_fact():
    data = ModelCard(render_card(FULL)).data.to_dict()
    assert data.pop("model-index") == [
        {
            "name": "Swahili adapter",
            "results": [
                {
                    "task": {"type": "token-classification"},
                    "dataset": {"name": "org/ner", "type": "org/ner", "config": "sw", "split": "test"},
                    "metrics": [{"type": "f1", "value": 0.8125}, {"type": "precision", "value": 0.9}],
                },
                {
                    "task": {"type": "token-classification"},
                    "dataset": {"name": "org/ner", "type": "org/ner", "config": "yo", "split": "test"},
                    "metrics": [{"type": "f1", "value": 0.25}],
                },
                {
                    "task": {"type": "fill-mask"},
                    "dataset": {"name": "stories", "type": "stories", "split": "dev"},
                    "metrics": [{"type": "perplexity", "value": 12345.678}],
                },
            ],
        }
    ]
    assert data == {
        "base_model": "xlm-roberta-base",
        "base_model_relation": "adapter",
        "datasets": ["org/news", "stories"],
        "language": ["sw", "zh", "no"],
        "language_bcp47": ["sw", "zh-Hans", "no"],
        "library_name": "transformers",
        "license": "apache-2.0",
        "pipeline_tag": "fill-mask",
        "tags": ["adapter", "xlzoo"],
    }


def test_model_is_a_finetune_and_plain_languages_are_said_once():
    data = ModelCard(render_card(Facts(kind="model", base_model="org/base", languages=("en", "sw")))).data.to_dict()
    assert data == {"base_model": "org/base", "base_model_relation": "finetune", "language": ["en", "sw"]}


def test_recipe_is_reprinted_as_yaml_that_reads_back():
    block = re.search(r"```yaml\n(.*?)\n```", render_card(FULL), re.DOTALL)
    assert block and yaml.safe_load(block[1]) == {"learning_rate": 1e-4, "seeds": [1, 2], "config": "seq_bn"}


def test_recipe_text_keeps_its_comments():
    assert "```yaml\na: 1  # one\n```" in render_card(Facts(recipe="a: 1  # one\n"))


def test_each_field_alone_gives_its_lines_and_nothing_else():
    for name, (value, expected) in FIELDS.items():
        for kind in ("adapter", "model"):
            card = ModelCard(render_card(replace(Facts(kind=kind), **{name: value})))
            assert card.text.strip() == expected, (name, kind)


def test_each_field_left_out_leaves_no_empty_heading():
    empty = {name: getattr(Facts(), name) for name in [*FIELDS, "base_model", "usage_output", "tags"]}
    for name, value in empty.items():
        text = render_card(replace(FULL, **{name: value}))
        assert not re.search(r"^#.*\n+(#|\Z)", text, re.MULTILINE), name
        assert "None" not in text and "More information needed" not in text, name
        assert "\n\n\n" not in text, name


def test_kinds_say_how_they_relate_to_their_base():
    link = "[org/base](https://huggingface.co/org/base)"
    assert f"fine-tuned from {link}." in render_card(Facts(kind="model", base_model="org/base"))
    assert f"only what was added to {link}," in render_card(Facts(kind="adapter", base_model="org/base"))


def test_fence_is_longer_than_the_backticks_inside():
    text = render_card(Facts(usage="print('x')", usage_output="```\ninner\n```"))
    assert "It prints:\n\n````\n```\ninner\n```\n````" in text


def test_braces_in_facts_are_text_and_not_templates():
    assert "{{ 1 + 1 }}" in render_card(Facts(summary="{{ 1 + 1 }}"))
