"""Folders and foreign formats in, records out: reading, checking, writing and importing collections.

Nothing is imported here, so that naming a format or an option never loads numpy or DuckDB.
"""
