"""Output datasets: corpora of documents in the release's format, built, checked and read."""
