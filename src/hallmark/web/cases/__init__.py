"""Pages for cases: reviewers, analysts, auditors, and the side that is affected."""
