/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gstsvdcaps.h"

/* Tensors of one buffer together: more is a mistake in the caps. */
#define MAX_SIZE ((guint64) 1 << 40)

gsize
gst_svd_tensor_get_size (const GstSvdTensor * tensor)
{
  gsize size = sizeof (gfloat);

  for (guint i = 0; i < GST_SVD_TENSOR_RANK; i++)
    size *= tensor->dims[i];

  return size;
}

static gsize
tensors_get_size (const GstSvdTensor * tensors, guint n)
{
  gsize size = 0;

  for (guint i = 0; i < n; i++)
    size += gst_svd_tensor_get_size (&tensors[i]);

  return size;
}

GstCaps *
gst_svd_tensors_to_caps (const GstSvdTensor * tensors, guint n, gint fps_n,
    gint fps_d)
{
  g_autoptr (GString) types = g_string_new (NULL);
  g_autoptr (GString) dimensions = g_string_new (NULL);

  for (guint i = 0; i < n; i++) {
    const guint *dims = tensors[i].dims;
    const gchar *separator = i > 0 ? "," : "";

    g_string_append_printf (types, "%sfloat32", separator);
    g_string_append_printf (dimensions, "%s%u:%u:%u:%u", separator,
        dims[0], dims[1], dims[2], dims[3]);
  }

  return gst_caps_new_simple ("other/tensors",
      "format", G_TYPE_STRING, "static",
      "num_tensors", G_TYPE_INT, (gint) n,
      "types", G_TYPE_STRING, types->str,
      "dimensions", G_TYPE_STRING, dimensions->str,
      "framerate", GST_TYPE_FRACTION, fps_n, fps_d, NULL);
}

/* "16:16:4:1" and shorter or longer: what is past the rank must be 1. */
static gboolean
parse_dimensions (const gchar * string, GstSvdTensor * tensor)
{
  g_auto (GStrv) dims = g_strsplit (string, ":", -1);
  guint n = g_strv_length (dims);
  guint64 size = sizeof (gfloat);

  if (n == 0)
    return FALSE;

  for (guint i = 0; i < GST_SVD_TENSOR_RANK; i++)
    tensor->dims[i] = 1;

  for (guint i = 0; i < n; i++) {
    guint64 dim;

    if (!g_ascii_string_to_unsigned (g_strstrip (dims[i]), 10, 1, G_MAXINT,
            &dim, NULL))
      return FALSE;
    if (i >= GST_SVD_TENSOR_RANK && dim != 1)
      return FALSE;
    if (!g_uint64_checked_mul (&size, size, dim) || size > MAX_SIZE)
      return FALSE;
    if (i < GST_SVD_TENSOR_RANK)
      tensor->dims[i] = (guint) dim;
  }

  return TRUE;
}

static gboolean
are_float32 (const gchar * string, guint n)
{
  g_auto (GStrv) types = g_strsplit_set (string, ",.", -1);

  if (g_strv_length (types) != n)
    return FALSE;

  for (guint i = 0; i < n; i++) {
    if (!g_str_equal (g_strstrip (types[i]), "float32"))
      return FALSE;
  }

  return TRUE;
}

gboolean
gst_svd_tensors_from_caps (GstSvdTensor * tensors, guint n, gint * fps_n,
    gint * fps_d, const GstCaps * caps, GError ** error)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  const gchar *types = gst_structure_get_string (s, "types");
  const gchar *dimensions = gst_structure_get_string (s, "dimensions");
  g_auto (GStrv) parts = NULL;

  if (types == NULL || !are_float32 (types, n)) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE,
        "The caps need types=(string) with %u times float32, not %s.", n,
        types != NULL ? types : "none");
    return FALSE;
  }

  if (dimensions != NULL)
    parts = g_strsplit_set (dimensions, ",.", -1);
  if (parts == NULL || g_strv_length (parts) != n) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "The caps need dimensions=(string) of %u tensor%s, such as 16:16:4:14, "
        "not %s.", n, n > 1 ? "s" : "", dimensions != NULL ? dimensions
        : "none");
    return FALSE;
  }

  for (guint i = 0; i < n; i++) {
    if (!parse_dimensions (parts[i], &tensors[i])) {
      g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
          "The dimensions %s in the caps cannot be used: give 1 to %d numbers "
          "from 1 with ':' between them, innermost first.", parts[i],
          GST_SVD_TENSOR_RANK);
      return FALSE;
    }
  }

  if (!gst_structure_get_fraction (s, "framerate", fps_n, fps_d)) {
    *fps_n = 0;
    *fps_d = 1;
  }

  return TRUE;
}

gfloat *
gst_svd_tensors_read (const GstSvdTensor * tensors, guint n,
    GstBuffer * buffer, GError ** error)
{
  gsize size = tensors_get_size (tensors, n);
  gsize actual = gst_buffer_get_size (buffer);
  gpointer data;

  if (actual != size) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "A buffer has %" G_GSIZE_FORMAT " bytes where the caps say %"
        G_GSIZE_FORMAT ": set blocksize=%" G_GSIZE_FORMAT " on the file "
        "source, or correct the dimensions in the caps.", actual, size, size);
    return NULL;
  }

  data = g_try_malloc (size);
  if (data == NULL) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT,
        "There is no memory for %" G_GSIZE_FORMAT " bytes of tensors: make "
        "a smaller clip.", size);
    return NULL;
  }

  gst_buffer_extract (buffer, 0, data, size);
  return data;
}

void
gst_svd_tensor_append (const GstSvdTensor * tensor, const gfloat * data,
    GstBuffer * buffer)
{
  gsize size = gst_svd_tensor_get_size (tensor);
  gpointer copy = g_memdup2 (data, size);

  gst_buffer_append_memory (buffer,
      gst_memory_new_wrapped (0, copy, size, 0, size, copy, g_free));
}
