"""Trains one tiny thing of each kind and publishes it, for test_round_trip.py; one question names a step."""

from dataclasses import replace
from pathlib import Path

import torch
from datasets import Dataset, DatasetDict
from hub_server.clients import answer_questions
from peft import LoraConfig, get_peft_model
from tiny_models import TINY_ENCODER
from transformers import XLMRobertaConfig, XLMRobertaForTokenClassification

from xlzoo.hub_cards import Facts, PublishError, publish
from xlzoo.hub_cards.probes import record_model
from xlzoo.modeling.configuration_madx import MadxConfig
from xlzoo.modeling.modeling_madx import MadxForTokenClassification

LABELS = ["O", "B-LOC", "I-LOC"]
NAMED = {"id2label": dict(enumerate(LABELS)), "label2id": {label: i for i, label in enumerate(LABELS)}}
MODEL = Facts(title="Tiny tagger", license="mit", library_name="transformers", languages=("sw",))


class Author:
    """The live things; every step returns what the test needs to know."""

    def __init__(self) -> None:
        self.folder, self.live = Path("made").resolve(), {}

    def make(self, rows: list[list[int]]) -> dict[str, list]:
        """Train all models on the rows, save them, and return what the live ones answer."""
        torch.manual_seed(1)
        self.ids = torch.tensor(rows)
        self.model = trained(MadxForTokenClassification(MadxConfig(**TINY_ENCODER, **NAMED)), self.ids)
        self.model.save_pretrained(self.folder / "model", max_shard_size="40KB")
        self.live["model"] = self.asked(self.model)

        # An adapter and its head on a frozen model, which is published as it was before.
        host = MadxForTokenClassification(MadxConfig(**TINY_ENCODER, **NAMED))
        host.save_pretrained(self.folder / "host")
        host.add_adapter("swahili", "seq_bn_inv[reduction_factor=4]")
        host.train_adapter("swahili")
        trained(host, self.ids).save_adapter(self.folder / "adapter", "swahili", with_head=True)
        self.live["adapter"] = self.asked(host)

        XLMRobertaForTokenClassification(XLMRobertaConfig(**TINY_ENCODER, **NAMED)).save_pretrained(
            self.folder / "stock"
        )
        stock = XLMRobertaForTokenClassification.from_pretrained(self.folder / "stock")
        lora = get_peft_model(stock, LoraConfig("TOKEN_CLS", r=4, target_modules=["query", "value"]))
        trained(lora, self.ids).save_pretrained(self.folder / "peft")
        self.live["peft"] = self.asked(lora)
        return self.live

    def write_rows(self, folder: str, count: int) -> dict[str, list]:
        """Write a dataset of two splits, and return its rows."""
        rows = [{"tokens": ["mji", str(number)], "tags": [0, number % 3]} for number in range(count)]
        full = DatasetDict(train=Dataset.from_list(rows[2:]), test=Dataset.from_list(rows[:2]))
        for split, part in full.items():
            (self.folder / folder / "data").mkdir(parents=True, exist_ok=True)
            part.to_parquet(self.folder / folder / "data" / f"{split}-00000-of-00001.parquet")
        return {split: list(part) for split, part in full.items()}

    def publish(self, folder: str, repo_id: str, **options: object) -> dict:
        """Publish a folder with plain facts of its kind; with `probe` the live model is asked first."""
        kind = {"adapter": "adapter", "peft": "peft", "rows": "dataset", "more": "dataset"}.get(folder, "model")
        library = {"model": "transformers", "adapter": "adapters", "peft": "peft", "dataset": ""}[kind]
        base = {"adapter": "org/host", "peft": "org/stock"}.get(folder)
        facts = replace(MODEL, kind=kind, library_name=library, base_model=base)
        if options.pop("probe", False):
            options["probe"] = record_model(self.model, self.folder / "probe")
        receipt = publish(self.folder / folder, repo_id, facts, **options)
        return {"where": receipt.where, "files": [name for name, _ in receipt.files], "dry_run": receipt.dry_run}

    def save_whole(self) -> None:
        """Save the model again, in one file this time."""
        self.model.save_pretrained(self.folder / "whole")

    def asked(self, model: torch.nn.Module) -> list:
        with torch.no_grad():
            return model.eval()(input_ids=self.ids).logits.tolist()


def trained(model: torch.nn.Module, ids: torch.Tensor) -> torch.nn.Module:
    """Take a few real steps that change the trainable weights."""
    optimizer = torch.optim.AdamW([parameter for parameter in model.parameters() if parameter.requires_grad], lr=0.05)
    labels = ids % len(LABELS)
    for _ in range(3):
        optimizer.zero_grad()
        model.train()(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
    return model


def main() -> None:
    """Answer questions such as {"step": "publish", "folder": ...}."""
    author = Author()

    def answer(question: dict) -> dict:
        try:
            return {"result": getattr(author, question.pop("step"))(**question)}
        except PublishError as error:
            return {"error": str(error)}

    answer_questions(answer)


if __name__ == "__main__":
    main()
