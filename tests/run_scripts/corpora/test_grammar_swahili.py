"""Swahili concords, verb forms, sentences and links, worked out by hand."""

import pytest

from xlzoo.run_scripts.corpora.grammar import english, spanish, swahili
from xlzoo.run_scripts.corpora.grammar import swahili_forms as forms
from xlzoo.run_scripts.corpora.grammar.lexicon import adjective, noun, table, verb
from xlzoo.run_scripts.corpora.grammar.meaning import Clause, Place, Thing, pronoun
from xlzoo.run_scripts.corpora.grammar.words import links, text_of

ME, YOU, HE = pronoun(1), pronoun(2), pronoun(3)
WE, THEY = pronoun(1, plural=True), pronoun(3, plural=True)
TIMES, PEOPLE, PLACES = table("times"), table("people"), table("places")
ANNA = Thing("person", PEOPLE["Anna"], female=True)
PETER = Thing("person", PEOPLE["Peter"])
BOOK, TEACHER = Thing("noun", noun("book")), Thing("noun", noun("teacher"))
CLASSES = range(1, 12)


def a(id, **changes):
    return Thing("noun", noun(id), definite=False, **changes)


def said(clause):
    return text_of(swahili.sentence(clause))


def test_concords_by_class():
    assert [forms.connective(c) for c in CLASSES] == "wa wa wa ya la ya cha vya ya za wa".split()
    zuri = "mzuri wazuri mzuri mizuri zuri mazuri kizuri vizuri nzuri nzuri mzuri"
    assert [forms.adjective_form("zuri", c) for c in CLASSES] == zuri.split()
    eupe = "mweupe weupe mweupe myeupe jeupe meupe cheupe vyeupe nyeupe nyeupe mweupe"
    assert [forms.adjective_form("eupe", c) for c in CLASSES] == eupe.split()
    relatives = "ye o o yo lo yo cho vyo yo zo o"
    assert [forms.RELATIVE[c] for c in CLASSES] == relatives.split()


def test_adjectives_after_a_nasal():
    expected = {"refu": "ndefu", "dogo": "ndogo", "pya": "mpya", "kubwa": "kubwa", "fupi": "fupi", "zito": "nzito"}
    expected |= {"tamu": "tamu", "chafu": "chafu", "epesi": "nyepesi", "gumu": "ngumu", "vivu": "mvivu"}
    assert {stem: forms.adjective_form(stem, 9) for stem in expected} == expected
    assert forms.adjective_form("pya", 5) == "jipya"


def test_numerals():
    assert [forms.numeral_form(n, 2) for n in (2, 3, 5, 6, 8, 10)] == "wawili watatu watano sita wanane kumi".split()
    assert [forms.numeral_form(n, 10) for n in (2, 3, 4, 5, 8)] == "mbili tatu nne tano nane".split()
    assert [forms.numeral_form(2, c) for c in (4, 6, 8)] == ["miwili", "mawili", "viwili"]


@pytest.mark.parametrize(
    ("tense", "negative", "expected"),
    [
        ("present", False, "ninasoma unasoma anasoma tunasoma wanasoma"),
        ("past", False, "nilisoma ulisoma alisoma tulisoma walisoma"),
        ("future", False, "nitasoma utasoma atasoma tutasoma watasoma"),
        ("present", True, "sisomi husomi hasomi hatusomi hawasomi"),
        ("past", True, "sikusoma hukusoma hakusoma hatukusoma hawakusoma"),
        ("future", True, "sitasoma hutasoma hatasoma hatutasoma hawatasoma"),
    ],
)
def test_tenses(tense, negative, expected):
    people = (ME, YOU, HE, WE, THEY)
    assert [forms.finite(verb("read"), tense, who, negative, "") for who in people] == expected.split()


@pytest.mark.parametrize(
    ("tense", "negative", "expected"),
    [
        ("present", False, "anakula"),
        ("past", False, "alikula"),
        ("future", False, "atakula"),
        ("present", True, "hali"),
        ("past", True, "hakula"),
        ("future", True, "hatakula"),
    ],
)
def test_a_monosyllabic_stem_keeps_ku_in_the_affirmative_and_future(tense, negative, expected):
    assert forms.finite(verb("eat"), tense, HE, negative, "") == expected


