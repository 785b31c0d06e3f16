"""What the GPT-2 paper reports of its four models (Radford et al. 2019, table 3, zero-shot)."""

from __future__ import annotations

from hallmark.models.sizes import find_size

# Size: LAMBADA perplexity, LAMBADA accuracy, WikiText-2 perplexity.
TABLE_3 = {
    "124M": (35.13, 0.4599, 29.41),
    "355M": (15.60, 0.5548, 22.76),
    "774M": (10.87, 0.6012, 19.93),
    "1.5B": (8.63, 0.6324, 18.34),
}


def published(model: str, task: str) -> dict[str, float]:
    """The paper's figures for `task` where `model` names one of its models; empty elsewhere."""
    try:
        row = TABLE_3.get(find_size(model).name)
    except ValueError:
        row = None
    if row is None:
        return {}
    if task == "lambada":
        return {"perplexity": row[0], "accuracy": row[1]}
    return {"perplexity": row[2]} if task == "wikitext2" else {}
