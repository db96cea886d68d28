"""Judging runs: metrics, what differs by luck and what does not, means by segment, TREC files in and out."""
