"""Named nets, one file a family."""
