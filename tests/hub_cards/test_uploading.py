"""The way to the Hub, over a fake HfApi: one commit that is complete, or none, and what is said when there is none."""

import os

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.errors import HTTPError

from xlzoo.hub_cards import Facts, PublishError, Receipt, client, publish
from xlzoo.hub_cards.upload import stale_files

FACTS = Facts(title="Toy", license="mit")
NAMES = [".gitattributes", "README.md", "config.json", "model.safetensors", "modeling_toy.py"]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(client, "FIRST_WAIT_SECONDS", 0)


@pytest.fixture
def rows(tmp_path):
    """A dataset folder with one split."""
    folder = tmp_path / "rows"
    folder.mkdir()
    (folder / "train.jsonl").write_text('{"text": "habari"}\n')
    return folder


def staged(home):
    return sorted(path.name for path in (home / "xlzoo/staged").iterdir() if path.is_dir())


def failing(*failures):
    """Return what raises one failure after the other, and then nothing."""
    left = list(failures)

    def step():
        if left:
            raise left.pop(0)

    return step


def test_one_commit_brings_the_tree_and_the_staged_copy_is_gone(folder, hub, home):
    receipt = publish(folder, "org/toy", FACTS)
    assert receipt.where == "https://huggingface.co/org/toy" and not receipt.dry_run
    assert len(hub.commits) == 1 and sorted(hub.tree("org/toy")) == NAMES
    assert [name for name, _ in receipt.files] == NAMES[1:]
    assert hub.tree("org/toy")["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    assert ModelCard(hub.tree("org/toy")["README.md"].decode()).data.license == "mit"
    assert staged(home) == [] and sorted(os.listdir(folder)) == NAMES[2:]


def test_nothing_is_committed_when_nothing_changed(folder, hub):
    first, second = publish(folder, "org/toy", FACTS), publish(folder, "org/toy", FACTS)
    assert first == second and len(hub.repositories["org/toy"]["main"]) == 2


def test_a_name_without_an_owner_is_the_callers(folder, hub):
    assert publish(folder, "toy", FACTS).where == "https://huggingface.co/me/toy"
    assert sorted(hub.tree("me/toy")) == NAMES


def test_a_dataset_goes_to_a_dataset_repository(rows, hub):
    receipt = publish(rows, "org/rows", Facts(kind="dataset"))
    assert receipt.where == "https://huggingface.co/datasets/org/rows"
    assert {options["repo_type"] for _, options in hub.calls} == {"dataset"}


def test_private_is_asked_for_and_the_rest_left_to_the_organisation(folder, hub):
    publish(folder, "org/closed", FACTS, private=True)
    publish(folder, "org/open", FACTS)
    assert [options["private"] for options in hub.created] == [True, None]


def test_private_things_do_not_go_to_a_public_repository(folder, hub):
    publish(folder, "org/toy", FACTS)
    with pytest.raises(PublishError, match="org/toy is public on the Hub"):
        publish(folder, "org/toy", Facts(title="new"), private=True)
    assert len(hub.commits) == 1


def test_the_token_reaches_the_api(folder, hub):
    publish(folder, "org/toy", FACTS, token=" secret\n")
    publish(folder, "org/toy", FACTS)
    # True has the client look in the environment and in the login, and complain if there is none.
    assert hub.tokens == {"secret", True}


@pytest.mark.parametrize("token", ["hf_ab cd", "hf_ab\ncd", "hf_äb"])
def test_a_token_that_cannot_be_one_is_refused_without_repeating_it(folder, hub, token):
    with pytest.raises(PublishError, match="the token has characters that no token has") as error:
        publish(folder, "org/toy", FACTS, token=token)
    assert token not in str(error.value) and hub.calls == []


def test_a_branch_is_made_once_and_the_main_branch_stays(folder, hub):
    for title in ("one", "two"):
        receipt = publish(folder, "org/toy", Facts(title=title), revision="v2")
    assert receipt.where == "https://huggingface.co/org/toy/tree/v2"
    assert sorted(hub.tree("org/toy")) == [".gitattributes"]
    assert hub.tree("org/toy", "v2")["README.md"] == b"# two\n"
    assert [name for name, _ in hub.calls].count("create_branch") == 1


def test_a_pull_request_is_opened_and_then_added_to(folder, hub):
    opened = publish(folder, "org/toy", FACTS, revision="pr")
    assert opened.where == "https://huggingface.co/org/toy/discussions/7"
    added = publish(folder, "org/toy", Facts(title="again"), revision="refs/pr/7")
    assert added.where == opened.where and hub.tree("org/toy", "refs/pr/7")["README.md"] == b"# again\n"
    assert sorted(hub.tree("org/toy")) == [".gitattributes"]


def test_a_pull_request_that_is_missing_or_closed_gets_nothing(folder, hub):
    with pytest.raises(PublishError, match="the Hub has no such revision"):
        publish(folder, "org/toy", FACTS, revision="refs/pr/7")
    publish(folder, "org/toy", FACTS, revision="pr")
    hub.request_status = "merged"
    with pytest.raises(PublishError, match="pull request 7 is merged"):
        publish(folder, "org/toy", FACTS, revision="refs/pr/7")
    assert len(hub.commits) == 1


@pytest.mark.parametrize("revision", ["", "refs/heads/main", "refs/pr/x", "a b", "/a", "a:b", "v^"])
def test_what_is_no_revision_is_refused_before_anything_is_done(folder, hub, home, revision):
    with pytest.raises(PublishError, match="is no revision: give a branch"):
        publish(folder, "org/toy", FACTS, revision=revision)
    assert hub.calls == [] and not home.exists()


def test_a_local_folder_has_no_revisions(folder, tmp_path):
    with pytest.raises(PublishError, match="has no revisions"):
        publish(folder, "org/toy", FACTS, hub_dir=tmp_path / "hub", revision="v2")


# On the Hub before, and what a publication of a kind without a file of that name takes away.
OLD = ["model-00001-of-00002.safetensors", "pytorch_model.bin", "en/adapter_config.json", "vocab.txt", "old.py"]
OLD += ["spiece.model", "data/train.parquet", "train.csv", "LICENSE", "LICENSE.txt", "notes.md", "plot.png"]
TAKEN = ["en/adapter_config.json", "model-00001-of-00002.safetensors", "old.py", "pytorch_model.bin", "spiece.model"]
STALE = {
    "model": [*TAKEN, "vocab.txt"],
    "adapter": [*TAKEN, "vocab.txt"],
    "peft": [*TAKEN, "vocab.txt"],
    "dataset": ["data/train.parquet", "en/adapter_config.json", "old.py", "train.csv", "vocab.txt"],
}


@pytest.mark.parametrize("kind", STALE)
def test_what_decides_loading_is_replaced_and_the_rest_stays(kind):
    assert stale_files(OLD, kind) == STALE[kind]


def test_leftovers_go_in_the_same_commit(rows, hub):
    hub.repositories["org/rows"] = {"main": [{".gitattributes": b"", "test.parquet": b"old", "LICENSE": b"mit"}]}
    publish(rows, "org/rows", Facts(kind="dataset"))
    assert sorted(hub.tree("org/rows")) == [".gitattributes", "LICENSE", "README.md", "train.jsonl"]
    assert len(hub.repositories["org/rows"]["main"]) == 2


@pytest.mark.parametrize("method", ["create_repo", "repo_info", "list_repo_tree", "preupload_lfs_files"])
def test_a_lost_connection_is_tried_again(folder, hub, method):
    hub.before[method] = failing(*[HTTPError("gone")] * 2)
    publish(folder, "org/toy", FACTS)
    # The list of files is looked at once more, after the commit.
    assert [name for name, _ in hub.calls].count(method) == 3 + (method == "list_repo_tree") and len(hub.commits) == 1


@pytest.fixture
def old_shard(hub):
    """A repository that holds a shard of an older model."""
    hub.repositories["org/toy"] = {"main": [{".gitattributes": b"", "model-00001-of-00002.safetensors": b"old"}]}
    return "model-00001-of-00002.safetensors"


def hide(hub, name, times, everywhere):
    """Let the Hub leave a file out of its first lists of files, or out of the description as well."""
    left, listed, described = [name] * times, hub.list_repo_tree, hub.repo_info

    def list_repo_tree(*args, **options):
        hidden = left.pop() if left else None
        return [file for file in listed(*args, **options) if file.path != hidden]

    def repo_info(*args, **options):
        info = described(*args, **options)
        info.siblings = [file for file in info.siblings if not everywhere or file.rfilename != name]
        return info

    hub.list_repo_tree, hub.repo_info = list_repo_tree, repo_info


def test_a_list_that_lacks_an_old_shard_is_asked_for_again(folder, hub, old_shard):
    hide(hub, old_shard, times=2, everywhere=False)
    publish(folder, "org/toy", FACTS)
    assert sorted(hub.tree("org/toy")) == NAMES and len(hub.commits) == 1


def test_a_list_that_always_lacks_an_old_shard_is_not_believed(folder, hub, old_shard):
    hide(hub, old_shard, times=9, everywhere=False)
    with pytest.raises(PublishError, match=f"list of files lacks {old_shard}, which it names elsewhere; the staged"):
        publish(folder, "org/toy", FACTS)
    assert hub.commits == [] and sorted(hub.tree("org/toy")) == [".gitattributes", old_shard]


def test_an_old_shard_that_nothing_named_is_noticed_after_the_commit(folder, hub, old_shard):
    hide(hub, old_shard, times=1, everywhere=True)
    with pytest.raises(PublishError, match=f"the new commit on the Hub still holds {old_shard}, which was to go"):
        publish(folder, "org/toy", FACTS)
    publish(folder, "org/toy", FACTS)
    assert sorted(hub.tree("org/toy")) == NAMES


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda tree: tree.pop("config.json"), "the new commit on the Hub lacks config.json"),
        (lambda tree: tree.update({"config.json": b"{}"}), "the config.json of the new commit on the Hub is not the"),
        (
            lambda tree: tree.update({"modeling_toy.py": tree["modeling_toy.py"].upper()}),
            "the modeling_toy.py of the new commit on the Hub is not the one that was sent",
        ),
    ],
)
@pytest.mark.parametrize("revision", [None, "pr"])
def test_a_commit_that_is_not_what_was_sent_is_noticed(folder, hub, damage, words, revision):
    branch = "refs/pr/7" if revision else "main"
    hub.after["create_commit"] = lambda: damage(hub.tree("org/toy", branch))
    with pytest.raises(PublishError, match=words) as error:
        publish(folder, "org/toy", FACTS, revision=revision)
    opened = "the pull request is open, so give refs/pr/7 as the revision"
    assert (opened in str(error.value)) == bool(revision)
    hub.after.clear()
    publish(folder, "org/toy", FACTS, revision=branch if revision else None)
    assert sorted(hub.tree("org/toy", branch)) == NAMES and hub.tree("org/toy", branch)["config.json"] != b"{}"


