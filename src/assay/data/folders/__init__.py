"""Folders of photographs: their layouts, what is wrong with them, the cache of their pixels, and the split."""
