/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <svd/sampler.h>

G_BEGIN_DECLS

/**
 * SvdFrameFunc:
 * @index: number of the frame in the clip, from 0, in order
 * @pixels: width × height × 4 bytes: R, G, B, 255; valid during the call
 * Returns: %FALSE to stop early (svd_decoder_decode() then returns %TRUE)
 */
typedef gboolean (*SvdFrameFunc) (guint index, guint width, guint height,
    const guint8 *pixels, gpointer user_data);

typedef struct _SvdDecoder SvdDecoder;

/* Loads the temporal decoder's weights. options (nullable): the defaults.
 * progress (nullable) is told of phase "load", in bytes. */
SVD_API SvdDecoder *svd_decoder_new (SvdDevice *device, SvdModel *model,
    const SvdStageOptions *options, SvdProgress progress, gpointer user_data,
    GCancellable *cancellable, GError **error);
/* Likewise svd_encoder_check(). */
SVD_API gboolean svd_decoder_check (SvdDevice *device, SvdModel *model,
    const SvdStageOptions *options, GError **error);
SVD_API void svd_decoder_free (SvdDecoder *decoder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SvdDecoder, svd_decoder_free)

/**
 * svd_decoder_choose_chunk_size:
 * @most: frames; 0: all
 *
 * Returns: how many frames of the clip, at most @most, fit into memory
 *     together; 1 where none do.
 */
SVD_API guint svd_decoder_choose_chunk_size (SvdDecoder *decoder,
    const SvdLatents *latents, guint most);

/**
 * svd_decoder_decode:
 * @decode_chunk_size: frames decoded together; temporal layers do not see
 *     past a chunk's edge (as in diffusers); 0: all frames at once
 * @frame: called for each frame as its chunk is done, in this thread; the
 *     device decodes the next chunk meanwhile
 *
 * Values are clamped to 0…1 and rounded to 8 bits as diffusers does.
 *
 * Errors: %SVD_ERROR_OUT_OF_MEMORY, with figures and before anything is
 * allocated, where so many frames do not fit together.
 */
SVD_API gboolean svd_decoder_decode (SvdDecoder *decoder,
    const SvdLatents *latents, guint decode_chunk_size, SvdFrameFunc frame,
    gpointer user_data, GCancellable *cancellable, GError **error);

G_END_DECLS
