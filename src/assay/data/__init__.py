"""From files to batches: sources, image sets, the split, preprocessing and augmentation. Nothing here knows of nets."""
