"""Recipes: their keys, validation, hash and overrides, reading them from YAML, and the built-in ones."""
