"""Scores against transformers' logits and plain formulas, and what they must not depend on."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from hallmark.lm import passes
from hallmark.lm.logits import BLOCK_BYTES
from hallmark.lm.score import TokenScores, cross_entropy, score, stream_scores
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import GPT2Config

pytestmark = pytest.mark.usefixtures("two_threads")

FIELDS = ("log_prob", "rank", "entropy", "variance")
TINY = GPT2Config(n_layer=2, n_head=2, n_embd=32, n_ctx=16, vocab_size=101)


def network(config: GPT2Config = TINY, *, seed: int = 0, spread: float = 0.3) -> GPT2:
    """Random weights, with predictions about as sharp as a trained model's."""
    made = GPT2(config).eval()
    made.initialise(torch.Generator().manual_seed(seed))
    with torch.no_grad():
        made.wte.weight.mul_(spread / 0.02)
    return made


def texts(*lengths: int, vocab_size: int = TINY.vocab_size, seed: int = 0) -> list[list[int]]:
    generator = np.random.default_rng(seed)
    return [generator.integers(0, vocab_size, n).tolist() for n in lengths]


@torch.no_grad()
def plainly(logits: torch.Tensor, targets: torch.Tensor) -> dict[str, np.ndarray]:
    """The textbook formulas over (T, V) logits in float64."""
    log_p = logits.double().log_softmax(-1)
    chosen = log_p.gather(-1, targets[:, None])
    entropy = -(log_p.exp() * log_p).sum(-1)
    variance = (log_p.exp() * log_p.square()).sum(-1) - entropy.square()
    rank = 1 + (logits > logits.gather(-1, targets[:, None])).sum(-1)
    found = zip(FIELDS, (chosen[:, 0], rank, entropy, variance), strict=True)
    return {name: value.numpy() for name, value in found}


def by_hand(net: GPT2, ids: list[int], *, eot: int | None = None) -> dict[str, np.ndarray]:
    start = net.config.vocab_size - 1 if eot is None else eot
    inputs = torch.tensor([[start, *ids[:-1]]])
    with torch.no_grad():
        logits = net.logits(net(inputs))[0]
    return plainly(logits, torch.tensor(ids))


def assert_close(
    found: TokenScores, expected: dict[str, np.ndarray], *, atol: float = 1e-4
) -> None:
    for name in FIELDS:
        np.testing.assert_allclose(getattr(found, name), expected[name], atol=atol, rtol=1e-5)


@pytest.mark.parametrize(
    ("width", "heads", "depth"), [(768, 12, 2), (1024, 16, 1), (1280, 20, 1), (1600, 25, 1)]
)
def test_agrees_with_transformers_at_every_width(width: int, heads: int, depth: int) -> None:
    transformers = pytest.importorskip("transformers")
    vocabulary = 50_257 if width == 768 else 5_003
    shape = {"n_layer": depth, "n_head": heads, "n_embd": width, "vocab_size": vocabulary}
    ours = network(GPT2Config(**shape), spread=0.08)
    peer = transformers.GPT2LMHeadModel(transformers.GPT2Config(**shape)).eval()
    state = {}
    for name, value in ours.state_dict().items():
        matrix = ".c_" in name and value.ndim == 2  # the peer keeps (in, out)
        state[f"transformer.{name}"] = value.t() if matrix else value
    peer.load_state_dict(state, strict=False)
    documents = texts(40, 23, 7, vocab_size=vocabulary)
    for ids, found in zip(documents, score(ours, documents), strict=True):
        with torch.no_grad():
            logits = peer(torch.tensor([[vocabulary - 1, *ids[:-1]]])).logits[0]
        expected = plainly(logits, torch.tensor(ids))
        rank = expected.pop("rank")
        for name, values in expected.items():
            np.testing.assert_allclose(getattr(found, name), values, atol=1e-4)
        assert np.abs(found.rank - rank).max() <= 1  # two sums of one logit can order a near tie


