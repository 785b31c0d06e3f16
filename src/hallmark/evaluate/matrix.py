"""From output sets and human texts to a folder with the cross table, its report and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hallmark.evaluate.corpora import check_enough, read_corpora
from hallmark.evaluate.crosstable import CrossTable, OnStep, competitors, hash_of, make_table
from hallmark.evaluate.figures import draw_all
from hallmark.evaluate.report import as_record, markdown
from hallmark.evaluate.settings import MatrixConfig
from hallmark.evaluate.store import Store
from hallmark.models.folder import sha256_of, write_json, write_text
from hallmark.models.sizes import MANIFEST, find_model
from hallmark.models.tokenizer import Tokenizer

RESULT, TABLES = "matrix.json", "matrix.md"
CACHE = "cache"


def matrix(
    outputs: Sequence[Path],
    human: Path,
    out: Path,
    config: MatrixConfig,
    *,
    home: Path,
    on_step: OnStep = lambda _: None,
) -> CrossTable:
    """Make the table of `outputs` against the texts in `human`, and write it to `out`.

    Killed at any moment, the same call goes on: what is in `out/cache` is not computed again.
    Files of the result are written when all of it is there, matrix.json last. ValueError says
    what is wrong with a setting, an output set or the human texts.
    """
    where = find_model(config.tokenizer, home=home)
    corpora = read_corpora(outputs, human, tokenizer=Tokenizer.load(where))
    check_enough(corpora, config.full)
    store = Store(out / CACHE)
    competing = competitors(corpora, config, store, home=home)
    table = make_table(corpora, competing, config, on_step=on_step)
    hashes = {folder.resolve().name: sha256_of(folder / MANIFEST) for folder in outputs}
    hashes["human"] = hash_of(human)
    hashes["tokenizer"] = hash_of(where)
    draw_all(table, out)
    write_text(out / TABLES, markdown(table, corpora, config))
    write_json(out / RESULT, as_record(table, corpora, config, hashes))
    return table
