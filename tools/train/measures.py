# SPDX-License-Identifier: LGPL-2.1-or-later
"""Figures of a clip, chosen so that noise and stillness cannot pass for motion.

Pictures are [height, width, 3] arrays of bytes, clips [frames, height, width, 3].
"""

import warnings

import numpy as np
from scipy import ndimage, optimize


def psnr(a, b):
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return 10 * np.log10(255**2 / max(error, 1e-3))


def ssim(a, b):
    from skimage.metrics import structural_similarity

    return structural_similarity(a, b, channel_axis=2, data_range=255)


def grey(frame):
    return frame.astype(np.float64).mean(2)


def similarity_warp(picture, shift_y, shift_x, log_zoom, angle):
    """What the picture looks like after the camera zooms in, turns and shifts."""
    height, width = picture.shape
    inverse = np.exp(-log_zoom)
    matrix = inverse * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([(height - 1) / 2, (width - 1) / 2])
    return ndimage.affine_transform(
        picture, matrix, centre - matrix @ (centre + [shift_y, shift_x]), order=1, mode="nearest"
    )


def best_similarity(first, last):
    """How many dB the best similarity (shift, zoom, turn) of the first frame gains
    over none towards the last, and its zoom.

    Real camera motion gains some 12 to 20, a clip that dissolves under 1; block
    matching would be fooled by both.
    """
    a, b = ndimage.gaussian_filter(grey(first), 0.7), ndimage.gaussian_filter(grey(last), 0.7)
    inner = (slice(8, -8), slice(8, -8))

    def error(parameters, smooth=0.0):
        x, y = (ndimage.gaussian_filter(v, smooth) for v in (a, b)) if smooth else (a, b)
        return np.mean((similarity_warp(x, *parameters) - y)[inner] ** 2)

    starts = [np.array([0, 0, zoom, 0.0]) for zoom in (-0.2, 0.0, 0.1, 0.2, 0.35, 0.5)]
    best = min(starts, key=lambda p: error(p, 2.0))
    for smooth in (2.0, 0.0):
        simplex = best + np.vstack([np.zeros(4), np.diag([2, 2, 0.05, 0.02])])
        best = optimize.minimize(
            error, best, args=(smooth,), method="Nelder-Mead",
            options={"initial_simplex": simplex, "maxiter": 150, "xatol": 1e-3, "fatol": 1e-3},
        ).x
    still = np.mean((a - b)[inner] ** 2)
    return 10 * np.log10(max(still, 1e-2) / max(error(best), 1e-2)), float(np.exp(best[2]))


def sharpness(frame):
    return ndimage.laplace(grey(frame)).var()


def sharpness_kept(clip):
    """Variance of the Laplacian, last frame to first."""
    return sharpness(clip[-1]) / max(sharpness(clip[0]), 1e-3)


def flow_between(a, b):
    """Where each pixel of a lies in b, less where it was: [2 (y, x), height, width]."""
    from skimage.registration import optical_flow_ilk

    with warnings.catch_warnings():  # of flat regions, whose flow comes out as 0
        warnings.simplefilter("ignore", RuntimeWarning)
        return optical_flow_ilk(grey(a), grey(b), radius=7)


def neighbours(clip, every=4):
    return [(clip[i], clip[i + 1]) for i in range(0, len(clip) - 1, every)]


def mean_flow(clip):
    """Length of the optical flow between neighbours, in pixels a frame."""
    return float(np.mean([np.hypot(*flow_between(a, b)).mean() for a, b in neighbours(clip)]))


def warp_error(clip):
    """What is left between neighbours after the one is warped onto the other by
    their optical flow: root of the mean square, in 8-bit steps."""
    errors = []
    for a, b in neighbours(clip):
        y, x = np.indices(a.shape[:2]) + flow_between(a, b)
        warped = ndimage.map_coordinates(grey(b), [y, x], order=1, mode="nearest")
        errors.append(np.mean((warped - grey(a))[8:-8, 8:-8] ** 2))
    return float(np.sqrt(np.mean(errors)))


def colour_drift(clip):
    """Largest change of a channel's mean from the first to the last frame, in 8-bit steps."""
    return float(np.abs(clip[-1].mean((0, 1)) - clip[0].mean((0, 1))).max())
