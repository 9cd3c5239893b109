"""XTREME's folder `download`: which of its files a task trains and tests on.

As `scripts/download_data.sh` and `utils_preprocess.py` of google-research/xtreme make it:

    panx, udpos           train-en.tsv, dev-en.tsv, test-xx.tsv, ...: a word, a tab and its tag per line
    xnli, pawsx           files of the same names: sentence, sentence, label, with tabs between, without a header
    squad                 train-v1.1.json, dev-v1.1.json, which XQuAD and MLQA train on
    xquad                 xquad.xx.json
    mlqa                  MLQA_V1/dev/dev-context-xx-question-xx.json, MLQA_V1/test/test-context-xx-question-xx.json
    tydiqa                tydiqa-goldp-v1.1-train/tydiqa.goldp.xx.train.json, which ends in `dev` for the tests; for
                          want of others, its `train_qa.sh` evaluates on the English one
    xtreme_translations   XNLI/translate-train/en-xx-translated.tsv: two sentences, their translations, the label;
                          SQuAD/translate-train/squad.translate.train.en-xx.json: the ids of what was translated;
                          translate_train.panx.txt, of xTune's authors: what `translations` reads

The scripts take the labels out of the tests, so that files are also taken as they were published, with labels:
`panx_dataset/xx-test`, `x-final/xx/test_2k.tsv` and `tydiqa-goldp-dev-finnish.json`. Each may be packed, `.gz`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xlzoo.run_scripts.errors import UserError

from .languages import iso639_3
from .raw_files import require_plain
from .readers import read_lines

SOURCE = "eng"
"""The language of files whose names do not tell it, and of what was translated."""
EMPTY_ANSWER = re.compile(r'"text": ?""')


@dataclass(frozen=True)
class Layout:
    """Paths of a task's files, `{}` for the language; of several the first that is there counts."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    translations: str
    columns: int | None = None
    """How many a line of text has at least, if there are labels."""

    @property
    def validates_on_tests(self) -> bool:
        """Whether the task has no other rows than its tests to evaluate on while it is trained."""
        return self.validation == self.test


SQUAD_TRANSLATIONS = "xtreme_translations/SQuAD/translate-train/squad.translate.train.en-{}.json"
TYDIQA = "tydiqa/tydiqa-goldp-v1.1"
TYDIQA_TESTS = (f"{TYDIQA}-dev/tydiqa-goldp-dev-{{}}.json", f"{TYDIQA}-dev/tydiqa.goldp.{{}}.dev.json")
LAYOUTS = {
    "ner": Layout(
        ("panx_dataset/{}-train", "panx_dataset/{}/train", "panx/train-{}.tsv"),
        ("panx_dataset/{}-dev", "panx_dataset/{}/dev", "panx/dev-{}.tsv"),
        ("panx_dataset/{}-test", "panx_dataset/{}/test", "panx/test-{}.tsv"),
        "xtreme_translations/translate_train.panx.txt",
        columns=2,
    ),
    "pos": Layout(
        ("udpos/train-{}.tsv",),
        ("udpos/dev-{}.tsv",),
        ("udpos/test-{}.tsv",),
        "xtreme_translations/translate_train.udpos.txt",
        columns=2,
    ),
    "xnli": Layout(
        ("xnli/train-{}.tsv",),
        ("xnli/dev-{}.tsv",),
        ("xnli/test-{}.tsv",),
        "xtreme_translations/XNLI/translate-train/en-{}-translated.tsv",
        columns=3,
    ),
    "pawsx": Layout(
        ("x-final/{}/train.tsv", "pawsx/train-{}.tsv"),
        ("x-final/{}/dev_2k.tsv", "pawsx/dev-{}.tsv"),
        ("x-final/{}/test_2k.tsv", "pawsx/test-{}.tsv"),
        "xtreme_translations/PAWSX/translate-train/en-{}-translated.tsv",
        columns=3,
    ),
    "xquad": Layout(
        ("squad/train-v1.1.json",), ("squad/dev-v1.1.json",), ("xquad/xquad.{}.json",), SQUAD_TRANSLATIONS
    ),
    "mlqa": Layout(
        ("squad/train-v1.1.json",),
        ("mlqa/MLQA_V1/dev/dev-context-{}-question-{}.json",),
        ("mlqa/MLQA_V1/test/test-context-{}-question-{}.json",),
        SQUAD_TRANSLATIONS,
    ),
    "tydiqa": Layout(
        (f"{TYDIQA}-train/tydiqa.goldp.{{}}.train.json",),
        TYDIQA_TESTS,
        TYDIQA_TESTS,
        "xtreme_translations/TyDiQA-GoldP/translate-train/tydiqa.translate.train.en-{}.json",
    ),
}


