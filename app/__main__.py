"""`python -m app`: everything that can be done with the product from a shell."""

import sys

from app.cli.main import main
from app.garbage import collect_seldom

if __name__ == "__main__":
    collect_seldom()
    sys.exit(main(sys.argv[1:]))
