"""SPIKE: scenario-profiled indexing (Lee et al., COLM 2025, arXiv 2503.23033), stage by stage as in the paper.

task.py asks a language model which needs a document serves; scenarios.py keeps the answers; importing.py takes those
made elsewhere; generation.py makes what is missing; index.py embeds them beside the documents; search.py scores.
"""