@pytest.mark.parametrize("arrived", [True, False])
def test_a_commit_without_an_answer_is_made_once(folder, hub, arrived):
    step = failing(HTTPError("gone"))
    hub.after["create_commit" if arrived else ""] = hub.before["" if arrived else "create_commit"] = step
    publish(folder, "org/toy", FACTS)
    assert len(hub.commits) == 2 and len(hub.repositories["org/toy"]["main"]) == 2


def test_a_pull_request_without_an_answer_is_not_opened_twice(folder, hub):
    hub.after["create_commit"] = failing(HTTPError("gone"))
    with pytest.raises(PublishError, match=r"may be open: look at .*/org/toy/discussions first"):
        publish(folder, "org/toy", FACTS, revision="pr")
    assert len(hub.commits) == 1


@pytest.mark.parametrize("method", ["create_repo", "repo_info", "list_repo_tree", "preupload_lfs_files"])
@pytest.mark.parametrize("failure", [HTTPError("gone"), RuntimeError("stop"), OSError(5, "broken"), KeyError("sha")])
def test_a_failure_leaves_the_hub_as_it_was_and_the_staged_copy_whole(folder, hub, home, method, failure):
    hub.before[method] = failing(*[failure] * 3)
    with pytest.raises(PublishError) as error:
        publish(folder, "org/toy", FACTS)
    kept = home / "xlzoo/staged/models--org--toy"
    text = str(error.value)
    assert text.startswith("Publishing org/toy did not finish: ") and text.count("\n") == 0
    assert f"the staged copy stays in {kept}, and the same command run again goes on" in text
    assert sorted(path.name for path in kept.iterdir()) == NAMES[1:] and staged(home) == [kept.name]
    assert hub.commits == [] and sorted(os.listdir(folder)) == NAMES[2:]
    hub.before.clear()
    publish(folder, "org/toy", FACTS)
    assert sorted(hub.tree("org/toy")) == NAMES and staged(home) == []


