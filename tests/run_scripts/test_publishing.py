"""What runs publish: true facts, kept beside the results, through one door, and no token anywhere."""

import json
import re
import shlex
import socket
import subprocess
import sys

import pytest
import yaml
from asked_here import ask_here
from hub_server.accounts import WRITER
from hub_server.clients import environment
from hub_server.server import HubServer
from tiny_runs import MLM, NER, assert_same, sentences
from transformers import Trainer

from xlzoo.hub_cards import Metric, PublishError
from xlzoo.hub_cards.facts_reader import facts_from_json
from xlzoo.run_scripts import publish, run_mlm, run_ner
from xlzoo.run_scripts.arguments import ModelArguments
from xlzoo.run_scripts.data_arguments import DataArguments
from xlzoo.run_scripts.objectives.masked_lm import MaskedLMConfig
from xlzoo.run_scripts.stages.facts import record_run
from xlzoo.run_scripts.stages.snippets import example

PHRASES = ["--dataset_name", "phrasebook", "--dataset_config_name", "swh"]
EVALUATED = ["--do_train", "--do_eval", "--do_predict", "--logging_steps", "1"]
NARROW = ["--train_adapter", "--adapter_config", "seq_bn_inv[reduction_factor=4]"]
TOKEN = "hf_" + "t0Ken" * 7
SCRIPTS = {"mlm": (run_mlm.main, MLM), "ner": (run_ner.main, NER)}


def train(script, folder, *flags):
    main, common = SCRIPTS[script]
    return main([*common, "--output_dir", str(folder), *map(str, flags)])


def kept(folder):
    return facts_from_json((folder / "facts.json").read_text())


def values(facts):
    return {(metric.split, metric.name): metric.value for metric in facts.metrics}


@pytest.mark.parametrize(
    ("script", "flags", "made", "kind", "title", "scores"),
    [
        (
            "mlm",
            NARROW,
            "swh",
            "adapter",
            "MAD-X language adapter for Swahili",
            {"accuracy", "perplexity", "loss"},
        ),
        ("mlm", [], "", "model", "XLM-R encoder for Swahili", {"accuracy", "perplexity", "loss"}),
        (
            "ner",
            ["--train_adapter"],
            "ner",
            "adapter",
            "MAD-X task adapter for named entity recognition, trained in Swahili",
            {"f1", "precision", "recall", "accuracy", "loss"},
        ),
        (
            "ner",
            ["--task_name", "pos"],
            "",
            "model",
            "XLM-R for part-of-speech tagging in Swahili",
            {"accuracy", "loss"},
        ),
    ],
)
def test_facts_of_every_kind_of_run(base, door, tmp_path, script, flags, made, kind, title, scores):
    folder = tmp_path / "run"
    where = ["--dry_run", "--hub_model_id", "me/thing"]
    results = train(script, folder, *PHRASES, *EVALUATED, *flags, "--model_name_or_path", base, *where)
    parcel = door.only
    assert (parcel.folder, parcel.repo_id, parcel.asked["dry_run"]) == (folder / made, "me/thing", True)
    facts = parcel.facts
    assert facts == kept(folder / made if script == "ner" else folder)
    assert (facts.kind, facts.title, facts.languages) == (kind, title, ("sw",))
    expected = {("validation", name): results[f"eval_{name}"] for name in scores}
    assert values(facts) == expected | {("test", name): results[f"test_{name}"] for name in scores}
    assert {(metric.dataset, metric.language) for metric in facts.metrics} == {("phrasebook", "sw")}
    assert (facts.base_model, facts.datasets) == (None, ()) and "Hub id" in facts.base_note
    assert "phrasebook" in facts.data_note and facts.script == f"run_{script}.py"
    assert {"xlzoo", "transformers", "torch", "datasets"} <= facts.versions.keys()
    assert facts.citation.startswith("@inproceedings") and re.fullmatch(r"\d{4}\.\d{5}", facts.paper)
    assert [figure.file for figure in facts.figures] == ["training_curve.png"]
    assert str(tmp_path) not in json.dumps(vars(facts), default=str), "paths stay here"
    assert facts.recipe["model_name_or_path"] == base.name and "output_dir" not in facts.recipe
    assert not facts.recipe.keys() & {"dry_run", "hub_model_id", "report_to"}


def test_data_of_the_hub_go_by_their_id(base, tmp_path):
    arguments = (ModelArguments(str(base)), DataArguments("org/rows", language="sw"), MaskedLMConfig(str(tmp_path)))
    run = record_run(arguments, {"eval_loss": 0.5}, "fill-mask", ())
    assert run.datasets == ("org/rows",) and run.data_note == ""
    assert run.metrics == (Metric("fill-mask", "org/rows", "validation", "sw", "loss", 0.5),)


