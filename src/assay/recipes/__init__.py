"""What to run: the keys of a recipe, the Recipe itself, reading one, and the built-in ones."""
