"""Logits to the next token: penalty, temperature, top-k, nucleus, and the draw itself.

Pure functions on (B, V) tensors in which no row looks at another. The random numbers are a
function of (seed, step, token id), so that a text depends on its own seed alone: not on the
batch, its neighbours, their order, or the device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hallmark.lm.sampling import SamplingParams

_HEAD = 1024  # a nucleus is looked for among so many tokens before all are sorted
_GAMMA = 0x9E3779B97F4A7C15 - 2**64  # SplitMix64's constants, as signed integers
_FIRST = 0xBF58476D1CE4E5B9 - 2**64
_SECOND = 0x94D049BB133111EB - 2**64


def next_tokens(
    logits: Tensor,
    params: SamplingParams,
    *,
    seeds: Tensor,
    step: int | Tensor,
    seen: Tensor | None = None,
) -> Tensor:
    """Draw one token for each row of logits (B, V); returns ids (B,).

    seeds: (B,) int64. step: how many tokens the row has drawn before (a number or (B,)). seen:
    (B, V) boolean, the tokens that the repetition penalty applies to. The order is that of
    transformers: penalty, temperature, top-k, top-p.
    """
    logits = _penalised(logits, params, seen)
    if not _finite(logits).all():
        raise ValueError("the network's logits are not finite; its weights are damaged")
    if params.temperature == 0:
        return logits.argmax(1)
    logits = at_temperature(logits, params.temperature)
    logits = keep_top_k(logits, params.top_k)
    logits = keep_nucleus(logits, params.top_p)
    possible = logits.isfinite().any(0).nonzero()[:, 0]  # (K,) what any row may draw
    return draw(logits, seeds=seeds, step=step, ids=possible)


def next_tokens_unwatched(
    logits: Tensor,
    params: SamplingParams,
    *,
    seeds: Tensor,
    step: Tensor,
    seen: Tensor | None = None,
) -> Tensor:
    """The tokens of `next_tokens`, but -1 for a row whose logits are not finite.

    For devices that Python should not wait for: no number decides here what is done, so every
    shape is known before, at the price of a nucleus that sorts and noise that nobody needs.
    """
    logits = _penalised(logits, params, seen)
    finite = _finite(logits)
    if params.temperature == 0:
        return torch.where(finite, logits.argmax(1), -1)
    logits = at_temperature(logits, params.temperature)
    logits = keep_top_k(logits, params.top_k)
    logits = keep_nucleus(logits, params.top_p, head=logits.shape[1])
    return torch.where(finite, draw(logits, seeds=seeds, step=step), -1)


def _penalised(logits: Tensor, params: SamplingParams, seen: Tensor | None) -> Tensor:
    """In float32."""
    logits = logits.float()
    if seen is None or params.repetition_penalty == 1:
        return logits
    return penalise(logits, seen, penalty=params.repetition_penalty)


def _finite(logits: Tensor) -> Tensor:
    """(B,): False where a row has NaN anywhere, or nothing to draw."""
    return logits.amax(1).isfinite()


def penalise(logits: Tensor, seen: Tensor, *, penalty: float) -> Tensor:
    """Divide the logits of seen tokens by `penalty` where positive, multiply where negative.

    CTRL's repetition penalty (Keskar et al. 2019, section 4.1) with the sign rule of its code
    and of transformers. It depends on where zero lies, so it acts on the network's raw logits.
    """
    changed = torch.where(logits > 0, logits / penalty, logits * penalty)
    return torch.where(seen, changed, logits)


def at_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Logits, less the row's largest so that nothing overflows, divided by the temperature."""
    return (logits - logits.amax(1, keepdim=True)) / temperature


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """All but the k largest logits of each row set to -inf; 0 keeps all.

    Exactly k stay: of tokens tied at the edge those with the lowest ids. (transformers and the
    release keep every token tied with the k-th.)
    """
    if k == 0 or k >= logits.shape[1]:
        return logits
    cutoff = logits.topk(k).values[:, -1:]
    return _keep_largest(logits, cutoff, torch.full_like(cutoff, k, dtype=torch.long))


