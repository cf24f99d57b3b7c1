"""The graphs made from one trained network: float32, and the smaller int8 and float16 where they are asked for."""

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from ocelli_trainer.data import transforms
from ocelli_trainer.data.loader import Pictures
from ocelli_trainer.deliver import onnx_graph, quantize
from ocelli_trainer.deliver.session import Session
from ocelli_trainer.errors import say
from ocelli_trainer.fit.evaluation import Scores
from ocelli_trainer.fit.trained import Trained
from ocelli_trainer.manifest import Preprocess, Quantization

BATCH = 256  # pictures; inference only


@dataclass(frozen=True)
class Variant:
    precision: str  # float32 | float16 | int8
    suffix: str  # of the file's name
    model: onnx.ModelProto
    pixels: bool  # takes uint8 NHWC pixels; otherwise float32 NCHW, normalised

    def feed(self, pictures: NDArray[np.uint8], preprocess: Preprocess) -> NDArray[np.generic]:
        return pictures if self.pixels else transforms.normalise(pictures, preprocess)

    def quantization(self, preprocess: Preprocess) -> Quantization | None:
        """How the runtime brings its values back to the pixels that the graph normalises by itself."""
        found = onnx_graph.uint8_scale(preprocess) if self.pixels else None
        return None if found is None else Quantization(*found)

    def scores(self, session: Session, trained: Trained) -> dict[str, Scores]:
        """What this graph says of the held-out pictures; of float32, what PyTorch said."""
        if self.precision == "float32":
            return trained.scores
        held_out = {"val": trained.validation, "test": trained.test}
        return {split: self._scores(session, pictures, trained, split) for split, pictures in held_out.items()}

    def _scores(self, session: Session, pictures: Pictures, trained: Trained, split: str) -> Scores:
        parts = []
        for start in range(0, len(pictures), BATCH):
            batch = pictures.pixels(range(start, min(start + BATCH, len(pictures))))
            parts.append(session(self.feed(batch, trained.preprocess)))
        logits, embedding = (np.concatenate(p) for p in zip(*parts, strict=True))
        return Scores(logits, embedding, trained.scores[split].truth)


def make_variants(trained: Trained, base: onnx.ModelProto) -> list[Variant]:
    """Each form of the exported float32 graph `base` that the configuration asks for."""
    export, preprocess = trained.config.export, trained.preprocess
    takes_pixels = export.input == "uint8"
    model = onnx_graph.take_uint8(base, preprocess) if takes_pixels else base
    variants = [Variant("float32", "", model, takes_pixels)]
    if export.int8:
        truth = trained.scores["val"].truth
        # Of independent labels, pictures with the very same ones are a class.
        classes = truth if truth.ndim == 1 else np.unique(truth, axis=0, return_inverse=True)[1].reshape(-1)
        chosen = quantize.calibration_indices(classes)
        calibration = trained.validation.pixels(chosen)
        model = quantize.to_int8(base, transforms.normalise(calibration, preprocess))
        fits = onnx_graph.uint8_scale(preprocess) is not None
        if not fits:
            say("int8: this normalisation is not a single scale and zero point, so the input stays float32")
        model = onnx_graph.take_uint8(model, preprocess) if fits else model
        variants.append(Variant("int8", "-int8", model, fits))
    if export.fp16:
        variants.append(Variant("float16", "-fp16", quantize.to_float16(base), False))
    return variants
