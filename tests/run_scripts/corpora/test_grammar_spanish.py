"""Spanish forms, sentences and links with English, worked out by hand."""

import pytest

from xlzoo.run_scripts.corpora.grammar import english, spanish
from xlzoo.run_scripts.corpora.grammar import spanish_forms as forms
from xlzoo.run_scripts.corpora.grammar.lexicon import adjective, noun, table, verb
from xlzoo.run_scripts.corpora.grammar.meaning import Clause, Place, Thing, pronoun
from xlzoo.run_scripts.corpora.grammar.words import links, text_of

ME, YOU, HE, SHE = pronoun(1), pronoun(2), pronoun(3), pronoun(3, female=True)
TIMES, PEOPLE = table("times"), table("people")
ANNA = Thing("person", PEOPLE["Anna"], female=True)
PETER = Thing("person", PEOPLE["Peter"])
BOOK, TEACHER = Thing("noun", noun("book")), Thing("noun", noun("teacher"))


def a(id, **changes):
    return Thing("noun", noun(id), definite=False, **changes)


def said(clause):
    return text_of(spanish.sentence(clause))


@pytest.mark.parametrize(
    ("id", "tense", "expected"),
    [
        ("buy", "present", "compro compras compra compramos compráis compran"),
        ("eat", "present", "como comes come comemos coméis comen"),
        ("live", "present", "vivo vives vive vivimos vivís viven"),
        ("close", "present", "cierro cierras cierra cerramos cerráis cierran"),
        ("sleep", "present", "duermo duermes duerme dormimos dormís duermen"),
        ("play", "present", "juego juegas juega jugamos jugáis juegan"),
        ("buy", "preterite", "compré compraste compró compramos comprasteis compraron"),
        ("look_for", "preterite", "busqué buscaste buscó buscamos buscasteis buscaron"),
        ("arrive", "preterite", "llegué llegaste llegó llegamos llegasteis llegaron"),
        ("read", "preterite", "leí leíste leyó leímos leísteis leyeron"),
        ("build", "preterite", "construí construiste construyó construimos construisteis construyeron"),
        ("follow", "preterite", "seguí seguiste siguió seguimos seguisteis siguieron"),
        ("choose", "preterite", "elegí elegiste eligió elegimos elegisteis eligieron"),
        ("go", "preterite", "fui fuiste fue fuimos fuisteis fueron"),
        ("bring", "preterite", "traje trajiste trajo trajimos trajisteis trajeron"),
        ("go", "imperfect", "iba ibas iba íbamos ibais iban"),
        ("see", "imperfect", "veía veías veía veíamos veíais veían"),
        ("live", "imperfect", "vivía vivías vivía vivíamos vivíais vivían"),
        ("love", "imperfect", "amaba amabas amaba amábamos amabais amaban"),
        ("buy", "future", "compraré comprarás comprará compraremos compraréis comprarán"),
        ("have", "future", "tendré tendrás tendrá tendremos tendréis tendrán"),
    ],
)
def test_conjugation(id, tense, expected):
    assert list(forms.conjugate(verb(id), tense)) == expected.split()


def test_gerunds():
    expected = {"buy": "comprando", "eat": "comiendo", "read": "leyendo", "sleep": "durmiendo", "come": "viniendo"}
    assert {id: forms.gerund(verb(id)) for id in expected} == expected


def test_imperatives_keep_their_stress_under_a_clitic():
    assert [forms.imperative(verb(id), "") for id in ("open", "close", "come")] == ["abre", "cierra", "ven"]
    attached = {"give": "dale", "show": "muéstrale", "bring": "tráele", "send": "envíale", "ask": "pregúntale"}
    attached |= {"tell": "cuéntale", "answer": "respóndele", "lend": "préstale"}
    assert {id: forms.imperative(verb(id), "le") for id in attached} == attached


def test_agreement():
    assert [forms.adjective_form("rojo", f, p) for f in (False, True) for p in (False, True)] == [
        "rojo",
        "rojos",
        "roja",
        "rojas",
    ]
    assert forms.adjective_form("grande", True, True) == "grandes"
    assert forms.adjective_form("azul", True, True) == "azules"
    assert forms.owner_form(pronoun(1, plural=True), True, True) == "nuestras"
    assert forms.owner_form(HE, True, True) == "sus"


