"""What the files and folders of a release are called."""

from __future__ import annotations

from hallmark.models.sizes import MANIFEST

PLAN, EVIDENCE, MODEL = "plan.toml", "evidence", "model"
DECISION, SUMS, SIGNATURE = "decision.json", "SHA256SUMS", "manifest.sig"
RELEASES = "release"  # in the folder of a run: a folder for each stage
UNLISTED = (MANIFEST, SIGNATURE)
