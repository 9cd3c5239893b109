"""The code that cards show: short, runnable as it stands, and printing something that can be compared.

`{repo_id}` stands for the repository in all of them; `publish` fills it in, runs them and prints what they printed.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

LONGEST = 12
"""Words in an example sentence."""
SEARCHED = 1000
"""Sentences that are looked at for one that suits."""
AUTO_CLASSES = {
    "ForCausalLM": "AutoModelForCausalLM",
    "LMHeadModel": "AutoModelForCausalLM",
    "ForMaskedLM": "AutoModelForMaskedLM",
    "ForMultipleChoice": "AutoModelForMultipleChoice",
    "ForQuestionAnswering": "AutoModelForQuestionAnswering",
    "ForConditionalGeneration": "AutoModelForSeq2SeqLM",
    "ForSequenceClassification": "AutoModelForSequenceClassification",
    "ForTokenClassification": "AutoModelForTokenClassification",
}
"""The end of a model class's name, and the Auto class that loads it."""
MADX_CLASSES = {
    "classification": "MadxForSequenceClassification",
    "multiple_choice": "MadxForMultipleChoice",
    "question_answering": "MadxForQuestionAnswering",
    "tagging": "MadxForTokenClassification",
}
"""AdapterHub's types of heads that come with an adapter, and the models that take them."""

TAGGER = """import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{repo_id}", trust_remote_code=True)
model = AutoModelForTokenClassification.from_pretrained("{repo_id}", trust_remote_code=True).eval()
words = WORDS
inputs = tokenizer(words, is_split_into_words=True, return_tensors="pt")
with torch.no_grad():
    labels = model(**inputs).logits[0].argmax(-1).tolist()
places = inputs.word_ids()
for number, word in enumerate(words):
    print(f"{word:<16}{model.config.id2label[labels[places.index(number)]]}")
"""
CLASSIFIER = """import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{repo_id}"TRUST)
model = AutoModelForSequenceClassification.from_pretrained("{repo_id}"TRUST).eval()
inputs = tokenizer(FIRST, SECOND, return_tensors="pt")
with torch.no_grad():
    scores = model(**inputs).logits[0].softmax(-1).tolist()
for number, label in model.config.id2label.items():
    print(f"{label:<16}{scores[number]:.2f}")
"""
READER = """import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{repo_id}"TRUST)
model = AutoModelForQuestionAnswering.from_pretrained("{repo_id}"TRUST).eval()
inputs = tokenizer("Who lives in Nairobi?", "Amina lives in Nairobi, and her sister in Mombasa.", return_tensors="pt")
with torch.no_grad():
    outputs = model(**inputs)
passage = [place for place, text in enumerate(inputs.sequence_ids()) if text == 1]
scores = outputs.start_logits[0, passage, None] + outputs.end_logits[0, passage]
forwards = torch.ones_like(scores, dtype=torch.bool).triu()
first, last = divmod(int(scores.masked_fill(~forwards, -torch.inf).argmax()), len(passage))
print(tokenizer.decode(inputs.input_ids[0, passage[first] : passage[last] + 1]))
"""
ENCODER = """import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{repo_id}")
model = AutoModelForMaskedLM.from_pretrained("{repo_id}").eval()
inputs = tokenizer(TEXT, return_tensors="pt")
with torch.no_grad():
    logits = model(**inputs).logits[inputs.input_ids == tokenizer.mask_token_id]
for piece in logits[0].topk(3).indices.tolist():
    print(tokenizer.convert_ids_to_tokens(piece))
"""
LANGUAGE_ADAPTER = """from xlzoo.modeling.modeling_madx import MadxForMaskedLM

model = MadxForMaskedLM.from_pretrained("BASE")
name = model.load_adapter("{repo_id}")
model.set_active_adapters(name)
size = sum(parameter.numel() for _, parameter in model.adapter_parameters(name))
print(f"{name}: {size} parameters, active are {model.active_adapters}")
"""
TASK_ADAPTER = """from xlzoo.modeling.modeling_madx import CLASS

model = CLASS.from_pretrained("BASE"FIELDS)
name = model.load_adapter("{repo_id}", with_head=True)
model.set_active_adapters(name)  # or [language, name], once that language's adapter is loaded as well
print(name, *model.config.id2label.values())
"""
IN_ADAPTERS = """from adapters import AutoAdapterModel

model = AutoAdapterModel.from_pretrained("BASE")
name = model.load_adapter("{repo_id}", use_safetensors=True)
model.set_active_adapters(name)
"""
MODEL = """from transformers import AUTO

model = AUTO.from_pretrained("{repo_id}"TRUST)
print(type(model).__name__, sum(parameter.numel() for parameter in model.parameters()), "parameters")
"""
ALIGNER = """from transformers import AutoModel

model = AutoModel.from_pretrained("{repo_id}", trust_remote_code=True)
print(model.align([("Das ist gut .", "That is good .")]))  # words are counted from 0
"""
PEFT = """from peft import PeftModel
from transformers import AUTO

base = AUTO.from_pretrained("BASE"FIELDS)
model = PeftModel.from_pretrained(base, "{repo_id}")
size = sum(value.numel() for name, value in model.named_parameters() if ".default." in name)
print(f"{size} parameters on top of a {type(base).__name__}")
"""
GENERATOR = """from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{repo_id}")
model = AutoModelForCausalLM.from_pretrained("{repo_id}"TRUST).eval()
inputs = tokenizer(PROMPT, return_tensors="pt")
output = model.generate(**inputs, max_new_tokens=20, do_sample=False)
print(tokenizer.decode(output[0], skip_special_tokens=True))
"""
ADAPTED_GENERATOR = """from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("BASE")
base = AutoModelForCausalLM.from_pretrained("BASE"TRUST)
model = PeftModel.from_pretrained(base, "{repo_id}").eval()
inputs = tokenizer(PROMPT, return_tensors="pt")
output = model.generate(**inputs, max_new_tokens=20, do_sample=False)
print(tokenizer.decode(output[0], skip_special_tokens=True))
"""
DATASET = """from datasets import load_dataset

for split, rows in load_dataset("{repo_id}").items():
    print(split, rows.num_rows, rows.column_names)
"""


