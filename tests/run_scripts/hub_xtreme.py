"""Folders laid out as google/xtreme and facebook/xnli are on the Hub: Parquet by configuration, named in README.md.

Configurations, splits, columns and types are typed from google/xtreme's card, and its old loading script.
"""

from datasets import ClassLabel, Dataset, Features, List, Value

SENTENCES = {
    "en": ("The farmer sleeps.", "He is awake.", "They came, all of them."),
    "de": ("Der Bauer schläft.", "Er ist wach.", "Sie kamen, sie alle."),
    "sw": ("Mkulima analala.", "Yuko macho.", "Walikuja, wote."),
}
NAMES = {"en": "English", "de": "German", "sw": "Swahili"}
NLI = ("entailment", "neutral", "contradiction")
PANX = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
UPOS = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()
TEXT = Value("string")
ASKED = {"answer_start": List(Value("int32")), "text": List(TEXT)}

XNLI = "ar bg de el en es fr hi ru sw th tr ur vi zh".split()
"""The languages of the rows of the configuration XNLI; those of tydiqa are `TYDIQA`."""
TYDIQA = "ar bn en fi id ko ru sw te".split()
PAN_X = (
    "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl pt ru sw ta te th tl tr "
    "ur vi yo zh"
).split()
UD_POS = (
    "Afrikaans Arabic Basque Bulgarian Chinese Dutch English Estonian Finnish French German Greek Hebrew Hindi "
    "Hungarian Indonesian Italian Japanese Kazakh Korean Marathi Persian Portuguese Russian Spanish Tagalog Tamil "
    "Telugu Thai Turkish Urdu Vietnamese Yoruba"
).split()
PAWS_X = "de en es fr ja ko zh".split()
MLQA = "ar de en es hi vi zh".split()
XQUAD = "ar de el en es hi ru th tr vi zh".split()
CONFIGS = {
    *("XNLI", "tydiqa", "SQuAD"),
    *(f"PAN-X.{code}" for code in PAN_X),
    *(f"udpos.{name}" for name in UD_POS),
    *(f"PAWS-X.{code}" for code in PAWS_X),
    *(f"MLQA.{passage}.{question}" for passage in MLQA for question in MLQA),
    *(f"XQuAD.{code}" for code in XQUAD),
}
"""Those of google/xtreme for the tasks of xTune."""


def make_xtreme(root):
    """Write google/xtreme's configurations in English, German and Swahili, or in those of these that a task has."""
    mixed = [row for code in sorted(SENTENCES) for row in _nli(code)]
    made = {"XNLI": dict.fromkeys(("test", "validation"), _rows(mixed, language=TEXT, gold_label=TEXT))}
    asked = [row for code in SENTENCES for row in _questions(code, f"{NAMES[code].lower()}-")]
    made["tydiqa"] = dict.fromkeys(("train", "validation"), _asked(asked, title=TEXT))
    made["SQuAD"] = dict.fromkeys(("train", "validation"), _asked(_questions("en", "5733be28"), title=TEXT))
    for code in SENTENCES:
        made[f"PAN-X.{code}"] = dict.fromkeys(("train", "validation", "test"), _tagged(code, "ner_tags", PANX))
        made[f"XQuAD.{code}"] = {"validation": _asked(_questions(code, "56be4db0"))}
        made[f"MLQA.{code}.{code}"] = dict.fromkeys(("test", "validation"), _asked(_questions(code, "a1b2")))
    for code in ("en", "de"):
        rows = [{"sentence1": a, "sentence2": b, "label": str(i)} for i, (a, b, _) in enumerate([SENTENCES[code]] * 2)]
        made[f"PAWS-X.{code}"] = dict.fromkeys(("train", "validation", "test"), _rows(rows, label=TEXT))
        made[f"udpos.{NAMES[code]}"] = dict.fromkeys(("train", "validation", "test"), _tagged(code, "pos_tags", UPOS))
    made["udpos.Yoruba"] = {"test": _tagged("sw", "pos_tags", UPOS)}
    return write_configs(root, made)


def make_xnli(root):
    """Write facebook/xnli's configuration `en`."""
    names = {"sentence1": "premise", "sentence2": "hypothesis", "gold_label": "label"}
    rows = [{names[key]: value for key, value in row.items() if key in names} for row in _nli("en") * 4]
    rows = _rows(rows, label=ClassLabel(names=list(NLI)))
    return write_configs(root, {"en": dict.fromkeys(("train", "validation", "test"), rows)})


def write_configs(root, configs):
    """Write {configuration: {split: rows}} as `Dataset.push_to_hub` lays them out."""
    lines = ["---", "configs:"]
    for config, splits in configs.items():
        lines += [f"- config_name: {config}", "  data_files:"]
        for split, rows in splits.items():
            (root / config).mkdir(parents=True, exist_ok=True)
            rows.to_parquet(root / config / f"{split}-00000-of-00001.parquet")
            lines += [f"  - split: {split}", f"    path: {config}/{split}-*"]
    (root / "README.md").write_text("\n".join([*lines, "---", ""]))
    return root


def _rows(rows, **types):
    return Dataset.from_list(rows, features=Features({name: types.get(name, TEXT) for name in rows[0]}))


def _nli(code):
    first, second, third = SENTENCES[code]
    pairs = [(first, first), (first, third), (first, second)]
    columns = "language", "sentence1", "sentence2", "gold_label"
    return [dict(zip(columns, (code, *pair, label), strict=True)) for pair, label in zip(pairs, NLI, strict=True)]


def _questions(code, id):
    context = " ".join(SENTENCES[code])
    answer = {"answer_start": [0], "text": [context.split()[0]]}
    return [
        {"id": f"{id}{i}-1", "title": "", "context": context, "question": f"{i}: {question}", "answers": answer}
        for i, question in enumerate(SENTENCES[code][:2])
    ]


def _asked(rows, **title):
    kept = [{key: value for key, value in row.items() if key != "title" or title} for row in rows]
    return _rows(kept, answers=ASKED)


def _tagged(code, column, names):
    tokens = [sentence.split() for sentence in SENTENCES[code]]
    rows = {"tokens": tokens, column: [[i % 2 for i, _ in enumerate(words)] for words in tokens]}
    types = {"tokens": List(TEXT), column: List(ClassLabel(names=list(names)))}
    if column == "ner_tags":
        rows["langs"], types["langs"] = [[code] * len(words) for words in tokens], List(TEXT)
    return Dataset.from_dict(rows, features=Features(types))
