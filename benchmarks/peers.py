"""GPT-2 of a given shape with random weights, as each peer wants it on disk. Cheap to repeat."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hallmark.models.gpt2 import GPT2
from hallmark.models.matrices import fill, hold
from hallmark.models.precision import Precision
from hallmark.models.sizes import GPT2Config, find_size

GGUF_NAMES = {
    "ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
}  # fmt: skip


def config_of(shape: str) -> GPT2Config:
    """A published size by name, or LAYERSxHEADSxWIDTH[xVOCABULARY] to try the benchmark itself."""
    if "x" in shape and shape[0].isdigit():
        layers, heads, width, *size = map(int, shape.split("x"))
        given = {"vocab_size": size[0]} if size else {}
        return GPT2Config(n_layer=layers, n_head=heads, n_embd=width, **given)
    return find_size(shape).config


def random_tensor(name: str, shape: torch.Size) -> Tensor:
    """The same weights every time: one block of normal numbers, cut to the tensor's size."""
    block = torch.randn(2**20 + 7, generator=torch.Generator().manual_seed(0)) * 0.02
    made = block.repeat(-(-shape.numel() // len(block)))[: shape.numel()].view(shape)
    return made + 1.0 if len(shape) == 1 and name.endswith("weight") else made


def random_network(shape: str) -> GPT2:
    """In float32."""
    with torch.device("meta"):
        network = GPT2(config_of(shape))
    state = {name: random_tensor(name, p.shape) for name, p in network.named_parameters()}
    network.load_state_dict(state, assign=True)
    return network.eval()


def hallmark_network(shape: str, precision: str) -> GPT2:
    """Ours, one matrix at a time in float32, so that 1.5B takes little memory."""
    if precision == Precision.FLOAT32:
        return random_network(shape)
    with torch.device("meta"):
        network = GPT2(config_of(shape))
    shapes = {name: p.shape for name, p in network.named_parameters()}
    small = {n: random_tensor(n, s) for n, s in shapes.items() if len(s) == 1 or "wpe" in n}
    network.load_state_dict(small, assign=True, strict=False)
    kind = Precision(precision)
    return fill(network, lambda n, b: hold(random_tensor(n, shapes[n]), b, kind), kind)


def gguf_tensors(network: GPT2) -> Iterator[tuple[str, Tensor]]:
    """Every tensor under llama.cpp's name."""
    for name, p in network.named_parameters():
        kind = name.rpartition(".")[2]
        if name.startswith("h."):
            _, layer, inner = name.rpartition(".")[0].split(".", 2)
            yield f"blk.{layer}.{GGUF_NAMES[inner]}.{kind}", p
        else:
            known = {"wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm"}
            yield f"{known[name.partition('.')[0]]}.{kind}", p


def write_gguf(path: Path, shape: str, kind: str) -> Path:
    """llama.cpp's file with matrices in Q8_0, Q4_0 or F16; positions and vectors in float32."""
    import gguf

    if path.exists():
        return path
    network, quant = random_network(shape), gguf.GGMLQuantizationType[kind]
    c = network.config
    out = gguf.GGUFWriter(path.with_suffix(".part"), "gpt2")
    out.add_context_length(c.n_ctx)
    out.add_embedding_length(c.n_embd)
    out.add_feed_forward_length(4 * c.n_embd)
    out.add_block_count(c.n_layer)
    out.add_head_count(c.n_head)
    out.add_layer_norm_eps(c.layer_norm_epsilon)
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("gpt-2")
    out.add_token_list(words(shape))
    out.add_token_merges(["t 0"])
    for name, p in gguf_tensors(network):
        values = p.detach().numpy()
        if values.ndim == 2 and name != "position_embd.weight":
            out.add_tensor(name, gguf.quants.quantize(values, quant), raw_dtype=quant)
        else:
            out.add_tensor(name, values.astype(np.float32))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    path.with_suffix(".part").replace(path)
    return path


def transformers_network(network: GPT2, **settings: Any) -> Any:
    """transformers' own network in memory, with the same weights; `settings` of its config."""
    from transformers import GPT2Config as PeerConfig
    from transformers import GPT2LMHeadModel

    c = network.config
    shape = PeerConfig(
        n_layer=c.n_layer, n_head=c.n_head, n_embd=c.n_embd, vocab_size=c.vocab_size,
        n_positions=c.n_ctx, **settings,
    )  # fmt: skip
    peer = GPT2LMHeadModel(shape)
    theirs = dict(peer.transformer.named_parameters())
    with torch.no_grad():
        for name, p in network.named_parameters():
            matrix = ".c_" in name and p.ndim == 2  # kept as (in, out)
            theirs.pop(name).copy_(p.t() if matrix else p)
    assert not theirs
    return peer


def add_options(parser: argparse.ArgumentParser, sides: Iterable[str], *, runs: int = 3) -> None:
    """What the benchmarks of decoding have in common."""
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--sides", nargs="+", default=list(sides))
    default = Path(tempfile.gettempdir()) / "hallmark-benchmarks"
    parser.add_argument("--folder", type=Path, default=default)
    parser.add_argument("--side", help=argparse.SUPPRESS)


def write_transformers(folder: Path, shape: str, tokens: Callable[[], list[str]]) -> Path:
    """A folder that transformers opens, in bf16, and CTranslate2 converts."""
    if (folder / "config.json").exists():
        return folder
    from transformers import GPT2Config as PeerConfig
    from transformers import GPT2LMHeadModel

    network = random_network(shape)
    c = network.config
    with torch.device("meta"):
        peer = GPT2LMHeadModel(
            PeerConfig(n_layer=c.n_layer, n_head=c.n_head, n_embd=c.n_embd, vocab_size=c.vocab_size)
        )
    state = {
        f"transformer.{n}": (p.t() if ".c_" in n and p.ndim == 2 else p).detach().bfloat16()
        for n, p in network.named_parameters()
    }
    state = {n: p.contiguous() for n, p in state.items()}
    state["lm_head.weight"] = state["transformer.wte.weight"]
    peer.load_state_dict(state, assign=True, strict=False)
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    peer.save_pretrained(part)
    _write_vocabulary(part, tokens())
    part.rename(folder)
    return folder


def _write_vocabulary(folder: Path, tokens: list[str]) -> None:
    """A tokenizer of made-up words, which the converter wants to see."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: i for i, token in enumerate(tokens)}
    fast = Tokenizer(WordLevel(vocabulary, unk_token=tokens[0]))
    end = tokens[-1]
    PreTrainedTokenizerFast(
        tokenizer_object=fast, bos_token=end, eos_token=end, unk_token=tokens[0]
    ).save_pretrained(folder)


def words(shape: str) -> list[str]:
    """Made-up names of the tokens."""
    return [f"t{i}" for i in range(config_of(shape).vocab_size)]


def write_ctranslate2(folder: Path, shape: str) -> Path:
    """CTranslate2's folder with int8 weights."""
    if (folder / "model.bin").exists():
        return folder
    from ctranslate2.converters import TransformersConverter

    source = folder.with_name(f"transformers-{shape}")
    write_transformers(source, shape, lambda: words(shape))
    TransformersConverter(str(source), load_as_float16=False, low_cpu_mem_usage=True).convert(
        str(folder), quantization="int8", force=True
    )
    return folder


def prepare(folder: Path, shape: str, side: str) -> Path | None:
    """What a side needs on disk."""
    folder.mkdir(parents=True, exist_ok=True)
    if side.startswith("llama.cpp"):
        kind = side.split()[1]
        return write_gguf(folder / f"{shape}-{kind}.gguf", shape, kind)
    if side.startswith("transformers"):
        return write_transformers(folder / f"transformers-{shape}", shape, lambda: words(shape))
    if side.startswith("CTranslate2"):
        return write_ctranslate2(folder / f"ctranslate2-{shape}", shape)
    return None


if __name__ == "__main__":
    print(prepare(Path(sys.argv[1]), sys.argv[2], " ".join(sys.argv[3:])))
