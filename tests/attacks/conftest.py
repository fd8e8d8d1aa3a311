"""What attacks share with the tests of the harness: its front door, fake engines and a small case."""

from tests.nbcompare.conftest import fake, nb, quick_runs, run_small, small_case

__all__ = ["fake", "nb", "quick_runs", "run_small", "small_case"]
