/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsvdseed.h"

#define META_NAME "GstSvdDrawnSeedMeta"

void
gst_svd_seed_register (void)
{
  static const gchar *no_tags[] = { NULL };

  gst_tag_register_static (GST_SVD_TAG_SEED, GST_TAG_FLAG_META, G_TYPE_UINT64,
      "SVD seed", "seed of the noise that a clip was made from", NULL);

  if (gst_meta_get_info (META_NAME) == NULL)
    gst_meta_register_custom (META_NAME, no_tags, NULL, NULL, NULL);
}

guint64
gst_svd_seed_choose (gint64 property, GstBuffer * input)
{
  GstCustomMeta *meta;
  guint64 seed;

  if (property >= 0)
    return (guint64) property;

  meta = gst_buffer_get_custom_meta (input, META_NAME);
  if (meta != NULL
      && gst_structure_get_uint64 (gst_custom_meta_get_structure (meta), "seed",
          &seed))
    return seed;

  /* The generator starts from 32 bits, and short numbers are easier to type. */
  return g_random_int ();
}

void
gst_svd_seed_attach (gint64 property, guint64 seed, GstBuffer * output)
{
  GstCustomMeta *meta;

  if (property >= 0)
    return;

  meta = gst_buffer_add_custom_meta (output, META_NAME);
  if (meta != NULL)
    gst_structure_set (gst_custom_meta_get_structure (meta),
        "seed", G_TYPE_UINT64, seed, NULL);
}

void
gst_svd_seed_report (GstElement * element, GstPad * srcpad, gint64 property,
    guint64 seed)
{
  gboolean drawn = property < 0;

  GST_INFO_OBJECT (element, "seed of this clip: %" G_GUINT64_FORMAT " (%s)",
      seed, drawn ? "drawn" : "set");

  gst_element_post_message (element,
      gst_message_new_element (GST_OBJECT (element),
          gst_structure_new (GST_SVD_MESSAGE_SEED,
              "seed", G_TYPE_UINT64, seed,
              "drawn", G_TYPE_BOOLEAN, drawn, NULL)));

  gst_pad_push_event (srcpad, gst_event_new_tag (gst_tag_list_new
          (GST_SVD_TAG_SEED, seed, NULL)));
}
