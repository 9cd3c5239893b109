"""The phrasebook's promises over thousands of rows: splits, links, tags, answers, pairs, determinism."""

import itertools
import os
import re
import subprocess
import sys
from collections import Counter

import pytest

from xlzoo.run_scripts.corpora.grammar.lexicon import CONTENT_TABLES, table
from xlzoo.run_scripts.corpora.grammar.pairs import SENTENCE, entries_of, item, words_of
from xlzoo.run_scripts.corpora.grammar.questions import question
from xlzoo.run_scripts.corpora.grammar.words import links
from xlzoo.run_scripts.corpora.phrasebook import LANGUAGES, NER_TAGS, UPOS, load_phrasebook
from xlzoo.run_scripts.errors import UserError

SIZES = {"train": 600, "validation": 60, "test": 150}
CONTENT = {"NOUN", "VERB", "ADJ", "PROPN", "NUM"}


@pytest.fixture(scope="module", params=LANGUAGES)
def parts(request):
    return load_phrasebook(request.param, sizes=SIZES)


@pytest.fixture(scope="module")
def single(parts):
    return {split: part.to_list() for split, part in parts.items()}


@pytest.fixture(scope="module")
def said():
    drawn = [item(1, "train", index) for index in range(120)]
    return {language: [words_of(row, language) for row in drawn] for language in LANGUAGES}


@pytest.fixture(scope="module")
def rows():
    return {split: [item(0, split, i) for i in range(n)] for split, n in {"train": 4000, "test": 1500}.items()}


def test_columns_and_sizes(parts):
    assert {split: len(part) for split, part in parts.items()} == SIZES
    names = "id text tokens ner_tags pos_tags premise hypothesis label context question answers"
    assert parts["train"].column_names == names.split()
    assert parts["train"].features["ner_tags"].feature.names == list(NER_TAGS)
    assert len(UPOS) == 17 and parts["train"].features["pos_tags"].feature.names == list(UPOS)
    assert parts["train"].features["label"].names == ["entailment", "neutral", "contradiction"]
    assert len(set(parts["train"]["id"])) == SIZES["train"]


def test_tokens_stand_in_the_text_one_after_the_other(single):
    for row in single["train"]:
        position = 0
        for token in row["tokens"]:
            found = row["text"].index(token, position)
            assert row["text"][position:found] in ("", " "), row["text"]
            position = found + len(token)
        assert position == len(row["text"])
        assert len(row["tokens"]) == len(row["ner_tags"]) == len(row["pos_tags"])


def test_punctuation_is_split_and_text_is_tidy(single):
    for row in single["train"]:
        assert row["tokens"][-1] in {".", "?", "!"}
        assert all(not re.search(r"[.,?!¿]", token) or len(token) == 1 for token in row["tokens"])
        for text in (row["text"], row["premise"], row["hypothesis"], row["context"], row["question"]):
            assert not re.search(r"  | [,.?!]|,[,.?]|^[a-zäöü]", text), text


def test_iob2_is_valid_and_entities_are_names(single):
    for row in single["train"]:
        tags = [NER_TAGS[tag] for tag in row["ner_tags"]]
        for before, tag in itertools.pairwise(["O", *tags]):
            assert not tag.startswith("I-") or before[2:] == tag[2:], row["text"]
        for token, tag in zip(row["tokens"], tags, strict=True):
            small = token in {"of", "de", "del", "es", "cha"}
            assert tag == "O" or token[0].isupper() or small, row["text"]


def test_about_two_of_three_sentences_name_someone_and_some_name_several(single):
    rows = [row["ner_tags"] for row in single["train"]]
    counts = [sum(NER_TAGS[tag].startswith("B-") for tag in tags) for tags in rows]
    assert 0.6 < sum(n > 0 for n in counts) / len(counts) < 0.85
    assert 0.2 < sum(n > 1 for n in counts) / len(counts) < 0.5
    kinds = Counter(NER_TAGS[tag] for tags in rows for tag in tags)
    assert all(kinds[tag] > 10 for tag in NER_TAGS)


