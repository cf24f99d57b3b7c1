"""A finished training: its best network, the held-out pictures, and what the network says of them."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ocelli_trainer.config import Config
from ocelli_trainer.data import preprocessing, transforms
from ocelli_trainer.data.dataset import Dataset
from ocelli_trainer.data.loader import Normaliser, Pictures, make_pictures
from ocelli_trainer.fit import models
from ocelli_trainer.fit.evaluation import Scores
from ocelli_trainer.fit.inference import infer
from ocelli_trainer.fit.models import Classifier
from ocelli_trainer.manifest import Preprocess
from ocelli_trainer.run import Run


@dataclass(frozen=True)
class Trained:
    """All that the report and the delivered files are made from."""

    net: Classifier
    config: Config
    dataset: Dataset
    preprocess: Preprocess
    validation: Pictures
    test: Pictures
    scores: dict[str, Scores]  # PyTorch's, of "val" and "test"

    @torch.inference_mode()
    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """PyTorch's, of NHWC pictures at model size."""
        batch = torch.from_numpy(transforms.normalise(pixels, self.preprocess))
        logits: NDArray[np.float32] = self.net.eval()(batch)[0].numpy()
        return logits


def load_trained(run: Run, config: Config, dataset: Dataset) -> Trained:
    """The best network of a run, measured on the validation and the test split of `dataset`."""
    plain = dataclasses.replace(config.model, weights="")  # its own weights take the place of pretrained ones
    net = models.build(plain, len(dataset.labels))
    net.load_state_dict(torch.load(run.best, map_location="cpu", weights_only=True)["model"])
    preprocess = preprocessing.from_config(config.model)
    held_out = dataclasses.replace(dataset, splits=dataset.splits | {"train": ()})
    pictures = make_pictures(held_out, preprocess, config)
    normalise = Normaliser(preprocess, torch.device("cpu"))
    scores = {split: infer(net, pictures[split], normalise) for split in ("val", "test")}
    return Trained(net, config, dataset, preprocess, pictures["val"], pictures["test"], scores)
