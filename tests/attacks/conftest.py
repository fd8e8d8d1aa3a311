"""What attacks share with the tests of the harness: its front door, fake engines, a small case and stored bundles."""

from tests.nbcompare.conftest import (
    fake,
    fakes_are_asked_once,
    git_is_asked_once_about_the_checkout,
    libraries_are_looked_through_once,
    made_once,
    nb,
    quick_runs,
    run_small,
    small_case,
    small_pictures_are_drawn_once,
    store,
)

__all__ = ["fake", "fakes_are_asked_once", "git_is_asked_once_about_the_checkout", "libraries_are_looked_through_once",
           "made_once", "nb", "quick_runs", "run_small", "small_case", "small_pictures_are_drawn_once", "store"]
