/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Tag (guint64) with the seed of a clip. */
#define GST_SVD_TAG_SEED "svd-seed"

/* Name of the element message that says each clip's seed: fields seed
 * (guint64) and drawn (gboolean: drawn, or set by the user). */
#define GST_SVD_MESSAGE_SEED "svd-seed"

/* Registers the tag and the meta. */
void gst_svd_seed_register (void);

/* The clip's seed: the property's or, where that is -1, the one that an
 * element upstream has drawn for the picture, or a new one. So one number
 * repeats a clip of which no seed was set. Remember the choice with
 * gst_svd_seed_attach(). */
guint64 gst_svd_seed_choose (gint64 property, GstBuffer * input);

/* Lets elements downstream use the seed if it was drawn. */
void gst_svd_seed_attach (gint64 property, guint64 seed, GstBuffer * output);

/* Says in the log, in an element message and in a tag which it is. */
void gst_svd_seed_report (GstElement * element, GstPad * srcpad,
    gint64 property, guint64 seed);

G_END_DECLS
