"""Augmentation of whole batches, one idea per file. Each file registers its own words with `@augmentation`."""
