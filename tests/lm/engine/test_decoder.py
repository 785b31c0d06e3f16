"""Compiled passes against the plain network, alone against together, and damage."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np
import pytest
import torch

from hallmark.lm.engine import batch, fits
from hallmark.lm.engine.batch import FROM_ROWS
from hallmark.lm.engine.decoder import Decoder, Token
from hallmark.lm.engine.state import MAX_ROWS
from hallmark.lm.sampling import SamplingParams
from hallmark.models.gpt2 import GPT2
from hallmark.models.matrices import float_matrix, in_precision
from hallmark.models.precision import Precision
from hallmark.models.sizes import GPT2Config

CONFIG = GPT2Config(n_layer=2, n_head=2, n_embd=64, n_ctx=48, vocab_size=301)
ODD = GPT2Config(n_layer=1, n_head=3, n_embd=96, n_ctx=48, vocab_size=77)
GREEDY = SamplingParams(temperature=0)
WHOLE = (Precision.INT8, Precision.INT4)
# Where the cache is bf16, and where inputs are rounded at each product, errors add up.
CLOSE = {Precision.FLOAT32: 1e-4, Precision.BF16: 0.1, Precision.INT8: 0.15, Precision.INT4: 0.15}


@pytest.fixture(autouse=True, params=["PyTorch's", "compiled"])
def products(request, monkeypatch) -> None:
    """Whose products passes over many rows use; on a given processor it is one of the two."""
    many = FROM_ROWS if request.param == "PyTorch's" else MAX_ROWS + 1
    monkeypatch.setattr("hallmark.lm.engine.decoder.from_rows", lambda precision: many)


def make(precision: str = Precision.FLOAT32, config: GPT2Config = CONFIG) -> GPT2:
    """Random, with logits far from flat (their spread is about 3)."""
    network = GPT2(config).eval()
    generator = torch.Generator().manual_seed(0)
    network.initialise(generator)
    with torch.no_grad():
        for p in network.parameters():
            if p.ndim == 2:
                p.mul_(8)
            else:
                p.add_(torch.randn(p.shape, generator=generator) * 0.1)
    return in_precision(network, Precision(precision))


def texts(count: int, length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(CONFIG.vocab_size, (count, length), generator=generator)


def logits_of(network: GPT2, tokens: torch.Tensor, *, threads: int) -> np.ndarray:
    """(T, B, V): each text's logits, a token of all texts a pass."""
    count, length = tokens.shape
    found = []
    with Decoder(network, GREEDY, slots=count, capacity=length, threads=threads) as decoder:
        for place in range(length):
            column = tokens[:, place].tolist()
            decoder.read([Token(t, i, place, step=0) for i, t in enumerate(column)])
            found.append(decoder.logits(count).copy())
    return np.stack(found)


@pytest.mark.parametrize("count", [3, FROM_ROWS + 3])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("precision", Precision)
@torch.no_grad()
def test_logits_are_those_of_the_plain_network(precision, threads, count):
    network, tokens = make(precision), texts(count, 20)
    plain = network.logits(network(tokens)).transpose(0, 1).numpy()
    found = logits_of(network, tokens, threads=threads)
    assert np.abs(found - plain).max() < CLOSE[precision] * (1 if precision == "float32" else 3)
    assert np.abs(found - plain).mean() < CLOSE[precision] / 3
    assert plain.std() > 1


@pytest.mark.parametrize("count", [2, FROM_ROWS + 1])
@pytest.mark.parametrize("precision", [p for p in Precision if p != Precision.INT4])
@torch.no_grad()
def test_a_width_of_half_a_step_more(precision, count):
    network, tokens = make(precision, ODD), texts(count, 10) % ODD.vocab_size
    plain = network.logits(network(tokens)).transpose(0, 1).numpy()
    found = logits_of(network, tokens, threads=2)
    assert np.abs(found - plain).mean() < CLOSE[precision] / 3


