"""A run on disk and the public verbs."""
