"""Parts of the data loader: collating samples, fetching them, workers."""

from minitorch.utils.data._utils import collate as collate
from minitorch.utils.data._utils import fetch as fetch
from minitorch.utils.data._utils import worker as worker
