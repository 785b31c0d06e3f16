"""Fifty steps through transformers' own GPT-2 with plain PyTorch give the same losses."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from transformers import GPT2Config as PeerConfig
from transformers import GPT2LMHeadModel

from hallmark.lm.training.log import read_log
from hallmark.lm.training.loop import TrainData, train
from hallmark.lm.training.order import Rows, micro_batches
from hallmark.lm.training.settings import TrainConfig
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import GPT2Config

SHAPE = GPT2Config(n_layer=3, n_head=4, n_embd=64, n_ctx=32, vocab_size=300)
CONFIG = TrainConfig(
    steps=50, batch_size=8, micro_batch=4, sequence_length=32, lr=1e-3, precision="float32",
    valid_every=50, save_every=50,
)  # fmt: skip


def test_fifty_steps_give_transformers_losses(tiny, tmp_path: Path) -> None:
    ids = np.random.default_rng(0).zipf(1.3, 32 * 300 + 1) % 300
    rows = Rows(tiny.ArrayStream(ids), CONFIG)
    network = GPT2(SHAPE)
    network.initialise(torch.Generator().manual_seed(0))
    shape = PeerConfig(
        n_layer=3, n_head=4, n_embd=64, n_positions=32, vocab_size=300, resid_pdrop=0.0,
        embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=299, eos_token_id=299,
    )  # fmt: skip
    peer = GPT2LMHeadModel(shape)
    with torch.no_grad():
        theirs = dict(peer.transformer.named_parameters())
        for name, p in network.named_parameters():
            theirs[name].copy_(p.t() if ".c_" in name and p.ndim == 2 else p)
    data = TrainData(rows, rows, np.ones(300, dtype=np.int64))
    train(network, data, CONFIG, folder=tmp_path, identity={})
    ours = [line["loss"] for line in read_log(tmp_path) if "loss" in line]
    assert np.abs(np.array(ours) - peer_losses(peer, rows)).max() < 1e-4
    assert ours[-1] < ours[0] - 1  # something was learnt


def peer_losses(peer: GPT2LMHeadModel, rows: Rows) -> np.ndarray:
    """The same steps by the textbook: all logits, autograd's cross-entropy, AdamW."""
    matrices = [p for p in peer.parameters() if p.ndim >= 2]
    vectors = [p for p in peer.parameters() if p.ndim < 2]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
        betas=(0.9, 0.95),
    )
    losses = []
    whole = dataclasses.replace(CONFIG, micro_batch=CONFIG.batch_size)
    for step in range(CONFIG.steps):
        (batch,) = micro_batches(rows, whole, step=step, rank=0, world=1)
        logits = peer(batch[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(peer.parameters(), CONFIG.clip)
        for group in optimiser.param_groups:
            group["lr"] = CONFIG.lr * CONFIG.scale(step)
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    return np.array(losses)
