"""Training of small models of our own: data, trainer, adapters. Never imported to serve."""
