"""What the test split showed, as the manifest's `training.metrics` tells it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ClassMetrics:
    label: str
    precision: float
    recall: float
    f1: float
    support: int
    average_precision: float | None = None  # of independent labels only


@dataclass(frozen=True)
class LeaveOneClassOut:
    """How each class fares as the unknown one, in the mean: see fit/leave_out.py. Shares and areas from 0 to 1."""

    false_unknown: float  # share of known pictures that are called unknown
    found: float  # share of the class's pictures that are
    auroc_score: float  # area under the curve of found over false, by the score alone
    auroc_distance: float  # by the distance alone
    auroc: float  # by both


@dataclass(frozen=True)
class Metrics:
    """Of independent labels, accuracy is the share of pictures whose labels are all right, ece the labels' mean."""

    accuracy: float
    top5: float | None  # of independent labels none
    loss: float
    macro_f1: float
    ece: float
    per_class: list[ClassMetrics]
    micro_f1: float | None = None  # this and the next of independent labels only
    mean_average_precision: float | None = None
    leave_one_class_out: LeaveOneClassOut | None = None  # where there are three classes or more
