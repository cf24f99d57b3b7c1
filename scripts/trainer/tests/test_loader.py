"""The order in which pictures are seen."""

import numpy as np
import pytest

from ocelli_trainer.config import Config, with_values

pytestmark = pytest.mark.torch
pytest.importorskip("torch", reason="torch is not installed")

from ocelli_trainer.data import loader  # noqa: E402 (after the skip)


def test_sampling_evens_out_classes() -> None:
    labels = np.repeat([0, 1], [900, 100])
    even = with_values(Config(), {"train": {"balance": "sampler"}}, "test").train
    drawn = labels[loader.order(labels, even, 0)]
    assert 400 < (drawn == 1).sum() < 600
    plain = loader.order(labels, Config().train, 0)
    assert sorted(plain) == list(range(1000)) and list(plain) != list(loader.order(labels, Config().train, 1))
