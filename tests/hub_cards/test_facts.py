"""Facts come back from JSON as they were, and nothing else is taken for facts."""

import json
import math
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from some_facts import ANY_FACTS, FULL

from xlzoo.hub_cards.errors import PublishError
from xlzoo.hub_cards.facts import Facts, Figure, Metric, facts_to_json
from xlzoo.hub_cards.facts_reader import facts_from_json

METRIC = {"task": "t", "dataset": "d", "split": "s", "language": "sw", "name": "f1", "value": 0.5}


@settings(max_examples=100, deadline=None)
@given(ANY_FACTS)
def test_every_facts_come_back_equal(facts):
    text = facts_to_json(facts)
    again = facts_from_json(text)
    assert again == facts and facts_to_json(again) == text
    assert {name: type(value) for name, value in vars(again).items()} == {
        name: type(value) for name, value in vars(facts).items()
    }


def test_only_what_is_known_is_written_and_the_kind_always():
    assert json.loads(facts_to_json(Facts())) == {"kind": "model"}
    written = json.loads(facts_to_json(FULL))
    unwritten = {"license_link", "base_model_relation", "library_name", "usage_is_executable"}
    assert set(written) == {item.name for item in fields(Facts)} - unwritten
    assert written["metrics"][0] == {
        **METRIC,
        "task": "token-classification",
        "dataset": "org/ner",
        "split": "test",
    } | {"value": 0.8125, "detail": ""}
    assert written["figures"] == [{"file": "curve.png", "caption": "Loss by step"}]


def test_recipe_comes_back_in_the_terms_of_json():
    again = facts_from_json(facts_to_json(FULL))
    assert again.recipe == {"learning_rate": 1e-4, "seeds": [1, 2], "config": "seq_bn"}
    assert replace(again, recipe=FULL.recipe) == FULL


# Text that is refused, and the words of the one sentence that says why.
REFUSED = {
    "no JSON": ("{", "not valid JSON"),
    "empty": ("", "not valid JSON"),
    "deep": ("[" * 100_000, "not valid JSON"),
    "half a pair": (r'{"title": "\ud800"}', "not valid JSON in UTF-8"),
    "list": ("[]", "the whole must be an object"),
    "unknown field": ({"licence": "mit"}, "there is no field licence, did you mean license."),
    "unknown part": ({"metrics": [{**METRIC, "score": 1}]}, "there is no field metrics[0].score"),
    "missing part": ({"figures": [{"file": "a.png"}]}, "figures[0].caption is missing."),
    "number as text": ({"title": 7}, "title must be text."),
    "text as list": ({"tags": "a"}, "tags must be a list."),
    "part of a list": ({"languages": ["sw", None]}, "languages[1] must be text."),
    "kind": ({"kind": "space"}, "kind must be one of 'adapter', 'peft', 'model', 'dataset'."),
    "relation": ({"base_model_relation": ["merge"]}, "base_model_relation must be one of ''"),
    "base": ({"base_model": 3}, "base_model must be text or null."),
    "true as number": ({"splits": {"train": True}}, "splits['train'] must be a whole number."),
    "rows": ({"splits": {"train": 1.5}}, "splits['train'] must be a whole number."),
    "flag": ({"usage_is_executable": 1}, "usage_is_executable must be true or false."),
    "recipe": ({"recipe": [1]}, "recipe must be an object or text."),
    "version": ({"versions": {"torch": 2}}, "versions['torch'] must be text."),
    "metric": ({"metrics": [METRIC["value"]]}, "metrics[0] must be an object"),
    "text value": ({"metrics": [{**METRIC, "value": "0.5"}]}, "metrics[0].value must be a finite number."),
    "nan": ({"metrics": [METRIC, {**METRIC, "value": math.nan}]}, "metrics[1].value must be a finite number."),
    "inf": ({"metrics": [{**METRIC, "value": -math.inf}]}, "metrics[0].value must be a finite number."),
    "too large": ('{"metrics": [' + json.dumps({**METRIC, "value": 10**400}) + "]}", "must be a finite number."),
}


@pytest.mark.parametrize("content, sentence", REFUSED.values(), ids=REFUSED)
def test_what_is_no_fact_is_refused_by_name(content, sentence):
    with pytest.raises(PublishError) as error:
        facts_from_json(content if isinstance(content, str) else json.dumps(content))
    assert sentence in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_none_is_not_written(value):
    with pytest.raises(PublishError, match=r"metrics\[0\].value, the f1, is (nan|inf)"):
        facts_to_json(Facts(metrics=(Metric(**{**METRIC, "value": value}),)))


def test_numbers_of_other_libraries_are_written_as_numbers():
    np = pytest.importorskip("numpy")
    facts = Facts(metrics=(Metric(**{**METRIC, "value": np.float32(0.5)}),), recipe={"steps": np.int64(3)})
    again = facts_from_json(facts_to_json(facts))
    assert again.metrics[0].value == 0.5 and repr(again.recipe) == "{'steps': 3}"


def test_facts_of_a_file_are_ready_to_be_used(tmp_path):
    path = Path(tmp_path) / "facts.json"
    path.write_text(json.dumps({"figures": [{"file": "a.png", "caption": "A"}], "metrics": [METRIC]}))
    facts = facts_from_json(path.read_text())
    assert facts == Facts(figures=(Figure("a.png", "A"),), metrics=(Metric("t", "d", "s", "sw", "f1", 0.5),))
