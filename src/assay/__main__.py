"""`python -m assay` runs the command `assay`; torchrun starts it this way."""

from assay.cli.main import main

if __name__ == "__main__":
    main()
