"""Options, markers and engines of the whole suite."""

import os

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")  # the same examples each time: what is red is red because of a change


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", choices=("cpu", "cuda"), help="where simulator tests render")


@pytest.fixture(scope="session")
def reference_binary():
    """Path of the C reference, up to date with its sources; needs make and a C compiler."""
    from engines import built_reference

    return built_reference()


@pytest.fixture(scope="session")
def torch_batch():
    """The torch simulator in one process, so that many commands pay for its start once."""
    from engines import TorchBatch

    batch = TorchBatch()
    yield batch
    batch.close()
