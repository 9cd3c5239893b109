"""A tiny model of all pre-training tasks, a batch for it, and its losses in plain loops, prediction by prediction."""

import math

import torch
from tiny_models import TINY_ENCODER
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from xlzoo.modeling.configuration_xlm_align import XLMAlignConfig
from xlzoo.modeling.modeling_xlm_align_pretraining import XLMAlignForPreTraining

from . import oracles as oracle

QUEUE, LAYER = 6, 2
PAIRS = (([11, 12, 13, 14], [21, 22, 23, 24, 25]), ([31, 32], [41, 42, 43]), ([51, 52, 53], [61, 62, 63]))
MASKED = ((2, 4, 7, 9), (1, 5), (3,))
"""Places of each pair's row that are to be predicted."""
MASK = 119


def pretraining_model(**changes) -> XLMAlignForPreTraining:
    """Make a tiny model; the same weights for the same arguments."""
    torch.manual_seed(3)
    fields = {"dwa_layer": LAYER, "xlco_layer": LAYER, "xlco_queue_size": QUEUE, "hidden_dropout_prob": 0.0}
    config = XLMAlignConfig(**{**TINY_ENCODER, **fields, "attention_probs_dropout_prob": 0.0, **changes})
    model = XLMAlignForPreTraining(config)
    if model.contrast is not None:
        model.contrast.follow(model.roberta, momentum=0.0)
    return model


def stock(model) -> XLMRobertaForMaskedLM:
    """Return transformers' model with the same encoder and vocabulary head."""
    same = XLMRobertaForMaskedLM(XLMRobertaConfig(**TINY_ENCODER))
    same.load_state_dict(model.state_dict(), strict=False)
    return same.eval()


def padded(rows, value):
    longest = max(map(len, rows)) + 2
    return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows])


def whole_rows():
    return [[0, *source, 2, *target, 2] for source, target in PAIRS]


def pairs_batch():
    """The pairs, padded, with their masks; every third masked piece stays, as in BERT some do."""
    rows = whole_rows()
    masked = [
        [MASK if place in places and place % 3 else piece for place, piece in enumerate(row)]
        for row, places in zip(rows, MASKED, strict=True)
    ]
    labels = [
        [piece if place in places else -100 for place, piece in enumerate(row)]
        for row, places in zip(rows, MASKED, strict=True)
    ]
    sides = [[0, *[1] * len(source), 0, *[2] * len(target), 0] for source, target in PAIRS]
    ids = padded(masked, 1)
    return {
        "input_ids": ids,
        "attention_mask": (ids != 1).long(),
        "labels": padded(labels, -100),
        "sides": padded(sides, 0),
    }


def sentences(side):
    """One side of the pairs alone, padded."""
    ids = padded([[0, *pair[side], 2] for pair in PAIRS], 1)
    return {"input_ids": ids, "attention_mask": (ids != 1).long()}


def text_batch():
    ids = torch.tensor([[0, 71, MASK, 73, 2], [0, MASK, 82, 2, 1]])
    labels = torch.tensor([[-100, -100, 72, -100, -100], [-100, 81, -100, -100, -100]])
    return {"input_ids": ids, "attention_mask": (ids != 1).long(), "labels": labels}


def states_of(encoder, row, layer=-1):
    """The states of one row alone, without padding, as lists."""
    with torch.no_grad():
        found = encoder.roberta(torch.tensor([row]), output_hidden_states=True)
    return found.hidden_states[layer][0].double()


def negative_log_softmax(scores, chosen):
    top = max(scores)
    return math.log(sum(math.exp(score - top) for score in scores)) + top - scores[chosen]


def plain_vocabulary_losses(encoder, ids, labels):
    """The loss of every prediction, row by row without padding."""
    losses = []
    for row, wanted in zip(ids.tolist(), labels.tolist(), strict=True):
        row = [piece for piece in row if piece != 1]
        with torch.no_grad():
            logits = encoder(torch.tensor([row])).logits[0].double().tolist()
        losses += [negative_log_softmax(logits[i], wanted[i]) for i in range(len(row)) if wanted[i] != -100]
    return losses


def plain_partners(encoder, steps=2, max_count=2):
    """Each pair's {place: partner's place}, from the whole pair, by the aligner's formulas in plain loops."""
    found = []
    for row, (source, target) in zip(whole_rows(), PAIRS, strict=True):
        states = states_of(encoder, row, LAYER)
        one, other = states[1 : 1 + len(source)], states[2 + len(source) : -1]
        plan, _ = oracle.sinkhorn((one @ other.T).tolist(), steps)
        links = oracle.itermax(plan, max_count)
        partners = {}
        for i in range(len(source)):
            if linked := [j for j in range(len(target)) if (i, j) in links]:
                partners[1 + i] = 2 + len(source) + max(linked, key=lambda j: plan[i][j])
        for j in range(len(target)):
            if linked := [i for i in range(len(source)) if (i, j) in links]:
                partners[2 + len(source) + j] = 1 + max(linked, key=lambda i: plan[i][j])
        found.append(partners)
    return found


def plain_alignment_losses(model, encoder, partners):
    """The loss of each masked piece that has a partner: a softmax over the other sentence, in plain loops."""
    batch, losses = pairs_batch(), []
    for number, (source, target) in enumerate(PAIRS):
        length = len(source) + len(target) + 3
        states = states_of(encoder, batch["input_ids"][number, :length].tolist())
        weights = [(linear.weight.double(), linear.bias.double()) for linear in (model.q_linear, model.k_linear)]
        queries, keys = (states @ weight.T + bias for weight, bias in weights)
        sides = range(1, 1 + len(source)), range(2 + len(source), length - 1)
        for place in MASKED[number]:
            if place in partners[number]:
                others = sides[1] if place in sides[0] else sides[0]
                scores = [
                    sum(q * k for q, k in zip(queries[place].tolist(), keys[j].tolist(), strict=True)) / math.sqrt(32)
                    for j in others
                ]
                losses.append(negative_log_softmax(scores, list(others).index(partners[number][place])))
    return losses


def plain_contrast_losses(model, encoder, keys):
    """The loss of each source: its own key against those in the queue, dot products over 0.25."""
    losses, weight = [], model.contrast.projection.weight.detach().double()
    for (source, _), key in zip(PAIRS, keys.double(), strict=True):
        query = weight @ states_of(encoder, [0, *source, 2], LAYER)[0]
        others = [float(query @ other) / 0.25 for other in model.contrast.queue.double()]
        losses.append(negative_log_softmax([float(query @ key) / 0.25, *others], 0))
    return losses