SENTENCES = [
    (Clause(verb("see"), ME, "past", object=HE), "Lo vi."),
    (Clause(verb("see"), ME, "past", object=TEACHER), "Vi al profesor."),
    (Clause(verb("see"), ME, "past", object=TEACHER._replace(female=True)), "Vi a la profesora."),
    (Clause(verb("see"), ANNA, "past", object=Thing("noun", noun("house"))), "Anna vio la casa."),
    (Clause(verb("visit"), ME, "past", object=ANNA._replace(also=PETER)), "Visité a Anna y a Peter."),
    (Clause(verb("give"), ANNA, "past", object=BOOK, recipient=TEACHER), "Anna le dio el libro al profesor."),
    (Clause(verb("give"), ANNA, "past", object=BOOK, recipient=ME), "Anna me dio el libro."),
    (
        Clause(verb("give"), ANNA, modal=verb("want"), object=BOOK, recipient=PETER),
        "Anna quiere darle el libro a Peter.",
    ),
    (Clause(verb("be"), ANNA, object=a("teacher", female=True)), "Anna es profesora."),
    (
        Clause(verb("be"), ANNA, object=a("teacher", female=True, adjective=adjective("famous"))),
        "Anna es una profesora famosa.",
    ),
    (Clause(verb("be"), ANNA, quality=adjective("tired")), "Anna está cansada."),
    (Clause(verb("be"), ANNA, quality=adjective("rich")), "Anna es rica."),
    (Clause(verb("be"), SHE, "past", quality=adjective("hungry")), "Tenía hambre."),
    (Clause(verb("be"), BOOK, place=Place("on", Thing("noun", noun("table")))), "El libro está sobre la mesa."),
    (Clause(verb("buy"), ANNA, "past", object=a("book"), negative=True), "Anna no compró ningún libro."),
    (Clause(verb("have"), ANNA, object=a("car"), negative=True), "Anna no tiene coche."),
    (Clause(verb("buy"), ANNA, "past", object=BOOK, mood="polar"), "¿Compró Anna el libro?"),
    (Clause(verb("see"), ANNA, "past", object=Thing("who"), mood="wh", query="object"), "¿A quién vio Anna?"),
    (
        Clause(verb("give"), ANNA, "past", object=BOOK, recipient=Thing("who"), mood="wh", query="recipient"),
        "¿A quién le dio Anna el libro?",
    ),
    (Clause(verb("go"), ANNA, "past", place=Place("to", None), mood="wh", query="place"), "¿Adónde fue Anna?"),
    (Clause(verb("get_up"), ME, "past"), "Me levanté."),
    (
        Clause(verb("read"), ANNA, "progressive", object=a("book", plural=True, number=2)),
        "Anna está leyendo dos libros.",
    ),
    (
        Clause(verb("arrive"), ANNA, "past", place=Place("at", Thing("noun", noun("hotel"))), time=TIMES["yesterday"]),
        "Anna llegó al hotel ayer.",
    ),
    (Clause(verb("give"), YOU, object=BOOK, recipient=PETER, mood="imperative"), "Por favor, dale el libro a Peter."),
    (
        Clause(
            verb("say"),
            ANNA,
            content=Clause(verb("live"), HE, place=Place("in", Thing("place", table("places")["germany"]))),
        ),
        "Anna dice que vive en Alemania.",
    ),
    (
        Clause(verb("sleep"), ANNA, "past", reason=Clause(verb("be"), SHE, "past", quality=adjective("ill"))),
        "Anna durmió porque estaba enferma.",
    ),
    (
        Clause(verb("call"), PETER, "past", object=ME, lead="when", when=Clause(verb("leave"), ANNA, "past")),
        "Cuando Anna salió, Peter me llamó.",
    ),
    (
        Clause(verb("sleep"), ANNA, "past", joined=Clause(verb("work"), Thing("person", PEOPLE["Ingrid"]), "past")),
        "Anna durmió e Ingrid trabajó.",
    ),
    (Clause(verb("read"), ME, "past", object=BOOK._replace(owner=TEACHER)), "Leí el libro del profesor."),
    (Clause(verb("drink"), ANNA, "past", object=Thing("noun", noun("water"))), "Anna bebió el agua."),
]


@pytest.mark.parametrize(("clause", "expected"), SENTENCES)
def test_sentences(clause, expected):
    assert said(clause) == expected


def test_relative_clauses():
    inner = Clause(verb("ask"), TEACHER, "past", object=ANNA, gap="subject")
    clause = Clause(verb("know_person"), ME, object=TEACHER._replace(relative=inner))
    assert said(clause) == "Conozco al profesor que le preguntó a Anna."
    bought = Clause(verb("buy"), SHE, "past", object=BOOK, gap="object")
    heavy = Clause(verb("be"), BOOK._replace(relative=bought), quality=adjective("new"))
    assert said(heavy) == "El libro que compró es nuevo."


def pharaoh(clause):
    sure, possible = links(english.sentence(clause), spanish.sentence(clause))
    return " ".join(f"{i}-{j}" for i, j in sure), " ".join(f"{i}-{j}" for i, j in possible)


def test_a_dropped_pronoun_is_a_possible_link_to_the_verb():
    clause = Clause(verb("see"), ME, "past", object=HE)
    assert text_of(english.sentence(clause)) == "I saw him."
    assert pharaoh(clause) == ("1-1 2-0 3-2", "0-1")


def test_a_doubled_recipient_is_possible_and_its_preposition_sure():
    clause = Clause(verb("give"), ANNA, "past", object=BOOK, recipient=TEACHER)
    assert text_of(english.sentence(clause)) == "Anna gave the book to the teacher."
    assert pharaoh(clause) == ("0-0 1-2 2-3 3-4 4-5 5-5 6-6 7-7", "6-1")


def test_a_bare_profession_leaves_the_english_article_possible():
    clause = Clause(verb("be"), ANNA, object=a("teacher", female=True))
    assert pharaoh(clause) == ("0-0 1-1 3-2 4-3", "2-2")


def test_must_is_two_words_and_a_question_opens_with_a_mark():
    clause = Clause(verb("work"), ANNA, modal=verb("must"), mood="polar")
    assert text_of(english.sentence(clause)) == "Must Anna work?"
    assert said(clause) == "¿Tiene Anna que trabajar?"
    assert pharaoh(clause) == ("0-1 0-3 1-2 2-4 3-5", "3-0")