def test_text_longer_than_the_context_is_scored_in_windows() -> None:
    net = network()
    (ids,) = texts(41)
    for stride in (1, 5, 8, 16):
        expected: dict[str, list[float]] = {name: [] for name in FIELDS}
        inputs, done = [100, *ids], 0
        while done < len(ids):
            end = min(len(ids), 16 if done == 0 else done + stride)
            start = max(0, end - 16)
            with torch.no_grad():
                logits = net.logits(net(torch.tensor([inputs[start:end]])))[0]
            window = plainly(logits, torch.tensor(inputs[start + 1 : end + 1]))
            for name in FIELDS:
                expected[name].extend(window[name][done - start :])
            done = end
        (found,) = score(net, [ids], stride=stride)
        assert_close(found, {n: np.array(v) for n, v in expected.items()}, atol=1e-5)
        assert found.tokens.tolist() == ids
        assert len(found) == found.tokens_total == 41


@pytest.mark.parametrize("batch_tokens", [1, 20, 64, 10_000])
def test_neighbours_and_batches_change_nothing(batch_tokens: int) -> None:
    net = network()
    documents = texts(5, 0, 16, 40, 1, 17, 3, 0, 15, 33, 2)
    together = score(net, documents, batch_tokens=batch_tokens)
    for ids, found in zip(documents, together, strict=True):
        (alone,) = score(net, [ids])
        assert found.tokens.tolist() == ids
        np.testing.assert_array_equal(found.rank, alone.rank)
        for name in FIELDS:
            np.testing.assert_allclose(
                getattr(found, name), getattr(alone, name), atol=1e-5, rtol=1e-6
            )


def test_compiled_loops_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network()
    documents = texts(5, 0, 16, 40, 1)
    both = []
    for many in (0, 2**40):
        monkeypatch.setattr(passes, "_MANY", many)
        both.append(score(net, documents))
    for compiled, plain in zip(*both, strict=True):
        np.testing.assert_array_equal(compiled.rank, plain.rank)
        for name in FIELDS:
            np.testing.assert_allclose(
                getattr(compiled, name), getattr(plain, name), atol=1e-5, rtol=1e-6
            )


def test_texts_are_given_up_as_soon_as_they_are_scored() -> None:
    read = itertools.count()

    def endless() -> Iterator[list[int]]:
        yield [1, 2, 3]
        while True:
            next(read)
            yield []

    scores = stream_scores(network(), endless(), batch_tokens=8)
    assert [len(next(scores)) for _ in range(4)] == [3, 0, 0, 0]
    assert next(read) <= 10


def test_first_token_is_given_end_of_text() -> None:
    net = network()
    (ids,) = texts(9)
    (found,) = score(net, [ids])
    assert_close(found, by_hand(net, ids), atol=1e-5)
    (other,) = score(net, [ids], eot=7)
    assert_close(other, by_hand(net, ids, eot=7), atol=1e-5)
    assert abs(found.log_prob[0] - other.log_prob[0]) > 1e-3


def test_empty_text_has_scores_of_length_zero() -> None:
    for scores in (score(network(), [[]]), score(network(), [[], [3], []])):
        assert [len(getattr(scores[0], name)) for name in FIELDS] == [0, 0, 0, 0]
        assert scores[0].rank.dtype == np.int32
        assert scores[0].log_prob.dtype == np.float32
    assert score(network(), []) == []
    assert cross_entropy(network(), network(), [[]])[0].shape == (0,)


def test_a_cut_text_says_so() -> None:
    net = network()
    (ids,) = texts(12)
    (cut,) = score(net, [ids], max_tokens=5)
    assert (len(cut), cut.tokens_total) == (5, 12)
    assert_close(cut, by_hand(net, ids[:5]), atol=1e-5)


def test_tokens_with_equal_embeddings_tie() -> None:
    net = network()
    with torch.no_grad():
        net.wte.weight[:] = net.wte.weight[0]
    (found,) = score(net, [[0, 50, 100]])
    assert found.rank.tolist() == [1, 1, 1]
    np.testing.assert_allclose(found.entropy, np.log(101), atol=1e-5)
    np.testing.assert_allclose(found.variance, 0, atol=1e-9)


