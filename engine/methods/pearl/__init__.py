"""PEARL: a seq2seq model writes the id of the one memory that a vague, personal question means (CIKM 2025)."""
