"""Calls methods of HfApi as it is, for test_hub_server.py: one question names a method and its arguments."""

import base64
from pathlib import Path

from hub_server.clients import answer_questions
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants
from huggingface_hub.utils import get_session


class Client(HfApi):
    """HfApi with arguments and answers that fit into JSON."""

    def commit(self, repo_id: str, add: dict[str, str], delete: list[str], **options: object) -> dict:
        """Make one commit; the files are in base64, a path with a final slash is a folder."""
        operations = [CommitOperationAdd(path, base64.b64decode(data)) for path, data in add.items()]
        operations += [CommitOperationDelete(path) for path in delete]
        done = self.create_commit(repo_id, operations, commit_message="a commit", **options)
        return {"oid": done.oid, "pull_request": done.pr_revision}

    def tree(self, repo_id: str, **options: object) -> list[str]:
        return [f"{item.path} {getattr(item, 'size', 'folder')}" for item in self.list_repo_tree(repo_id, **options)]

    def read(self, repo_id: str, filename: str, **options: object) -> str:
        """Return a file in base64, downloaded into the cache."""
        return base64.b64encode(Path(self.hf_hub_download(repo_id, filename, **options)).read_bytes()).decode()

    def part(self, path: str, span: str) -> list:
        """Return the status and the text of a range of a file."""
        reply = get_session().get(f"{self.endpoint}{path}", headers={"Range": f"bytes={span}"})
        return [reply.status_code, reply.text, reply.headers.get("Content-Range")]

    def branches(self, repo_id: str) -> list[str]:
        refs = self.list_repo_refs(repo_id, include_pull_requests=True)
        return [ref.ref for ref in (*refs.branches, *refs.pull_requests)]


def answer(question: dict) -> dict:
    """Call the method with the token; the class and text of an exception are an answer too."""
    constants.HF_HUB_DISABLE_PROGRESS_BARS = True
    client = Client(token=question.pop("token"))
    try:
        return {"result": getattr(client, question.pop("method"))(**question)}
    except Exception as error:
        response = getattr(error, "response", None)
        return {"error": type(error).__name__, "status": response and response.status_code, "message": str(error)}


if __name__ == "__main__":
    answer_questions(answer)
