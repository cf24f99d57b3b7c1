"""The eval transform replays the golden tensors that the runtime replays, too (written by scripts/golden)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ocelli_trainer.data import dataset as data
from ocelli_trainer.data import transforms
from ocelli_trainer.manifest import Preprocess, Size

GOLDEN = Path(__file__).parents[3] / "tests" / "golden"
CASES = json.loads((GOLDEN / "index.json").read_text()) if (GOLDEN / "index.json").exists() else []


@pytest.mark.skipif(not CASES, reason="tests/golden is not there: scripts/golden writes it")
def test_every_golden_tensor_is_replayed_exactly() -> None:
    values = np.fromfile(GOLDEN / "golden.bin", np.uint8)
    differing = {}
    for case in CASES:
        expected = values[case["offset"] : case["offset"] + case["length"]].reshape(case["height"], case["width"], -1)
        found = replay(case)
        if not np.array_equal(found, expected):
            differing[case["name"]] = int(np.abs(found.astype(int) - expected).max())
    assert len(CASES) > 50
    assert differing == {}


def replay(case: dict[str, Any]) -> np.ndarray:
    stated = dict(case["preprocess"])
    chain = Preprocess(**stated | {"crop": Size(**stated["crop"]) if stated["crop"] else None})
    picture = data.open_picture(GOLDEN / case["picture"], "GRAY" if case["color"] == "GRAY" else "RGB")
    pixels = transforms.eval_transform(picture, chain)
    return pixels[..., ::-1] if case["color"] == "BGR" else pixels
