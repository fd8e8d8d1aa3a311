"""``nb-compare`` and ``python -m nbcompare``."""

import sys


def main() -> int:
    from nbcompare.cli import run
    from nbcompare.engine.stopping import obey_signals

    obey_signals()
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