def test_loan_verbs_keep_their_vowel_in_the_negative():
    assert forms.finite(verb("wait_for"), "present", ME, True, "m") == "simsubiri"
    assert forms.finite(verb("return"), "present", HE, True, "") == "harudi"


def test_object_prefixes():
    stems = {"ona": "mw", "alika": "mw", "uliza": "mu", "saidia": "m"}
    assert {stem: forms.object_prefix(HE, stem) for stem in stems} == stems
    assert [forms.object_prefix(who, "ona") for who in (ME, YOU, WE, THEY)] == ["ni", "ku", "tu", "wa"]


SENTENCES = [
    (Clause(verb("see"), ME, "past", object=HE), "Nilimwona."),
    (Clause(verb("see"), ME, "past", object=TEACHER), "Nilimwona mwalimu."),
    (Clause(verb("see"), ME, "past", object=Thing("noun", noun("house"))), "Niliona nyumba."),
    (Clause(verb("see"), THEY, "past", object=Thing("noun", noun("dog"), plural=True)), "Waliwaona mbwa."),
    (Clause(verb("call"), ANNA, "past", object=PETER), "Anna alimpigia simu Peter."),
    (Clause(verb("give"), ANNA, "past", object=BOOK, recipient=PETER), "Anna alimpa Peter kitabu."),
    (Clause(verb("be"), ANNA, object=a("doctor")), "Anna ni daktari."),
    (Clause(verb("be"), ME, object=a("teacher")), "Mimi ni mwalimu."),
    (Clause(verb("be"), ANNA, object=a("doctor"), negative=True), "Anna si daktari."),
    (Clause(verb("be"), ANNA, quality=adjective("tired")), "Anna amechoka."),
    (Clause(verb("be"), ANNA, "past", quality=adjective("tired")), "Anna alikuwa amechoka."),
    (Clause(verb("be"), ANNA, quality=adjective("hungry"), negative=True), "Anna hana njaa."),
    (Clause(verb("be"), Thing("noun", noun("chair")), quality=adjective("heavy")), "Kiti ni kizito."),
    (Clause(verb("be"), Thing("noun", noun("car")), quality=adjective("old")), "Gari ni la zamani."),
    (Clause(verb("be"), BOOK, place=Place("on", Thing("noun", noun("table")))), "Kitabu kiko juu ya meza."),
    (Clause(verb("be"), ANNA, place=Place("in", Thing("noun", noun("market")))), "Anna yuko sokoni."),
    (Clause(verb("have"), ANNA, object=a("child", plural=True, number=2)), "Anna ana watoto wawili."),
    (Clause(verb("have"), ANNA, "past", object=a("car"), negative=True), "Anna hakuwa na gari."),
    (Clause(verb("buy"), ANNA, "past", object=BOOK, mood="polar"), "Je, Anna alinunua kitabu?"),
    (Clause(verb("buy"), ANNA, "past", object=Thing("what"), mood="wh", query="object"), "Anna alinunua nini?"),
    (Clause(verb("live"), ANNA, place=Place("in", None), mood="wh", query="place"), "Anna anaishi wapi?"),
    (
        Clause(verb("read"), ME, "past", object=a("book", plural=True, adjective=adjective("new"))),
        "Nilisoma vitabu vipya.",
    ),
    (Clause(verb("read"), ME, "past", object=BOOK._replace(owner=ME)), "Nilisoma kitabu changu."),
    (Clause(verb("read"), ME, "past", object=BOOK._replace(owner=ANNA)), "Nilisoma kitabu cha Anna."),
    (
        Clause(verb("help"), ANNA, "past", object=Thing("noun", noun("friend"), owner=ME)),
        "Anna alimsaidia rafiki yangu.",
    ),
    (Clause(verb("buy"), ANNA, modal=verb("want"), object=BOOK), "Anna anataka kununua kitabu."),
    (Clause(verb("see"), ANNA, modal=verb("can"), negative=True, object=HE), "Anna hawezi kumwona."),
    (Clause(verb("give"), YOU, object=BOOK, recipient=PETER, mood="imperative"), "Tafadhali mpe Peter kitabu."),
    (
        Clause(
            verb("say"),
            ANNA,
            content=Clause(verb("live"), PETER, place=Place("in", Thing("place", PLACES["germany"]))),
        ),
        "Anna anasema kwamba Peter anaishi Ujerumani.",
    ),
    (
        Clause(verb("sleep"), ANNA, "past", reason=Clause(verb("be"), HE, "past", quality=adjective("ill"))),
        "Anna alilala kwa sababu alikuwa mgonjwa.",
    ),
    (
        Clause(verb("cry"), PETER, "past", lead="when", when=Clause(verb("leave"), ANNA, "past")),
        "Anna alipoondoka, Peter alilia.",
    ),
    (Clause(verb("eat"), ANNA._replace(also=PETER), "past", object=a("fish")), "Anna na Peter walikula samaki."),
]


