"""Baselines: contestants through the same doors as the published methods."""
