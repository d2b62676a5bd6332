"""Augmentation of whole batches, one file an idea."""
