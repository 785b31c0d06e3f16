"""What was published of GPT-2, with the protocol of each figure: for columns of their own.

None of these was measured as this program measures, and none stands in a column with its numbers.
"""

from __future__ import annotations

REPORT = "OpenAI's release report (Solaiman et al., November 2019)"
BASELINE = (
    "TF-IDF and logistic regression, 250,000 documents a class, whole documents, accuracy "
    "(detection.md of gpt-2-output-dataset)"
)
READERS = f"people's credibility score out of 10, {REPORT}"

CREDIBILITY = (("355M", 6.07), ("774M", 6.72), ("1.5B", 6.91))

# generator: temperature 1, top-k 40, per cent
TFIDF = {
    "117M (124M)": (88.29, 96.79), "345M (355M)": (88.94, 95.22), "762M (774M)": (77.16, 94.43),
    "1542M (1.5B)": (74.31, 92.69),
}  # fmt: skip

LENGTHS = (
    "1542M, top-k 40, at 500 / 1000 / 2000 / 3000 characters: 83 / 86.3 / 88.6 / 90 %; at "
    "temperature 1: 58 / 59 / 63.7 / 67 % (read off a figure, within 0.5)"
)
TUNED = (
    "1542M, top-k 40, fine-tuned on Amazon reviews: 92.7 % falls to 70.2 %, about half of it "
    "because reviews are shorter"
)
ENCODER = (
    "a RoBERTa trained on 1.5B outputs: about 95 % (5,000 WebText and 5,000 generated, 510 tokens)"
)
TRANSFER = (
    "said without a figure in the text: training on larger models' outputs is more accurate and "
    "more robust"
)
SAMPLING = (
    "said without a figure in the text: accuracy depends on the sampling in training and in "
    "testing, and training across sampling methods is more reliable"
)
STANDALONE = (
    "about 95 % was called not high enough for standalone detection: pair it with metadata, "
    "human judgment and public education"
)