@pytest.mark.parametrize(("clause", "expected"), SENTENCES)
def test_sentences(clause, expected):
    assert said(clause) == expected


def test_relative_clauses_inside_the_verb_and_with_amba():
    inner = Clause(verb("work"), TEACHER, place=Place("in", Thing("noun", noun("school"))), gap="subject")
    known = Clause(verb("know_person"), ME, object=TEACHER._replace(relative=inner))
    assert said(known) == "Ninamfahamu mwalimu anayefanya kazi shuleni."
    bought = Clause(verb("buy"), ANNA, "past", object=BOOK, gap="object")
    new = Clause(verb("be"), BOOK._replace(relative=bought), quality=adjective("new"))
    assert said(new) == "Kitabu ambacho Anna alinunua ni kipya."
    mine = Clause(verb("be"), BOOK._replace(relative=bought._replace(subject=ME)), quality=adjective("new"))
    assert said(mine) == "Kitabu nilichonunua ni kipya."
    future = Clause(verb("help"), TEACHER, "future", object=ANNA, gap="subject")
    assert said(known._replace(object=TEACHER._replace(relative=future))) == "Ninamfahamu mwalimu atakayemsaidia Anna."


def pharaoh(clause, source=english):
    sure, possible = links(source.sentence(clause), swahili.sentence(clause))
    return " ".join(f"{i}-{j}" for i, j in sure), " ".join(f"{i}-{j}" for i, j in possible)


def test_one_verb_word_stands_for_subject_verb_and_object():
    assert pharaoh(Clause(verb("see"), ME, "past", object=HE)) == ("0-0 1-0 2-0 3-1", "")


def test_a_named_object_is_not_linked_to_its_prefix_and_the_article_is_possible():
    clause = Clause(verb("see"), ME, "past", object=TEACHER)
    assert text_of(english.sentence(clause)) == "I saw the teacher."
    assert pharaoh(clause) == ("0-0 1-0 3-1 4-2", "2-1")


def test_negation_and_tense_are_inside_the_verb():
    clause = Clause(verb("come"), ANNA, "future", place=Place("from", Thing("noun", noun("market"))), negative=True)
    assert text_of(english.sentence(clause)) == "Anna will not come from the market."
    assert said(clause) == "Anna hatakuja kutoka sokoni."
    assert pharaoh(clause) == ("0-0 2-1 3-1 4-2 6-3 7-4", "1-1 5-3")


def test_an_english_verb_of_two_words_and_a_swahili_one():
    clause = Clause(verb("work"), ANNA, place=Place("in", Thing("noun", noun("office"))))
    assert said(clause) == "Anna anafanya kazi ofisini."
    assert pharaoh(clause) == ("0-0 1-1 1-2 2-3 4-3 5-4", "3-3")


def test_a_crossing_two_word_place_name():
    clause = Clause(verb("live"), ANNA, place=Place("in", Thing("place", PLACES["south_africa"])))
    words = swahili.sentence(clause)
    assert text_of(words) == "Anna anaishi Afrika Kusini."
    assert [word.tag for word in words] == ["B-PER", "O", "B-LOC", "I-LOC", "O"]
    assert pharaoh(clause) == ("0-0 1-1 3-3 4-2 5-4", "2-2")


def test_any_pair_of_languages_is_linked_without_english():
    clause = Clause(verb("see"), ME, "past", object=HE)
    assert text_of(spanish.sentence(clause)) == "Lo vi."
    assert pharaoh(clause, spanish) == ("0-0 1-0 2-1", "")
