"""What requests may hold and what answers do, as OpenAPI shows it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hallmark.data import check_text
from hallmark.detect.verdict import PRIOR
from hallmark.lm.sampling import MAX_SEED, SamplingParams
from hallmark.web.limits import ALTERNATIVES, CHARACTERS, CHOICES, TEXTS

_DEFAULT = SamplingParams()


def _plain(text: str) -> str:
    return check_text(text, where="the text")


Text = Annotated[str, AfterValidator(_plain), Field(max_length=CHARACTERS)]
Texts = Annotated[list[Text], Field(min_length=1, max_length=TEXTS)]
Id = Annotated[int, Field(ge=0)]
Prior = Annotated[float, Field(gt=0, lt=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)


class StreamOptions(_Strict):
    """What a stream adds."""

    include_usage: bool = False


class CompletionRequest(_Strict):
    """OpenAI's request. `top_k` and `repetition_penalty` are additions; what this service cannot
    do is refused where it asks for anything but the default.
    """

    model: Annotated[str, Field(max_length=300)] | None = None
    prompt: Text | Texts | Annotated[list[Id], Field(min_length=1)] | list[list[Id]] = ""
    max_tokens: Annotated[int, Field(ge=0)] | None = 16
    temperature: Annotated[float, Field(ge=0, le=100)] | None = _DEFAULT.temperature
    top_p: Annotated[float, Field(gt=0, le=1)] | None = _DEFAULT.top_p
    top_k: Annotated[int, Field(ge=0, le=10**9)] = _DEFAULT.top_k
    repetition_penalty: Annotated[float, Field(ge=0.01, le=100)] = _DEFAULT.repetition_penalty
    n: Annotated[int, Field(ge=1, le=CHOICES)] | None = 1
    stop: Text | Annotated[list[Text], Field(max_length=8)] | None = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = None
    logprobs: Annotated[int, Field(ge=0, le=ALTERNATIVES)] | None = None
    echo: bool | None = False
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    best_of: int | None = None
    suffix: Annotated[str, Field(max_length=300)] | None = None
    presence_penalty: float | None = 0
    frequency_penalty: float | None = 0
    logit_bias: dict[str, float] | None = None


class Logprobs(BaseModel):
    """Of each token: its text, natural log-probability, likeliest tokens, place in the text."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int]


class Choice(BaseModel):
    """One text."""

    text: str
    index: int
    logprobs: Logprobs | None = None
    finish_reason: Literal["stop", "length"] | None


class Usage(BaseModel):
    """Tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(BaseModel):
    """OpenAI's answer; a stream sends the same object with pieces of text."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | None = None


class ModelCard(BaseModel):
    """A model that can be asked."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "hallmark"
    parameters: int
    context: int


class ModelList(BaseModel):
    """All models that can be asked."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class DetectRequest(_Strict):
    """One text or several, and the share of synthetic texts among such texts."""

    text: Text | None = None
    texts: Texts | None = None
    prior: Prior = PRIOR


class Flags(BaseModel):
    """Calibration texts of this length, and how many of them score at least as high."""

    human: int
    human_as_high: int
    synthetic: int
    synthetic_as_high: int


class VerdictBody(BaseModel):
    """How a text looks, and how often that errs; never who wrote it. See docs/detectors.md."""

    model_config = ConfigDict(extra="allow")

    band: str
    score: float | None
    probability: float | None
    prior: float
    likelihood_ratio: float | None
    false_positive_rate: float | None
    false_positive_n: int | None
    tokens_used: int
    tokens_total: int
    reason: str
    false_negative_rate: float | None
    false_negative_n: int | None
    raw_score: float | None
    tampered: bool
    repairs: dict[str, int]
    calibration: Json | None
    flags: Flags | None = None


class DetectAnswer(BaseModel):
    """Verdicts in the order of the texts."""

    detector: str
    verdicts: list[VerdictBody]


class ScoreRequest(_Strict):
    """One text or several; at most `max_tokens` of each are scored, from its start."""

    text: Text | None = None
    texts: Texts | None = None
    max_tokens: Annotated[int, Field(ge=1, le=4096)] = 1024


class ScoreBody(BaseModel):
    """Of each token: its text, log-probability (nats), rank from 1, and entropy (nats)."""

    tokens_used: int
    tokens_total: int
    bits_per_byte: float | None
    statistics: dict[str, float]
    tokens: list[str]
    log_prob: list[float]
    rank: list[int]
    entropy: list[float]


class ScoreAnswer(BaseModel):
    """Scores in the order of the texts."""

    model: str
    scores: list[ScoreBody]


class DetectorRequest(_Strict):
    """A text for the view that answers as GPT-2's detector did in 2019."""

    text: Text


class DetectorAnswer(BaseModel):
    """The answer of GPT-2's detector of 2019; probabilities are null where this one abstains."""

    all_tokens: int
    used_tokens: int
    real_probability: float | None
    fake_probability: float | None


class Extracted(BaseModel):
    """A text found in a file, or why there is none."""

    name: str
    text: str | None = None
    error: str | None = None


class ExtractAnswer(BaseModel):
    """Texts in the order of the files and of the rows in them."""

    texts: list[Extracted]


class Health(BaseModel):
    """Whether the service lives, or can take requests."""

    status: str


Json = dict[str, Any]
