"""Quintet's engine: five published methods of personal retrieval and recommendation, and what they stand on."""

__version__ = "0.1.0"
