"""Triton kernels for a CUDA GPU; each has a plain version beside it that a test compares it with."""
