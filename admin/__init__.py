"""The command line: `python -m admin`. It parses, calls the engine and prints; it computes nothing itself."""

INTERRUPTED = "interrupted; what was finished is kept, the same command goes on from there"
