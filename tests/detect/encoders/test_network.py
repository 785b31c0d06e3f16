"""Rungs as encoders, and that padding and batches change nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hallmark.detect.encoders.batches import by_length, log_odds, pad
from hallmark.detect.encoders.network import SMALL, Rung, Transformer, build
from hallmark.detect.encoders.settings import EncoderConfig
from hallmark.detect.encoders.starts import begin
from hallmark.detect.encoders.vocabulary import Specials
from hallmark.models import checkpoint

RUNG = {"n_layer": 2, "n_head": 2, "n_embd": 16, "n_ctx": 64, "vocab_size": 50}
SPECIALS = Specials((49,), (), 0, 49)


def rows(*lengths: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(4, 49, n).astype(np.int32) for n in lengths]


@pytest.mark.parametrize("kind", [Rung.kind, Transformer.kind])
def test_neighbours_and_padding_change_nothing(kind: str) -> None:
    small = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "intermediate_size": 32}
    network = build(kind, RUNG if kind == Rung.kind else SMALL | small, seed=1)
    specials = SPECIALS if kind == Rung.kind else Specials((0,), (2,), 1, 3)
    with torch.no_grad():  # sharper, so that what should differ does
        for parameter in network.parameters():
            parameter.mul_(5)
    texts = rows(5, 30, 1, 30, 12, 47)
    together = log_odds(network, texts, specials, config=EncoderConfig(micro_batch=4))
    alone = [log_odds(network, [t], specials, config=EncoderConfig())[0] for t in texts]
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert np.diff(np.sort(together)).min() > 5e-4


def test_a_rung_reads_the_mean_of_its_states() -> None:
    network = build(Rung.kind, RUNG, seed=1)
    assert isinstance(network, Rung)
    (text,) = rows(9)
    with torch.no_grad():
        states = network.network(torch.tensor([[49, *text.tolist()]]))[0]
        expected = network.head(states.mean(0))
    found = log_odds(network, [text], SPECIALS, config=EncoderConfig())
    assert found[0] == pytest.approx(float(expected), abs=1e-6)


def test_a_rung_begins_with_the_model_s_weights(tiny_model: Path, tmp_path: Path) -> None:
    network, vocabulary, rate = begin(str(tiny_model), home=tmp_path, seed=0)
    own, tokenizer = checkpoint.load(tiny_model)
    assert isinstance(network, Rung)
    assert rate == "rung"
    for name, tensor in own.state_dict().items():
        assert torch.equal(tensor, network.network.state_dict()[name])
    assert vocabulary.specials.before == (tokenizer.eot,)


def test_the_same_seed_the_same_weights() -> None:
    for kind, shape in ((Rung.kind, RUNG), (Transformer.kind, SMALL | {"vocab_size": 50})):
        one, same, other = (build(kind, shape, seed=s).state_dict() for s in (0, 0, 1))
        assert all(torch.equal(one[n], same[n]) for n in one)
        assert any(not torch.equal(one[n], other[n]) for n in one)


def test_shapes_that_are_none() -> None:
    with pytest.raises(ValueError, match="network is of the kind 'wicked'"):
        build("wicked", {})
    with pytest.raises(ValueError, match="shape is damaged"):
        build(Rung.kind, {"n_layer": 1})
    with pytest.raises(ValueError, match="out of range"):
        build(Transformer.kind, SMALL | {"vocab_size": 2**40})


def test_rows_of_like_length_go_together() -> None:
    groups = by_length(rows(3, 9, 1, 7, 5), 2)
    assert groups == [[1, 3], [4, 0], [2]]
    ids, lengths = pad(rows(3, 1), Specials((7, 8), (9,), 4, 0), device=torch.device("cpu"))
    assert lengths.tolist() == [6, 4]
    assert ids[1, 3:].tolist() == [9, 4, 4]
    assert ids[0, :2].tolist() == [7, 8]
