"""Runs a network over a split of pictures."""

import numpy as np
import torch

from ocelli_trainer.data.loader import Normaliser, Pictures
from ocelli_trainer.fit.evaluation import Scores
from ocelli_trainer.fit.models import Classifier

BATCH = 128  # pictures; inference only


@torch.inference_mode()
def infer(net: Classifier, pictures: Pictures, normalise: Normaliser) -> Scores:
    net.eval()
    logits, embeddings = [], []
    for start in range(0, len(pictures), BATCH):
        batch = pictures.pixels(range(start, min(start + BATCH, len(pictures))))
        out, embedding = net(normalise(torch.from_numpy(batch)))
        logits.append(out.float().cpu().numpy())
        embeddings.append(embedding.float().cpu().numpy())
    return Scores(np.concatenate(logits), np.concatenate(embeddings), pictures.truth)
