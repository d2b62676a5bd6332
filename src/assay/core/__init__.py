"""What every room may use, and no machine learning: errors, files, names, the machine."""
