"""The report of a release: one page and Markdown from result files alone."""