def test_nothing_is_published_unasked(base, door, tmp_path):
    train("mlm", tmp_path / "run", *PHRASES, *NARROW, "--model_name_or_path", base)
    assert door.parcels == [] and kept(tmp_path / "run").kind == "adapter"
    train("mlm", tmp_path / "eval", *PHRASES, "--do_eval", "--model_name_or_path", base)
    assert not (tmp_path / "eval/facts.json").exists(), "nothing was trained"


def test_recipe_of_the_card_trains_the_same(base, door, tmp_path, monkeypatch):
    """Only the files that it names by their names, and the folder for the result, have to be there."""
    (tmp_path / "texts").mkdir()
    for name in ("a", "b"):
        (tmp_path / f"texts/{name}.txt").write_text("\n".join(sentences(number=9, seed=ord(name))["text"]))
    files = ["--train_file", tmp_path / "texts/a.txt", tmp_path / "texts/b.txt"]
    flags = ["--language", "en", "--lr_scheduler_type", "cosine", "--lr_scheduler_kwargs", '{"num_cycles": 1}']
    train("mlm", tmp_path / "one", *files, *flags, *NARROW, "--model_name_or_path", base, "--warmup_steps", "1")
    facts = kept(tmp_path / "one")
    assert facts.recipe["train_file"] == ["a.txt", "b.txt"] and facts.metrics == () and facts.datasets == ()

    (tmp_path / "texts" / base.name).symlink_to(base)
    (tmp_path / "texts/again.yaml").write_text(yaml.safe_dump(dict(facts.recipe)))
    monkeypatch.chdir(tmp_path / "texts")
    run_mlm.main(["again.yaml", "--output_dir", str(tmp_path / "two")])
    assert_same(tmp_path / "one/eng", tmp_path / "two/eng")
    assert kept(tmp_path / "two").recipe == facts.recipe


def test_scores_on_local_files_name_no_path(base, door, tmp_path):
    line = json.dumps({"tokens": ["Amina", "runs"], "ner_tags": ["B-PER", "O"]})
    (tmp_path / "rows.jsonl").write_text(f"{line}\n" * 8)
    (tmp_path / "validation.jsonl").write_text(f"{line}\n")
    files = ["--train_file", tmp_path / "rows.jsonl", "--validation_file", tmp_path / "rows.jsonl"]
    train("ner", tmp_path / "one", *files, "--model_name_or_path", base)
    assert {metric.dataset for metric in kept(tmp_path / "one").metrics} == {"local files"}
    (tmp_path / "rows.jsonl").rename(tmp_path / "train.jsonl")
    train("ner", tmp_path / "two", "--dataset_name", tmp_path, "--model_name_or_path", base)
    facts = kept(tmp_path / "two")
    assert {metric.dataset for metric in facts.metrics} == {"local files"} and facts.datasets == ()
    assert {metric.language for metric in facts.metrics} == {""} and facts.languages == ()


def test_base_with_a_hub_id_gives_code_that_runs(base, languages, door, tmp_path):
    """The id is that of the base's own config, as older releases wrote it; the folder stands in for it."""
    config = json.loads((base / "config.json").read_text())
    changed = tmp_path / "base"
    changed.mkdir()
    for path in base.iterdir():
        (changed / path.name).symlink_to(path)
    (changed / "config.json").unlink()
    (changed / "config.json").write_text(json.dumps({**config, "_name_or_path": "FacebookAI/xlm-roberta-base"}))
    (changed / "README.md").write_text("---\nlicense: mit\n---\n")
    flags = ["--train_adapter", "--load_lang_adapter", languages["eng"], "--leave_out_last_layer", "--dry_run"]
    train("ner", tmp_path / "run", *PHRASES, *flags, "--model_name_or_path", changed)
    facts = door.only.facts
    assert (facts.base_model, facts.license) == ("FacebookAI/xlm-roberta-base", "mit")
    assert facts.recipe["model_name_or_path"] == "FacebookAI/xlm-roberta-base"
    assert facts.paper == "2012.15562", "layers are left out: that is MAD-X 2.0"
    assert door.only.asked["beside"] == {"FacebookAI/xlm-roberta-base": changed.resolve()}
    assert (
        facts.usage_needs == ("xlzoo",) and "xlzoo.modeling" in facts.usage and "AutoAdapterModel" in facts.other_usage
    )
    for code in (facts.usage, facts.other_usage):
        assert '"FacebookAI/xlm-roberta-base"' in code and '"{repo_id}"' in code
    assert "num_labels=7" in facts.usage, "the phrasebook's"
    composed = kept(tmp_path / "run")
    assert (composed.kind, composed.base_model) == ("model", facts.base_model) and "mad-x" in composed.tags


