"""Loads published Backpack folders where xlzoo cannot be imported; started by test_backpack_files.py with a folder."""

import sys
from pathlib import Path

import torch
from remote_code_child import NoXlzoo
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM


def main(folder):
    """Load both classes from both folders, use them, save them again, and answer with what they gave."""
    ids, answers = load_file(folder / "inputs.safetensors")["input_ids"], {}
    for name in ("lm", "base"):
        config = AutoConfig.from_pretrained(folder / name, trust_remote_code=True)
        assert type(config).__name__ == "BackpackGPT2Config" and config.num_senses == 4
        base = AutoModel.from_pretrained(folder / name, trust_remote_code=True).eval()
        with torch.no_grad():
            answers[f"{name}.states"] = base(ids).last_hidden_state
        base.save_pretrained(folder / "again" / f"{name}_base")
    model = AutoModelForCausalLM.from_pretrained(folder / "lm", trust_remote_code=True).eval()
    with torch.no_grad():
        answers["logits"] = model(ids).logits
        with model.sense_intervention(remove={int(ids[0, 0]): [0, 1]}):
            answers["edited"] = model(ids).logits
    answers["generated"] = model.generate(ids, max_new_tokens=5, do_sample=False)
    model.train()(ids, labels=ids).loss.backward()
    model.save_pretrained(folder / "again" / "lm")
    plain = AutoModelForCausalLM.from_pretrained(folder / "lm", trust_remote_code=False)
    assert type(plain).__name__ == "GPT2LMHeadModel", "the model type says so, and so does the loading report"
    assert not any(name.split(".")[0] == "xlzoo" for name in sys.modules)
    save_file({name: value.contiguous() for name, value in answers.items()}, folder / "outputs.safetensors")


if __name__ == "__main__":
    sys.meta_path.insert(0, NoXlzoo)
    main(Path(sys.argv[1]))
