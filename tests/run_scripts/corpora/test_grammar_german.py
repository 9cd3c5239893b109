"""German forms, sentences and links with English, worked out by hand."""

import pytest

from xlzoo.run_scripts.corpora.grammar import english, german
from xlzoo.run_scripts.corpora.grammar import german_forms as forms
from xlzoo.run_scripts.corpora.grammar.lexicon import adjective, noun, table, verb
from xlzoo.run_scripts.corpora.grammar.meaning import Clause, Place, Thing, pronoun
from xlzoo.run_scripts.corpora.grammar.words import links, text_of

ME, YOU, HE, SHE = pronoun(1), pronoun(2), pronoun(3), pronoun(3, female=True)
TIMES, PEOPLE = table("times"), table("people")
ANNA = Thing("person", PEOPLE["Anna"], female=True)
PETER = Thing("person", PEOPLE["Peter"])
MAN, CAR, BOOK = (Thing("noun", noun(id)) for id in ("man", "car", "book"))
CASES = ("nom", "acc", "dat", "gen")


def a(id, **changes):
    return Thing("noun", noun(id), definite=False, **changes)


def said(clause):
    return text_of(german.sentence(clause))


def test_articles():
    table_ = {"m": "der den dem des", "f": "die die der der", "n": "das das dem des", "p": "die die den der"}
    for slot, row in table_.items():
        assert [forms.DEFINITE[case][slot] for case in CASES] == row.split()
    ein = {"m": "kein keinen keinem keines", "f": "keine keine keiner keiner", "p": "keine keine keinen keiner"}
    for slot, row in ein.items():
        assert [forms.ein_word("kein", slot, case) for case in CASES] == row.split()
    assert forms.ein_word("euer", "f", "nom") == "eure" and forms.ein_word("euer", "m", "nom") == "euer"


@pytest.mark.parametrize(
    ("determiner", "slot", "expected"),
    [
        ("def", "m", "rote roten roten roten"),
        ("def", "f", "rote rote roten roten"),
        ("def", "n", "rote rote roten roten"),
        ("def", "p", "roten roten roten roten"),
        ("ein", "m", "roter roten roten roten"),
        ("ein", "f", "rote rote roten roten"),
        ("ein", "n", "rotes rotes roten roten"),
        ("ein", "p", "roten roten roten roten"),
        ("", "m", "roter roten rotem roten"),
        ("", "f", "rote rote roter roter"),
        ("", "n", "rotes rotes rotem roten"),
        ("", "p", "rote rote roten roter"),
    ],
)
def test_adjective_endings(determiner, slot, expected):
    assert [forms.adjective_form("rot", determiner, slot, case) for case in CASES] == expected.split()


def test_adjective_stems():
    assert forms.adjective_form("teuer", "def", "n", "nom") == "teure"


@pytest.mark.parametrize(
    ("id", "female", "expected"),
    [
        ("student", False, "Student Studenten Studenten Studenten | Studenten Studenten"),
        ("teacher", False, "Lehrer Lehrer Lehrer Lehrers | Lehrer Lehrern"),
        ("teacher", True, "Lehrerin Lehrerin Lehrerin Lehrerin | Lehrerinnen Lehrerinnen"),
        ("child", False, "Kind Kind Kind Kindes | Kinder Kindern"),
        ("lion", False, "Löwe Löwen Löwen Löwen | Löwen Löwen"),
    ],
)
def test_declension(id, female, expected):
    parts = forms.declension(noun(id), female)
    singular = [forms.noun_form(parts, False, case) for case in CASES]
    plural = [forms.noun_form(parts, True, case) for case in ("nom", "dat")]
    assert [*singular, "|", *plural] == expected.split()


