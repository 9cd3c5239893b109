"""Load published Backpack folders with this environment's transformers, use and train them, and save them again."""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForCausalLM, set_seed

MODES = {
    "greedy": {"do_sample": False},
    "sampling": {"do_sample": True, "top_k": 20},
    "beam": {"do_sample": False, "num_beams": 3},
    "lookup": {"do_sample": False, "prompt_lookup_num_tokens": 3},
}


def generate(model, rows, **mode):
    """Generate ten tokens with a fixed seed."""
    set_seed(3)
    return model.generate(**rows, max_new_tokens=10, min_new_tokens=10, pad_token_id=0, **mode)


def use(model, rows):
    """Return logits, logits under an intervention, and the generated tokens, which the cache must not change."""
    found = {}
    with torch.no_grad():
        found["logits"] = model(**rows).logits
        with model.sense_intervention(remove={int(rows["input_ids"][0, -1]): [0, 1]}):
            found["edited"] = model(**rows).logits
    for name, mode in MODES.items():
        some = {key: value[:1] for key, value in rows.items()} if name == "lookup" else rows
        found[name] = generate(model, some, **mode)
        plain = {key: value for key, value in mode.items() if not key.startswith("prompt_lookup")}
        assert torch.equal(found[name], generate(model, some, use_cache=False, **plain)), name
    return found


def gradients(model, rows):
    """Return the loss and its gradients with and without checkpointing; they must agree."""
    found = {}
    for checkpointing in (False, True):
        model.train().zero_grad()
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        loss = model(**rows, labels=rows["input_ids"], label_smoothing=0.1).loss
        loss.backward()
        found[checkpointing] = {name: p.grad.clone() for name, p in model.named_parameters()}
    for name, value in found[False].items():
        assert torch.allclose(found[True][name], value, atol=1e-5), name
    return {"loss": loss.detach(), **{f"gradient.{name}": value for name, value in found[False].items()}}


def main(folder):
    """Serve the request in `folder`."""
    rows, answers = load_file(folder / "inputs.safetensors"), {}
    for key, place in json.loads((folder / "request.json").read_text(encoding="utf-8")).items():
        model, report = AutoModelForCausalLM.from_pretrained(place, trust_remote_code=True, output_loading_info=True)
        assert not any(report.values()), report
        answers |= {f"{key}.{name}": value for name, value in use(model.eval(), rows).items()}
        model.save_pretrained(folder / "again" / key)
        answers |= {f"{key}.{name}": value for name, value in gradients(model, rows).items()}
        base = AutoModel.from_pretrained(folder / "again" / key, trust_remote_code=True).eval()
        with torch.no_grad():
            answers[f"{key}.states"] = base(**rows).last_hidden_state
    save_file({name: value.contiguous() for name, value in answers.items()}, folder / "outputs.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
