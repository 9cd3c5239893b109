"""An aligner goes out through `publish.py`; its card shows links, and run_word_align.py takes what came out."""

from alignment.tiny import aligner, tokenizer
from asked_here import ask_here

from xlzoo.run_scripts import publish, run_word_align

PAIR = ("Das ist gut .", "That is good .")


def test_a_published_aligner(tmp_path, monkeypatch):
    """The probe is asked in this process, for the sake of time; the code of the card runs in a fresh one."""
    ask_here(monkeypatch, tmp_path / "modules")
    model = aligner()
    model.save_pretrained(tmp_path / "aligner")
    tokenizer().save_pretrained(tmp_path / "aligner")
    flags = ["--hub_dir", str(tmp_path / "hub"), "--trust_remote_code"]
    tree = publish.main([str(tmp_path / "aligner"), "me/aligner", *flags]).where
    card = (tmp_path / "hub" / "me" / "aligner" / "README.md").read_text(encoding="utf-8")
    assert 'model.align([("Das ist gut .", "That is good .")])' in card
    assert str(model.align([PAIR], tokenizer())) in card
    (tmp_path / "text").write_text(" ||| ".join(PAIR))
    asked = ["--parallel_file", str(tmp_path / "text"), "--output_file", str(tmp_path / "links")]
    run_word_align.main(["--model_name_or_path", str(tree), *asked])
    [links] = model.align([PAIR], tokenizer())
    assert (tmp_path / "links").read_text() == " ".join(f"{i}-{j}" for i, j in links) + "\n"
