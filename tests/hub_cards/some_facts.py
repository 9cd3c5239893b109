"""Facts for tests: one of everything, and hypothesis strategies for all others, hostile ones among them."""

from pathlib import Path

from hypothesis import strategies as st

from xlzoo.hub_cards.facts import Facts, Figure, Metric, Table

FULL = Facts(
    title="Swahili adapter",
    kind="adapter",
    summary="Knows Swahili.",
    languages=("sw", "zh-Hans", "no"),
    license="apache-2.0",
    base_model="org/base",
    base_note="It was a copy.",
    datasets=("org/news", "stories"),
    data_note="News of one year.",
    tags=("xlzoo", "adapter", "xlzoo"),
    pipeline_tag="fill-mask",
    task_categories=("token-classification",),
    splits={"train": 12345, "test": 7},
    tables=(Table("What went in", ("corpus", "read"), (("QED", "3"), ("TED", "4"))),),
    config_name="eng-swh",
    metrics=(
        Metric("token-classification", "org/ner", "test", "sw", "f1", 0.8125),
        Metric("token-classification", "org/ner", "test", "sw", "precision", 0.9),
        Metric("token-classification", "org/ner", "test", "yo", "f1", 0.25),
        Metric("fill-mask", "local files", "dev", "", "perplexity", 12345.678),
    ),
    script="run_mlm.py",
    recipe={"learning_rate": 1e-4, "seeds": (1, 2), "config": Path("seq_bn")},
    figures=(Figure("curve.png", "Loss by step"),),
    usage="print('hello')",
    usage_output="hello\n",
    usage_needs=("xlzoo",),
    other_usage="print('another')",
    versions={"transformers": "5.23.0", "torch": "2.13.0"},
    citation="@misc{a, title={A}}",
    paper="2005.00052",
)

HOSTILE = [
    "---",
    "a\n---\nlicense: mit\n---\n",
    "# no heading",
    "###",
    "C# | D#",
    "a | b || c",
    "```",
    "~~~ `code` ````",
    "{{ 1 + 1 }} {% include 'x' %} {# y #}",
    "<b onclick=x>bold</b> <!-- hidden",
    "</table>\n\n<script>",
    "[text](http://a.b) ![i](j) [ref]: k",
    "**bold** __init__ _x_ a_b *",
    "1. one\n2. two",
    "- item\n- item",
    "> quoted\n\n    indented",
    "back\\slash \\(x\\) \\| end\\",
    "&amp; &lt; &#60; &copy",
    "$$x$$",
    "no",
    "null",
    "0.5",
    "'\"",
    "\u00a0\u2028line\u0085end\u2029",
    "\x00\x1b[0m",
    "مرحبا 你好 😀",
    "\ufeff",
]
BLANKS = ["", " ", "\n\t\n", "\x00"]
TEXT = st.sampled_from(HOSTILE) | st.text(max_size=20) | st.sampled_from(BLANKS)
HUB_IDS = st.from_regex(r"[a-z][a-z0-9]{0,7}(/[a-z][a-z0-9]{0,7})?", fullmatch=True)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32) | st.integers(-(10**12), 10**12)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def several(strategy):
    return st.lists(strategy, max_size=3).map(tuple)


TITLES = st.sampled_from(["", "What went in"])
WIDE = st.tuples(TEXT, TEXT)
TABLES = st.builds(Table, TITLES, WIDE, several(WIDE)) | st.builds(Table, TITLES, st.tuples(TEXT))
METRICS = st.builds(Metric, TEXT, HUB_IDS | TEXT, TEXT, TEXT, TEXT, NUMBERS)
ANY_FACTS = st.builds(
    Facts,
    title=TEXT,
    kind=st.sampled_from(["adapter", "peft", "model", "dataset"]),
    summary=TEXT,
    languages=several(st.sampled_from(["sw", "zh-Hans", "no", "x-private", "EN-gb", "multilingual"])),
    license=st.sampled_from(["", "mit", "MIT", "mit, gpl-3.0", "Own License 1.0", "他"]) | TEXT,
    license_link=st.sampled_from(["", "LICENSE", "https://example.org/a(b) c"]),
    base_model=st.none() | HUB_IDS,
    base_model_relation=st.sampled_from(["", "adapter", "finetune", "merge", "quantized"]),
    base_note=TEXT,
    datasets=several(HUB_IDS),
    data_note=TEXT,
    tags=several(TEXT),
    pipeline_tag=st.sampled_from(["", "fill-mask"]),
    task_categories=several(TEXT),
    splits=st.dictionaries(TEXT, st.integers(0, 10**13), max_size=3),
    tables=st.lists(TABLES, max_size=1).map(tuple),
    config_name=st.sampled_from(["", "eng-swh"]),
    library_name=st.sampled_from(["", "transformers"]),
    metrics=several(METRICS),
    script=TEXT,
    recipe=st.dictionaries(TEXT, JSON, max_size=3) | TEXT,
    figures=several(st.builds(Figure, st.sampled_from(["curve.png", "a b.png", ""]), TEXT)),
    usage=TEXT,
    usage_output=TEXT,
    usage_is_executable=st.booleans(),
    usage_needs=several(st.sampled_from(["xlzoo", "peft"])),
    other_usage=TEXT,
    versions=st.dictionaries(st.sampled_from(["torch", "peft", "Zoo"]), TEXT, max_size=3),
    citation=TEXT,
    paper=st.sampled_from(["", "2005.00052", "2005.00052v2", "cs/0112017", "ACL 2020"]) | TEXT,
)
