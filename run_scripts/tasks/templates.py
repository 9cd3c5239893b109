"""Prompts that go before lm-eval's own, by name and task: fields of lm-eval's configuration.

`adamergex`: zero-shot prompts after AdaMergeX (https://arxiv.org/abs/2402.18913), in English whatever the data's
language. Where it has a model write its choice, here the choices are scored: by their text after the question, or with
`letter` by "(A)", "(B)" as the question asks then. Its MGSM may think aloud; the last number counts.

MGSM's and XNLI's words are those of its programs (test_combine_llama2.py, train_xlmr.py), XCOPA's those of a baseline
there (eval/base_xcopa.py) without that baseline's instructions. Those prompts end in a space; here the space goes
before the answer. Of XQuAD and XL-Sum, only the names of the parts could be compared.
"""

from dataclasses import dataclass, field
from typing import Any

Fields = dict[str, Any]


@dataclass(frozen=True)
class Template:
    """A prompt for a task."""

    fields: Fields
    letters: Fields = field(default_factory=dict)
    """What differs where a letter is asked for, if the question lists its choices itself."""


WRITTEN: Fields = {"target_delimiter": " "}
HELP = "Here is a premise and a question. Help me pick the more plausible option."
ASKED = "\nPremise: {{premise}}\nQuestion: What is the {{question}}?\n(A) {{choice1}}\n(B) {{choice2}}\nAnswer:"
TEMPLATES: dict[str, dict[str, Template]] = {
    "adamergex": {
        "xcopa": Template(
            {"doc_to_text": HELP + ASKED, "doc_to_choice": "{{[choice1, choice2]}}"},
            letters={
                "doc_to_text": f"{HELP} Answer with (A) or (B).{ASKED}",
                "doc_to_choice": ["(A)", "(B)"],
            },
        ),
        "xnli": Template(
            {
                "doc_to_text": (
                    "You should judge whether the hypothesis is true (entailment), false (contradiction), or "
                    "undetermined (neutral) given the premise. The relationship can be chosen from entailment, "
                    "contradiction, and neutral.\nPremise: {{premise}}\nHypothesis: {{hypothesis}}\nRelationship:"
                ),
                "doc_to_choice": ["entailment", "neutral", "contradiction"],
            }
        ),
        "mgsm": Template(
            {
                "doc_to_text": "Let's think step by step.\n\nQuestion: {{question}}\nAnswer:",
                "generation_kwargs": {"do_sample": False, "until": ["Question:", "</s>", "<|im_end|>"]},
                **WRITTEN,
            }
        ),
        "xquad": Template({"doc_to_text": "{{context}}\nQuestion: {{question}}\nAnswer:", **WRITTEN}),
        "xlsum": Template(
            {
                "doc_to_text": (
                    "Summarize the context in one sentence.\nTitle: {{title}}\nContext: {{text}}\nSummary:"
                ),
                **WRITTEN,
            }
        ),
    }
}
XLSUM_TASK = "xlsum"
XLSUM: Fields = {
    "dataset_path": "csebuetnlp/xlsum",
    "output_type": "generate_until",
    "training_split": "train",
    "validation_split": "validation",
    "test_split": "test",
    "doc_to_target": "{{summary}}",
    "generation_kwargs": {"do_sample": False, "until": ["\n"]},
    **TEMPLATES["adamergex"]["xlsum"].fields,
}
"""XL-Sum, which lm-eval does not have."""
