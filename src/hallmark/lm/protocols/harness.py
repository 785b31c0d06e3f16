"""Any Hallmark model in EleutherAI's lm-evaluation-harness (extra `harness`).

lm_eval.simple_evaluate(model=harness_model(LanguageModel.load(folder)), tasks=[...])
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from hallmark.lm.model import LanguageModel
from hallmark.lm.protocols.continuation import Pair, continuation_logits
from hallmark.lm.sampling import SamplingParams


class Request(Protocol):
    """The harness's Instance: only its arguments are read."""

    args: Any


class HarnessMethods:
    """The harness's three verbs over a model; `harness_model` makes an `LM` of it."""

    def __init__(self, model: LanguageModel) -> None:
        super().__init__()
        self.model = model

    def loglikelihood(self, requests: Sequence[Request]) -> list[tuple[float, bool]]:
        """Of each (context, continuation): log-probability, and whether it is the greedy one."""
        found = []
        for logits, target in continuation_logits(self.model, self._pairs(requests)):
            log_prob = logits.log_softmax(-1).gather(1, target[:, None]).sum()
            found.append((float(log_prob), bool((logits.argmax(-1) == target).all())))
        return found

    def loglikelihood_rolling(self, requests: Sequence[Request]) -> list[float]:
        """Log-probability of each whole text, in windows that do not overlap."""
        texts = [request.args[0] for request in requests]
        scores = self.model.score(texts, stride=self.model.network.config.n_ctx)
        return [float(s.log_prob.sum(dtype="float64")) for s in scores]

    def generate_until(self, requests: Sequence[Request]) -> list[str]:
        """Go on from each context until one of its stop strings."""
        return [self._generate(*request.args) for request in requests]

    def _generate(self, context: str, settings: dict[str, Any]) -> str:
        until = settings.get("until") or ()
        sampled = settings.get("do_sample", False)
        params = SamplingParams(
            max_tokens=settings.get("max_gen_toks", 256),
            temperature=settings.get("temperature", 1.0) if sampled else 0.0,
            stop=(until,) if isinstance(until, str) else tuple(until),
        )
        return self.model.generate([context], params)[0].text

    def _pairs(self, requests: Sequence[Request]) -> Iterator[Pair]:
        """Ids of context and continuation; spaces at the context's end go to the continuation."""
        encode = self.model.tokenizer.encode
        for request in requests:
            context, continuation = request.args
            kept = context.rstrip(" ")
            before = encode(kept)
            yield before, encode(context + continuation)[len(before) :]


def harness_model(model: LanguageModel) -> Any:
    """An `lm_eval.api.model.LM`; ValueError where lm-eval is not installed."""
    try:
        from lm_eval.api.model import LM
    except ModuleNotFoundError:
        raise ValueError("this needs lm-eval; install hallmark[harness]") from None
    return type("HallmarkLM", (HarnessMethods, LM), {})(model)
