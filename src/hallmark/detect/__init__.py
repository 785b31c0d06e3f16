"""Detectors: from texts to scores, and from a calibrated score to a verdict.

Higher scores are more synthetic, on any scale; only a calibration gives them a meaning.
"""
