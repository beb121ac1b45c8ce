/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-svdbin
 * @title: svdbin
 * @see_also: #svdencode, #svdsample, #svddecode
 *
 * All of Stable Video Diffusion: picture in, clip out. Has the properties of
 * its three stages #svdencode, #svdsample and #svddecode. Without a
 * #GstSvdBin:seed one is drawn for each clip, for all stages, and reported.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=photo.jpg ! jpegdec ! videoconvert ! svdbin ! videoconvert ! jpegenc ! avimux ! filesink location=clip.avi
 * ]|
 * Turns a photograph into a clip.
 */

#include "gstsvdbin.h"

#include "gstsvddecode.h"
#include "gstsvdencode.h"
#include "gstsvdsample.h"

GST_DEBUG_CATEGORY_STATIC (gst_svd_bin_debug);
#define GST_CAT_DEFAULT gst_svd_bin_debug

#define STAGES 3

struct _GstSvdBin
{
  GstBin parent;

  GstElement *stages[STAGES];   /* in the order of the data; the bin's */
};

G_DEFINE_TYPE_WITH_CODE (GstSvdBin, gst_svd_bin, GST_TYPE_BIN,
    GST_DEBUG_CATEGORY_INIT (gst_svd_bin_debug, "svdbin", 0,
        "Picture to clip"));
GST_ELEMENT_REGISTER_DEFINE (svdbin, "svdbin", GST_RANK_NONE, GST_TYPE_SVD_BIN);

static gboolean
has_property (GstElement * stage, GParamSpec * pspec)
{
  return g_object_class_find_property (G_OBJECT_GET_CLASS (stage),
      pspec->name) != NULL;
}

/* Sets it on all stages that have it. */
static void
gst_svd_bin_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstSvdBin *self = GST_SVD_BIN (object);

  for (guint i = 0; i < STAGES; i++) {
    if (has_property (self->stages[i], pspec))
      g_object_set_property (G_OBJECT (self->stages[i]), pspec->name, value);
  }
}

static void
gst_svd_bin_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstSvdBin *self = GST_SVD_BIN (object);

  for (guint i = 0; i < STAGES; i++) {
    if (has_property (self->stages[i], pspec)) {
      g_object_get_property (G_OBJECT (self->stages[i]), pspec->name, value);
      return;
    }
  }
}

/* A ghost of the stage's pad with the same name and template. */
static void
add_ghost_pad (GstSvdBin * self, GstElement * stage, const gchar * name)
{
  GstPadTemplate *template =
      gst_element_class_get_pad_template (GST_ELEMENT_GET_CLASS (self), name);
  g_autoptr (GstPad) target = gst_element_get_static_pad (stage, name);

  gst_element_add_pad (GST_ELEMENT (self),
      gst_ghost_pad_new_from_template (name, target, template));
}

static void
gst_svd_bin_init (GstSvdBin * self)
{
  GstElement *encode = g_object_new (GST_TYPE_SVD_ENCODE, "name", "encode",
      NULL);
  GstElement *sample = g_object_new (GST_TYPE_SVD_SAMPLE, "name", "sample",
      NULL);
  GstElement *decode = g_object_new (GST_TYPE_SVD_DECODE, "name", "decode",
      NULL);

  gst_bin_add_many (GST_BIN (self), encode, sample, decode, NULL);
  gst_element_link_many (encode, sample, decode, NULL);
  self->stages[0] = encode;
  self->stages[1] = sample;
  self->stages[2] = decode;

  add_ghost_pad (self, encode, "sink");
  add_ghost_pad (self, decode, "src");
  gst_bin_set_suppressed_flags (GST_BIN (self), GST_ELEMENT_FLAG_SOURCE
      | GST_ELEMENT_FLAG_SINK);
}

/* The bin's pad takes what the stage's does. */
static void
copy_pad_template (GstElementClass * klass, GType stage, const gchar * name)
{
  GstElementClass *stage_class = g_type_class_ref (stage);

  gst_element_class_add_pad_template (klass,
      gst_object_ref (gst_element_class_get_pad_template (stage_class, name)));
  g_type_class_unref (stage_class);
}

static void
gst_svd_bin_class_init (GstSvdBinClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->set_property = gst_svd_bin_set_property;
  object_class->get_property = gst_svd_bin_get_property;

  gst_svd_settings_install (object_class, GST_SVD_PROPERTIES_BIN);
  copy_pad_template (element_class, GST_TYPE_SVD_ENCODE, "sink");
  copy_pad_template (element_class, GST_TYPE_SVD_DECODE, "src");
  gst_element_class_set_static_metadata (element_class,
      "Stable Video Diffusion", "Filter/Converter/Video",
      "Turns each picture into a clip", "gst-svd contributors");
}
