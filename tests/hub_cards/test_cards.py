"""A card's header is read back with the Hub's own classes, its body with a CommonMark parser, and both are whole for
any facts."""

import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
import yaml
from huggingface_hub import DatasetCard, ModelCard
from huggingface_hub.repocard import metadata_load
from hypothesis import Phase, example, given, settings
from markdown_it import MarkdownIt
from some_facts import ANY_FACTS, FULL, HOSTILE

from xlzoo.hub_cards.cards import render_card
from xlzoo.hub_cards.facts import Facts, Figure, Metric, Table, facts_to_json
from xlzoo.hub_cards.metadata import size_category

KINDS = ("adapter", "peft", "model", "dataset")
PAGE = MarkdownIt("commonmark").enable(["table", "strikethrough"])
LINK = "[org/base](https://huggingface.co/org/base)"

# A value that gives the field something to say, and all that the body then says, for every field with a line there.
FIELDS = {
    "title": ("T", "# T"),
    "summary": ("One.\n\nTwo\nlines.", "One.\n\nTwo lines."),
    "languages": (("sw", "yo"), "- Languages: sw, yo"),
    "datasets": (("a/b",), "- Training data: [a/b](https://huggingface.co/datasets/a/b)"),
    "license": ("mit", "- License: mit"),
    "base_note": ("It was a copy.", "It was a copy."),
    "data_note": ("It is old.", "It is old."),
    "usage": ("f()", "## Usage\n\n```python\nf()\n```"),
    "other_usage": (
        "g()",
        "## Usage\n\nAnother way, which was not run before publishing:\n\n```python\ng()\n```",
    ),
    "metrics": (
        (Metric("t", "d", "test", "sw", "f1", 0.5), Metric("t", "d", "dev", "sw", "loss", 12345.678)),
        "## Results\n\n| task | dataset | split | language | metric | value |\n|---|---|---|---|---|---:|\n"
        "| t | d | test | sw | f1 | 0.5 |\n| t | d | dev | sw | loss | 12345.7 |",
    ),
    "recipe": ({"a": 1}, "## Training\n\n```yaml\na: 1\n```"),
    "figures": ((Figure("loss 1.png", "Loss"),), "## Training\n\n![Loss](loss%201.png)"),
    "versions": ({"torch": "2", "peft": "1"}, "## Training\n\nMade with peft 1, torch 2."),
    "paper": ("2005.00052", "## Citation\n\n[arXiv:2005.00052](https://arxiv.org/abs/2005.00052)"),
    "citation": ("@misc{a}", "## Citation\n\n```bibtex\n@misc{a}\n```"),
}
DATASET_FIELDS = {
    "task_categories": (("translation", "fill-mask"), "- Tasks: translation, fill-mask"),
    "splits": (
        {"train": 1234, "test": 5},
        "## Splits\n\n| split | rows |\n|---|---:|\n| train | 1,234 |\n| test | 5 |",
    ),
    "datasets": (("a/b",), "- Source data: [a/b](https://huggingface.co/datasets/a/b)"),
    "tables": (
        (Table("In", ("corpus", "read"), (("a|b", "7"), (" ", "8"))),),
        "## In\n\n| corpus | read |\n| --- | ---: |\n| a\\|b | 7 |\n| - | 8 |",
    ),
}
RELATIONS = {
    ("adapter", ""): f"This is an adapter: it holds only what was added to {LINK}, and is loaded onto that model.",
    ("peft", ""): f"This is a PEFT adapter: it holds only what was added to {LINK}, and is loaded onto that model.",
    ("model", ""): f"This model is fine-tuned from {LINK}.",
    ("model", "finetune"): f"This model is fine-tuned from {LINK}.",
    ("model", "merge"): f"This is {LINK} with what was trained merged into its weights.",
    ("model", "quantized"): f"This is a quantized form of {LINK}.",
    ("model", "adapter"): f"This model is built on {LINK}.",
}


def header(facts):
    return ModelCard(render_card(facts)).data.to_dict()


def body(text):
    return ModelCard(text).text.strip()


