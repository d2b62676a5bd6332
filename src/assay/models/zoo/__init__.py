"""Named nets, one file per family."""
