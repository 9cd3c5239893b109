"""The one door: a folder is staged, described, checked, and only then uploaded or placed."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from huggingface_hub import HfApi

from xlzoo.hub_cards.cards import Facts, render_card
from xlzoo.hub_cards.checks import PublishError, check_facts, check_folder
from xlzoo.hub_cards.staging import place, stage
from xlzoo.hub_cards.usage import run_usage

# What decides how a repository loads is replaced whole: a shard or a config left over from an earlier commit would be
# picked up beside the new ones. Anything else that was added on the Hub stays.
REPLACED = ["*.safetensors", "*.json", "*.py"]


def publish(
    folder: Path,
    repo_id: str,
    facts: Facts,
    *,
    hub_dir: Path | None = None,
    private: bool = False,
    token: str | None = None,
) -> str:
    """Publish a folder with its card and return the URL, or with `hub_dir` the path `hub_dir/repo_id`.

    The folder itself is not changed. Raises PublishError, with nothing uploaded or placed, if a check fails or the
    usage code of the card does.
    """
    check_facts(repo_id, facts)
    if hub_dir is None:
        with TemporaryDirectory(prefix="xlzoo-publish-") as work:
            return _upload(_prepare(folder, Path(work), repo_id, facts), repo_id, private, token)
    destination = hub_dir / repo_id
    if folder.resolve() in destination.resolve().parents:
        raise PublishError(f"{destination} lies inside the published folder {folder}: choose a hub_dir outside of it.")
    destination.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{destination.name}-", dir=destination.parent) as work:
        place(_prepare(folder, Path(work), repo_id, facts), destination)
    return str(destination)


def _prepare(folder: Path, work: Path, repo_id: str, facts: Facts) -> Path:
    """Return a checked copy of the folder with its card, inside the working folder."""
    tree, scratch = work / "tree" / repo_id, work / "scratch"
    tree.mkdir(parents=True)
    scratch.mkdir()
    stage(folder, tree, facts.base_model)
    check_folder(tree)
    usage, output = facts.usage.replace("{repo_id}", repo_id), ""
    if usage and facts.usage_is_executable:
        output = run_usage(usage, work / "tree", scratch)
    card = render_card(replace(facts, title=facts.title or repo_id, usage=usage, usage_output=output))
    (tree / "README.md").write_text(card, encoding="utf-8")
    # Once more, because the card is new and the usage code was free to write into the folder.
    check_folder(tree)
    return tree


def _upload(tree: Path, repo_id: str, private: bool, token: str | None) -> str:
    """Create the repository if need be, make one commit of the tree, and return the URL."""
    api = HfApi(token=token)
    # None leaves the choice to the organisation, whose default may be private; False would overrule it.
    created = api.create_repo(repo_id, private=private or None, exist_ok=True)
    full_id = repo_id if "/" in repo_id else created.repo_id
    api.upload_folder(
        repo_id=full_id,
        folder_path=tree,
        commit_message=f"Publish {repo_id}",
        delete_patterns=REPLACED,
    )
    return f"{api.endpoint}/{full_id}"
