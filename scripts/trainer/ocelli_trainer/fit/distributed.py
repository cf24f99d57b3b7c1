"""One process or many: the same command under `torchrun` trains with DistributedDataParallel."""

import os
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from ocelli_trainer import errors
from ocelli_trainer.errors import TrainerError, say


@dataclass(frozen=True)
class Processes:
    rank: int
    world_size: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """The one process that writes files, measures and talks."""
        return self.rank == 0

    def wrap(self, net: nn.Module, unused: bool) -> nn.Module:
        """`unused`: some parameters get no gradient, as with a frozen backbone."""
        if self.world_size == 1:
            return net
        return nn.parallel.DistributedDataParallel(
            net, device_ids=[self.device.index] if self.device.type == "cuda" else None, find_unused_parameters=unused
        )

    def broadcast(self, value: Any) -> Any:
        """The main process's value, in every process."""
        if self.world_size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def barrier(self) -> None:
        if self.world_size > 1:
            dist.barrier()


def start(device: str) -> Processes:
    """Join the group that torchrun announces in the environment, if any; pick the device and say so."""
    rank, world_size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    errors.silence(rank > 0)
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainerError("--device cuda: PyTorch finds no CUDA device", "use --device cpu or check the driver")
    cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    index = int(os.environ.get("LOCAL_RANK", "0"))
    chosen = torch.device("cuda", index) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(chosen)
    if world_size > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if cuda else "gloo")
    say(f"training on {torch.cuda.get_device_name(chosen) if cuda else 'the CPU'}, processes: {world_size}")
    return Processes(rank, world_size, chosen)


def stop(processes: Processes) -> None:
    if processes.world_size > 1:
        dist.destroy_process_group()