@pytest.mark.parametrize(
    ("id", "expected"),
    [
        ("see", "sehe siehst sieht sehen seht sehen"),
        ("eat", "esse isst isst essen esst essen"),
        ("work", "arbeite arbeitest arbeitet arbeiten arbeitet arbeiten"),
        ("read", "lese liest liest lesen lest lesen"),
        ("feed", "füttere fütterst füttert füttern füttert füttern"),
        ("invite", "lade lädst lädt laden ladet laden"),
        ("have", "habe hast hat haben habt haben"),
        ("know", "weiß weißt weiß wissen wisst wissen"),
        ("travel", "reise reist reist reisen reist reisen"),
        ("sleep", "schlafe schläfst schläft schlafen schlaft schlafen"),
    ],
)
def test_present(id, expected):
    assert list(forms.present(verb(id))) == expected.split()


def test_preterite():
    assert list(forms.past("kaufte")) == "kaufte kauftest kaufte kauften kauftet kauften".split()
    assert list(forms.past("las")) == "las lasest las lasen last lasen".split()
    assert list(forms.past("ging")) == "ging gingst ging gingen gingt gingen".split()


def test_imperatives():
    expected = {"give": "gib", "read": "lies", "eat": "iss", "wait_for": "warte", "open": "mach", "help": "hilf"}
    expected |= {"wash": "wasch", "forget": "vergiss", "speak": "sprich", "feed": "füttere", "follow": "folge"}
    assert {id: forms.imperative(verb(id)) for id in expected} == expected


SENTENCES = [
    (Clause(verb("see"), ME, "past", object=HE), "Ich habe ihn gesehen."),
    (
        Clause(verb("give"), ANNA, "past", object=BOOK, recipient=MAN, lead="time", time=TIMES["yesterday"]),
        "Gestern hat Anna dem Mann das Buch gegeben.",
    ),
    (Clause(verb("give"), ANNA, "past", object=BOOK, recipient=HE, spoken=False), "Anna gab ihm das Buch."),
    (Clause(verb("be"), ANNA, object=a("teacher", female=True)), "Anna ist Lehrerin."),
    (Clause(verb("be"), ANNA, object=a("teacher", female=True), negative=True), "Anna ist keine Lehrerin."),
    (
        Clause(verb("be"), ANNA, object=a("teacher", female=True, adjective=adjective("famous"))),
        "Anna ist eine berühmte Lehrerin.",
    ),
    (Clause(verb("be"), CAR._replace(owner=ANNA), quality=adjective("new")), "Annas Auto ist neu."),
    (Clause(verb("buy"), ANNA, "past", object=a("car"), negative=True, spoken=False), "Anna kaufte kein Auto."),
    (Clause(verb("buy"), ANNA, "past", object=CAR, negative=True), "Anna hat das Auto nicht gekauft."),
    (Clause(verb("wait_for"), ANNA, object=PETER, negative=True), "Anna wartet nicht auf Peter."),
    (Clause(verb("buy"), ANNA, "past", object=CAR, mood="polar"), "Hat Anna das Auto gekauft?"),
    (Clause(verb("help"), ANNA, object=Thing("who"), mood="wh", query="object"), "Wem hilft Anna?"),
    (Clause(verb("wait_for"), ANNA, object=Thing("what"), mood="wh", query="object"), "Worauf wartet Anna?"),
    (Clause(verb("go"), ANNA, place=Place("to", None), mood="wh", query="place"), "Wohin geht Anna?"),
    (Clause(verb("see"), ANNA, "future", object=a("bird", plural=True, number=3)), "Anna wird drei Vögel sehen."),
    (Clause(verb("call"), ANNA, object=PETER), "Anna ruft Peter an."),
    (
        Clause(verb("say"), ME, content=Clause(verb("call"), ANNA, object=PETER)),
        "Ich sage, dass Anna Peter anruft.",
    ),
    (
        Clause(verb("arrive"), ANNA, "past", place=Place("in", Thing("place", table("places")["munich"]))),
        "Anna ist in München angekommen.",
    ),
    (Clause(verb("rest"), ME, "past"), "Ich habe mich ausgeruht."),
    (
        Clause(verb("turn_off"), YOU, object=Thing("noun", noun("radio")), mood="imperative"),
        "Bitte mach das Radio aus.",
    ),
    (
        Clause(verb("go"), SHE, modal=verb("must"), place=Place("to", Thing("noun", noun("station")))),
        "Sie muss zum Bahnhof gehen.",
    ),
    (
        Clause(
            verb("sleep"), HE, "past", spoken=False, reason=Clause(verb("be"), HE, "past", quality=adjective("tired"))
        ),
        "Er schlief, weil er müde war.",
    ),
    (
        Clause(verb("call"), PETER, "past", object=ME, lead="when", when=Clause(verb("leave"), ANNA, "past")),
        "Als Anna abgefahren ist, hat Peter mich angerufen.",
    ),
    (
        Clause(verb("help"), ME, object=Thing("noun", noun("student"), adjective=adjective("poor"))),
        "Ich helfe dem armen Studenten.",
    ),
    (Clause(verb("see"), ME, object=BOOK._replace(owner=Thing("noun", noun("boy")))), "Ich sehe das Buch des Jungen."),
    (Clause(verb("be"), BOOK, place=Place("on", Thing("noun", noun("table")))), "Das Buch ist auf dem Tisch."),
    (
        Clause(verb("eat"), HE, "past", object=a("fish"), joined=Clause(verb("sleep"), ANNA, "past")),
        "Er hat einen Fisch gegessen und Anna hat geschlafen.",
    ),
]