@dataclass(frozen=True)
class XtremeFiles:
    """The files of a task: by ISO 639-3 code, those for training, validation and tests; and all its translations."""

    folder: Path
    layout: Layout
    train: dict[str, Path]
    validation: dict[str, Path]
    test: dict[str, Path]
    translations: tuple[Path, ...]

    def in_language(self, split: str, language: str) -> Path:
        """Return the file of a split, `train` say, in a language; UserError naming the one that was expected."""
        found: dict[str, Path] = getattr(self, split)
        if language not in found:
            expected: Sequence[str] = getattr(self.layout, split)
            others = f"only in {' '.join(found)}" if found else "and none in other languages"
            raise UserError(
                f"{self.folder} has no {split} file in {language}, {others}; expected "
                f"{' or '.join(expected)}, {{}} for the language, as "
                "XTREME's scripts/download_data.sh makes them."
            )
        return found[language]

    def labelled(self, split: str, language: str) -> Path:
        """Return the file of "test" or "validation" in a language; UserError also where its labels were taken out."""
        path = self.in_language(split, language)
        lines = (line for _, line in read_lines(path) if line.strip())
        if self.layout.columns:
            empty = len(next(lines, "").split("\t")) < self.layout.columns
        else:
            empty = any(EMPTY_ANSWER.search(line) for line in lines)
        if empty:
            raise UserError(
                f"{path} has no labels, which XTREME's scripts take out of the tests; put the file as it was "
                f"published in its place, or leave out {'--do_predict' if split == 'test' else '--do_eval'}."
            )
        return path

    def all_translations(self) -> list[Path]:
        """Return the files of translations; UserError naming what was expected where there is none."""
        if not self.translations:
            raise UserError(
                f"{self.folder} has no {self.layout.translations}, which the augmentation translation needs; expected "
                "XTREME's translations in it, or give --translations."
            )
        return list(self.translations)


def xtreme_files(folder: Path, task: str) -> XtremeFiles:
    """Find the files of a task of `LAYOUTS`; UserError where the folder does not exist."""
    if not folder.is_dir():
        raise UserError(f"--xtreme_dir {folder} is no folder; expected XTREME's `download`.")
    layout = LAYOUTS[task]
    train, validation, test = (_found(folder, patterns) for patterns in (layout.train, layout.validation, layout.test))
    return XtremeFiles(folder, layout, train, validation, test, tuple(_found(folder, (layout.translations,)).values()))


def _found(folder: Path, patterns: Sequence[str]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for pattern in patterns:
        before, *between = map(re.escape, pattern.split("{}"))
        named = re.compile("(?P<language>[a-z]+)".join((before, "(?P=language)".join(between))) if between else before)
        starred = pattern.replace("{}", "*")
        for path in sorted((*folder.glob(starred), *folder.glob(f"{starred}.gz"))):
            match = named.fullmatch(path.relative_to(folder).as_posix().removesuffix(".gz"))
            if match and path.is_file():
                require_plain(path, folder)
                language = _language(match["language"]) if between else SOURCE
                files |= {language: path} if language and language not in files else {}
    return files


def _language(name: str) -> str | None:
    try:
        return iso639_3(name)
    except UserError:  # Of no language: `test-all.tsv` say.
        return None
