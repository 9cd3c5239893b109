"""What is said about a base model: asked of folders as libraries save them, and of a Hub on the loopback."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from huggingface_hub import constants
from transformers import XLMRobertaConfig

from xlzoo.hub_cards.bases import Base, describe_base

MIT = "---\nlicense: mit\n---\n# Base\n"
SHA = "a" * 40


class Hub(BaseHTTPRequestHandler):
    """Repositories by their name: a card, or the status and error code of a refusal."""

    repositories = {
        "org/mit": MIT,
        "org/list": "---\nlicense:\n- apache-2.0\n- cc-by-4.0\n---\n",
        "org/own": "---\nlicense: other\nlicense_name: own-1.0\nlicense_link: LICENSE.md\n---\n",
        "org/linked": "---\nlicense: apache-2.0\nlicense_link: https://example.org/l\n---\n",
        "org/nameless": "---\nlicense: other\nlicense_link: ../../secret\n---\n",
        "org/silent": "# No header\n",
        "org/broken": "---\nlicense: [mit\n---\n",
        "org/number": "---\nlicense: 2.0\n---\n",
        "org/path": "---\nlicense: other\nlicense_name: /srv/LICENSE\n---\n",
        "org/cardless": (404, "EntryNotFound"),
        "org/gated": (403, "GatedRepo"),
        "org/hidden": (401, "RepoNotFound"),
        "org/gone": (404, "RepoNotFound"),
        "org/down": (500, ""),
        "org/cut": None,
    }

    def answer(self, with_body):
        found = self.repositories.get("/".join(self.path.split("/")[1:3]), (404, "RepoNotFound"))
        if found is None:
            self.connection.close()
            return
        status, error, body = (200, "", found.encode()) if isinstance(found, str) else (*found, b"")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", SHA)
        self.send_header("ETag", f'"{hash(found)}"')
        if error:
            self.send_header("X-Error-Code", error)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def log_message(self, *_):
        pass


def go_online(monkeypatch, tmp_path, port):
    """Point the client, which reads its environment at import, to a port of this machine and to an empty cache."""
    endpoint = f"http://127.0.0.1:{port}"
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hub on the loopback, with an empty cache before it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    go_online(monkeypatch, tmp_path, server.server_port)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def local(tmp_path):
    """A local model folder; the function writes files into it, of JSON unless they are text."""
    folder = tmp_path / "runs" / "base"
    folder.mkdir(parents=True)

    def write(**files):
        for name, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (folder / name.replace("_json", ".json").replace("README", "README.md")).write_text(text)
        return str(folder)

    return write


LICENSES = {
    "org/mit": ("mit", ""),
    "org/list": ("apache-2.0, cc-by-4.0", ""),
    "org/own": ("own-1.0", "https://huggingface.co/org/own/blob/main/LICENSE.md"),
    "org/linked": ("apache-2.0", "https://example.org/l"),
    "org/nameless": ("other", ""),
    **dict.fromkeys(
        ("org/silent", "org/broken", "org/number", "org/path", "org/cardless", "org/gated", "org/hidden", "org/gone"),
        ("", ""),
    ),
    "org/down": ("", ""),
    "org/cut": ("", ""),
}


@pytest.mark.parametrize("hub_id", LICENSES)
def test_hub_id_stays_and_its_card_gives_the_license(hub, hub_id):
    license_, link = LICENSES[hub_id]
    assert describe_base(hub_id) == Base(hub_id, license_, "", link)


def test_card_in_the_cache_is_enough_without_network(hub, monkeypatch):
    describe_base("org/mit")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert describe_base("org/mit") == Base("org/mit", "mit", "")
    assert describe_base("org/own") == Base("org/own", "", "")


def test_no_network_is_no_error(monkeypatch, tmp_path):
    go_online(monkeypatch, tmp_path, 1)
    started = time.monotonic()
    assert describe_base("org/mit") == Base("org/mit", "", "")
    assert time.monotonic() - started < 10  # the client's own download tries for half a minute


def test_nothing_is_said_of_no_base():
    assert describe_base(None) == describe_base("") == Base(None, "", "")


RECORDS = {
    "config of an older transformers": {"config_json": {"_name_or_path": "org/mit"}},
    "adapter of PEFT": {"adapter_config_json": {"base_model_name_or_path": "org/mit"}},
    "facts of a run": {"facts_json": {"base_model": "org/mit"}, "config_json": {"_name_or_path": "other/one"}},
    "card": {"README": "---\nbase_model:\n- org/mit\n---\n", "config_json": {"_name_or_path": ""}},
    "card after a path": {"README": "---\nbase_model: org/mit\n---\n", "config_json": {"_name_or_path": "/a/b"}},
}


@pytest.mark.parametrize("files", RECORDS.values(), ids=RECORDS)
def test_folder_is_known_by_the_id_that_it_records(hub, local, files):
    base = describe_base(local(**files))
    assert (base.hub_id, base.license) == ("org/mit", "mit")
    assert "names org/mit as its origin" in base.note and "differ" in base.note


NO_RECORDS = {
    "nothing": {},
    "path": {"config_json": {"_name_or_path": "/home/ann/model"}},
    "three parts": {"config_json": {"_name_or_path": "runs/one/two"}},
    "number": {"config_json": {"_name_or_path": 7}},
    "damaged": {"config_json": "{", "README": "---\n- a\n---\n", "adapter_config_json": "[" * 9999},
    "two bases": {"README": "---\nbase_model:\n- org/mit\n- org/own\n---\n"},
}


@pytest.mark.parametrize("files", NO_RECORDS.values(), ids=NO_RECORDS)
def test_folder_without_an_id_gives_none_and_says_so(local, files):
    base = describe_base(local(**files))
    assert (base.hub_id, base.license) == (None, "") and "no Hub id" in base.note


def test_recorded_id_that_is_a_folder_here_is_no_hub_id(local, tmp_path, monkeypatch):
    folder = local(config_json={"_name_or_path": "runs/base"})
    monkeypatch.chdir(tmp_path)
    assert describe_base(folder).hub_id is None


def test_recorded_id_that_the_hub_denies_is_dropped_and_a_gated_one_is_not(hub, local):
    gone = describe_base(local(config_json={"_name_or_path": "org/gone"}, README="---\nlicense: mit\n---\n"))
    assert (gone.hub_id, gone.license) == (None, "mit") and "not on the Hub" in gone.note
    assert describe_base(local(config_json={"_name_or_path": "org/gated"})).hub_id == "org/gated"


def test_own_license_of_a_folder_goes_before_that_of_its_origin(hub, local):
    record = {"_name_or_path": "org/list"}
    assert describe_base(local(config_json=record, facts_json={"license": "gemma"})).license == "gemma"
    assert describe_base(local(config_json=record, README=MIT)).license == "mit"


def test_snapshot_in_the_cache_is_the_repository_itself(hub, tmp_path):
    folder = tmp_path / "models--org--own" / "snapshots" / SHA
    folder.mkdir(parents=True)
    assert describe_base(str(folder)).hub_id == "org/own" and describe_base(str(folder)).note == ""


def test_what_transformers_saves_today_holds_no_path(tmp_path):
    """If a release records the path again, the door still strips it; this says when RECORDS may be simplified."""
    config = XLMRobertaConfig(name_or_path="/home/ann/model")
    config.save_pretrained(tmp_path)
    assert "_name_or_path" not in json.loads((tmp_path / "config.json").read_text())


@pytest.mark.parametrize(
    "name", ["/home/ann/model", "~/model", "~no-such-user/model", "./model", "runs/one/two", "x" * 5000, "a\0b"]
)
def test_no_field_holds_a_path(name, local):
    folder = local(
        config_json={"_name_or_path": name},
        README=f"---\nlicense: other\nlicense_name: {name!r}\nlicense_link: {name!r}\n---\n",
    )
    for base in (describe_base(name), describe_base(folder)):
        assert base.hub_id is None
        assert not {"ann", "runs", "model/", folder} & set(" ".join(map(str, vars(base).values())).split("/"))
        assert "/" not in base.license + base.note + base.license_link
