"""The learning rate over time."""

import pytest

from ocelli_trainer.fit.schedule import FLOOR, Schedule


def test_warm_up_rises_to_the_peak_and_cosine_falls_to_the_floor() -> None:
    schedule = Schedule("cosine", steps=100, warmup=4)
    assert [schedule.factor(i) for i in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert schedule.factor(52) == pytest.approx((1 + FLOOR) / 2)
    assert schedule.factor(100) == pytest.approx(FLOOR)


def test_plateau_falls_after_four_epochs_without_a_better_loss_and_stops_at_the_floor() -> None:
    schedule = Schedule("plateau", steps=100, warmup=0)
    factors = []
    for loss in [1.0, 0.9] + [0.95] * 20:
        schedule.after_epoch(loss)
        factors.append(schedule.factor(50))
    assert factors[:7] == pytest.approx([1, 1, 1, 1, 1, 0.3, 0.3])
    assert factors[-1] == FLOOR


def test_the_state_survives_a_checkpoint() -> None:
    first, second = Schedule("plateau", 100, 0), Schedule("plateau", 100, 0)
    for loss in (1.0, 2.0, 2.0, 2.0, 2.0):
        first.after_epoch(loss)
    second.load_state_dict(first.state_dict())
    assert second.factor(9) == first.factor(9) == pytest.approx(0.3)
