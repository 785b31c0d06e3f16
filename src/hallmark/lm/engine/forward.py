"""One forward pass of several threads together, compiled as a whole.

Each thread runs the same program on its share of every matrix's outputs, and they meet where
one needs what others have written. A pass costs no work in Python but the call.
"""

from __future__ import annotations

from numba import njit

from hallmark.lm.engine.bits import address_of, meet
from hallmark.lm.engine.inputs import STRICT, form_of, prepare
from hallmark.lm.engine.kernels import attend, embed, gelu, normalise, product, store


@njit(**STRICT)
def share_of(count, rank, size, unit):
    """Which of `count` outputs are thread `rank`'s: (first, last), in whole units."""
    units = (count + unit - 1) // unit
    return min(count, units * rank // size * unit), min(count, units * (rank + 1) // size * unit)


@njit(**STRICT)
def store_keys_and_values(cache, rows, layer, qkv, share):
    """Put outputs `share` of c_attn, as far as they are keys and values, into the cache."""
    _, _, heads, _, words = cache.keys.shape
    size = 2 if cache.bf16 else 4
    width = words * 2 // size
    columns = heads * width
    for row in range(rows.tokens.size):
        for part, array in ((1, cache.keys), (2, cache.values)):
            for head in range(heads):
                at = part * columns + head * width
                first, last = max(at, share[0]), min(at + width, share[1])
                if first < last:
                    where = array[rows.slots[row], layer, head, rows.places[row]]
                    start = address_of(where) + (first - at) * size
                    store(start, cache.bf16, qkv[row, first:last])


@njit(**STRICT)
def attend_all(cache, rows, layer, room, rank, size):
    """This thread's share of all heads of all rows."""
    _, _, heads, _, words = cache.keys.shape
    width = words if cache.bf16 else words // 2
    for task in range(rank, rows.tokens.size * heads, size):
        row, head = task // heads, task % heads
        keys = address_of(cache.keys[rows.slots[row], layer, head])
        values = address_of(cache.values[rows.slots[row], layer, head])
        part = slice(head * width, (head + 1) * width)
        query, out = room.qkv[row, part], room.attended[row, part]
        attend(query, keys, values, cache.bf16, rows.places[row] + 1, room.scores[rank], out)


@njit(**STRICT)
def prepare_all(kind, x, columns, norm, epsilon, plain, whole, steps):
    """All rows as inputs of a product, normed first where `norm` has a weight and a bias.

    Each thread does this for itself: it is cheaper than to wait for others.
    """
    for row in range(x.shape[0]):
        source = x[row, :columns]
        if norm.shape[0]:
            normalise(source, norm[0], norm[1], epsilon, plain[row, :columns])
            source = plain[row, :columns]
        steps[row] = prepare(kind, source, plain[row, :columns], whole[row, :columns])


@njit(**STRICT)
def forward(rank, size, weights, cache, rows, room):
    """Logits of the wanted rows into room.logits (W, V); keys and values into the cache.

    Called by all `size` threads at once, each with its own `rank`.
    """
    kind, matrices, epsilon = weights.kind, weights.matrices, weights.epsilon
    count, layers, c = rows.tokens.size, weights.norms.shape[0], room.x.shape[1]
    x, qkv, attended, hidden = room.x[:count], room.qkv, room.attended[:count], room.hidden[:count]
    plain, whole, steps = room.plain[rank], room.whole[rank], room.steps[rank]
    inputs, scratch = (plain, whole), (room.sums[rank], room.unpacked[rank])
    form = form_of(kind, count)
    barrier, times = address_of(room.barrier), 0
    none = weights.last_norm[:0]
    ends = (0, 3 * c, 4 * c, 8 * c, 9 * c)  # of the four matrices in scales and biases

    own = share_of(c, rank, size, 64)
    for row in range(count):
        token, place = rows.tokens[row], rows.places[row]
        matrix, scale = matrices[4 * layers], weights.token_scales
        embed(kind, matrix, scale, token, weights.positions[place], c, own, x[row])
    times = meet(barrier, size, times)
    for layer in range(layers):
        scale, bias, norms = weights.scales[layer], weights.biases[layer], weights.norms[layer]
        for part in range(4):
            s, b = scale[ends[part] : ends[part + 1]], bias[ends[part] : ends[part + 1]]
            matrix = matrices[4 * layer + part]
            own = share_of(ends[part + 1] - ends[part], rank, size, 16)
            if part == 0:
                prepare_all(form, x, c, norms[:2], epsilon, plain, whole, steps)
                product(kind, matrix, s, b, inputs, steps, c, count, own, False, qkv, scratch)
                store_keys_and_values(cache, rows, layer, qkv, own)
                times = meet(barrier, size, times)
                attend_all(cache, rows, layer, room, rank, size)
            elif part == 1:
                prepare_all(form, attended, c, none, epsilon, plain, whole, steps)
                product(kind, matrix, s, b, inputs, steps, c, count, own, True, x, scratch)
            elif part == 2:
                prepare_all(form, x, c, norms[2:], epsilon, plain, whole, steps)
                product(kind, matrix, s, b, inputs, steps, c, count, own, False, hidden, scratch)
                for row in range(count):
                    gelu(hidden[row, own[0] : own[1]])
            else:
                prepare_all(form, hidden, 4 * c, none, epsilon, plain, whole, steps)
                product(kind, matrix, s, b, inputs, steps, 4 * c, count, own, True, x, scratch)
            times = meet(barrier, size, times)

    wanted = rows.wanted.size
    form = form_of(kind, wanted)
    for i in range(wanted):
        row, norm = x[rows.wanted[i] : rows.wanted[i] + 1], weights.last_norm
        prepare_all(form, row, c, norm, epsilon, plain[i:], whole[i:], steps[i:])
    matrix, scale, bias = matrices[4 * layers], weights.token_scales, weights.no_bias
    own = share_of(scale.size, rank, size, 16)
    product(kind, matrix, scale, bias, inputs, steps, c, wanted, own, False, room.logits, scratch)
    meet(barrier, size, times)