def keep_nucleus(logits: Tensor, p: float, *, head: int = _HEAD) -> Tensor:
    """All but the nucleus of each row set to -inf; p = 1 keeps all.

    The nucleus is the smallest set of likeliest tokens whose probability reaches p, the token
    that crosses p included (Holtzman et al. 2020, equation 2); ties go to the lowest ids.
    Faithfulness: the release's `top_p_logits` stops one token short, before the one that
    crosses p. The standard definition is kept here. head: see `_HEAD`.
    """
    if p >= 1:
        return logits
    total = logits.double().logsumexp(1, keepdim=True)
    size = logits.shape[1]
    for count in (min(head, size), size):  # the likeliest few almost always suffice
        largest = logits.topk(count).values  # (B, K), descending
        mass = (largest.double() - total).exp()
        inside = mass.cumsum(1) - mass < p  # the tokens before this one do not reach p yet
        inside[:, 0] = True
        if count == size or not inside[:, -1].any():
            break
    kept = inside.sum(1, keepdim=True)
    return _keep_largest(logits, largest.gather(1, kept - 1), kept)


def _keep_largest(logits: Tensor, cutoff: Tensor, size: Tensor) -> Tensor:
    """Keep `size` (B, 1) logits, the smallest of them `cutoff` (B, 1); the rest become -inf."""
    above = logits > cutoff
    tied = logits == cutoff
    room = size - above.sum(1, keepdim=True)
    return logits.masked_fill(~(above | tied & (tied.cumsum(1) <= room)), float("-inf"))


def draw(logits: Tensor, *, seeds: Tensor, step: int | Tensor, ids: Tensor | None = None) -> Tensor:
    """One id a row, (B,), with probabilities softmax(logits), by the Gumbel-max method.

    ids: (K,) those that any row may draw; the others' noise is not made.

    argmax(logit + Gumbel noise) has exactly that distribution, and each token's noise belongs
    to (seed, step, id). That makes the text robust as well as repeatable. On a CPU the same
    row's float32 logits differ in their last bits, by some e of about 1e-6 and at most 1e-5,
    when computed in another batch. Gumbel-max then draws another token only if its best two
    sums lie within 2e, which has probability below 2e whatever the distribution: of texts of
    1,000 tokens a few in a thousand may part. Inverting the cumulative distribution would risk
    e at every one of thousands of boundaries between tokens, and noise that goes by rank would
    flip where two near-tied tokens change places. Greedy texts part at near ties alone.
    """
    some = torch.arange(logits.shape[1], device=logits.device) if ids is None else ids
    noise = -(-uniform(seeds, step, some).log()).log()
    if ids is None:
        return (logits.double() + noise).argmax(1)
    return ids[(logits[:, ids].double() + noise).argmax(1)]


def uniform(seeds: Tensor, step: int | Tensor, ids: Tensor) -> Tensor:
    """Float64 numbers (B, K) between 0 and 1, both excluded, for seeds (B,) and ids (K,).

    A generator that needs no state: SplitMix64 (Steele et al. 2014), whose stream starts at a
    hash of (seed, step) and is read at the token's id. Integer arithmetic wraps at 64 bits, so
    every device gives the same numbers.
    """
    steps = torch.as_tensor(step, device=seeds.device)
    start = _mix(_mix(seeds) + steps * _GAMMA)  # (B,)
    bits = _mix(start[:, None] + (ids + 1) * _GAMMA)  # (B, K)
    return (_shift(bits, 12).double() + 0.5) * 2.0**-52


def _mix(x: Tensor) -> Tensor:
    """SplitMix64's finaliser: every bit of the result depends on every bit of x."""
    x = (x ^ _shift(x, 30)) * _FIRST
    x = (x ^ _shift(x, 27)) * _SECOND
    return x ^ _shift(x, 31)


def _shift(x: Tensor, bits: int) -> Tensor:
    """Right shift that fills with zeros (PyTorch's fills with the sign)."""
    kept: int = 2 ** (64 - bits) - 1
    return (x >> bits) & kept
