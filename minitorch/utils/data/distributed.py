"""A sampler that deals out a dataset among several processes.

Source: https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.distributed.DistributedSampler
"""

import math

import minitorch

from .sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """Every num_replicas-th index, beginning with number rank; the first ones come again to fill up.

    num_replicas, rank: how many processes there are and which this is; without a process group both must be
    given. shuffle: the same permutation in all, drawn from seed and set_epoch(). drop_last: leave out the
    last indices instead of filling up.

    Raises ValueError for a rank that is not one, and if there is no process group to ask.

    >>> list(DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False))
    [1, 3, 0]

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.distributed.DistributedSampler
    """

    def __init__(self, dataset, num_replicas=None, rank=None, shuffle=True, seed=0, drop_last=False) -> None:
        if num_replicas is None:
            num_replicas = minitorch.distributed.get_world_size()
        if rank is None:
            rank = minitorch.distributed.get_rank()
        if rank >= num_replicas or rank < 0:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset, self.num_replicas, self.rank = dataset, num_replicas, rank
        self.shuffle, self.seed, self.drop_last = shuffle, seed, drop_last
        self.epoch = 0
        n = len(dataset)
        self.num_samples = n // num_replicas if drop_last else math.ceil(n / num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self):
        indices = list(range(len(self.dataset)))
        if self.shuffle:
            generator = minitorch.Generator().manual_seed(self.seed + self.epoch)
            indices = minitorch.randperm(len(indices), generator=generator).tolist()
        if indices and not self.drop_last:
            indices = (indices * math.ceil(self.total_size / len(indices)))[: self.total_size]
        return iter(indices[: self.total_size][self.rank :: self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Makes the next permutation another one, the same in all processes."""
        self.epoch = epoch
