"""Training on models that are made on the spot: labels, losses, resuming, what the saved folders are good for."""
