"""What all tests of the service share: the binary has to be there, and one server that most of them abuse."""

import pytest
from server import OCELLI, Server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not OCELLI.exists():
        for item in items:
            item.add_marker(pytest.mark.skip(reason=f"{OCELLI} is not built: cargo build --release"))


@pytest.fixture(scope="module")
def server():
    """As a user starts it, but impatient, so that slow clients are sent away within a test's time."""
    with Server("--timeout", "1s", "--max-body", "2") as running:
        yield running
        running.is_well()


@pytest.fixture(scope="session")
def live():
    """With a source and batches: every route has something to give."""
    with Server("--source", "synthetic:fps=10", "--batch-window", "5ms") as running:
        yield running
