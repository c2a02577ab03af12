"""Records of a training that TensorBoard shows, written through its package: ``pip install tensorboard``.

Source: https://docs.pytorch.org/docs/2.13/tensorboard.html
"""

from __future__ import annotations

import io
import os
import socket
import time
import warnings
from datetime import datetime
from typing import Any

import numpy as np
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.plugins.text.plugin_data_pb2 import TextPluginData
from tensorboard.summary.writer.event_file_writer import EventFileWriter

__all__ = ["SummaryWriter"]


def _array(values: Any) -> np.ndarray:
    """Tensors, numbers and lists of them as an array."""
    if hasattr(values, "detach"):
        values = values.detach().numpy()
    return np.asarray(values)


def _bounds() -> np.ndarray:
    """The limits of a histogram's bins: 1e-12 times powers of 1.1, both signs."""
    powers = [1e-12]
    while powers[-1] * 1.1 < 1e20:
        powers.append(powers[-1] * 1.1)
    return np.array([-v for v in reversed(powers)] + [0.0] + powers)


def _histogram(values: Any, bins: Any, max_bins: int | None) -> Any:
    """How many values lie in each bin, with their sums."""
    values = _array(values).reshape(-1)
    if values.size == 0:
        raise ValueError("The input has no element.")
    counts, limits = np.histogram(values, bins=_bounds() if bins == "tensorflow" else bins)
    if max_bins is not None and len(counts) > max_bins:
        step = -(-len(counts) // max_bins)
        counts = np.add.reduceat(counts, np.arange(0, len(counts), step))
        limits = np.append(limits[:-1:step], limits[-1])
    used = np.flatnonzero(counts)
    if used.size == 0:
        raise ValueError("The histogram is empty, please file a bug report.")
    first, last = used[0], used[-1] + 1
    # A bin of its own before the first one says where that begins.
    counts = np.concatenate([counts[first - 1 : last] if first else np.append(0, counts[:last])])
    wide = values.astype(np.float64)
    return summary_pb2.HistogramProto(
        min=wide.min(), max=wide.max(), num=len(wide), sum=wide.sum(), sum_squares=wide.dot(wide),
        bucket_limit=limits[first : last + 1].tolist(), bucket=counts.tolist(),
    )  # fmt: skip


def _pixels(image: Any, dataformats: str) -> np.ndarray:
    """An image of any layout as bytes of shape (height, width, channels); several side by side in rows."""
    array = _array(image)
    if array.ndim != len(dataformats):
        raise AssertionError(
            f"size of input tensor and input format are different.         "
            f"tensor shape: {array.shape}, input_format: {dataformats}"
        )
    array = array if array.dtype == np.uint8 else (array.astype(np.float32) * 255).clip(0, 255)
    formats = dataformats.upper()
    if "N" in formats:
        images = [_pixels(array.take(i, formats.index("N")).astype(np.uint8), formats.replace("N", ""))
                  for i in range(array.shape[formats.index("N")])]  # fmt: skip
        columns = min(8, len(images))
        images += [np.zeros_like(images[0])] * (-len(images) % columns)
        rows = [np.concatenate(images[i : i + columns], 1) for i in range(0, len(images), columns)]
        return np.concatenate(rows, 0)
    if "C" not in formats:
        array, formats = array[..., None], formats + "C"
    array = array.transpose([formats.index(axis) for axis in "HWC"]).astype(np.uint8)
    return np.repeat(array, 3, 2) if array.shape[2] == 1 else array


def _png(pixels: np.ndarray) -> Any:
    """The image as a record holds it."""
    from PIL import Image

    memory = io.BytesIO()
    Image.fromarray(pixels).save(memory, format="PNG")
    height, width, channels = pixels.shape
    return summary_pb2.Summary.Image(
        height=height, width=width, colorspace=channels, encoded_image_string=memory.getvalue()
    )


def _pr_counts(labels: np.ndarray, predictions: np.ndarray, thresholds: int, weights: Any) -> np.ndarray:
    """Six rows, a column for each threshold from 0 to 1: true and false positives, true and false negatives,
    precision, recall."""
    thresholds = min(thresholds, 127)
    weights = np.ones(labels.size) if weights is None else _array(weights).reshape(-1)
    bins = np.minimum((predictions.reshape(-1) * (thresholds - 1)).astype(int), thresholds - 1)
    wanted = labels.reshape(-1).astype(bool)
    # What lies in a bin is positive for its threshold and for all below it.
    positives, negatives = (
        np.bincount(bins, weights * kind, minlength=thresholds)[::-1].cumsum()[::-1]
        for kind in (wanted, ~wanted)
    )
    found = positives + negatives
    precision = positives / np.maximum(found, 1e-7)
    recall = positives / max(positives[0], 1e-7)
    return np.stack(
        [positives, negatives, negatives[0] - negatives, positives[0] - positives, precision, recall]
    )


def _sprite(images: np.ndarray, path: str) -> None:
    """All images (n, c, h, w), numbers from 0 to 1, in one square file, row by row."""
    from PIL import Image

    side = int(np.ceil(np.sqrt(len(images))))
    empty = np.zeros((side * side - len(images), *images.shape[1:]), images.dtype)
    whole = np.concatenate([images, empty]).reshape(side, side, *images.shape[1:])
    whole = whole.transpose(2, 0, 3, 1, 4).reshape(images.shape[1], side * images.shape[2], -1)
    Image.fromarray(_pixels(whole, "CHW")).save(path)


class SummaryWriter:
    """Writes records of a training to files in a folder, which TensorBoard reads.

    Args:
        log_dir: the folder; by default runs/<date>_<machine><comment>.
        purge_step: records of this step and later ones that are already there are hidden.
        max_queue, flush_secs: how many records wait, and how long, until they are written.

    >>> import glob, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> with SummaryWriter(folder) as writer:
    ...     writer.add_scalar("loss", 0.5, 1)
    >>> len(glob.glob(folder + "/events.out.tfevents.*"))
    1

    Source: https://docs.pytorch.org/docs/2.13/tensorboard.html#torch.utils.tensorboard.writer.SummaryWriter
    """

    def __init__(
        self, log_dir: Any = None, comment: str = "", purge_step: int | None = None, max_queue: int = 10,
        flush_secs: int = 120, filename_suffix: str = "",
    ):  # fmt: skip
        if not log_dir:
            now = datetime.now().strftime("%b%d_%H-%M-%S")
            log_dir = os.path.join("runs", f"{now}_{socket.gethostname()}{comment}")
        self.log_dir = str(log_dir)
        self._options = max_queue, flush_secs, filename_suffix
        self._writers: dict[str, Any] = {}
        if purge_step is not None:
            version = event_pb2.Event(file_version="brain.Event:2", step=purge_step, wall_time=time.time())
            self._writer().add_event(version)
            start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            self._put(event_pb2.Event(session_log=start), purge_step, None)
        self._writer()

    def _writer(self, folder: str | None = None) -> Any:
        """The file of a folder, made when first asked for."""
        folder = folder or self.log_dir
        if folder not in self._writers:
            self._writers[folder] = EventFileWriter(folder, *self._options)
        return self._writers[folder]

    def _put(self, event: Any, step: Any, walltime: float | None, folder: str | None = None) -> None:
        event.wall_time = time.time() if walltime is None else walltime
        if step is not None:
            event.step = int(step)
        self._writer(folder).add_event(event)

    def _add(self, step: Any, walltime: float | None, folder: str | None = None, **value: Any) -> None:
        value["tag"] = value["tag"].lstrip("/")
        summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(**value)])
        self._put(event_pb2.Event(summary=summary), step, walltime, folder)

    def get_logdir(self) -> str:
        """The folder."""
        return self.log_dir

    # ---- what can be recorded -----------------------------------------------------------------------------

    def add_scalar(
        self, tag: str, scalar_value: Any, global_step: Any = None, walltime: float | None = None,
        new_style: bool = False, double_precision: bool = False,
    ) -> None:  # fmt: skip
        """A number."""
        self._add(global_step, walltime, tag=tag, simple_value=float(_array(scalar_value).item()))

    def add_scalars(
        self, main_tag: str, tag_scalar_dict: dict[str, Any], global_step: Any = None,
        walltime: float | None = None,
    ) -> None:  # fmt: skip
        """Several numbers for one diagram: each goes to a folder of its own."""
        for tag, value in tag_scalar_dict.items():
            folder = os.path.join(self.log_dir, main_tag.replace("/", "_") + "_" + tag)
            number = float(_array(value).item())
            self._add(global_step, walltime, folder, tag=main_tag, simple_value=number)

    def add_histogram(
        self, tag: str, values: Any, global_step: Any = None, bins: Any = "tensorflow",
        walltime: float | None = None, max_bins: int | None = None,
    ) -> None:  # fmt: skip
        """How the elements of a tensor are distributed."""
        self._add(global_step, walltime, tag=tag, histo=_histogram(values, bins, max_bins))

    def add_image(
        self, tag: str, img_tensor: Any, global_step: Any = None, walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:  # fmt: skip
        """An image: bytes, or numbers from 0 to 1."""
        self._add(global_step, walltime, tag=tag, image=_png(_pixels(img_tensor, dataformats)))

    def add_images(
        self, tag: str, img_tensor: Any, global_step: Any = None, walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:  # fmt: skip
        """Several images, eight in a row."""
        self.add_image(tag, img_tensor, global_step, walltime, dataformats)

    def add_figure(
        self, tag: str, figure: Any, global_step: Any = None, close: bool = True,
        walltime: float | None = None,
    ) -> None:  # fmt: skip
        """A figure of matplotlib, or several side by side."""
        import matplotlib.pyplot as plt
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        pictures = []
        for one in figure if isinstance(figure, list) else [figure]:
            canvas = FigureCanvasAgg(one)
            canvas.draw()
            pictures.append(np.asarray(canvas.buffer_rgba())[:, :, :3])
            if close:
                plt.close(one)
        self.add_image(tag, np.stack(pictures), global_step, walltime, "NHWC")

    def add_text(
        self, tag: str, text_string: str, global_step: Any = None, walltime: float | None = None
    ) -> None:
        """A text, in Markdown."""
        data = summary_pb2.SummaryMetadata.PluginData(
            plugin_name="text", content=TextPluginData(version=0).SerializeToString()
        )
        tensor = tensor_pb2.TensorProto(
            dtype=types_pb2.DT_STRING,
            string_val=[text_string.encode("utf_8")],
            tensor_shape=tensor_shape_pb2.TensorShapeProto(
                dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)]
            ),
        )
        metadata = summary_pb2.SummaryMetadata(plugin_data=data)
        self._add(global_step, walltime, tag=tag + "/text_summary", metadata=metadata, tensor=tensor)

    def add_pr_curve(
        self, tag: str, labels: Any, predictions: Any, global_step: Any = None, num_thresholds: int = 127,
        weights: Any = None, walltime: float | None = None,
    ) -> None:  # fmt: skip
        """Precision over recall: labels are 0 or 1, predictions from 0 to 1."""
        from tensorboard.plugins.pr_curve import metadata

        counts = _pr_counts(_array(labels), _array(predictions), num_thresholds, weights)
        tensor = tensor_pb2.TensorProto(
            dtype=types_pb2.DT_FLOAT,
            float_val=counts.reshape(-1).tolist(),
            tensor_shape=tensor_shape_pb2.TensorShapeProto(
                dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=n) for n in counts.shape]
            ),
        )
        about = metadata.create_summary_metadata(
            display_name=tag, description="", num_thresholds=counts.shape[1]
        )
        self._add(global_step, walltime, tag=tag, metadata=about, tensor=tensor)

    def add_embedding(
        self, mat: Any, metadata: Any = None, label_img: Any = None, global_step: Any = None,
        tag: str = "default", metadata_header: Any = None,
    ) -> None:  # fmt: skip
        """Rows of a matrix (n, d) for the projector, with a label and an image (n, c, h, w) each if given."""
        folder = os.path.join(f"{int(global_step or 0):05d}", tag.replace("/", "__"))
        place = os.path.join(self.log_dir, folder)
        os.makedirs(place, exist_ok=True)
        lines = [f'tensor_name: "{tag}:{int(global_step or 0):05d}"', f'tensor_path: "{folder}/tensors.tsv"']
        rows = _array(mat)
        if rows.ndim != 2:
            raise AssertionError("mat should be 2D, where mat.size(0) is the number of data points")
        np.savetxt(os.path.join(place, "tensors.tsv"), rows, fmt="%.8g", delimiter="\t")
        if metadata is not None:
            if len(metadata) != len(rows):
                raise AssertionError("#labels should equal with #data points")
            table = [metadata_header, *metadata] if metadata_header else metadata
            with open(os.path.join(place, "metadata.tsv"), "w", encoding="utf8") as file:
                file.writelines(
                    "\t".join(map(str, row if metadata_header else [row])) + "\n" for row in table
                )
            lines.append(f'metadata_path: "{folder}/metadata.tsv"')
        if label_img is not None:
            images = _array(label_img)
            if len(images) != len(rows):
                raise AssertionError("#images should equal with #data points")
            _sprite(images, os.path.join(place, "sprite.png"))
            height, width = images.shape[2:]
            size = f"single_image_dim: {width}\n    single_image_dim: {height}"
            lines.append(f'sprite {{\n    image_path: "{folder}/sprite.png"\n    {size}\n  }}')
        with open(os.path.join(self.log_dir, "projector_config.pbtxt"), "a", encoding="utf8") as file:
            file.write("embeddings {\n  " + "\n  ".join(lines) + "\n}\n")

    def add_graph(
        self, model: Any, input_to_model: Any = None, verbose: bool = False, **options: Any
    ) -> None:
        """Warns: there is no tracing, so no graph of a model is written; see ``minitorch.graph``."""
        warnings.warn(
            "minitorch writes no graph of a model to TensorBoard; minitorch.graph(loss) shows one",
            stacklevel=2,
        )

    def add_hparams(
        self, hparam_dict: dict[str, Any], metric_dict: dict[str, Any], hparam_domain_discrete: Any = None,
        run_name: str | None = None, global_step: Any = None,
    ) -> None:  # fmt: skip
        """The options of a run, and what came of them, in a folder of their own."""
        from tensorboard.plugins.hparams import summary_v2

        folder = os.path.join(self.log_dir, run_name or str(time.time()))
        options = {key: v if isinstance(v, (str, bool)) else float(v) for key, v in hparam_dict.items()}
        metrics = [summary_v2.Metric(tag) for tag in metric_dict]
        names = [summary_v2.HParam(key) for key in options]
        for summary in (
            summary_v2.hparams_config_pb(hparams=names, metrics=metrics),
            summary_v2.hparams_pb(options, trial_id=folder),
        ):
            self._put(event_pb2.Event(summary=summary), global_step, None, folder)
        for tag, value in metric_dict.items():
            number = float(_array(value).item())
            self._add(global_step, None, folder, tag=tag, simple_value=number)

    # ---- the end ------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Writes what waits."""
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Writes what waits, and closes the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()
