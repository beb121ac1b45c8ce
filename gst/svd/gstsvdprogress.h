/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Posts GST_MESSAGE_PROGRESS. */
void gst_svd_progress_post (GstElement * element, GstProgressType type,
    const gchar * code, const gchar * text);

/* The same for step of steps, whose structure has the fields step, steps
 * and percent (int) too. */
void gst_svd_progress_post_step (GstElement * element, GstProgressType type,
    const gchar * code, guint step, guint steps);

/* Posts that percent of what was started are done, in the text and as the
 * field percent (int). */
void gst_svd_progress_post_percent (GstElement * element, const gchar * code,
    const gchar * text, guint percent);

/* Posts how what was started has ended: complete where there is no error. */
void gst_svd_progress_post_end (GstElement * element, const gchar * code,
    const gchar * text, const GError * error);

G_END_DECLS