def test_the_answer_is_a_span_of_the_context(single):
    for split in SIZES:
        for row in single[split]:
            (answer,), (start,) = row["answers"]["text"], row["answers"]["answer_start"]
            assert answer and row["context"][start : start + len(answer)] == answer
            assert row["question"].endswith("?")
            assert row["text"].endswith("?") or row["context"] == row["text"] or _request(row)


def _request(row) -> bool:
    first = " ".join(row["tokens"][:2]).lower()
    return first.startswith(("please", "bitte", "por favor", "tafadhali"))


def test_labels_are_roughly_balanced_and_hypotheses_differ(single):
    counts = Counter(row["label"] for row in single["train"])
    assert all(0.25 < counts[label] / SIZES["train"] < 0.45 for label in range(3)), counts
    assert all(row["premise"] != row["hypothesis"] for row in single["train"])


def test_negation_alone_contradicts_in_english():
    rows = load_phrasebook("eng", sizes={"train": 600})["train"]
    for row in rows:
        denied = [" not " in f" {row[side]} " or "cannot" in row[side] for side in ("premise", "hypothesis")]
        if row["label"] == 0:
            assert denied[1] <= denied[0], row
        if denied == [False, True]:
            assert row["label"] == 2, row


@pytest.mark.parametrize(("source", "target"), list(itertools.permutations(LANGUAGES, 2)))
def test_links_are_in_range_and_reach_every_content_word(said, source, target):
    for first, second in zip(said[source], said[target], strict=True):
        sure, possible = links(first, second)
        assert not set(sure) & set(possible)
        assert all(0 <= i < len(first) and 0 <= j < len(second) for i, j in sure + possible)
        linked = {i for i, _ in sure + possible}
        missing = [word.form for i, word in enumerate(first) if word.pos in CONTENT and i not in linked]
        assert not missing, (missing, first, second)


def test_every_node_of_a_language_is_expressed_in_every_other(rows):
    for row in [*rows["train"][:500], *rows["test"][:250]]:
        for clause in (row.meaning.said, row.hypothesis.clause, question(row.point)):
            words = {language: realise(clause) for language, realise in SENTENCE.items()}
            nodes = {key: {n for w in said for n in (*w.sure, *w.possible)} for key, said in words.items()}
            for first, second in itertools.permutations(words, 2):
                core = {n for w in words[first] if w.form != "," for n in w.sure}
                assert core <= nodes[second], (core - nodes[second], words[first], words[second])


def test_pair_columns_equal_the_single_languages():
    pair = load_phrasebook("deu-swh", sizes={"train": 40})["train"]
    assert pair.column_names == ["id", "translation", "tokens", "sure", "possible"]
    for language in ("deu", "swh"):
        alone = load_phrasebook(language, sizes={"train": 40})["train"]
        assert [row[language] for row in pair["translation"]] == list(alone["text"])
        assert [row[language] for row in pair["tokens"]] == list(alone["tokens"])
    assert all(row["sure"] and all(len(link) == 2 for link in row["sure"]) for row in pair)


def test_reversing_a_pair_reverses_its_links():
    there = load_phrasebook("eng-spa", sizes={"train": 60})["train"]
    back = load_phrasebook("spa-eng", sizes={"train": 60})["train"]
    for name in ("sure", "possible"):
        for one, other in zip(there[name], back[name], strict=True):
            assert sorted(one) == sorted([j, i] for i, j in other)


