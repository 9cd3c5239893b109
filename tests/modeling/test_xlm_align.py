"""XLM-Align's model: a stock encoder, and an aligner that gives the links of plain loops over single pairs."""

import copy

import pytest
import torch
from alignment.tiny import PAIRS, aligner, plain_links, real_pairs, stock, tokenizer
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM, XLMRobertaModel

from xlzoo.modeling import alignment_engine
from xlzoo.modeling.alignment_links import SOLVERS
from xlzoo.modeling.alignment_settings import ENCODINGS, METHODS
from xlzoo.modeling.configuration_xlm_align import XLMAlignConfig
from xlzoo.modeling.modeling_xlm_align import XLMAlignModel


@pytest.fixture(scope="module")
def model():
    return aligner()


@pytest.fixture(scope="module")
def encoder(model):
    return stock(model)


@pytest.mark.parametrize("encode", ENCODINGS)
@pytest.mark.parametrize("method", METHODS)
def test_batches_equal_single_pairs(method, encode, model, encoder):
    pairs = PAIRS if method != "match" else [(["Yes"], ["No"]), (["a", "b"], ["Ja", "c"])]
    for layer in range(4):
        links = model.align(pairs, tokenizer(), method, layer, encode)
        assert links == [plain_links(encoder, pair, method, layer, encode) for pair in pairs], layer
    assert all(links) and METHODS == tuple(SOLVERS)


@pytest.mark.shared
@pytest.mark.parametrize("languages", ["de-en", "en-hi"])
def test_real_sentences_equal_the_published_procedure(languages, shared_data):
    """XLM-Align's script once more with its clamp repaired: each pair in a row of its own, plain loops."""
    model = aligner(max_position_embeddings=200)
    pairs = real_pairs(shared_data, languages, 90)[:40]
    assert len(pairs) == 40
    assert model.align(pairs, tokenizer()) == [plain_links(stock(model), pair, layer=3) for pair in pairs]


@pytest.mark.parametrize("encode", ENCODINGS)
def test_all_layers_in_one_run_equal_each_alone(encode, model):
    runs = []
    layer = model.encoder.layer[0]
    handle = layer.register_forward_hook(lambda *_: runs.append(1))
    found = model.align_layers(PAIRS, tokenizer(), encode=encode)
    handle.remove()
    assert list(found) == [0, 1, 2, 3] and len(runs) == 1
    for number, links in found.items():
        assert [list(each) for each in links] == model.align(PAIRS, tokenizer(), layer=number, encode=encode)
    some = model.align_layers(PAIRS, tokenizer(), [2, 0, 2], encode=encode)
    assert list(some) == [2, 0]
    for number in some:
        assert [list(each) for each in some[number]] == [list(each) for each in found[number]]


def test_the_encoder_stops_at_the_layer(model):
    ran = []
    handles = [
        layer.register_forward_hook(lambda *_, number=number: ran.append(number))
        for number, layer in enumerate(model.encoder.layer, start=1)
    ]
    for layer in range(4):
        ran.clear()
        model.align(PAIRS[:1], tokenizer(), layer=layer)
        assert ran == list(range(1, layer + 1))
    for handle in handles:
        handle.remove()


@pytest.mark.parametrize("encode", ENCODINGS)
def test_batches_and_windows_change_nothing(encode, model, monkeypatch):
    """Rows of one, all rows at once, windows of one pair, chunks of two, and pairs from a generator."""
    expected = model.align(PAIRS, tokenizer(), encode=encode)
    for tokens in (1, 7, 10**6):
        assert model.align(PAIRS, tokenizer(), encode=encode, batch_tokens=tokens) == expected
    monkeypatch.setattr(alignment_engine, "WINDOW", 1)
    monkeypatch.setattr(alignment_engine, "CHUNK", 2)
    assert model.align((pair for pair in PAIRS), tokenizer(), encode=encode) == expected
    assert model.align(PAIRS[::-1], tokenizer(), encode=encode) == expected[::-1]


def test_empty_sides_and_empty_lists_have_no_links(model):
    pairs = [([], ["a"]), (["a"], []), ([], []), ("", "a"), ("a", "  \n"), (["a"], ["b"])]
    for encode in ENCODINGS:
        assert model.align(pairs, tokenizer(), encode=encode) == [[], [], [], [], [], [(0, 0)]]
        assert model.align([], tokenizer(), encode=encode) == []
        assert model.align(pairs[:1], tokenizer(), encode=encode) == [[]]


