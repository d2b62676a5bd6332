"""What people look at: figures as PNG files, and tables in the terminal. Nothing here computes a number."""
