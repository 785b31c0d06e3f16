"""The release's detector: an encoder fine-tuned to tell synthetic text from human text.

Parts are in `encoders/`; this joins them to a detector with fit, score, save and load. On disk:
config.json, model.safetensors, the vocabulary's file, and the manifest last.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from hallmark.detect.detector import Scores, check_labels
from hallmark.detect.encoders import vocabulary as vocabularies
from hallmark.detect.encoders.batches import log_odds
from hallmark.detect.encoders.crops import READ, Crops
from hallmark.detect.encoders.network import Network, build
from hallmark.detect.encoders.settings import SCRATCH, EncoderConfig
from hallmark.detect.encoders.starts import begin
from hallmark.detect.encoders.training import TrainData, train
from hallmark.detect.encoders.validation import Held, hold
from hallmark.detect.encoders.vocabulary import Ids, Vocabulary
from hallmark.detect.normalise import normalise
from hallmark.detect.stored import blaming, read_config, require
from hallmark.lm.training.checkpoint import Progress, read_tensors
from hallmark.lm.training.parallel import World
from hallmark.lm.training.state import OnEvent
from hallmark.models.folder import write_json, write_manifest
from hallmark.models.weights import write_safetensors

KIND = "encoder"
VERSION = 1
WEIGHTS = "model.safetensors"
Labelled = tuple[Sequence[str], Sequence[int]]


class Encoder:
    """Score: log-odds in nats that a text is synthetic, as the training texts had it.

    Reads the first `config.max_length` tokens of a text. home: where fetched models are.
    """

    def __init__(self, config: EncoderConfig | None = None, *, home: Path | None = None) -> None:
        self.config = config or EncoderConfig()
        self._home = home
        self._network: Network | None = None
        self._vocabulary: Vocabulary | None = None
        self._normalised = True

    @classmethod
    def of(
        cls,
        network: Network,
        vocabulary: Vocabulary,
        *,
        normalised: bool,
        config: EncoderConfig | None = None,
    ) -> Encoder:
        """A detector of a trained network. normalised: whether it reads normalised text.

        It reads as many tokens as the settings have it, or as the network can where that is less.
        """
        config = config or EncoderConfig()
        most = min(config.max_length, _room(network, vocabulary))
        out = cls(replace(config, max_length=most, min_length=min(config.min_length, most)))
        out._adopt(network, vocabulary)
        out._normalised = normalised
        return out

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[int],
        *,
        validation: Labelled | None = None,
        sources: Sequence[str] | None = None,
        folder: Path | None = None,
        world: World | None = None,
        on_event: OnEvent | None = None,
    ) -> Progress:
        """Learn from texts with labels 0 and 1, and keep the weights that do best on `validation`.

        sources: a text's corpus; the corpora of a class have equal shares. folder: keep
        checkpoints and log there, and go on from them; several processes need one. Without
        validation the last weights count. ValueError says what of the texts is missing.
        """
        check_labels(labels)
        if folder is None and world and world.size > 1:
            raise ValueError("several processes need one folder for their checkpoints; give folder")
        network, vocabulary, rate_of = begin(
            self.config.encoder, home=self._home, seed=self.config.seed
        )
        self._adopt(network, vocabulary)
        config = self.config
        ids = self._ids(texts, most=max(READ, config.max_length))
        crops = Crops(
            ids, labels, sources or [""] * len(texts), config, hidden=vocabulary.specials.hidden
        )
        held = self._held(validation)
        data = TrainData(crops, held, vocabulary.specials)
        identity = {
            "config": asdict(config), "weights": _hash_of_weights(network),
            "texts": _hash_of_texts(ids, labels, sources),
            "held": _hash_of_texts(held.ids, held.labels.tolist(), None) if held else "",
        }  # fmt: skip
        with nullcontext(folder) if folder else tempfile.TemporaryDirectory() as where:
            return train(
                network, data, config, folder=Path(where), identity=identity, world=world,
                rate_of=rate_of, on_event=on_event,
            )  # fmt: skip

    def steps(self, labels: Sequence[int]) -> int:
        """Steps that `fit` makes at most with texts of these labels."""
        larger = max(list(labels).count(0), list(labels).count(1))
        return self.config.schedule(larger_class=larger, kind=SCRATCH).steps

    def score(self, texts: Sequence[str]) -> Scores:
        """Log-odds in nats (len(texts),); NaN for a text without tokens."""
        network, vocabulary = self._fitted()
        ids = self._ids(texts, most=self.config.max_length)
        some = [i for i, own in enumerate(ids) if len(own)]
        out = np.full(len(texts), np.nan)
        out[some] = log_odds(
            network, [ids[i] for i in some], vocabulary.specials, config=self.config
        )
        return out

    def save(self, folder: Path, *, facts: dict[str, Any] | None = None) -> None:
        """Write the folder, manifest last; `facts` (data, results) go into config.json."""
        network, vocabulary = self._fitted()
        folder.mkdir(parents=True, exist_ok=True)
        vocabulary.save(folder)
        write_safetensors(folder / WEIGHTS, dict(network.state_dict()))
        config = {
            "kind": KIND, "version": VERSION, "network": network.kind, "shape": network.shape(),
            "vocabulary": vocabularies.as_config(vocabulary), "normalised": self._normalised,
            "settings": asdict(self.config), "training": facts or {},
        }  # fmt: skip
        write_json(folder / "config.json", config)
        write_manifest(folder, ("config.json", WEIGHTS, vocabulary.file), kind=KIND)

    @classmethod
    def load(cls, folder: Path, *, home: Path) -> Encoder:
        """Read what `save` wrote. `home` is not used: the folder is complete."""
        config = read_config(folder, kind=KIND, version=VERSION)
        with blaming(folder / "config.json"):
            for name in ("settings", "shape", "vocabulary"):
                require(isinstance(config.get(name), dict), f"{name} must be an object")
            try:
                settings = EncoderConfig(**config["settings"])
            except TypeError as error:
                raise ValueError(f"settings are damaged ({error})") from None
            network = build(str(config.get("network")), config["shape"])
        vocabulary = vocabularies.from_config(config["vocabulary"], folder)
        tensors = read_tensors(folder / WEIGHTS)
        with blaming(folder / WEIGHTS):
            expected = {name: tuple(t.shape) for name, t in network.state_dict().items()}
            found = {name: tuple(t.shape) for name, t in tensors.items()}
            require(expected == found, "its tensors are not those of config.json")
        network.load_state_dict(tensors)
        normalised = config.get("normalised") is not False
        return cls.of(network.eval(), vocabulary, normalised=normalised, config=settings)

    def _adopt(self, network: Network, vocabulary: Vocabulary) -> None:
        room = _room(network, vocabulary)
        if self.config.max_length > room:
            raise ValueError(
                f"max_length {self.config.max_length} does not fit the encoder, which reads "
                f"{room} tokens; give at most that"
            )
        self._network, self._vocabulary = network, vocabulary

    def _fitted(self) -> tuple[Network, Vocabulary]:
        if self._network is None or self._vocabulary is None:
            raise ValueError("this detector has not been fitted; call fit or load")
        return self._network, self._vocabulary

    def _ids(self, texts: Sequence[str], *, most: int) -> list[Ids]:
        assert self._vocabulary is not None
        read = [normalise(text) for text in texts] if self._normalised else texts
        return self._vocabulary.encode(read, most=most)

    def _held(self, validation: Labelled | None) -> Held | None:
        if validation is None:
            return None
        most = self.config.max_length
        return hold(self._ids(validation[0], most=most), validation[1], most=most)


def _room(network: Network, vocabulary: Vocabulary) -> int:
    """Tokens of a text that fit the network beside the special ones."""
    specials = vocabulary.specials
    return network.longest - len(specials.before) - len(specials.after)


def _hash_of_texts(ids: Sequence[Ids], labels: Sequence[int], sources: Sequence[str] | None) -> str:
    total = hashlib.sha256()
    for i, (own, label) in enumerate(zip(ids, labels, strict=True)):
        source = sources[i] if sources else ""
        total.update(f"{len(own)} {int(label)} {source}\0".encode())
        total.update(own.tobytes())
    return total.hexdigest()


def _hash_of_weights(network: Network) -> str:
    total = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        total.update(name.encode())
        total.update(tensor.detach().contiguous().cpu().numpy().tobytes())
    return total.hexdigest()
