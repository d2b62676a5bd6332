"""`python -m assay` is the command `assay`; torchrun starts it so."""

from assay.cli.main import main

if __name__ == "__main__":
    main()