@pytest.mark.parametrize("precision", Precision)
def test_nothing_is_read_behind_a_matrix(precision):
    """The last outputs of a vocabulary of no round size, with what is not finite behind them."""
    network = make(precision)
    held = getattr(network.wte, "held", network.wte)
    names = [n for n in ("weight", "multiplier") if hasattr(held, n)]
    read: list[np.ndarray] = []
    for _ in range(2):
        page = mmap.PAGESIZE
        for name in names:  # the matrix ends where a page that may not be read begins
            tensor = getattr(held, name).detach()
            size = tensor.numel() * tensor.element_size()
            room = mmap.mmap(-1, (size // page + 2) * page)
            guard = size // page * page + page
            memory = np.frombuffer(room, dtype=np.uint8)
            libc = ctypes.CDLL(None)
            assert libc.mprotect(ctypes.c_void_p(memory.ctypes.data + guard), page, 0) == 0
            placed = torch.from_numpy(memory[guard - size : guard]).view(tensor.dtype)
            placed = placed.view(tensor.shape).copy_(tensor)
            keep.append((room, memory))
            if isinstance(getattr(held, name), torch.nn.Parameter):
                setattr(held, name, torch.nn.Parameter(placed, requires_grad=False))
            else:
                setattr(held, name, placed)
        read.append(logits_of(network, texts(2, 3), threads=2))
    assert np.array_equal(*read)


keep: list[object] = []  # mapped memory must outlive the tensors on it


@pytest.mark.parametrize("precision", WHOLE)
@torch.no_grad()
def test_whole_numbers_are_those_of_an_oracle_in_float64(precision):
    """The first position, where the cache rounds nothing that matters to one head of one key."""
    network = make(precision)
    plain = make()
    names = {n: m for n, m in network.named_modules() if hasattr(m, "scale")}
    for name, matrix in names.items():
        target = plain.get_submodule(name.removesuffix(".held"))
        target.weight.copy_(float_matrix(matrix))
    tokens = texts(5, 1)
    expected = plain.double().logits(plain.double()(tokens))[:, 0].numpy()
    found = logits_of(network, tokens, threads=1)[0]
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < 0.02


@pytest.mark.parametrize("precision", Precision)
def test_a_text_is_the_same_alone_and_beside_others(precision):
    """Bit for bit where matrices are whole numbers, whichever way products are taken."""
    network, tokens = make(precision), texts(FROM_ROWS + 4, 12)
    together = logits_of(network, tokens, threads=2)
    for i in (0, 5):
        alone = logits_of(network, tokens[i : i + 1], threads=1)[:, 0]
        if precision in WHOLE:
            assert np.array_equal(alone, together[:, i])
        else:
            close = 1e-4 if precision == Precision.FLOAT32 else 0.2
            assert np.abs(alone - together[:, i]).max() < close


@pytest.mark.parametrize("count", [2, FROM_ROWS + 1])
@pytest.mark.parametrize("precision", WHOLE)
def test_the_number_of_threads_changes_no_bit(precision, count):
    """Also with more threads than some product has shares."""
    network, tokens = make(precision), texts(count, 6)
    alone = logits_of(network, tokens, threads=1)
    for threads in (2, 3, 13):
        assert np.array_equal(logits_of(network, tokens, threads=threads), alone)


@pytest.mark.parametrize("precision", WHOLE)
def test_an_outlier_next_door_changes_nothing(precision):
    network, tokens = make(precision), texts(FROM_ROWS + 4, 12)
    tokens[0] = tokens[0].clamp(max=299)
    before = logits_of(network, tokens, threads=1)[:, 0]
    embedding = network.wte.held
    embedding.scale[300] *= 1e4
    tokens[1:] = 300
    assert np.array_equal(logits_of(network, tokens, threads=1)[:, 0, :300], before[:, :300])


@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.INT8])
def test_a_prompt_in_parts_and_copied_is_a_prompt_in_one(precision):
    network, tokens = make(precision), texts(1, 30)[0].tolist()
    with Decoder(network, GREEDY, slots=3, capacity=40, threads=1) as decoder:
        last = {"step": 0, "seed": 0}
        one = [Token(t, 0, i) for i, t in enumerate(tokens[:-1])]
        (first,) = decoder.read([*one, Token(tokens[-1], 0, 29, **last)])
        expected = decoder.logits(1).copy()
        for i, token in enumerate(tokens[:-1]):
            decoder.read([Token(token, 1, i)])
        (second,) = decoder.read([Token(tokens[-1], 1, 29, **last)])
        in_parts = decoder.logits(1).copy()
        decoder.copy(1, 2, length=20)
        rest = [Token(t, 2, 20 + i) for i, t in enumerate(tokens[20:-1])]
        (third,) = decoder.read([*rest, Token(tokens[-1], 2, 29, **last)])
        assert first == second == third
        close = {"atol": 0 if precision == Precision.INT8 else 1e-4, "rtol": 0}
        np.testing.assert_allclose(in_parts, expected, **close)
        np.testing.assert_allclose(decoder.logits(1), expected, **close)


@pytest.mark.parametrize("rows", [1, FROM_ROWS])
@pytest.mark.parametrize("precision", Precision)
def test_weights_that_are_not_numbers_are_refused(precision, rows):
    network = make(precision)
    with torch.no_grad():
        network.h[1].mlp.c_fc.bias[3] = float("nan")
    with (
        Decoder(network, SamplingParams(), slots=rows, capacity=4, threads=1) as decoder,
        pytest.raises(ValueError, match="not finite; its weights are damaged"),
    ):
        decoder.read([Token(5, slot, 0, step=0) for slot in range(rows)])


def test_a_pass_has_as_many_rows_as_it_may(monkeypatch):
    network = make()
    tokens = texts(1, 40)[0].tolist() + texts(1, 24)[0].tolist()
    assert len(tokens) == MAX_ROWS
    with Decoder(network, GREEDY, slots=2, capacity=48, threads=2) as decoder:
        rows = [Token(t, i // 40, i % 40, step=0) for i, t in enumerate(tokens)]
        assert len(decoder.read(rows)) == MAX_ROWS


@pytest.mark.parametrize("dots", [False, True])
@pytest.mark.parametrize("amx", [False, True])
def test_whose_products_many_rows_take(monkeypatch, dots, amx):
    monkeypatch.setattr("hallmark.lm.engine.batch.BYTE_DOTS", dots)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    ours = WHOLE if dots and not amx else ()
    for precision in Precision:
        assert batch.from_rows(precision) == (MAX_ROWS + 1 if precision in ours else FROM_ROWS)


def test_which_networks_fit():
    def shape(**changes: int) -> GPT2:
        sizes = {"n_layer": 1, "n_head": 2, "n_embd": 64, "n_ctx": 8, "vocab_size": 99}
        return make(config=GPT2Config(**(sizes | changes)))

    assert fits(shape())
    assert not fits(shape(n_head=4))
    assert fits(shape(n_embd=96, n_head=3))
    assert not fits(shape(n_embd=48, n_head=1))
    assert not fits(shape(vocab_size=20))
