"""Keys and values that stay where they are, and the two ways in which a pass sees them."""

from __future__ import annotations

from torch import Tensor

from hallmark.models.gpt2 import GPT2


class StaticCache:
    """Keys and values of `slots` texts of up to `capacity` tokens, allocated once.

    `keys` and `values`: (n_layer, S, n_head, capacity, head_dim), in the type that the network's
    attention works in.
    """

    def __init__(self, network: GPT2, *, slots: int, capacity: int) -> None:
        made = network.cache(batch=slots, capacity=capacity)
        self.keys, self.values = made.keys, made.values


class OneToken:
    """The cache to a pass over one token of every text, which goes to its place in `places` (S,).

    Attention looks at the first `bucket` positions, a number that Python knows; a mask hides what
    no text has filled. `places` is read when the pass runs, on the device.
    """

    length = 0

    def __init__(self, cache: StaticCache, places: Tensor, *, bucket: int) -> None:
        _, slots, heads, _, width = cache.keys.shape
        self._cache, self._bucket = cache, bucket
        self._index = places[:, None, None, None].expand(slots, heads, 1, width)

    def append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store (S, n_head, 1, head_dim); return (S, n_head, bucket, head_dim) of each."""
        keys, values = self._cache.keys[layer], self._cache.values[layer]
        keys.scatter_(2, self._index, key)
        values.scatter_(2, self._index, value)
        return keys[:, :, : self._bucket], values[:, :, : self._bucket]


class WholeTexts:
    """The cache to a pass that reads whole texts into the slots `slots` (B,), from position 0.

    They may be padded on the right: a slot's mask hides what lies behind its own tokens.
    """

    length = 0

    def __init__(self, cache: StaticCache, slots: Tensor) -> None:
        self._cache, self._slots = cache, slots

    def append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store (B, n_head, T, head_dim) and return them: there is nothing before."""
        for held, new in ((self._cache.keys, key), (self._cache.values, value)):
            held[layer, :, :, : new.shape[2]].index_copy_(0, self._slots, new)
        return key, value
