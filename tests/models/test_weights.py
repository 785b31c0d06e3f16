"""Safetensors files written here and read by the library; memory taken while loading."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from hallmark.models import checkpoint, weights
from hallmark.models.sizes import GPT2Config
from hallmark.models.weights import SafetensorsFile, write_safetensors

MEASURE = """
import resource, sys
from pathlib import Path
import torch
from hallmark.models import checkpoint
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
network = checkpoint.load_network(Path(sys.argv[1]))
print(peak() - before)
"""


def test_the_library_reads_what_is_written(tmp_path):
    tensors = {
        "a": torch.arange(7, dtype=torch.int8),
        "b": torch.randn(3, 5).T,
        "é": torch.randn(4).half(),
        "none": torch.empty(0, 3),
        "scalar": torch.tensor(2.5),
    }
    write_safetensors(tmp_path / "t.safetensors", tensors)
    read = load_file(tmp_path / "t.safetensors")
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor)
    with safe_open(tmp_path / "t.safetensors", framework="pt") as file:
        assert file.metadata() == {"format": "pt"}


def test_a_full_disk_leaves_the_last_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "new" / "t.safetensors"
    path.parent.mkdir()
    write_safetensors(path, {"a": torch.ones(4)})
    whole = path.read_bytes()

    class Full:
        dtype, shape = torch.float32, (4,)
        element_size = numel = staticmethod(lambda: 4)

        def detach(self):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_safetensors(path, {"a": torch.ones(4), "b": Full()})
    assert path.read_bytes() == whole
    assert list(path.parent.iterdir()) == [path]


def test_a_huge_header_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "t.safetensors"
    with path.open("wb") as file:
        file.write((90 * 2**20).to_bytes(8, "little"))
        file.truncate(100 * 2**20)
    monkeypatch.setattr(weights, "safe_open", None)
    with pytest.raises(ValueError, match="huge header"):
        SafetensorsFile(path)


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kB there")
@pytest.mark.parametrize("form", ["huggingface", "tensorflow"])
def test_loading_takes_at_most_about_twice_the_file(
    make_network, tiny_tokenizer, write_tensorflow, tmp_path, form
):
    config = GPT2Config(n_layer=8, n_head=8, n_embd=512, vocab_size=tiny_tokenizer.n_vocab)
    network = make_network(config)
    if form == "huggingface":
        checkpoint.save_huggingface(tmp_path, network, tiny_tokenizer)
    else:
        write_tensorflow(tmp_path, network, tiny_tokenizer)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) < 2.3 * 4 * config.parameters