def test_damaged_weights_are_said_to_be() -> None:
    net = network()
    with torch.no_grad():
        net.ln_f.weight[0] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        score(net, [[1, 2]])


@pytest.mark.parametrize("wrong", [101, -1])
def test_ids_outside_the_vocabulary_are_refused(wrong: int) -> None:
    with pytest.raises(ValueError, match=rf"text 1 holds id {wrong}, outside .* 101"):
        score(network(), [[1], [5, wrong]])


@pytest.mark.parametrize(
    "settings",
    [{"stride": 0}, {"stride": 17}, {"eot": 101}, {"batch_tokens": 0}, {"max_tokens": 0}],
)
def test_wrong_settings_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        score(network(), [[1]], **settings)


def test_texts_are_read_no_further_than_needed() -> None:
    read = itertools.count()

    def endless() -> Iterator[list[int]]:
        while True:
            next(read)
            yield [1, 2, 3]

    scores = stream_scores(network(), endless(), batch_tokens=8)
    first = [next(scores) for _ in range(100)]
    assert all(len(s) == 3 for s in first)
    assert next(read) <= 100 + 16 * 8


class Largest(TorchDispatchMode):
    """Remembers the most elements of any tensor that an operation makes anew."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        given = {a.untyped_storage().data_ptr() for a in args if isinstance(a, torch.Tensor)}
        for tensor in out if isinstance(out, (list, tuple)) else [out]:
            fresh = isinstance(tensor, torch.Tensor) and (
                tensor.untyped_storage().data_ptr() not in given
            )
            if fresh:
                self.elements = max(self.elements, tensor.numel())
        return out


LARGEST = BLOCK_BYTES // 4  # float32 numbers


def test_no_tensor_comes_near_batch_x_length_x_vocabulary() -> None:
    config = dataclasses.replace(TINY, n_ctx=512, vocab_size=50_257)
    net = network(config)
    documents = texts(*[512] * 4, vocab_size=config.vocab_size)
    with Largest() as seen:
        score(net, documents)
    assert 0 < seen.elements <= LARGEST
    assert 4 * 512 * config.vocab_size / 5 > LARGEST
    with Largest() as seen:
        cross_entropy(net, net, documents)
    assert 0 < seen.elements <= LARGEST


def test_cross_entropy_is_the_papers() -> None:
    observer, performer = network(seed=1), network(dataclasses.replace(TINY, n_layer=1), seed=2)
    documents = texts(7, 16, 1)
    found = cross_entropy(observer, performer, documents)
    for ids, values in zip(documents, found, strict=True):
        inputs = torch.tensor([[100, *ids[:-1]]])
        with torch.no_grad():
            seen = observer.logits(observer(inputs))[0].double().softmax(-1)
            written = performer.logits(performer(inputs))[0].double().log_softmax(-1)
        np.testing.assert_allclose(values, -(seen * written).sum(-1).numpy(), atol=1e-5)


def test_cross_entropy_with_itself_is_entropy() -> None:
    net = network()
    documents = texts(30, 4)
    for crossed, own in zip(cross_entropy(net, net, documents), score(net, documents), strict=True):
        np.testing.assert_allclose(crossed, own.entropy, atol=1e-5)


def test_cross_entropy_fits_the_shorter_context() -> None:
    short, long = network(), network(dataclasses.replace(TINY, n_ctx=64), seed=3)
    (ids,) = texts(40)
    assert len(cross_entropy(long, short, [ids])[0]) == 40


def test_networks_of_two_vocabularies_are_refused() -> None:
    other = network(dataclasses.replace(TINY, vocab_size=102))
    with pytest.raises(ValueError, match=r"vocabularies differ \(\[101, 102\]\)"):
        cross_entropy(network(), other, [[1]])
