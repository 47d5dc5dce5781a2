"""`python -m app`: everything that can be done with the product from a shell."""

import sys

from app.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
