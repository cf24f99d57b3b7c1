"""What PyTorch is told once, before any network is built: threads, determinism, the seed."""

import torch

from ocelli_trainer.config import Config, input_size

SMALL_SIDE = 64  # pixels up to which a second thread costs more than it brings


def set_up_torch(config: Config) -> None:
    side = min(input_size(config.model.size))
    threads = config.train.threads or (1 if side <= SMALL_SIDE else torch.get_num_threads())
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.manual_seed(config.train.seed)
