"""What the lint finds in the counts of independent labels: one that says nothing, or too rarely to be learnt."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from ocelli_trainer.data.dataset import Dataset
from ocelli_trainer.data.findings import Finding, few

THIN_LABEL = 10  # training pictures with it, or without it, below which a label can hardly be learnt
IMBALANCE = 10  # pictures without a label over those with it


def label_counts(dataset: Dataset) -> Iterator[Finding]:
    labels = np.array(dataset.labels, dtype=object)

    def those(mask: np.ndarray) -> str:
        return few(list(labels[mask]), "labels")

    train = dataset.truth("train")
    there, not_there = train.sum(0), (1 - train).sum(0)
    if (there == 0).any():
        text = f"no training picture has {those(there == 0)}; add some, or remove the label"
        yield Finding("error", "label never there", text)
    if len(train) and (not_there == 0).any():
        text = f"every training picture has {those(not_there == 0)}; add some without, or remove the label"
        yield Finding("error", "label always there", text)
    thin = (np.minimum(there, not_there) < THIN_LABEL) & (there > 0) & (not_there > 0)
    if thin.any():
        yield Finding(
            "warning", "thin label", f"fewer than {THIN_LABEL} training pictures with or without {those(thin)}"
        )
    rare = (there > 0) & (not_there > IMBALANCE * there)
    if rare.any():
        text = f"fewer than 1 of {IMBALANCE + 1} training pictures have {those(rare)}; see --balance weights"
        yield Finding("warning", "imbalance", text)
    for split in ("val", "test"):
        truth = dataset.truth(split)
        if not len(truth):
            yield Finding("error", "empty split", f"no {split} pictures; add some or change --split")
            continue
        for missing, word in ((truth.sum(0) == 0, "with"), ((1 - truth).sum(0) == 0, "without")):
            if missing.any():
                yield Finding("warning", "unmeasured label", f"no {split} pictures {word} {those(missing)}")
    yield from _always_together(dataset)


def _always_together(dataset: Dataset) -> Iterator[Finding]:
    """Labels of which one says all that the other says."""
    columns: dict[bytes, list[str]] = defaultdict(list)
    for label, column in zip(dataset.labels, dataset.truth("train").T, strict=True):
        if column.any():
            columns[column.tobytes()].append(label)
    twins = [group for group in columns.values() if len(group) > 1]
    if twins:
        yield Finding("warning", "labels always together", f"on the same training pictures: {twins!r}")
