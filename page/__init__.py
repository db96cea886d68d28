"""The page: lays out, calls one engine function a callback, and renders what comes back. It computes nothing."""
