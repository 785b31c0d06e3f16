"""Shapes and names of the models: GPT-2's four sizes and the bundled ladder.

Imports nothing heavy, so that listing models costs nothing. Knows where a model's folder is,
but not what is in it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

BUNDLED = Path(__file__).parent.parent / "bundled"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class GPT2Config:
    """Shape of a GPT-2 network, in the release's own names (GPT-2 paper, table 2)."""

    n_layer: int
    n_head: int
    n_embd: int
    n_ctx: int = 1024
    vocab_size: int = 50_257
    layer_norm_epsilon: float = 1e-5

    def __post_init__(self) -> None:
        # The bounds are far above any GPT-2; they keep a damaged config from filling memory.
        for name, most in (
            ("n_layer", 1_000), ("n_head", 1_000), ("n_embd", 100_000),
            ("n_ctx", 10_000_000), ("vocab_size", 10_000_000),
        ):  # fmt: skip
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
                raise ValueError(f"{name} must be a whole number from 1 to {most}, not {value!r}")
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd {self.n_embd} is not a multiple of n_head {self.n_head}")
        epsilon = self.layer_norm_epsilon
        if not isinstance(epsilon, float) or not math.isfinite(epsilon) or not 0 < epsilon < 1:
            raise ValueError(f"layer_norm_epsilon must be between 0 and 1, not {epsilon!r}")

    @property
    def parameters(self) -> int:
        """Number of distinct parameters (the output head is the token embedding)."""
        c = self.n_embd
        block = 12 * c * c + 13 * c  # two norms, c_attn, c_proj, c_fc, c_proj
        return (self.vocab_size + self.n_ctx) * c + self.n_layer * block + 2 * c


@dataclass(frozen=True)
class Size:
    """A model by name: its shape, its other names, and where its weights come from.

    `hub` is the repository that `hallmark get` fetches, None where the weights are bundled.
    """

    name: str
    config: GPT2Config
    aliases: tuple[str, ...] = ()
    hub: str | None = None

    @property
    def bundled(self) -> bool:
        """Whether the weights come with the package."""
        return self.hub is None

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that finds this size."""
        return (self.name, *self.aliases, *([self.hub] if self.hub else []))


def _published(layers: int, heads: int, width: int, hub: str, *names: str) -> Size:
    config = GPT2Config(n_layer=layers, n_head=heads, n_embd=width)
    return Size(names[0], config, names[1:], hub=f"openai-community/{hub}")


def _rung(name: str, *, layers: int, heads: int, width: int) -> Size:
    config = GPT2Config(n_layer=layers, n_head=heads, n_embd=width, vocab_size=8192)
    return Size(f"ladder-{name}", config, (name,))


# 117M, 345M, 762M and 1542M are the release's first names; its counts were off (its README).
SIZES: tuple[Size, ...] = (
    _rung("0.5M", layers=2, heads=2, width=48),
    _rung("1M", layers=3, heads=3, width=96),
    _rung("3M", layers=5, heads=5, width=160),
    _rung("7M", layers=6, heads=4, width=256),
    _published(12, 12, 768, "gpt2", "124M", "117M", "small", "gpt2", "gpt2-small"),
    _published(24, 16, 1024, "gpt2-medium", "355M", "345M", "medium", "gpt2-medium"),
    _published(36, 20, 1280, "gpt2-large", "774M", "762M", "large", "gpt2-large"),
    _published(48, 25, 1600, "gpt2-xl", "1.5B", "1558M", "1542M", "xl", "gpt2-xl"),
)
DEFAULT_MODEL = next(size.name for size in reversed(SIZES) if size.bundled)  # the largest here


# Encoders by their usual names, and the repositories that `hallmark get` fetches.
ENCODERS = {
    "roberta-base": "FacebookAI/roberta-base",
    "roberta-large": "FacebookAI/roberta-large",
}


def find_size(name: str) -> Size:
    """The size of that name or alias, in any case; ValueError lists the valid names."""
    for size in SIZES:
        if name.casefold() in {n.casefold() for n in size.names}:
            return size
    valid = "; ".join(", ".join(size.names[:-1] if size.hub else size.names) for size in SIZES)
    raise ValueError(f"no model is called {_short(name)}; use one of {valid}")


def model_folder(name: str, *, home: Path) -> Path:
    """Where the weights of a size, an encoder, or another hub repository OWNER/NAME are kept."""
    name = ENCODERS.get(name.casefold(), name)
    try:
        size = find_size(name)
    except ValueError:
        if not is_repository(name):
            raise
        return home / "models" / name.replace("/", "--")
    return BUNDLED / size.name if size.bundled else home / "models" / size.name


def smaller_than(config: GPT2Config, *, home: Path) -> Size | None:
    """The smallest model here that can draft for a network: compiled code fits it, the vocabulary
    is the same, and it is at least five times smaller. None below 50 million parameters, where a
    pass costs about as much at any size (benchmarks/speculative.py).
    """
    if config.parameters < 50_000_000:
        return None
    for size in SIZES:
        c = size.config
        fits = c.n_embd % 32 == 0 and c.n_embd // c.n_head % 32 == 0
        same = c.vocab_size == config.vocab_size and 5 * c.parameters <= config.parameters
        if fits and same and (model_folder(size.name, home=home) / MANIFEST).is_file():
            return size
    return None


def is_repository(name: str) -> bool:
    """Whether `name` has the form OWNER/NAME of a repository on the hub."""
    part = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?!\.))*"
    return len(name) <= 200 and re.fullmatch(f"{part}/{part}", name) is not None


def find_model(name_or_folder: str, *, home: Path) -> Path:
    """The folder of a model's weights: a folder as given, or a size's, bundled or fetched.

    ValueError says what the valid names are, or that the size must be fetched first. `home` is
    the folder for data (`home/models/NAME` holds what `hallmark get` fetched).
    """
    given = _existing(name_or_folder)
    if given is not None:
        _refuse_run(given)
        return given
    try:
        folder = model_folder(name_or_folder, home=home)
    except ValueError as error:
        raise ValueError(f"{error}, or a folder of weights") from None
    if (folder / MANIFEST).is_file():
        return folder
    if folder.parent == BUNDLED:
        raise ValueError(f"{folder} is missing from this install; install hallmark again")
    raise ValueError(
        f"{name_or_folder} is not on this machine; run `hallmark get {name_or_folder}` first"
    )


def _existing(name: str) -> Path | None:
    path = Path(name)
    try:
        if path.is_dir() and name:
            return path
        is_file = path.is_file()
    except (OSError, ValueError):  # too long, or NUL: not a path, and no name either
        return None
    if is_file:
        raise ValueError(f"{name} is a file; give the folder that holds the model")
    return None


def _refuse_run(path: Path) -> None:
    """ValueError where the folder is that of a training run, which holds its model in another."""
    model = path / "model"
    if (path / "run.json").is_file() and (model / MANIFEST).is_file():
        raise ValueError(f"{path} is a training run; its model is in {model}")


def _short(name: str) -> str:
    return repr(name if len(name) <= 80 else f"{name[:80]}...")
