"""A tiny language model, a background counted from one paragraph, and a detector of the two."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from hallmark.detect.background import CACHES, POSITIONS, Background, count_bigrams
from hallmark.detect.calibration import Calibration, Reference
from hallmark.detect.combination import Combination
from hallmark.detect.experts import Experts
from hallmark.detect.landmarks import compared
from hallmark.detect.reading import Reader
from hallmark.lm.model import LanguageModel
from hallmark.models.checkpoint import save_quantised
from hallmark.models.folder import write_manifest
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import MANIFEST, GPT2Config
from hallmark.models.tokenizer import Tokenizer

PROSE = (
    "The ship left the harbour in the morning and the crew said nothing. Captain Ward had told "
    "them that the weather would hold, and it did, for two days. On the third day the wind rose "
    "and the men were on deck before the bell. Ward said that they should go back, but no one "
    "heard him. It was the last time that the ship was seen. "
)
PAIRS = ["t h", "th e", "  the", "i n", "e r", "  a", "  w", "o n", "h a", "  s", "e d", "a n"]


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None: ...


@pytest.fixture(scope="session")
def prose() -> str:
    return PROSE


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    split = [pair.rsplit(" ", 1) for pair in PAIRS]
    return Tokenizer([(left.encode(), right.encode()) for left, right in split])


def random_network(vocab_size: int, *, seed: int) -> GPT2:
    network = GPT2(GPT2Config(n_layer=1, n_head=2, n_embd=16, n_ctx=1024, vocab_size=vocab_size))
    generator = torch.Generator().manual_seed(seed)
    network.initialise(generator)
    with torch.no_grad():  # sharper than at the start of training, so that ranks differ
        network.wte.weight.mul_(20)
    return network.eval()


@pytest.fixture(scope="session")
def network(tokenizer: Tokenizer) -> GPT2:
    return random_network(tokenizer.n_vocab, seed=0)


@pytest.fixture(scope="session")
def other_network(tokenizer: Tokenizer) -> GPT2:
    return random_network(tokenizer.n_vocab, seed=1)


@pytest.fixture(scope="session")
def model_folder(
    tmp_path_factory: pytest.TempPathFactory, network: GPT2, tokenizer: Tokenizer
) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_quantised(folder, network, tokenizer)
    return folder


@pytest.fixture(scope="session")
def model(model_folder: Path) -> LanguageModel:
    return LanguageModel.load(model_folder, name=str(model_folder))


def count_background(tokenizer: Tokenizer) -> Background:
    stream = np.array([tokenizer.eot, *tokenizer.encode(PROSE * 3)], dtype=np.uint16)
    starts, followers, counts = count_bigrams(stream, vocab_size=tokenizer.n_vocab)
    frequency = np.bincount(stream, minlength=tokenizer.n_vocab) + 0.5
    words = Counter(re.findall("[a-z]+", PROSE.lower()))
    return Background(
        words={word: 1000.0 * count for word, count in words.items()},
        unigram=np.log(frequency / frequency.sum()),
        starts=starts, followers=followers, counts=counts,
        weights=np.full((len(POSITIONS), 2 + len(CACHES)), 1 / (2 + len(CACHES))),
    )  # fmt: skip


@pytest.fixture(scope="session")
def background(tokenizer: Tokenizer) -> Background:
    return count_background(tokenizer)


@pytest.fixture(scope="session")
def reader(model: LanguageModel, background: Background) -> Reader:
    return Reader(model, background)


def random_experts(names: tuple[str, ...]) -> Experts:
    rng = np.random.default_rng(0)
    lengths, n = np.array([16, 64]), len(names)
    return Experts(
        names, lengths, rng.normal(size=(2, n)), np.exp(rng.normal(size=(2, n))),
        rng.normal(size=(2, 2, n)) / n, rng.normal(size=(2, 2)),
        rng.normal(size=(6, int(compared(names).sum()))), rng.normal(size=(2, 2, 6)),
    )  # fmt: skip


def random_calibration() -> Calibration:
    rng = np.random.default_rng(1)
    references = tuple(
        Reference(
            tokens,
            {"news": rng.normal(-2, 1, size=300), "prose": rng.normal(-1, 1, size=200)},
            rng.normal(2, 1, size=400),
        )
        for tokens in (16, 64)
    )
    return Calibration(references, np.array([0.8, 1.1]), np.array([0.1, -0.2]))


@pytest.fixture(scope="session")
def combination(reader: Reader) -> Combination:
    return Combination(reader, random_experts(reader.names()), random_calibration())


@pytest.fixture
def calibration() -> Calibration:
    return random_calibration()


@pytest.fixture
def detector_folder(combination: Combination, tmp_path: Path) -> Path:
    folder = tmp_path / "detector"
    combination.save(folder, facts={"texts": 3})
    return folder


Refused = Callable[..., str]


@pytest.fixture
def refused() -> Refused:
    """The message with which a detector's folder is refused; its manifest is made anew first."""

    def check(load: Callable[..., object], folder: Path, *, home: Path) -> str:
        names = [p.name for p in folder.iterdir() if p.is_file() and p.name != MANIFEST]
        write_manifest(folder, names)
        with pytest.raises((ValueError, FileNotFoundError)) as caught:
            load(folder, home=home)
        message = str(caught.value)
        assert type(caught.value) in (ValueError, FileNotFoundError)
        assert "\n" not in message
        assert len(message) < 700
        return message

    return check