def test_a_copy_that_was_kept_can_itself_be_published(folder, hub, home):
    hub.before["create_commit"] = failing(*[HTTPError("gone")] * 3)
    with pytest.raises(PublishError):
        publish(folder, "org/toy", FACTS)
    hub.before.clear()
    publish(home / "xlzoo/staged/models--org--toy", "org/toy", Facts(title="from the copy"))
    assert hub.tree("org/toy")["model.safetensors"] == (folder / "model.safetensors").read_bytes()
    assert hub.tree("org/toy")["README.md"] == b"# from the copy\n" and staged(home) == []


def test_a_program_that_is_interrupted_keeps_the_copy_and_lets_go_of_the_lock(folder, hub, home):
    hub.before["create_commit"] = failing(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        publish(folder, "org/toy", FACTS)
    assert staged(home) == ["models--org--toy"]
    publish(folder, "org/toy", FACTS)


def test_failed_checks_leave_nothing_staged_and_ask_nothing(folder, hub, home):
    (folder / "run.log").write_text("x")
    with pytest.raises(PublishError, match=r"run\.log"):
        publish(folder, "org/toy", FACTS)
    assert hub.calls == [] and staged(home) == []


@pytest.mark.parametrize("local", [True, False])
def test_a_dry_run_does_everything_but_the_last_step(folder, hub, home, tmp_path, local):
    (folder / "run.json").write_text("{}")
    hub_dir = tmp_path / "local" if local else None
    usage = Facts(title="Toy", usage='print(len(open("{repo_id}/config.json").read()))')
    receipt = publish(folder, "org/toy", usage, hub_dir=hub_dir, dry_run=True)
    where = str(tmp_path / "local/org/toy") if local else "https://huggingface.co/org/toy"
    assert receipt.dry_run and receipt.where == where and receipt.left_out == ("run.json",)
    assert [name for name, _ in receipt.files] == NAMES[1:]
    assert hub.calls == [] and not home.exists() and not (tmp_path / "local").exists()
    (folder / "secret.pkl").touch()
    with pytest.raises(PublishError, match=r"secret\.pkl may hold a pickle"):
        publish(folder, "org/toy", FACTS, dry_run=True)


TABLE = """\
Would publish to https://huggingface.co/org/toy
  README.md           999 bytes
  model.safetensors      1.5 GB
  data/train.parquet    12.3 MB
  -----------------------------
  3 files               1.51 GB
Left out: checkpoint-10/, run.json"""


def test_a_receipt_is_a_table():
    files = (("README.md", 999), ("model.safetensors", 1_500_000_000), ("data/train.parquet", 12_345_678))
    receipt = Receipt("https://huggingface.co/org/toy", files, ("checkpoint-10/", "run.json"), dry_run=True)
    assert receipt.describe() == TABLE
    assert Receipt("/hub/toy", (("a", 1000),)).describe().splitlines() == [
        "Published to /hub/toy",
        "  a       1 kB",
        "  ------------",
        "  1 file  1 kB",
    ]
