"""FLORES in each of its layouts, with two sentences per language and split."""

import json

import datasets

TEXTS = {
    "swh_Latn": {"dev": ["Habari ya asubuhi .", "Asante sana ."], "devtest": ["Amina anaishi Nairobi .", "Ndiyo ."]},
    "deu_Latn": {"dev": ["Guten Morgen .", "Vielen Dank ."], "devtest": ["Amina wohnt in Nairobi .", "Ja ."]},
    "cmn_Hans": {"dev": ["早上好 。", "谢谢 。"], "devtest": ["她住在内罗毕 。", "是的 。"]},
    "cmn_Hant": {"dev": ["早上好 。", "謝謝 。"], "devtest": ["她住在內羅畢 。", "是的 。"]},
    "cat_Latn": {"dev": ["Bon dia .", "Gràcies ."], "devtest": ["Viu a Nairobi .", "Sí ."]},
    "cat_Latn_vale1252": {"dev": ["Bon dia .", "Gràcies ."], "devtest": ["Viu a Nairobi .", "Sí ."]},
}


def _card(folder, configs):
    lines = ["---", "configs:"]
    for config, files in configs.items():
        lines += [f"- config_name: {config}", "  data_files:"]
        lines += [line for split, file in files.items() for line in (f"  - split: {split}", f"    path: {file}")]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]))


def _rows(texts, column, **more):
    return datasets.Dataset.from_dict({"id": list(range(len(texts))), column: texts, **more})


def write_plus(folder):
    """openlanguagedata/flores_plus: a configuration per language, and one with all rows; the column is `text`."""
    configs = {"default": {"dev": "dev/*.parquet", "devtest": "devtest/*.parquet"}}
    for code, splits in TEXTS.items():
        for split, texts in splits.items():
            (folder / split).mkdir(parents=True, exist_ok=True)
            _rows(texts, "text", iso_639_3=[code[:3]] * 2).to_parquet(folder / split / f"{code}.parquet")
        configs[code] = {split: f"{split}/{code}.parquet" for split in splits}
    _card(folder, configs)
    return folder


def write_single(folder):
    """facebook/flores with a configuration per language and per pair, the column is `sentence`."""
    configs = {}
    for code, splits in TEXTS.items():
        (folder / code).mkdir(parents=True, exist_ok=True)
        for split, texts in splits.items():
            lines = (json.dumps({"sentence": text, "topic": "x"}) for text in texts)
            (folder / code / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
        configs[code] = {split: f"{code}/{split}.jsonl" for split in splits}
    configs["deu_Latn-swh_Latn"] = configs["deu_Latn"]
    _card(folder, configs)
    return folder


def _wide(split):
    columns = {f"sentence_{code}": splits[split] for code, splits in TEXTS.items()}
    return datasets.Dataset.from_dict({"id": [1, 2], **columns})


def write_all(folder):
    """facebook/flores as its configuration `all`: a column per language."""
    (folder / "all").mkdir(parents=True)
    for split in ("dev", "devtest"):
        _wide(split).to_parquet(folder / "all" / f"{split}.parquet")
    _card(folder, {"all": {split: f"all/{split}.parquet" for split in ("dev", "devtest")}})
    return folder


def write_saved(folder):
    """The same as `save_to_disk` leaves it."""
    datasets.DatasetDict({split: _wide(split) for split in ("dev", "devtest")}).save_to_disk(folder)
    return folder


def write_released(folder):
    """The files of the first release."""
    for code, splits in TEXTS.items():
        for split, texts in splits.items():
            (folder / split).mkdir(parents=True, exist_ok=True)
            (folder / split / f"{code}.{split}").write_text("\n".join(texts) + "\n")
    return folder


LAYOUTS = [write_plus, write_single, write_all, write_saved, write_released]
