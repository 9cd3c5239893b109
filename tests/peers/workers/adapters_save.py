"""Make models with `adapters`, shake their adapters, save everything and answer with the logits."""

import sys
from pathlib import Path

import torch
from adapters import AdapterConfig
from flexible import load_base, read_request, run
from safetensors.torch import save_file
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM


def add_head(model, kind, name, labels):
    """Add the flexible head of that kind."""
    id2label = dict(enumerate(labels))
    if kind == "masked_lm":
        model.add_masked_lm_head(name)
    elif kind == "tagging":
        model.add_tagging_head(name, num_labels=len(labels), id2label=id2label)
    elif kind == "classification":
        model.add_classification_head(name, num_labels=len(labels), id2label=id2label)
    elif kind == "question_answering":
        model.add_qa_head(name)
    elif kind == "multiple_choice":
        model.add_multiple_choice_head(name, num_choices=len(labels))


def shake(model):
    """Add noise to the adapters and to the heads' own parameters."""
    tied = model.get_input_embeddings().weight
    for key, parameter in model.named_parameters():
        own = "adapters." in key or (key.startswith("heads.") and not key.startswith("heads.default."))
        if own and parameter is not tied:
            parameter.data.add_(0.25 * torch.randn_like(parameter))


def make(folder, setup, labels):
    """Save a stock base, then the adapters on it in both formats; return the model."""
    stock = XLMRobertaForMaskedLM(XLMRobertaConfig(**setup["shape"]))
    torch.nn.init.normal_(stock.lm_head.bias)
    stock.save_pretrained(folder / "base")
    model = load_base(folder / "base")
    for name, (kind, options) in setup["adapters"].items():
        model.add_adapter(name, config=AdapterConfig.load(kind, **options))
    if setup["head"] != "default":
        add_head(model, setup["head"], setup["stack"][-1], labels)
    shake(model)
    for name in setup["adapters"]:
        model.save_adapter(folder / "bin" / name, name)
        model.save_adapter(folder / "safetensors" / name, name, use_safetensors=True)
    return model


def main(folder):
    """Serve the request in `folder`."""
    (folder / "setups").mkdir()
    request, inputs = read_request(folder)
    outputs = {}
    for number, (key, setup) in enumerate(request["setups"].items()):
        torch.manual_seed(number)
        place = folder / "setups" / key
        for part in (place, place / "bin", place / "safetensors"):
            part.mkdir()
        model = make(place, setup, request["labels"])
        if setup["leave_out"]:
            model = load_base(place / "base")
            for name in setup["adapters"]:
                model.load_adapter(str(place / "bin" / name), leave_out=list(setup["leave_out"]))
        head = "default" if setup["head"] == "default" else setup["stack"][-1]
        rows = {part: inputs[f"{setup['rows']}.{part}"] for part in ("input_ids", "attention_mask")}
        outputs[key] = run(model, setup["stack"], head, rows)
    save_file(outputs, folder / "outputs.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