def seen(text):
    """Return text as a reader sees it on one line: control characters and the shape of white space are nothing."""
    return " ".join(re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", text).split())


def shown(token):
    """Return what an inline token shows, its images by their alternative text."""
    return "".join(shown(part) if part.type == "image" else part.content for part in token.children)


def blocks(text):
    """Return the blocks of a body in order, as (kind, text): headings, paragraphs, cells and code."""
    found, tokens = [], PAGE.parse(text)
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "inline":
            found.append((before.tag, shown(token)))
        elif token.type in ("fence", "code_block", "hr", "html_block", "blockquote_open"):
            found.append((token.type, token.content))
    return found


def test_header_of_an_adapter_holds_every_fact():
    data = header(FULL)
    assert data.pop("model-index") == [
        {
            "name": "Swahili adapter",
            "results": [
                {
                    "task": {"type": "token-classification"},
                    "dataset": {"name": "org/ner (sw)", "type": "org/ner", "config": "sw", "split": "test"},
                    "metrics": [{"type": "f1", "value": 0.8125}, {"type": "precision", "value": 0.9}],
                },
                {
                    "task": {"type": "token-classification"},
                    "dataset": {"name": "org/ner (yo)", "type": "org/ner", "config": "yo", "split": "test"},
                    "metrics": [{"type": "f1", "value": 0.25}],
                },
                {
                    "task": {"type": "fill-mask"},
                    "dataset": {"name": "local files", "type": "local-files", "split": "dev"},
                    "metrics": [{"type": "perplexity", "value": 12345.678}],
                },
            ],
        }
    ]
    assert data == {
        "base_model": "org/base",
        "base_model_relation": "adapter",
        "datasets": ["org/news", "stories"],
        "language": ["sw", "zh", "no"],
        "language_bcp47": ["sw", "zh-Hans", "no"],
        "library_name": "adapter-transformers",
        "license": "apache-2.0",
        "pipeline_tag": "fill-mask",
        "tags": ["adapter", "arxiv:2005.00052", "xlzoo"],
    }


def test_header_of_a_dataset_speaks_of_data_only():
    data = DatasetCard(render_card(replace(FULL, kind="dataset"))).data.to_dict()
    assert data == {
        "pretty_name": "Swahili adapter",
        "language": ["sw", "zh", "no"],
        "language_bcp47": ["sw", "zh-Hans", "no"],
        "license": "apache-2.0",
        "task_categories": ["token-classification"],
        "size_categories": ["10K<n<100K"],
        "source_datasets": ["org/news", "stories"],
        "configs": [
            {
                "config_name": "eng-swh",
                "data_files": [
                    {"split": "train", "path": "eng-swh/train-*"},
                    {"split": "test", "path": "eng-swh/test-*"},
                ],
            }
        ],
        "tags": ["adapter", "arxiv:2005.00052", "xlzoo"],
    }
    assert "org/base" not in render_card(replace(FULL, kind="dataset"))


HEADERS = {
    "peft": (Facts(kind="peft", base_model="a/b"), {"library_name": "peft", "base_model_relation": "adapter"}),
    "merged": (Facts(base_model="a/b", base_model_relation="merge"), {"base_model_relation": "merge"}),
    "model": (Facts(base_model="a/b", library_name="transformers"), {"library_name": "transformers"}),
    "no base": (Facts(base_model_relation="merge", license="mit"), {"license": "mit"}),
    "plain codes": (Facts(languages=("en", "sw")), {"language": ["en", "sw"]}),
    "region": (Facts(languages=("pt-BR",)), {"language": ["pt"], "language_bcp47": ["pt-BR"]}),
    "no code": (Facts(languages=("x-klingon",)), {"language_bcp47": ["x-klingon"]}),
    "capital license": (Facts(license="MIT"), {"license": "mit"}),
    "licenses": (Facts(license="mit, GPL-3.0"), {"license": ["mit", "gpl-3.0"]}),
    "own license": (Facts(license="Own 1.0, Part 2"), {"license": "other", "license_name": "own-1.0-part-2"}),
    "license in a file": (
        Facts(license="own-1.0", license_link="LICENSE"),
        {"license": "other", "license_name": "own-1.0", "license_link": "LICENSE"},
    ),
    "other": (Facts(license="other"), {"license": "other"}),
    "paper elsewhere": (Facts(paper="ACL 2020", tags=("b", "a", "b")), {"tags": ["a", "b"]}),
    "old paper": (Facts(paper="cs.CL/0112017"), {"tags": ["arxiv:cs.CL/0112017"]}),
    "unnamed metric": (Facts(tags=("a",), metrics=(Metric("t", "", "", "", "f1", 1.0),)), {"tags": ["a"]}),
}


@pytest.mark.parametrize("facts, expected", HEADERS.values(), ids=HEADERS)
def test_header(facts, expected):
    data = header(facts)
    if facts.base_model:
        expected = {"base_model": "a/b", "base_model_relation": "finetune", **expected}
    assert data == expected


def test_sizes_have_the_names_of_the_hub():
    rows = {0: "n<1K", 999: "n<1K", 1000: "1K<n<10K", 10**6 - 1: "100K<n<1M", 10**6: "1M<n<10M", 10**13: "n>1T"}
    assert {number: size_category(number) for number in rows} == rows


@pytest.mark.parametrize("kind", KINDS)
def test_each_field_alone_gives_its_lines_and_nothing_else(kind):
    fields = FIELDS | DATASET_FIELDS if kind == "dataset" else FIELDS
    for name, (value, expected) in fields.items():
        if kind == "dataset":
            expected = "" if name == "base_note" else expected.replace("## Training", "## How it was made")
        assert body(render_card(replace(Facts(kind=kind), **{name: value}))) == expected, name
    assert body(render_card(Facts(kind=kind, base_model="org/base"))) == RELATIONS.get((kind, ""), "")


@pytest.mark.parametrize("kind, relation", RELATIONS)
def test_kinds_say_how_they_relate_to_their_base(kind, relation):
    facts = Facts(kind=kind, base_model="org/base", base_model_relation=relation)
    assert body(render_card(facts)) == RELATIONS[kind, relation]


def test_what_usage_needs_is_named_before_it():
    text = render_card(Facts(usage="f()", usage_needs=("xlzoo",)))
    assert "This code needs xlzoo:\n\n```python\nf()\n```" in text


def test_code_that_runs_the_files_of_a_model_says_so_before_it():
    loads = 'load("a/b", trust_remote_code=True)'
    said = "Here `trust_remote_code=True` runs Python files that come with the model: read them first."
    assert f"{said}\n\n```python\n{loads}\n```" in render_card(Facts(usage=loads))
    assert "Python files" not in render_card(Facts(usage="load(trust_remote_code=False)"))


def test_recipe_comes_with_the_name_of_its_script():
    text = render_card(Facts(recipe={"a": 1}, script="run_mlm.py"))
    assert "## Training\n\nMade by run_mlm.py of xlzoo with this recipe:\n\n```yaml\na: 1\n```" in text
    assert body(render_card(Facts(script="run_mlm.py"))) == ""


def test_usage_shows_what_it_prints_and_a_paper_elsewhere_is_named():
    assert "```python\nf()\n```\n\nIt prints:\n\n```\n1\n```" in render_card(Facts(usage="f()", usage_output="1\n"))
    assert body(render_card(Facts(paper="ACL 2020"))) == "## Citation\n\nACL 2020"
    linked = render_card(Facts(license="own", license_link="https://a.org/l(1)"))
    assert "- License: [own](https://a.org/l%281%29)" in linked


def test_a_column_without_a_value_is_left_out():
    text = render_card(Facts(metrics=(Metric("", "phrasebook", "test", "", "f1", 1.0),)))
    assert "| dataset | split | metric | value |\n|---|---|---|---:|\n| phrasebook | test | f1 | 1 |" in text


def test_recipe_is_reprinted_as_yaml_that_reads_back():
    block = re.search(r"```yaml\n(.*?)\n```", render_card(FULL), re.DOTALL)
    assert block and yaml.safe_load(block[1]) == {"learning_rate": 1e-4, "seeds": [1, 2], "config": "seq_bn"}
    assert "```yaml\na: 1  # one\n```" in render_card(Facts(recipe="a: 1  # one\n"))


def test_fence_is_longer_than_the_backticks_inside():
    text = render_card(Facts(usage="print('x')", usage_output="```\ninner\n```"))
    assert "It prints:\n\n````\n```\ninner\n```\n````" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_a_text_holds_the_reader_sees_it_as_written(text):
    facts = Facts(
        title=text,
        summary=text,
        languages=(text,),
        base_note=text,
        data_note=text,
        metrics=(Metric(text, text, text, text, text, 1.0),),
        figures=(Figure("a.png", text),),
        usage=text,
        script=text,
        recipe="a: 1",
        versions={"torch": text},
    )
    found = [(kind, seen(part)) for kind, part in blocks(body(render_card(facts)))]
    shown_text = seen(text)
    paragraphs = [("p", seen(part)) for part in re.split(r"\n\s*\n", text) if seen(part)]
    cells = [*(("td", shown_text),) * 5, ("td", "1")] if shown_text else [("td", "1")]
    columns = [("th", name) for name in ("task", "dataset", "split", "language", "metric") if shown_text]
    assert found == [
        *([("h1", shown_text)] if shown_text else []),
        *paragraphs * 3,
        *([("p", f"Language: {shown_text}")] if shown_text else []),
        *([("h2", "Usage"), ("fence", shown_text)] if shown_text else []),
        *[("h2", "Results"), *columns, ("th", "value"), *cells],
        *[("h2", "Training"), *([("p", f"Made by {shown_text} of xlzoo with this recipe:")] if shown_text else [])],
        *[("fence", "a: 1"), ("p", shown_text or "a.png"), ("p", seen(f"Made with torch {text}") + ".")],
    ]


@settings(max_examples=100, deadline=None, phases=(Phase.explicit, Phase.generate))  # to shrink takes minutes
@given(ANY_FACTS)
@example(FULL)
@example(Facts())
def test_any_card_has_a_whole_header_and_a_whole_body(tmp_path_factory, facts):
    text = render_card(facts)
    check_header(text, facts, tmp_path_factory.mktemp("card") / "README.md")
    check_body(text, facts)


def check_header(text, facts, path):
    card = (DatasetCard if facts.kind == "dataset" else ModelCard)(text)
    path.write_text(text, encoding="utf-8", newline="")
    assert (metadata_load(path) or {}) == card.data.to_dict()
    assert "" not in card.data.to_dict().values() and None not in card.data.to_dict().values()
    assert card.data.get("tags") == (sorted(set(card.data.tags)) if card.data.get("tags") else None)
    assert card.data.get("base_model") == (None if facts.kind == "dataset" else facts.base_model)
    if facts.kind != "dataset":
        told = [metric for metric in facts.metrics if seen(metric.task) and seen(metric.dataset) and seen(metric.name)]
        found = card.data.eval_results or []
        assert Counter(
            (result.task_type, result.dataset_config, result.dataset_split, result.metric_type, result.metric_value)
            for result in found
        ) == Counter(
            (
                seen(item.task),
                seen(item.language) or None,
                seen(item.split) or None,
                seen(item.name),
                float(item.value),
            )
            for item in told
        )
        assert all(re.fullmatch(r"[\w.-]+(/[\w.-]+)?", result.dataset_type, re.ASCII) for result in found)


def check_body(text, facts):
    page = body(text)
    found = blocks(page)
    kinds = [kind for kind, _ in found]
    assert not {"html_block", "hr", "blockquote_open", "code_block"} & set(kinds)
    assert all(part.strip() for kind, part in found if kind in ("h1", "h2"))
    titles = [part for kind, part in found if kind == "h2"]
    order = ["Splits", "What went in", "Usage", "Results", "Training", "How it was made", "Citation"]
    assert titles == [title for title in order if title in titles] and kinds.count("h1") == bool(seen(facts.title))
    assert all(after not in ("h1", "h2") for before, after in pairwise([*kinds, "h2"]) if before == "h2")
    assert "\n\n\n" not in re.sub(r"^(`{3,}).*?^\1$", "code", page, flags=re.DOTALL | re.MULTILINE)
    prose = seen(" ".join(part for kind, part in found if kind != "fence"))
    for fact in (facts.title, *facts.languages, *facts.datasets, facts.license, facts.paper):
        assert seen(fact) in prose
    code = [seen(part) for kind, part in found if kind == "fence"]
    for fact in (facts.usage, facts.other_usage, facts.citation, facts.usage_output if seen(facts.usage) else ""):
        assert seen(fact) == "" or seen(fact) in code
    told = facts_to_json(facts)
    assert [
        word for word in ("None", "nan", "Undefined", "More information") if word in prose and word not in told
    ] == []
