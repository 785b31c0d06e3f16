"""Compiled decoding on CPUs: the network's arithmetic in numba, loaded when it is first used.

The plain network in `models/gpt2.py` is the reference that all of this is tested against.
"""
