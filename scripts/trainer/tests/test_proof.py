"""Which pictures become the proof."""

import numpy as np
import pytest
from PIL import Image

from ocelli_trainer.deliver import proof
from ocelli_trainer.deliver.proof import Candidate

PROBABILITIES = np.array([[0.9, 0.1], [0.7, 0.3], [0.55, 0.45], [0.2, 0.8], [0.05, 0.95], [0.35, 0.65], [0.01, 0.99]])
TRUTH = np.array([0, 0, 0, 1, 1, 1, 1])


def test_every_class_comes_first_then_the_least_sure_that_are_sure_enough() -> None:
    order = proof.preferred(PROBABILITIES, TRUTH, typical=6, count=7)
    assert order == [1, 4, 5, 3, 0, 6, 2]  # 2 is too close to call


def test_cases_whose_label_moves_are_dropped_and_probes_stand_last() -> None:
    offered = [
        Candidate("a", b""),
        Candidate("b", b""),
        Candidate("c", b""),
        *(Candidate(f"p{i}", b"", True) for i in range(3)),
    ]
    expected = np.array([[0.9, 0.1], [0.7, 0.3], [0.45, 0.55], [0.8, 0.2], [0.7, 0.3], [0.9, 0.1]])
    found = expected.copy()
    found[1] = (0.49, 0.51)
    assert proof.select(offered, expected, [expected, found], 6) == [0, 2, 3, 4]
    assert proof.select(offered, expected, [expected, expected], 3) == [0, 3, 4]


@pytest.mark.parametrize(("wanted", "classes", "cases"), [(12, 4, 12), (8, 2, 8), (12, 10, 16), (12, 1000, 16)])
def test_the_proof_grows_with_the_classes_up_to_sixteen(wanted: int, classes: int, cases: int) -> None:
    assert proof.case_count(wanted, classes) == cases


def test_large_pictures_are_shrunk_and_kept_light() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (600, 800, 3), dtype=np.uint8))
    small = proof.shrink(noise, 64)
    assert small.size == (128, 96)
    assert proof.encode(small)[:2] == b"\xff\xd8"  # JPEG: as PNG it would be 37 kB
    assert proof.encode(proof.shrink(noise, 16))[:4] == b"\x89PNG"
    assert proof.shrink(small, 224).size == (128, 96)


def test_one_step_off_is_one_step_in_a_tenth_of_the_values() -> None:
    grey = np.full((4, 50, 50, 3), 128, np.uint8)
    change = proof.one_step_off(grey).astype(int) - grey
    assert set(np.unique(change)) == {-1, 0, 1}
    assert np.abs(change).mean() == pytest.approx(0.1, abs=0.01)
