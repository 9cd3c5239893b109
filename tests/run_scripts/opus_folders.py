"""Small corpora in OPUS's own folders: Moses archives and files, XML documents with their alignments."""

import gzip
import zipfile
from xml.sax.saxutils import escape

PAIRS = [
    ("The farmer was in the garden with her sister.", "Mkulima alikuwa bustanini pamoja na dada yake leo."),
    ("We bought 3 < 4 mangoes & some bread today.", "Tulinunua maembe 3 < 4 & mkate kidogo leo asubuhi."),
    ("The teacher reads a long book every evening.", "Mwalimu husoma kitabu kirefu kila jioni nyumbani kwake."),
    ("Children play near the river after school.", "Watoto hucheza karibu na mto baada ya shule."),
]


def write_zip(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def lines(pairs, side):
    return "".join(f"{pair[side]}\n" for pair in pairs)


def write_moses_zip(root, corpus="Tiny", release="v2", pairs=PAIRS, one="en", other="sw", licence="CC BY 4.0\nmore\n"):
    """Write `root/Tiny/v2/moses/en-sw.txt.zip` as OPUS packs it."""
    members = {f"{corpus}.{one}-{other}.{one}": lines(pairs, 0), f"{corpus}.{one}-{other}.{other}": lines(pairs, 1)}
    members |= {"LICENSE": licence, "README": "a corpus\n", f"{corpus}.{one}-{other}.xml": "<ids/>\n"}
    return write_zip(root / corpus / release / "moses" / f"{one}-{other}.txt.zip", members)


def write_moses_text(root, corpus="Tiny", release="v2", pairs=PAIRS, packed=False):
    """Write `root/Tiny/v2/moses/en-sw/Tiny.en-sw.en`, and `.sw`, plain or in gzip files."""
    folder = root / corpus / release / "moses" / "en-sw"
    folder.mkdir(parents=True)
    for side, language in enumerate(("en", "sw")):
        name, text = f"{corpus}.en-sw.{language}", lines(pairs, side).encode()
        (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(text) if packed else text)
    return folder


def document(sentences, words=False):
    """Write sentences as OPUS's XML, of text with marks of time, or of words."""
    parts = ['<?xml version="1.0" encoding="utf-8"?>\n<text>\n<head><title>not a sentence</title></head>\n']
    for number, sentence in enumerate(sentences, start=1):
        inside = f'<time id="T{number}S" value="00:00:01" />{escape(sentence)}'
        if words:
            tokens = enumerate(sentence.split(), start=1)
            inside = "".join(f'\n <w id="{number}.{place}">{escape(word)}</w>' for place, word in tokens)
        parts.append(f'<p id="{number}"><s id="{number}">{inside}</s></p>\n')
    return "".join([*parts, "</text>\n"])


def alignment(groups):
    """Write links as a standoff file: (document, document, [xtargets, ...]) each."""
    parts = ['<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE cesAlign PUBLIC "-//CES//DTD XML cesAlign//EN" "">\n']
    parts.append('<cesAlign version="1.0">\n')
    for one, other, links in groups:
        parts.append(f'<linkGrp targType="s" fromDoc="{one}" toDoc="{other}">\n')
        parts += [f'<link xtargets="{link}" id="SL{number}" />\n' for number, link in enumerate(links)]
        parts.append("</linkGrp>\n")
    return "".join([*parts, "</cesAlign>\n"])


GROUPS = [("en/a.xml.gz", "sw/a.xml.gz", ["1;1", "2 3;2 3", ";4"]), ("en/b/c.xml.gz", "sw/b/c.xml.gz", ["1;1", "2;"])]


def write_xml(root, corpus="Tiny", release="v1", preprocess="raw", groups=GROUPS, packed=True):
    """Write an alignment and two documents of each language, in archives or as files in folders.

    Document `a` has the pairs in order, its second and third sentence linked as one, `b/c` the first pair.
    """
    base = root / corpus / release
    (base / "xml").mkdir(parents=True)
    (base / "xml" / "en-sw.xml.gz").write_bytes(gzip.compress(alignment(groups).encode()))
    for side, language in enumerate(("en", "sw")):
        texts = [pair[side] for pair in PAIRS]
        words = preprocess == "xml"
        made = {f"{language}/a.xml": document(texts, words), f"{language}/b/c.xml": document(texts[:2], words)}
        if packed:
            members = {f"{corpus}/{preprocess}/{name}": text for name, text in made.items()}
            write_zip(base / preprocess / f"{language}.zip", members)
            continue
        for name, text in made.items():
            path = base / preprocess / f"{name}.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(text.encode()))
    return base


def joined(side, *numbers):
    return " ".join(PAIRS[number][side] for number in numbers)


XML_PAIRS = [PAIRS[0], (joined(0, 1, 2), joined(1, 1, 2)), PAIRS[0]]
"""What `write_xml` links."""
