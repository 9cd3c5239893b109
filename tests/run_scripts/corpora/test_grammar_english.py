"""English forms and sentences against what a careful speaker writes."""

import pytest

from xlzoo.run_scripts.corpora.grammar import english
from xlzoo.run_scripts.corpora.grammar.english_forms import article, ing, third_person, verb_forms
from xlzoo.run_scripts.corpora.grammar.lexicon import adjective, noun, table, verb
from xlzoo.run_scripts.corpora.grammar.meaning import Clause, Place, Thing, pronoun
from xlzoo.run_scripts.corpora.grammar.words import text_of

ME, YOU, HE = pronoun(1), pronoun(2), pronoun(3)
TIMES, PEOPLE = table("times"), table("people")
ANNA = Thing("person", PEOPLE["Anna"], female=True)
PETER = Thing("person", PEOPLE["Peter"])
BOOK = Thing("noun", noun("book"))


def a(id, **changes):
    return Thing("noun", noun(id), definite=False, **changes)


def said(clause):
    return text_of(english.sentence(clause))


@pytest.mark.parametrize(
    ("base", "form"), [("go", "goes"), ("carry", "carries"), ("wash", "washes"), ("have", "has"), ("play", "plays")]
)
def test_third_person(base, form):
    assert third_person(base) == form


def test_ing():
    forms = {"write": "writing", "run": "running", "cut": "cutting", "see": "seeing", "open": "opening"}
    forms |= {"travel": "travelling", "carry": "carrying", "forget": "forgetting", "eat": "eating", "draw": "drawing"}
    assert {id: ing(verb(id)) for id in forms} == forms


def test_irregular_pasts():
    pasts = {"buy": "bought", "teach": "taught", "sing": "sang", "lend": "lent", "hide": "hid", "drink": "drank"}
    assert {id: verb_forms(verb(id))[1] for id in pasts} == pasts


def test_article():
    assert [article(w) for w in ("honest", "book", "egg", "university", "umbrella")] == ["an", "a", "an", "a", "an"]


SENTENCES = [
    (Clause(verb("see"), ME, "past", object=HE), "I saw him."),
    (Clause(verb("buy"), ANNA, "past", object=a("book"), time=TIMES["yesterday"]), "Anna bought a book yesterday."),
    (Clause(verb("buy"), ANNA, "past", object=a("book"), negative=True), "Anna did not buy a book."),
    (Clause(verb("buy"), ANNA, "past", object=a("bread"), negative=True), "Anna did not buy any bread."),
    (Clause(verb("give"), HE, "past", object=BOOK, recipient=ME), "He gave me the book."),
    (
        Clause(verb("give"), HE, "past", object=BOOK, recipient=Thing("noun", noun("teacher"))),
        "He gave the book to the teacher.",
    ),
    (Clause(verb("be"), ANNA, object=a("engineer")), "Anna is an engineer."),
    (Clause(verb("be"), pronoun(3, plural=True), quality=adjective("tired")), "They are tired."),
    (Clause(verb("buy"), ANNA, "past", object=BOOK, mood="polar"), "Did Anna buy the book?"),
    (Clause(verb("buy"), Thing("who"), "past", object=BOOK, mood="wh", query="subject"), "Who bought the book?"),
    (Clause(verb("buy"), ANNA, "past", object=Thing("what"), mood="wh", query="object"), "What did Anna buy?"),
    (
        Clause(verb("give"), ANNA, "past", object=BOOK, recipient=Thing("who"), mood="wh", query="recipient"),
        "Who did Anna give the book to?",
    ),
    (Clause(verb("come"), ANNA, place=Place("from", None), mood="wh", query="place"), "Where does Anna come from?"),
    (Clause(verb("eat"), ME, "past", object=a("egg", plural=True, number=3)), "I ate three eggs."),
    (
        Clause(verb("say"), ANNA, content=Clause(verb("be"), PETER, quality=adjective("ill"))),
        "Anna says that Peter is ill.",
    ),
    (Clause(verb("turn_on"), YOU, object=Thing("noun", noun("lamp")), mood="imperative"), "Please turn on the lamp."),
    (Clause(verb("pick_up"), ME, "future", object=HE), "I will pick him up."),
    (Clause(verb("look_for"), ANNA, "progressive", object=PETER, time=TIMES["now"]), "Anna is looking for Peter now."),
    (Clause(verb("read"), ANNA, object=a("book", plural=True), time=TIMES["often"]), "Anna often reads books."),
    (Clause(verb("work"), ANNA, modal=verb("want"), negative=True), "Anna does not want to work."),
    (Clause(verb("sleep"), ANNA, modal=verb("can"), negative=True), "Anna cannot sleep."),
    (Clause(verb("read"), ME, object=BOOK._replace(owner=ANNA)), "I read Anna's book."),
    (
        Clause(verb("buy"), ANNA, "past", object=BOOK, lead="time", time=TIMES["last_week"]),
        "Last week Anna bought the book.",
    ),
    (
        Clause(verb("call"), PETER, "past", object=ME, lead="when", when=Clause(verb("leave"), ANNA, "past")),
        "When Anna left, Peter called me.",
    ),
    (
        Clause(verb("eat"), HE, "past", object=a("fish"), joined=Clause(verb("sleep"), ANNA, "past")),
        "He ate a fish and Anna slept.",
    ),
]


@pytest.mark.parametrize(("clause", "expected"), SENTENCES)
def test_sentences(clause, expected):
    assert said(clause) == expected


def test_relative_clauses_for_people_and_things():
    man = Thing("noun", noun("man"))
    inner = Clause(verb("live"), man, place=Place("in", Thing("place", table("places")["kenya"])), gap="subject")
    clause = Clause(verb("know_person"), ME, object=man._replace(relative=inner))
    assert said(clause) == "I know the man who lives in Kenya."
    bought = Clause(verb("buy"), ANNA, "past", object=BOOK, gap="object")
    heavy = Clause(verb("be"), BOOK._replace(relative=bought), quality=adjective("new"))
    assert said(heavy) == "The book that Anna bought is new."


def test_names_are_tagged_with_all_their_words():
    kimani = Thing("person", PEOPLE["Anna"], PEOPLE["Kimani"], female=True)
    campus = Thing("organisation", table("organisations")["university_dar_es_salaam"])
    words = english.sentence(Clause(verb("study"), kimani, place=Place("at", campus)))
    assert text_of(words) == "Anna Kimani studies at the University of Dar es Salaam."
    tags = "B-PER I-PER O O O B-ORG I-ORG I-ORG I-ORG I-ORG O"
    assert [word.tag for word in words] == tags.split()
    assert [word.pos for word in words[:6]] == ["PROPN", "PROPN", "VERB", "ADP", "DET", "PROPN"]
