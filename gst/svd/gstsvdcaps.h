/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Conditioning and latents are other/tensors in NNStreamer's syntax:
 * dimensions innermost first, one GstMemory a tensor, all float32. */

#define GST_SVD_TENSORS_CAPS "other/tensors, format = (string) static"

/* Image latents, image embedding, noise augmentation strength. */
#define GST_SVD_CONDITIONING_TENSORS 3
#define GST_SVD_CONDITIONING_CAPS GST_SVD_TENSORS_CAPS \
    ", num_tensors = (int) 3"

/* The frames of one clip. */
#define GST_SVD_LATENTS_TENSORS 1
#define GST_SVD_LATENTS_CAPS GST_SVD_TENSORS_CAPS \
    ", num_tensors = (int) 1"

#define GST_SVD_TENSOR_RANK 4

typedef struct {
  guint dims[GST_SVD_TENSOR_RANK];      /* innermost first; 1 where there is none */
} GstSvdTensor;

/* Bytes; only for a tensor of gst_svd_tensors_from_caps() or of sizes that
 * are known to be small enough. */
gsize gst_svd_tensor_get_size (const GstSvdTensor * tensor);

GstCaps *gst_svd_tensors_to_caps (const GstSvdTensor * tensors, guint n,
    gint fps_n, gint fps_d);

/* Reads caps of n tensors; takes ',' and '.' between tensors and any number
 * of trailing ones. The framerate is 0/1 where there is none. */
gboolean gst_svd_tensors_from_caps (GstSvdTensor * tensors, guint n,
    gint * fps_n, gint * fps_d, const GstCaps * caps, GError ** error);

/* The tensors' numbers one after the other, whether the buffer has a memory
 * for each or all in one, as a file source gives them. NULL: the buffer is
 * not as large as the tensors. */
gfloat *gst_svd_tensors_read (const GstSvdTensor * tensors, guint n,
    GstBuffer * buffer, GError ** error);

/* Appends a copy of the numbers as one memory. */
void gst_svd_tensor_append (const GstSvdTensor * tensor, const gfloat * data,
    GstBuffer * buffer);

G_END_DECLS
