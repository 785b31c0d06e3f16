"""The whole release as a list of resumable stages, from nothing to the signed folders."""
