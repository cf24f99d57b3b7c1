"""The learning rate over time, as a factor on the peak rate: linear warm-up, then cosine, plateau or constant."""

import math
from dataclasses import dataclass, field
from typing import Any

FLOOR = 0.01  # of the peak: where cosine ends and plateau stops
PLATEAU_FACTOR, PLATEAU_PATIENCE = 0.3, 3  # epochs without a better validation loss before the rate falls


@dataclass
class Schedule:
    kind: str  # cosine | plateau | constant
    steps: int  # of the whole training
    warmup: int  # steps
    plateau: dict[str, float] = field(default_factory=lambda: {"factor": 1.0, "best": math.inf, "bad": 0})

    def factor(self, step: int) -> float:
        if step < self.warmup:
            return (step + 1) / (self.warmup + 1)
        if self.kind == "plateau":
            return self.plateau["factor"]
        if self.kind == "constant":
            return 1.0
        progress = (step - self.warmup) / max(1, self.steps - self.warmup)
        return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * min(1.0, progress))) / 2

    def after_epoch(self, validation_loss: float) -> None:
        state = self.plateau
        if validation_loss < state["best"]:
            state["best"], state["bad"] = validation_loss, 0
        else:
            state["bad"] += 1
        if state["bad"] > PLATEAU_PATIENCE:
            state["factor"], state["bad"] = max(FLOOR, state["factor"] * PLATEAU_FACTOR), 0

    def state_dict(self) -> dict[str, Any]:
        return dict(self.plateau)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.plateau = dict(state)
