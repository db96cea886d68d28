"""Measurements of the engine beside the libraries it stands on, in one run; docs/BENCHMARKS.md keeps what came out."""
