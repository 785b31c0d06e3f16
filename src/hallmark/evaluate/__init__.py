"""Detectors compared: size x sampling cross tables, by length, from output sets."""
