"""Measurements over detectors: results that a paper or a decision would print."""
