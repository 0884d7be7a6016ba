"""A small model of our own whose state does not grow with its context; trained and run in torch."""
