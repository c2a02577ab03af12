"""Spectra over time: stft() cuts a signal into frames and transforms each, istft() puts it together again.

Source: https://docs.pytorch.org/docs/stable/generated/torch.stft.html
"""

import warnings

import minitorch

_NO_WINDOW = (
    "A window was not provided. A rectangular window will be applied,which is known to cause spectral "
    "leakage. Other windows such as torch.hann_window or torch.hamming_window are recommended to reduce "
    "spectral leakage.To suppress this warning and use a rectangular window, explicitly set "
    "`window=torch.ones(n_fft, device=<device>)`."
)


def _full_window(name, window, n_fft, win_length, dtype):
    """The window with zeros around it to n_fft."""
    if window is None:
        window = minitorch.ones(win_length, dtype=dtype)
    elif window.dim() != 1 or window.shape[0] != win_length:
        raise RuntimeError(
            f"{name}(): expected a 1D window tensor of size equal to win_length={win_length}, but got window "
            f"with size {list(window.shape)}"
        )
    left = (n_fft - win_length) // 2
    return minitorch.nn.functional.pad(window, (left, n_fft - win_length - left))


def _lengths(name, n_fft, hop_length, win_length):
    hop_length = n_fft // 4 if hop_length is None else hop_length
    win_length = n_fft if win_length is None else win_length
    if hop_length <= 0:
        raise RuntimeError(f"{name}(): expected hop_length > 0, but got hop_length={hop_length}")
    if not 0 < win_length <= n_fft:
        raise RuntimeError(f"{name}(): expected 0 < win_length <= n_fft, but got win_length={win_length}")
    return hop_length, win_length


def stft(
    input,
    n_fft,
    hop_length=None,
    win_length=None,
    window=None,
    center=True,
    pad_mode="reflect",
    normalized=False,
    onesided=None,
    return_complex=None,
    align_to_window=None,
):
    """The Fourier transforms of frames of n_fft samples, hop_length (n_fft // 4) apart, times window.

    Shapes: (T) or (B, T) to (N, frames) or (B, N, frames), N being n_fft, or n_fft // 2 + 1 of a real signal
    (onesided); center pads the signal by n_fft // 2 at both ends. Types: float32, float64, complex ones.

    Raises RuntimeError if return_complex is not given for a real signal, or lengths do not fit.

    >>> import minitorch
    >>> minitorch.stft(minitorch.ones(8), 4, window=minitorch.ones(4), return_complex=True).shape
    torch.Size([3, 9])

    Source: https://docs.pytorch.org/docs/stable/generated/torch.stft.html
    """
    hop_length, win_length = _lengths("stft", n_fft, hop_length, win_length)
    complex_input = input.is_complex() or (window is not None and window.is_complex())
    if return_complex is None:
        if not complex_input:
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs, and will further "
                "require that return_complex=True in a future PyTorch release."
            )
        return_complex = True
    if window is None:
        warnings.warn(_NO_WINDOW, stacklevel=2)
    onesided = not complex_input if onesided is None else onesided
    if onesided and complex_input:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if input.dim() not in (1, 2):
        raise RuntimeError(f"stft(): expected a 1D or 2D tensor, but got {input.dim()}D tensor")
    x = input.unsqueeze(0) if input.dim() == 1 else input
    if center:
        pad = n_fft // 2
        x = minitorch.nn.functional.pad(x.unsqueeze(1), (pad, pad), mode=pad_mode).squeeze(1)
    if not 0 < n_fft <= x.shape[-1]:
        raise RuntimeError(f"stft(): expected 0 < n_fft < {x.shape[-1]}, but got n_fft={n_fft}")
    frames = x.unfold(-1, n_fft, hop_length)
    frames = frames * _full_window("stft", window, n_fft, win_length, x.dtype)
    transform = minitorch.fft.rfft if onesided else minitorch.fft.fft
    y = transform(frames, norm="ortho" if normalized else None).transpose(-2, -1)
    y = y.squeeze(0) if input.dim() == 1 else y
    return y if return_complex else minitorch.view_as_real(y.contiguous())


def istft(
    input,
    n_fft,
    hop_length=None,
    win_length=None,
    window=None,
    center=True,
    normalized=False,
    onesided=None,
    length=None,
    return_complex=False,
):
    """The signal that has this stft(): frames are added up, and divided by the squares of the windows there.

    Shapes: (N, frames) or (B, N, frames) to (T) or (B, T), T being length where that is given. Types: complex
    ones; the result is real unless return_complex.

    Raises RuntimeError if input is not complex, or if the windows leave places out.

    >>> import minitorch
    >>> window = minitorch.hann_window(4)
    >>> spectrum = minitorch.stft(minitorch.arange(8.0), 4, window=window, return_complex=True)
    >>> minitorch.istft(spectrum, 4, window=window).round(decimals=3)
    tensor([0., 1., 2., 3., 4., 5., 6., 7.])

    Source: https://docs.pytorch.org/docs/stable/generated/torch.istft.html
    """
    hop_length, win_length = _lengths("istft", n_fft, hop_length, win_length)
    if not input.is_complex():
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with "
            "return_complex=True."
        )
    x = input.unsqueeze(0) if input.dim() == 2 else input
    onesided = x.shape[-2] != n_fft if onesided is None else onesided
    window = _full_window("istft", window, n_fft, win_length, x.dtype.to_real())
    norm = "ortho" if normalized else None
    x = x.transpose(-2, -1)
    if return_complex:
        if onesided:
            raise RuntimeError("Cannot have onesided output if window or input is complex")
        frames = minitorch.fft.ifft(x, norm=norm)
    else:
        frames = minitorch.fft.irfft(x[..., : n_fft // 2 + 1], n_fft, norm=norm)
    count, total = x.shape[-2], n_fft + hop_length * (x.shape[-2] - 1)
    at = (minitorch.arange(count).unsqueeze(1) * hop_length + minitorch.arange(n_fft)).reshape(-1)
    frames = (frames * window).reshape(frames.shape[0], -1)
    y = minitorch.zeros(frames.shape[0], total, dtype=frames.dtype).index_add(1, at, frames)
    weight = minitorch.zeros(total, dtype=window.dtype).index_add(0, at, (window * window).repeat(count))
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else total - (n_fft // 2 if center else 0)
    y, weight = y[:, start:end], weight[start:end]
    if weight.numel() and not weight.abs().min() > 1e-11:
        raise RuntimeError("istft(): window overlap add min: 1")
    y = y / weight
    if length is not None and y.shape[-1] < length:
        y = minitorch.nn.functional.pad(y, (0, length - y.shape[-1]))
    return y.squeeze(0) if input.dim() == 2 else y
