"""Expected codes are those of the ISO 639-3 tables and the IANA registry, written by hand."""

import pytest

from xlzoo.run_scripts.corpora.languages import display_name, hub_tag, iso639_3
from xlzoo.run_scripts.errors import UserError

SPELLINGS = {
    "swh": ["sw", "swa", "swh", "swh_Latn", "sw_KE", "swahili", "Swahili", " SW ", "Kiswahili"],
    "eng": ["en", "eng", "eng_Latn", "en-US", "en_XX", "English", "anglais"],
    "por": ["pt", "por", "pt-BR", "pt_PT", "Portuguese", "português"],
    "cmn": ["zh", "zho", "chi", "cmn", "zh-CN", "zho_Hans", "zh-Hant-TW", "Chinese", "Mandarin"],
    "deu": ["de", "deu", "ger", "deu_Latn", "German", "Deutsch"],
    "hau": ["ha", "hau", "Hausa"],
    "yue": ["yue", "yue_Hant", "Cantonese", "zh-yue"],
    "ekk": ["et", "est", "ekk", "Estonian"],
    "arb": ["ar", "ara", "arb_Arab", "Arabic"],
    "arz": ["arz", "Egyptian Arabic"],
    "pes": ["fa", "fas", "per", "pes_Arab", "Farsi"],
    "prs": ["prs", "prs_Arab", "fa-AF", "Dari"],
    "swc": ["swc", "swc_Latn", "sw_CD", "Congo Swahili"],
    "heb": ["he", "iw", "heb", "Hebrew"],
    "nor": ["no", "nor"],
    "nob": ["nb", "nob"],
    "tha": ["Thai"],
    "pcm": ["pcm", "Nigerian Pidgin"],
}


@pytest.mark.parametrize(("code", "spelling"), [(code, s) for code, spellings in SPELLINGS.items() for s in spellings])
def test_every_spelling_meets_in_one_code(code, spelling):
    assert iso639_3(spelling) == code


@pytest.mark.parametrize(
    ("language", "tag", "name"),
    [
        ("swh", "sw", "Swahili"),
        ("swh_Latn", "sw", "Swahili"),
        ("zho_Hans", "zh", "Chinese"),
        ("est", "et", "Estonian"),
        ("pt-BR", "pt", "Portuguese"),
        ("kin", "rw", "Kinyarwanda"),
        ("pcm", "pcm", "Nigerian Pidgin"),
        ("swc", "swc", "Congo Swahili"),
        ("fa-AF", "prs", "Dari"),
        ("twi", "tw", "Twi"),
        ("aka", "ak", "Akan"),
    ],
)
def test_tag_and_name(language, tag, name):
    assert (hub_tag(language), display_name(language)) == (tag, name)


def test_codes_tags_and_names_lead_back():
    for language in "am bem bho bn de en es fi fr ha hi id ig ja ko lg ln mg mr ms my ne ny om or pa ps qu so".split():
        code = iso639_3(language)
        assert len(code) == 3
        assert {iso639_3(code), iso639_3(hub_tag(code)), iso639_3(display_name(code))} == {code}


@pytest.mark.parametrize(
    "language",
    [
        "",
        "xx",
        "qqq",
        "mul",
        "und",
        "zxx",
        "ber",
        "x-private",
        "sw-Latnn",
        "en--us",
        "Arabic Egyptian",
        "english_corpus",
    ],
)
def test_what_is_not_one_language_is_refused(language):
    with pytest.raises(UserError, match="unknown language"):
        iso639_3(language)


def test_misspelt_name_gets_suggestions():
    with pytest.raises(UserError, match=r"'Swahli'.*did you mean Swahili"):
        iso639_3("Swahli")
    with pytest.raises(UserError) as without:
        iso639_3("q1x")
    assert "did you mean" not in str(without.value)
