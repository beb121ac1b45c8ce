/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <svd/model.h>

G_BEGIN_DECLS

/**
 * SvdPlan: the memory that a stage takes, known without a device.
 * @weights: bytes of its packed weights, on the device as long as the stage
 * @streamed: bytes of those that stay in host memory, because there is no room
 *     for them on the device, and are copied to it in every run, which takes
 *     longer; 0: all are on the device
 * @arena: bytes of activations, all lifetimes overlapped, while it runs
 * @buffers: bytes of its inputs and results
 * @staging: bytes of the host's memory that it takes at most: through which a
 *     graphics card's weights are loaded, which are given back before the
 *     arena is taken, or in which a chunk's frames are while the next chunk is
 *     decoded
 * @decode_chunk_size: frames decoded together; 0: the stage does not decode
 * @flops: floating-point operations of one run: a picture, one pass of the
 *     UNet (guidance takes two a step), a chunk of frames
 */
typedef struct {
  guint64 weights;
  guint64 streamed;
  guint64 arena;
  guint64 buffers;
  guint64 staging;
  guint decode_chunk_size;
  gdouble flops;
} SvdPlan;

/* The most of the device's memory that the stage holds at once, bytes. */
SVD_API guint64 svd_plan_get_peak (const SvdPlan *plan);

/**
 * svd_encoder_plan:
 * @options: (nullable): %SVD_PRECISION_AUTO is fp16, as on a graphics card
 * @width: pixels; 0: the model's
 * @height: likewise
 * @plan: (out caller-allocates):
 *
 * Needs the model's configs only, no weights and no device. The picture is
 * taken to have the clip's size; a larger one takes more while it is resized.
 *
 * Errors: %SVD_ERROR_MODEL for a missing config, %SVD_ERROR_SHAPE for a size
 * that the model cannot do, %SVD_ERROR_OUT_OF_MEMORY where @options have a
 * memory budget that does not suffice; @plan then tells what is missing.
 */
SVD_API gboolean svd_encoder_plan (SvdModel *model,
    const SvdStageOptions *options, guint width, guint height, SvdPlan *plan,
    GError **error);

/* Likewise; @num_frames 0: the model's. */
SVD_API gboolean svd_sampler_plan (SvdModel *model,
    const SvdStageOptions *options, guint width, guint height,
    guint num_frames, SvdPlan *plan, GError **error);

/* Likewise; @decode_chunk_size: frames decoded together; 0: all. A memory
 * budget lowers it to what fits. */
SVD_API gboolean svd_decoder_plan (SvdModel *model,
    const SvdStageOptions *options, guint width, guint height,
    guint num_frames, guint decode_chunk_size, SvdPlan *plan,
    GError **error);

G_END_DECLS