def _lemma(name: str, entry, language: str) -> str:
    forms = entry[language].split()
    return forms[1 if name == "nouns" and language != "eng" else 0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_at_least_150_lemmas_and_none_is_both_trained_and_held_out(language):
    lemmas = {True: set(), False: set()}
    for name in CONTENT_TABLES:
        for entry in table(name).values():
            lemmas[entry.held_out].add(_lemma(name, entry, language))
    assert len(lemmas[True] | lemmas[False]) >= 220
    assert not lemmas[True] & lemmas[False]


def test_a_fifth_of_the_content_words_is_held_out_and_all_of_it_is_tested(rows):
    content = {entry for name in CONTENT_TABLES for entry in table(name).values()}
    held_out = {entry for entry in content if entry.held_out}
    assert 0.2 <= len(held_out) / len(content) < 0.3
    for name in CONTENT_TABLES:
        assert any(entry.held_out for entry in table(name).values())
    used = {split: frozenset().union(*(entries_of(row) for row in part)) for split, part in rows.items()}
    assert not used["train"] & held_out
    assert held_out <= used["test"]
    assert content - held_out <= used["train"]


def test_names_of_the_test_split_are_new(rows):
    names = {entry for name in ("people", "organisations") for entry in table(name).values()}
    used = {split: frozenset().union(*(entries_of(row) for row in part)) & names for split, part in rows.items()}
    assert used["train"] and used["test"] and not used["train"] & used["test"]
    places = set(table("places").values())
    seen = {split: frozenset().union(*(entries_of(row) for row in part)) & places for split, part in rows.items()}
    assert len(seen["test"] - seen["train"]) >= 10


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_held_out_form_is_printed_outside_the_test_split(language):
    forms = set()
    for name in CONTENT_TABLES:
        for entry in table(name).values():
            if entry.held_out:
                cell = re.sub(r"\b\w+=\S+|\b(me|a|na|enye|ten):|[=;+]", " ", entry[language])
                forms |= {form.lower() for form in cell.split() if len(form) > 3}
    names = [e for e in (*table("people").values(), *table("places").values()) if e.held_out]
    forms |= {(entry.cells.get(language) or entry.id).lower() for entry in names}
    parts = load_phrasebook(language, sizes={"train": 900, "validation": 100})
    printed = Counter()
    for part in parts.values():
        for column in ("text", "premise", "hypothesis", "context", "question"):
            printed.update(word.lower() for text in part[column] for word in re.findall(r"[\w']+", text))
    assert not forms & printed.keys()


def test_train_and_validation_are_different_rows_of_one_kind():
    parts = load_phrasebook("eng", sizes={"train": 1000, "validation": 300})
    known = set(parts["train"]["text"])
    assert sum(text in known for text in parts["validation"]["text"]) < 40


def test_other_seeds_give_other_rows_and_equal_seeds_the_same():
    first, again, other = (load_phrasebook("spa", seed=seed, sizes={"train": 50})["train"] for seed in (3, 3, 4))
    assert list(first) == list(again)
    assert sum(a == b for a, b in zip(first["text"], other["text"], strict=True)) < 5


def test_a_prefix_of_a_larger_split_is_the_smaller_split():
    small = load_phrasebook("swh", sizes={"test": 20})["test"]
    large = load_phrasebook("swh", sizes={"test": 40})["test"]
    assert list(small) == list(large.select(range(20)))


def test_a_fresh_process_with_another_hash_seed_agrees():
    program = (
        "from xlzoo.run_scripts.corpora.grammar.pairs import *\n"
        "rows = [item(9, split, i) for split in ('train', 'test') for i in range(80)]\n"
        "print([(text_of(words_of(r, x)), entailment_of(r, x), question_of(r, x)) for r in rows for x in SENTENCE])"
    )
    printed = set()
    for hash_seed in ("1", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONIOENCODING": "utf-8"}
        printed.add(subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True).stdout)
    assert len(printed) == 1 and len(printed.pop()) > 1000


@pytest.mark.parametrize("config", ["fra", "eng-fra", "eng-eng", "eng-deu-spa", ""])
def test_an_unknown_config_is_a_user_error_that_names_the_languages(config):
    with pytest.raises(UserError, match="eng, deu, spa, swh"):
        load_phrasebook(config)


@pytest.mark.parametrize("sizes", [{"dev": 3}, {"train": -1}])
def test_an_unknown_split_or_negative_size_is_a_user_error(sizes):
    with pytest.raises(UserError, match="train, validation, test"):
        load_phrasebook("eng", sizes=sizes)
