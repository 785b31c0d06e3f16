"""Content with metadata and people: signals, their fusion, and cases for review."""
