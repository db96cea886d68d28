"""The command line: `python -m admin`. It parses, calls the engine and prints; it computes nothing itself."""
