"""Indexes: the documents of a collection on disk, and what is searched beside them (vectors, postings)."""
