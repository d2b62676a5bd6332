"""Corruptions of test images, one group per file. Each file registers its own with `@corruption`."""
