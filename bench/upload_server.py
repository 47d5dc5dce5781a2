"""The product with parts of 4 KiB, so that ten thousand uploads in parts fit on a laptop."""

import sys

from domain import part_plan

part_plan.MIN_PART_BYTES = 4096

from app.cli.main import main  # noqa: E402 - what it imports reads the least size once

if __name__ == "__main__":
    sys.exit(main(["serve"]))