def test_scores_are_shares_of_mass_or_cosines(model, encoder):
    """By hand for one word of one piece each: all mass goes there; the cosine is that of the two states."""
    words = dict.fromkeys(word for pair in PAIRS for side in pair for word in side)
    first, second, *_ = [word for word in words if len(tokenizer()(word, add_special_tokens=False)["input_ids"]) == 1]
    [[(*link, score)]] = model.align([([first], [second])], tokenizer(), layer=2, scores=True)
    assert link == [0, 0] and score == pytest.approx(1.0)
    [[(*link, score)]] = model.align([([first], [second])], tokenizer(), "argmax", 2, "separate", scores=True)
    ids = [tokenizer()(word)["input_ids"] for word in (first, second)]
    with torch.no_grad():
        one, other = (encoder(torch.tensor([i]), output_hidden_states=True).hidden_states[2][0, 1] for i in ids)
    assert score == pytest.approx((torch.cosine_similarity(one, other, dim=0).item() + 1) / 2, abs=1e-6)
    for method in ("ot", "argmax", "itermax"):
        scored = model.align(PAIRS, tokenizer(), method, scores=True)
        assert [[link[:2] for link in links] for links in scored] == model.align(PAIRS, tokenizer(), method)
        assert all(0 <= score <= 1 for links in scored for *_, score in links)


def test_options_reach_their_method(model, encoder):
    """More rounds of itermax add links; no Sinkhorn step is argmax of dot products, which differs from two steps."""
    one, many = (model.align(PAIRS, tokenizer(), "itermax", max_count=count) for count in (1, 5))
    assert one == model.align(PAIRS, tokenizer(), "argmax")
    assert all(set(few) <= set(more) for few, more in zip(one, many, strict=True)) and one != many
    default = model.align(PAIRS, tokenizer(), layer=1)
    assert default == model.align(PAIRS, tokenizer(), layer=1, sinkhorn_steps=2)
    assert default != model.align(PAIRS, tokenizer(), layer=1, sinkhorn_steps=0)
    configured = aligner(align_layer=1, sinkhorn_steps=0)
    assert configured.align(PAIRS, tokenizer()) == model.align(PAIRS, tokenizer(), layer=1, sinkhorn_steps=0)


def test_eager_attention_gives_the_same_links(model):
    eager = aligner(attn_implementation="eager")
    assert eager.config._attn_implementation == "eager" and model.config._attn_implementation == "sdpa"
    assert eager.align(PAIRS, tokenizer()) == model.align(PAIRS, tokenizer())


def test_low_precision(model):
    """Under autocast the products are in bf16 and the links nearly the same; a bf16 model aligns as well."""
    exact = model.align(PAIRS * 5, tokenizer(), scores=True)
    for close in (
        model.align(PAIRS * 5, tokenizer(), scores=True, dtype=torch.bfloat16),
        aligner().bfloat16().align(PAIRS * 5, tokenizer(), scores=True),
    ):
        assert close != exact
        same = sum(len({one[:2] for one in a} & {one[:2] for one in b}) for a, b in zip(exact, close, strict=True))
        assert same > 0.8 * sum(map(len, exact))
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_aligning_leaves_no_trace():
    """Modes, gradients and random numbers stay as they were; dropout is off meanwhile."""
    model = aligner(hidden_dropout_prob=0.5, attention_probs_dropout_prob=0.5)
    expected = model.align(PAIRS, tokenizer())
    model.train()
    model.encoder.layer[1].eval()
    modes = [module.training for module in model.modules()]
    torch.manual_seed(0)
    state = torch.get_rng_state()
    assert model.align(PAIRS, tokenizer()) == expected
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in model.modules()] == modes
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())
    output = model(torch.tensor([[0, 5, 6, 2]]))
    output.last_hidden_state.sum().backward()


def test_the_encoder_is_the_stock_one(model, encoder, batch):
    """Outputs with padding on the right, hidden states and attentions included."""
    with torch.no_grad():
        ours, theirs = (m(**batch, output_hidden_states=True) for m in (model, encoder))
    assert torch.equal(ours.last_hidden_state, theirs.last_hidden_state)
    assert all(torch.equal(a, b) for a, b in zip(ours.hidden_states, theirs.hidden_states, strict=True))


