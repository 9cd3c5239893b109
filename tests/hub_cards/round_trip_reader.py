"""Loads what was published, by its id and where xlzoo is not installed, for test_round_trip.py."""

import sys

import torch
from datasets import load_dataset
from hub_server.clients import answer_questions
from peft import AutoPeftModelForTokenClassification, PeftModel
from transformers import AutoModelForTokenClassification


class NoXlzoo:
    """An import finder that denies xlzoo."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Refuse the one name."""
        if name.split(".")[0] == "xlzoo":
            raise ModuleNotFoundError(f"{name} is not installed here")


def model(repo_id: str, **options: object) -> torch.nn.Module:
    return AutoModelForTokenClassification.from_pretrained(repo_id, trust_remote_code=True, **options)


def untrusted(repo_id: str) -> torch.nn.Module:
    return AutoModelForTokenClassification.from_pretrained(repo_id, trust_remote_code=False)


def adapter(repo_id: str, host: str) -> torch.nn.Module:
    """Load the adapter with its head into the host model."""
    loaded = model(host)
    loaded.load_adapter(repo_id, set_active=True, with_head=True)
    return loaded


def peft(repo_id: str, base: str) -> torch.nn.Module:
    return PeftModel.from_pretrained(AutoModelForTokenClassification.from_pretrained(base), repo_id)


def auto_peft(repo_id: str) -> torch.nn.Module:
    """Load the adapter onto the base that its own configuration names."""
    return AutoPeftModelForTokenClassification.from_pretrained(repo_id)


def dataset(repo_id: str, **options: object) -> dict[str, list]:
    return {split: list(rows) for split, rows in load_dataset(repo_id, **options).items()}


LOADERS = {"model": model, "untrusted": untrusted, "adapter": adapter, "peft": peft, "auto_peft": auto_peft}


def answer(question: dict) -> dict:
    """Load one thing and return its rows, or its logits for the rows of a question; or the error."""
    loader, rows = question.pop("loader"), question.pop("rows", None)
    try:
        if loader == "dataset":
            return {"result": dataset(**question)}
        with torch.no_grad():
            return {"result": LOADERS[loader](**question).eval()(input_ids=torch.tensor(rows)).logits.tolist()}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    sys.meta_path.insert(0, NoXlzoo)
    answer_questions(answer)
