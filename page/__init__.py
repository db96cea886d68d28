"""The page: lays out, asks the engine once a callback, and renders what comes back. It computes nothing."""