@pytest.mark.parametrize("cls", [XLMRobertaModel, XLMRobertaForMaskedLM])
def test_stock_checkpoints_load(cls, tmp_path, batch):
    """An encoder with its pooler, and a masked LM; nothing is missing, and heads are dropped without a warning."""
    torch.manual_seed(1)
    theirs = cls(XLMRobertaConfig(**aligner().config.to_diff_dict() | {"model_type": "xlm-roberta"})).eval()
    theirs.save_pretrained(tmp_path)
    ours, report = XLMAlignModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"]
    with torch.no_grad():
        expected = theirs.base_model(**batch).last_hidden_state
        assert torch.equal(ours.eval()(**batch).last_hidden_state, expected)


def test_what_we_save_is_a_stock_encoder(model, tmp_path, batch):
    model.save_pretrained(tmp_path)
    for cls in (XLMRobertaModel, XLMRobertaForMaskedLM):
        theirs, report = cls.from_pretrained(tmp_path, output_loading_info=True)
        assert not any("encoder" in key or "embeddings" in key for key in report["missing_keys"])
        with torch.no_grad():
            states = theirs.eval().base_model(**batch).last_hidden_state
            assert torch.equal(states, model(**batch).last_hidden_state)


def test_configuration():
    assert XLMAlignConfig().align_layer == 8 and XLMAlignConfig(num_hidden_layers=6).align_layer == 6
    for wrong in ({"align_layer": 13}, {"align_layer": -1}, {"align_layer": "8"}, {"sinkhorn_steps": -1}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} is"):
            XLMAlignConfig(**wrong)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"method": "best"}, "method is 'best'; expected one of ot, argmax, itermax, match"),
        ({"encode": "both"}, "encode is 'both'; expected one of joint, separate"),
        ({"layer": 4}, r"layer is 4; this encoder has 0 \(its embeddings\) to 3"),
        ({"layer": -1}, "layer is -1"),
        ({"sinkhorn_steps": -1}, "sinkhorn_steps is -1; expected a number from 0"),
        ({"max_count": 0}, "max_count is 0"),
        ({"batch_tokens": 0}, "batch_tokens is 0"),
        ({"dtype": "bf16"}, "dtype is 'bf16'; expected torch.bfloat16"),
    ],
)
def test_wrong_arguments_are_named(arguments, words, model):
    with pytest.raises(ValueError, match=words):
        model.align(PAIRS, tokenizer(), **arguments)


def test_wrong_pairs_and_tokenizers_are_named(model):
    for wrong in ("a b", ("a",), ("a", "b", "c")):
        with pytest.raises(ValueError, match=r"expected \(source, target\)"):
            model.align([wrong], tokenizer())
    with pytest.raises(ValueError, match="layers is empty"):
        model.align_layers(PAIRS, tokenizer(), [])
    with pytest.raises(ValueError, match="no tokenizer is known"):
        model.align(PAIRS)


def test_tokenizers_and_encoders_that_do_not_fit_are_named(model):
    with pytest.raises(ValueError, match=r"The tokenizer has 320 pieces, the encoder 100"):
        aligner(vocab_size=100).align(PAIRS, tokenizer())
    with pytest.raises(ValueError, match="The encoder has 4 positions; a pair of one piece each needs 5"):
        aligner(max_position_embeddings=6).align(PAIRS, tokenizer())
    assert aligner(max_position_embeddings=7).align(PAIRS, tokenizer())[0], "one piece of each side at a time"
    nameless = copy.deepcopy(tokenizer())
    nameless.sep_token = None
    with pytest.raises(ValueError, match="no <s> or no </s>"):
        model.align(PAIRS, nameless)


def test_a_folder_without_tokenizer_is_named(model, tmp_path):
    model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="holds no tokenizer that loads"):
        XLMAlignModel.from_pretrained(tmp_path).align(PAIRS)
    tokenizer().save_pretrained(tmp_path)
    assert XLMAlignModel.from_pretrained(tmp_path).align(PAIRS) == model.align(PAIRS, tokenizer())
