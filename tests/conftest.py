"""Options and markers of the whole suite."""


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", choices=("cpu", "cuda"), help="where simulator tests render")
