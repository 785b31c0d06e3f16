"""What the compiled functions work on: a network as addresses, a cache, and room for results.

Named tuples, because numba passes those to compiled code as they are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from hallmark.models.gpt2 import GPT2
from hallmark.models.matrices import HeldEmbedding, Int4Matrix, Int8Matrix
from hallmark.models.precision import Precision

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]
MAX_ROWS = 64  # of a pass
BLOCK = 32  # outputs of a product that are finished together
KINDS = {p: i for i, p in enumerate(Precision)}  # float32 0, bf16 1, int8 2, int4 3
_MATRICES = (("attn", "c_attn"), ("attn", "c_proj"), ("mlp", "c_fc"), ("mlp", "c_proj"))


class Weights(NamedTuple):
    """A network. Row 4 l + i of `matrices` has the addresses of layer l's c_attn, c_proj, c_fc or
    c_proj and of its multipliers; the last row those of the embedding. `scales` and `biases`
    (n_layer, 9 C) have those of the four one after another; `norms` (n_layer, 4, C) weight and
    bias of both norms.
    """

    kind: int
    n_head: int
    epsilon: float
    matrices: Whole
    scales: Floats
    biases: Floats
    norms: Floats
    last_norm: Floats  # (2, C)
    positions: Floats  # (n_ctx, C)
    token_scales: Floats  # (V,)
    no_bias: Floats  # (V,) zeros: the head has none


class Cache(NamedTuple):
    """Keys and values, (slots, n_layer, n_head, capacity, head_dim) each, float32 or bf16.

    A slot holds one sequence. Both are held as 16-bit words, two for a float32 and for bf16 its
    upper half, so that the same compiled code serves both.
    """

    keys: NDArray[np.uint16]
    values: NDArray[np.uint16]
    bf16: bool


class Rows(NamedTuple):
    """The tokens of one pass, (R,) each: a row is one token of the sequence in `slots` at
    position `places`. `wanted` (W,): the rows whose logits are wanted.
    """

    tokens: Whole
    slots: Whole
    places: Whole
    wanted: Whole


class Room(NamedTuple):
    """Memory for a pass over up to R rows by up to S threads."""

    barrier: Whole
    x: Floats  # (R, C), the residual stream
    qkv: Floats  # (R, 3 C)
    attended: Floats  # (R, C)
    hidden: Floats  # (R, 4 C)
    logits: Floats  # (R, V)
    plain: Floats  # (S, R, 4 C): each thread's own inputs of a product
    whole: NDArray[np.int16]  # (S, R, 4 C): the same as whole numbers, as `inputs` lays them out
    steps: Floats  # (S, R): what one of those is worth
    scores: Floats  # (S, n_ctx): attention of one row and head
    shared: Floats  # (R, 4 C): inputs of a product that all threads read
    bytes: NDArray[np.int8]  # (R, 4 C): the same as whole numbers
    shared_steps: Floats  # (R,)
    sums: NDArray[np.int32]  # (S, 4, BLOCK): of dot products
    unpacked: NDArray[np.int8]  # (S, BLOCK, 4 C): a block of 4-bit weights as bytes


def weights_of(network: GPT2) -> Weights:
    """Addresses and small copies; the network must stay alive and unchanged meanwhile."""
    c = network.config
    *inner, embedding = matrices_of(network)
    layers = [inner[first : first + 4] for first in range(0, len(inner), 4)]
    matrices = [_addresses(m) for m in (*inner, embedding)]
    blocks: list[Any] = list(network.h)
    norms = [[b.ln_1.weight, b.ln_1.bias, b.ln_2.weight, b.ln_2.bias] for b in blocks]
    flat = [p for layer in norms for p in layer]
    return Weights(
        kind=KINDS[network.precision],
        n_head=c.n_head,
        epsilon=c.layer_norm_epsilon,
        matrices=np.array(matrices, dtype=np.int64),
        scales=np.stack([np.concatenate([_scale(m) for m in layer]) for layer in layers]),
        biases=np.stack([np.concatenate([_floats(m.bias) for m in layer]) for layer in layers]),
        norms=np.stack([_floats(p) for p in flat]).reshape(c.n_layer, 4, c.n_embd),
        last_norm=np.stack([_floats(network.ln_f.weight), _floats(network.ln_f.bias)]),
        positions=_floats(network.wpe.weight),
        token_scales=_scale(embedding),
        no_bias=np.zeros(c.vocab_size, dtype=np.float32),
    )


def matrices_of(network: GPT2) -> list[Any]:
    """The four matrices of each layer in turn, then the embedding's."""
    inner = [getattr(getattr(b, part), name) for b in network.h for part, name in _MATRICES]
    held = network.wte
    return [*inner, held.held if isinstance(held, HeldEmbedding) else held]


def _addresses(matrix: Any) -> tuple[int, int]:
    weight: Tensor = matrix.weight
    assert weight.is_contiguous(), "rows of a matrix lie one after another"
    multiplier = matrix.multiplier.data_ptr() if isinstance(matrix, Int4Matrix) else 0
    return weight.data_ptr(), multiplier


def _scale(matrix: Any) -> Floats:
    """One scale an output row; those of matrices that have none are 1."""
    if isinstance(matrix, Int8Matrix | Int4Matrix):
        return _floats(matrix.scale)
    return np.ones(len(matrix.weight), dtype=np.float32)


def _floats(tensor: Tensor) -> Floats:
    return np.ascontiguousarray(tensor.detach().float().numpy())


def make_cache(network: GPT2, *, slots: int, capacity: int) -> Cache:
    """An empty cache: float32 beside float32 matrices, so that nothing is lost, else bf16.

    The memory is taken from the system as it is filled.
    """
    c = network.config
    bf16 = network.precision != Precision.FLOAT32
    words = c.n_embd // c.n_head * (1 if bf16 else 2)
    shape = (slots, c.n_layer, c.n_head, capacity, words)
    return Cache(np.empty(shape, dtype=np.uint16), np.empty(shape, dtype=np.uint16), bf16)


def make_room(network: GPT2, *, rows: int, threads: int) -> Room:
    """Memory for passes of up to `rows` rows."""
    c = network.config
    f = np.float32
    return Room(
        barrier=np.zeros(8, dtype=np.int64),
        x=np.empty((rows, c.n_embd), dtype=f),
        qkv=np.empty((rows, 3 * c.n_embd), dtype=f),
        attended=np.empty((rows, c.n_embd), dtype=f),
        hidden=np.empty((rows, 4 * c.n_embd), dtype=f),
        logits=np.empty((rows, c.vocab_size), dtype=f),
        plain=np.empty((threads, rows, 4 * c.n_embd), dtype=f),
        whole=np.empty((threads, rows, 4 * c.n_embd), dtype=np.int16),
        steps=np.empty((threads, rows), dtype=f),
        scores=np.empty((threads, c.n_ctx), dtype=f),
        shared=np.empty((rows, 4 * c.n_embd), dtype=f),
        bytes=np.empty((rows, 4 * c.n_embd), dtype=np.int8),
        shared_steps=np.ones(rows, dtype=f),
        sums=np.zeros((threads, 4, BLOCK), dtype=np.int32),
        unpacked=np.empty((threads, BLOCK, 4 * c.n_embd), dtype=np.int8),
    )