@pytest.mark.parametrize(("clause", "expected"), SENTENCES)
def test_sentences(clause, expected):
    assert said(clause) == expected


def test_relative_clauses_are_verb_final_and_follow_a_particle():
    inner = Clause(verb("help"), MAN, object=ANNA, gap="subject")
    clause = Clause(verb("pick_up"), ME, object=MAN._replace(relative=inner))
    assert said(clause) == "Ich hole den Mann ab, der Anna hilft."
    bought = Clause(verb("buy"), ANNA, "past", object=CAR, gap="object")
    subject = Clause(verb("be"), CAR._replace(relative=bought), quality=adjective("red"))
    assert said(subject) == "Das Auto, das Anna gekauft hat, ist rot."


def pharaoh(clause):
    sure, possible = links(english.sentence(clause), german.sentence(clause))
    return " ".join(f"{i}-{j}" for i, j in sure), " ".join(f"{i}-{j}" for i, j in possible)


def test_a_separable_verb_links_many_to_many():
    clause = Clause(verb("turn_on"), ANNA, "past", object=Thing("noun", noun("lamp")), spoken=False)
    assert text_of(english.sentence(clause)) == "Anna turned on the lamp."
    assert said(clause) == "Anna machte die Lampe an."
    assert pharaoh(clause) == ("0-0 1-1 1-4 2-1 2-4 3-2 4-3 5-5", "")


def test_kein_links_to_not_and_the_article_and_the_auxiliary_is_possible():
    clause = Clause(verb("buy"), ANNA, "past", object=a("car"), negative=True)
    assert text_of(english.sentence(clause)) == "Anna did not buy a car."
    assert said(clause) == "Anna hat kein Auto gekauft."
    assert pharaoh(clause) == ("0-0 2-2 3-4 4-2 5-3 6-5", "1-1 1-4 3-1")


def test_a_contracted_preposition_links_to_both_words():
    clause = Clause(verb("work"), ANNA, place=Place("in", Thing("noun", noun("garden"))))
    assert said(clause) == "Anna arbeitet im Garten."
    assert pharaoh(clause) == ("0-0 1-1 2-2 3-2 4-3 5-4", "")


def test_country_names_are_localised_one_word_to_two():
    clause = Clause(verb("live"), ANNA, place=Place("in", Thing("place", table("places")["south_africa"])))
    words = german.sentence(clause)
    assert text_of(words) == "Anna wohnt in Südafrika."
    assert [word.tag for word in words] == ["B-PER", "O", "O", "B-LOC", "O"]
    assert pharaoh(clause)[0] == "0-0 1-1 2-2 3-3 4-3 5-4"
