"""Folders of photos: their layouts, problems in them, the cache of their pixels, and their split."""
