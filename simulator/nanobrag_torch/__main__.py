"""``python -m nanobrag_torch``."""

import sys

from nanobrag_torch.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