def tagger_usage(sentences: Iterable[Sequence[str]]) -> str:
    """Tag the first sentence that suits a card."""
    return TAGGER.replace("WORDS", repr(example(sentences)))


def classifier_usage(pair: tuple[str, str], own_code: bool) -> str:
    """Label a pair of sentences, with code of the model's own where it has some."""
    code = CLASSIFIER.replace("TRUST", ", trust_remote_code=True" * own_code)
    return code.replace("FIRST", repr(pair[0])).replace("SECOND", repr(pair[1]))


def reader_usage(own_code: bool) -> str:
    """Answer a question with a span of a passage, with code of the model's own where it has some."""
    return READER.replace("TRUST", ", trust_remote_code=True" * own_code)


def encoder_usage(texts: Iterable[str], mask: str) -> str:
    """Fill a gap in the first text that suits a card; `mask` is the tokenizer's mask token."""
    words = example(text.split() for text in texts)
    words[len(words) // 2] = mask
    return ENCODER.replace("TEXT", repr(" ".join(words)))


def adapter_usage(base: str, head_type: str | None = None, labels: int = 0) -> str:
    """Load an AdapterHub adapter onto its base model, with its head of so many labels if it is a task's."""
    if head_type not in MADX_CLASSES:
        return LANGUAGE_ADAPTER.replace("BASE", base)
    fields = f", num_labels={labels}" if labels else ""
    return TASK_ADAPTER.replace("CLASS", MADX_CLASSES[head_type]).replace("BASE", base).replace("FIELDS", fields)


def other_adapter_usage(base: str) -> str:
    """Load the same adapter in the `adapters` library."""
    return IN_ADAPTERS.replace("BASE", base)


def model_usage(auto_class: str, own_code: bool) -> str:
    """Load a model, with its own code where it has some, and count its parameters."""
    return MODEL.replace("AUTO", auto_class).replace("TRUST", ", trust_remote_code=True" * own_code)


def aligner_usage() -> str:
    """Align the words of a pair of sentences."""
    return ALIGNER


def peft_usage(base: str, auto_class: str, labels: int | None, own_code: bool) -> str:
    """Load a PEFT adapter onto its base model, whose head has `labels` labels, and count its parameters."""
    fields = "" if labels is None else f", num_labels={labels}"
    fields += ", trust_remote_code=True" * own_code
    return PEFT.replace("AUTO", auto_class).replace("BASE", base).replace("FIELDS", fields)


def generator_usage(
    prompt: str, own_code: bool, base: str | None = None, auto_class: str = "AutoModelForCausalLM"
) -> str:
    """Continue a prompt, greedily, with a model that writes, or with a PEFT adapter on its base model."""
    code = GENERATOR if base is None else ADAPTED_GENERATOR.replace("BASE", base)
    code = code.replace("AutoModelForCausalLM", auto_class)
    return code.replace("TRUST", ", trust_remote_code=True" * own_code).replace("PROMPT", repr(prompt))


def opening(texts: Iterable[str]) -> str:
    """Return the first half of the first text that suits a card, for a model to continue."""
    words = example(text.split() for text in texts)
    return " ".join(words[: (len(words) + 1) // 2])


def auto_class(class_name: str) -> str:
    """Return the Auto class of a model class by its name: `AutoModelForMaskedLM` of `XLMRobertaForMaskedLM`."""
    return next((auto for end, auto in AUTO_CLASSES.items() if class_name.endswith(end)), "AutoModel")


def example(sentences: Iterable[Sequence[str]]) -> list[str]:
    """Return the first short sentence of plain words; where there is none, the plain words that the first one has.

    Whoever writes to whom, and where, is not for a card: addresses and numbers stay out.
    """
    first: list[str] = []
    for words in islice(sentences, SEARCHED):
        plain = [word for word in words if word.isalpha() or (len(word) == 1 and not word.isdigit())]
        if 2 < len(plain) == len(words) <= LONGEST:
            return list(words)
        first = first or plain[:LONGEST]
    return first or ["xlzoo"]
