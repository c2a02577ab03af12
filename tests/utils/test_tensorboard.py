"""What SummaryWriter writes, beside what PyTorch's writes, as TensorBoard reads it.

Breaks when wrong: minitorch/utils/tensorboard.py.
"""

import glob

import numpy as np
import pytest

import minitorch

pytest.importorskip("tensorboard", reason="tensorboard is not installed")
torch = pytest.importorskip("torch", reason="compares with PyTorch")


def records(folder):
    """(tag, step, value) of every record below a folder, values in a form to compare."""
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    found = []
    for path in sorted(glob.glob(f"{folder}/**/events*", recursive=True)):
        place = path[len(str(folder)) :].rpartition("/")[0]
        for event in LegacyEventFileLoader(path).Load():
            for value in event.summary.value:
                kind = value.WhichOneof("value")
                found.append((place, value.tag, event.step, kind, getattr(value, kind)))
    return found


def write(library, folder):
    from torch.utils.tensorboard import SummaryWriter as Theirs

    from minitorch.utils.tensorboard import SummaryWriter as Ours

    numbers = np.random.RandomState(0)
    with (Ours if library is minitorch else Theirs)(folder) as writer:
        assert str(writer.get_logdir()) == str(folder)
        for step in range(3):
            writer.add_scalar("loss/train", library.tensor(0.5 * step), step)
        writer.add_scalars("both", {"a": 1.0, "b": library.tensor(2.0)}, 1)
        for i, values in enumerate((numbers.randn(500), np.zeros(3), np.abs(numbers.randn(50)))):
            writer.add_histogram("weights", library.tensor(values), i)
        writer.add_histogram("small", library.tensor(numbers.randn(100)), 0, bins=10)
        writer.add_image("grey", library.tensor(numbers.rand(1, 4, 5)), 0)
        writer.add_image("bytes", numbers.randint(0, 255, (4, 5, 3)).astype(np.uint8), dataformats="HWC")
        writer.add_images("many", library.tensor(numbers.rand(3, 3, 4, 4)), 0)
        writer.add_text("note", "**hello**", 2)
        writer.flush()


def test_records(tmp_path):
    pytest.importorskip("PIL", reason="images need Pillow")
    write(minitorch, tmp_path / "ours")
    write(torch, tmp_path / "theirs")
    ours, theirs = records(tmp_path / "ours"), records(tmp_path / "theirs")
    assert [r[:4] for r in ours] == [r[:4] for r in theirs]
    for a, b in zip(ours, theirs, strict=True):
        if a[3] == "histo":
            for field in ("min", "max", "num", "sum", "sum_squares", "bucket", "bucket_limit"):
                np.testing.assert_allclose(getattr(a[4], field), getattr(b[4], field), rtol=1e-9)
        elif a[3] == "image":
            assert (a[4].height, a[4].width) == (b[4].height, b[4].width)
        else:
            assert a[4] == b[4]


def test_hparams_and_graphs(tmp_path):
    from minitorch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(tmp_path))
    writer.add_hparams({"lr": 0.1, "name": "sgd"}, {"accuracy": 0.9}, run_name="first")
    with pytest.warns(UserWarning, match="writes no graph"):
        writer.add_graph(minitorch.nn.Linear(1, 1), minitorch.ones(1))
    writer.close()
    assert any(r[1] == "accuracy" for r in records(tmp_path))


def test_figures(tmp_path):
    matplotlib = pytest.importorskip("matplotlib", reason="figures need matplotlib")
    pytest.importorskip("PIL", reason="images need Pillow")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    from minitorch.utils.tensorboard import SummaryWriter

    figure = pyplot.figure(figsize=(1, 1), dpi=50)
    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_figure("one", figure)
    assert [(r[1], r[4].height, r[4].width) for r in records(tmp_path)] == [("one", 50, 50)]


def test_precision_and_recall_and_embeddings(tmp_path):
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
    from torch.utils.tensorboard import SummaryWriter as Theirs

    from minitorch.utils.tensorboard import SummaryWriter as Ours

    curves, configs, labels = [], [], []
    for library, writer in ((minitorch, Ours), (torch, Theirs)):
        folder = tmp_path / library.__name__
        with writer(str(folder)) as w:
            scores = library.tensor([0.9, 0.8, 0.4, 0.6, 0.1])
            w.add_pr_curve("pr", library.tensor([1, 0, 1, 1, 0]), scores, 2)
            images = library.ones(5, 3, 4, 4) / 2
            w.add_embedding(scores.view(5, 1), list("abcde"), images, global_step=3, tag="e")
        curves.append([list(value.float_val) for _, tag, _, _, value in records(folder) if tag == "pr"])
        assert (folder / "00003" / "e" / "sprite.png").exists()
        labels.append((folder / "00003" / "e" / "metadata.tsv").read_text())
        configs.append(text_format.Parse((folder / "projector_config.pbtxt").read_text(), ProjectorConfig()))
    assert curves[0][0] == pytest.approx(curves[1][0]) and len(curves[0][0]) == 6 * 127
    assert labels[0] == labels[1] and configs[0] == configs[1]