def test_token_is_written_nowhere_and_only_the_door_speaks_to_the_hub(base, door, tmp_path, monkeypatch):
    """The run is online, with checkpoints, a tracker and `--push_to_hub`; whatever connects is seen."""
    connections = []
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: connections.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: connections.append(address))
    for name in ("init_hf_repo", "push_to_hub", "_push_from_checkpoint"):
        monkeypatch.setattr(Trainer, name, lambda *_, **__: pytest.fail("the stock Trainer pushes"))
    pushing = ["--push_to_hub", "--hub_model_id", "me/thing", "--hub_token", TOKEN, "--hub_revision", "pr"]
    saving = ["--save_strategy", "steps", "--save_steps", "1", "--hub_private_repo"]
    train("ner", tmp_path / "run", *PHRASES, "--model_name_or_path", base, *pushing, *saving)
    assert connections == []
    wanted = {"private": True, "revision": "pr", "token": TOKEN, "hub_dir": None, "dry_run": False}
    assert wanted.items() <= door.only.asked.items()
    written = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert {"run.json", "training_args.bin", "facts.json"} <= {path.name for path in written}
    assert not [path for path in written if TOKEN.encode() in path.read_bytes()]


def test_failed_publishing_says_how_to_go_on(base, door, monkeypatch, tmp_path):
    door.error = "The Hub is full."
    flags = ["--hub_dir", tmp_path / "hub", "--hub_model_id", "me/thing", "--model_name_or_path", base]
    with pytest.raises(PublishError) as caught:
        train("mlm", tmp_path / "run", *PHRASES, *NARROW, *flags)
    message = str(caught.value)
    assert message.startswith("The Hub is full; the training is complete") and "\n" not in message
    assert (tmp_path / "run/all_results.json").is_file()
    program, *arguments = shlex.split(message.partition("with: ")[2])
    assert (program, arguments[:2]) == ("xlzoo-publish", [str(tmp_path / "run/swh"), "me/thing"])
    given = vars(publish._parser().parse_args(arguments))
    assert given["hub_dir"] == tmp_path / "hub" and given["base_model"] == str(base)
    door.error = None
    ask_here(monkeypatch, tmp_path / "modules")
    publish.main(arguments)
    assert door.only.facts == kept(tmp_path / "run")


def test_receipt_is_printed(base, door, tmp_path, capsys):
    train("mlm", tmp_path / "run", *PHRASES, *NARROW, "--model_name_or_path", base, "--dry_run")
    assert "Would publish to the door of run\n" in capsys.readouterr().out


def test_example_of_a_card_is_short_and_gives_nobody_away():
    plain = ["Amina", "lives", "in", "Nairobi", "."]
    assert example([["Write", "to", "a@b.org", "."], ["2"], ["Yes", "."], plain]) == plain
    assert example([["Call", "0711", "now", "."], ["See", "/home/amina", "."]]) == ["Call", "now", "."]
    assert example([["word"] * 20]) == ["word"] * 12
    assert len(example([["1234"]])) == 1


def test_facts_of_another_version_are_refused_by_field(base, door, tmp_path):
    train("mlm", tmp_path / "run", *PHRASES, *NARROW, "--model_name_or_path", base)
    facts = json.loads((tmp_path / "run/facts.json").read_text())
    (tmp_path / "run/facts.json").write_text(json.dumps({**facts, "licence": "mit"}))
    with pytest.raises(PublishError, match="licence"):
        publish.main([str(tmp_path / "run"), "me/thing", "--hub_dir", str(tmp_path / "hub")])
    assert door.parcels == []


def test_hub_hears_of_one_commit_and_nothing_else(base, tmp_path):
    """A whole run with checkpoints, as a program, pushing to a server that speaks the Hub's protocol."""
    flags = [*MLM, *PHRASES, *NARROW, "--model_name_or_path", base, "--output_dir", tmp_path / "run", "--push_to_hub"]
    flags += ["--hub_model_id", "ann/madx-swh", "--hub_private_repo", "--save_strategy", "steps", "--save_steps", "1"]
    with HubServer() as hub:
        command = [sys.executable, run_mlm.__file__, *map(str, flags)]
        variables = environment(hub.url, tmp_path / "home", WRITER)
        done = subprocess.run(command, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        assert hub.names().count("commit") == hub.names().count("create") == 1
        of_no_repository = {"whoami", "validate", "create", "put", "part", "complete", "verify"}
        named = [call.path for call in hub.calls if call.name not in of_no_repository]
        assert named and all("ann/madx-swh" in path for path in named), named
        repo = hub.store.repos["model", "ann/madx-swh"]
    assert repo.private and f"Published to {hub.url}/ann/madx-swh" in done.stdout
    files = repo.files()
    assert files.keys() - {".gitattributes"} == {"README.md", "adapter.safetensors", "adapter_config.json"}
    assert files["adapter.safetensors"] == (tmp_path / "run/swh/adapter.safetensors").read_bytes()
    assert WRITER not in done.stdout + done.stderr
