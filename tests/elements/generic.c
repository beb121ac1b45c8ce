/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What all elements have in common: properties, states, queries. */

#include "elementtest.h"

static const gchar *elements[] = {
  "svdencode", "svdsample", "svddecode", "svdbin", "vidinterp"
};

/* The first ones make clips, whatever time that takes. */
#define N_CLIP_ELEMENTS 4

/* The value as gst-inspect prints it. Scripts rely on these. */
static const struct
{
  const gchar *elements;
  const gchar *name, *type, *value;
  gboolean while_playing;
} properties[] = {
  /* *INDENT-OFF* */
  {"svdencode svdsample svddecode svdbin", "model", "gchararray", "NULL", FALSE},
  {"svdencode svdsample svddecode svdbin vidinterp", "device", "gchararray", "NULL", FALSE},
  {"svdencode svdsample svddecode svdbin vidinterp", "precision", "GstSvdPrecision", "auto", FALSE},
  {"svdencode svdsample svddecode svdbin", "memory-budget", "gchararray", "NULL", FALSE},
  {"svdencode svdsample svdbin", "seed", "gint64", "-1", TRUE},
  {"svdencode svdbin", "width", "guint", "0", TRUE},
  {"svdencode svdbin", "height", "guint", "0", TRUE},
  {"svdencode svdbin", "fit", "GstSvdFit", "crop", TRUE},
  {"svdencode svdbin", "noise-aug-strength", "gdouble", "0.02", TRUE},
  {"svdsample svdbin", "num-frames", "guint", "0", TRUE},
  {"svdsample svdbin", "steps", "guint", "25", TRUE},
  {"svdsample svdbin", "sigmas", "GstValueArray", "<  >", TRUE},
  {"svdsample svdbin", "fps", "guint", "7", TRUE},
  {"svdsample svdbin", "motion-bucket-id", "guint", "127", TRUE},
  {"svdsample svdbin", "guidance", "GstSvdGuidance", "linear", TRUE},
  {"svdsample svdbin", "min-guidance-scale", "gdouble", "1", TRUE},
  {"svdsample svdbin", "max-guidance-scale", "gdouble", "3", TRUE},
  {"svddecode svdbin", "decode-chunk-size", "guint", "0", TRUE},
  {"vidinterp", "model", "gchararray", "NULL", FALSE},
  {"vidinterp", "method", "GstVidInterpMethod", "auto", TRUE},
  {"vidinterp", "slowdown", "gdouble", "1", TRUE},
  {"vidinterp", "scene-threshold", "gdouble", "0.5", TRUE},
  {"vidinterp", "duplicate-threshold", "gdouble", "0.01", TRUE},
  /* *INDENT-ON* */
};

static void
check_property (GstElement * element, guint i)
{
  GParamSpec *pspec =
      g_object_class_find_property (G_OBJECT_GET_CLASS (element),
      properties[i].name);
  GValue value = G_VALUE_INIT;
  gchar *text;

  fail_unless (pspec != NULL, "no property %s", properties[i].name);
  assert_equals_string (g_type_name (pspec->value_type), properties[i].type);
  fail_unless_equals_int ((pspec->flags & GST_PARAM_MUTABLE_PLAYING) != 0,
      properties[i].while_playing);
  fail_unless (strlen (g_param_spec_get_blurb (pspec)) > 20);

  /* What is read at first is what introspection says. */
  g_value_init (&value, pspec->value_type);
  g_object_get_property (G_OBJECT (element), pspec->name, &value);
  fail_unless (g_param_value_defaults (pspec, &value));

  text = gst_value_serialize (&value);
  if (text == NULL)
    text = g_strdup ("NULL");
  assert_equals_string (text, properties[i].value);
  g_free (text);
  g_value_unset (&value);
}

GST_START_TEST (test_properties)
{
  GstElement *element = gst_element_factory_make (elements[__i__], NULL);
  guint n_own = 0, n_expected = 0, n;
  GParamSpec **pspecs;

  for (guint i = 0; i < G_N_ELEMENTS (properties); i++) {
    if (strstr (properties[i].elements, elements[__i__]) != NULL) {
      check_property (element, i);
      n_expected++;
    }
  }

  /* There are no others. */
  pspecs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
  for (guint i = 0; i < n; i++)
    n_own += g_str_has_prefix (g_type_name (pspecs[i]->owner_type), "GstSvd")
        || pspecs[i]->owner_type == G_OBJECT_TYPE (element);
  g_free (pspecs);
  fail_unless_equals_int (n_own, n_expected);

  gst_object_unref (element);
}

GST_END_TEST;

GST_START_TEST (test_bin_forwards_properties)
{
  GstElement *bin = gst_element_factory_make ("svdbin", NULL);
  GstElement *encode = gst_bin_get_by_name (GST_BIN (bin), "encode");
  GstElement *sample = gst_bin_get_by_name (GST_BIN (bin), "sample");
  GstElement *decode = gst_bin_get_by_name (GST_BIN (bin), "decode");
  gchar *models[3];
  gint64 seeds[2];
  guint width, steps, chunk;

  g_object_set (bin, "model", "m", "seed", (gint64) 5, "width", 8,
      "steps", 3, "decode-chunk-size", 2, NULL);

  g_object_get (encode, "model", &models[0], "seed", &seeds[0], "width", &width,
      NULL);
  g_object_get (sample, "model", &models[1], "seed", &seeds[1], "steps", &steps,
      NULL);
  g_object_get (decode, "model", &models[2], "decode-chunk-size", &chunk, NULL);

  for (guint i = 0; i < 3; i++) {
    assert_equals_string (models[i], "m");
    g_free (models[i]);
  }
  fail_unless_equals_int64 (seeds[0], 5);
  fail_unless_equals_int64 (seeds[1], 5);
  fail_unless_equals_int (width, 8);
  fail_unless_equals_int (steps, 3);
  fail_unless_equals_int (chunk, 2);

  gst_object_unref (encode);
  gst_object_unref (sample);
  gst_object_unref (decode);
  gst_object_unref (bin);
}

GST_END_TEST;

/* As gst-plugins-bad's generic/states: up and down again and again. */
GST_START_TEST (test_states)
{
  static const GstState states[] = {
    GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING, GST_STATE_PAUSED,
    GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_READY, GST_STATE_NULL,
    GST_STATE_PLAYING, GST_STATE_NULL, GST_STATE_PAUSED, GST_STATE_NULL
  };
  GstElement *element = gst_element_factory_make (elements[__i__], NULL);

  for (guint i = 0; i < G_N_ELEMENTS (states); i++) {
    fail_unless_equals_int (gst_element_set_state (element, states[i]),
        GST_STATE_CHANGE_SUCCESS);
  }

  ASSERT_OBJECT_REFCOUNT (element, elements[__i__], 1);
  gst_object_unref (element);
}

GST_END_TEST;

GST_START_TEST (test_factory)
{
  GstElementFactory *factory = gst_element_factory_find (elements[__i__]);
  GstElement *element;

  fail_unless (factory != NULL);
  /* Nothing should plug in a minute of work by itself. */
  fail_unless_equals_int (gst_plugin_feature_get_rank (GST_PLUGIN_FEATURE
          (factory)), GST_RANK_NONE);
  fail_unless_equals_int (gst_element_factory_get_num_pad_templates (factory),
      2);

  /* Never started, and never in a bin. */
  element = gst_element_factory_create (factory, NULL);
  gst_object_unref (element);
  gst_object_unref (factory);
}

GST_END_TEST;

GST_START_TEST (test_latency)
{
  GstElement *element = gst_element_factory_make (elements[__i__], NULL);
  GstQuery *query = gst_query_new_latency ();
  gboolean live = TRUE;
  GstClockTime min;

  fail_unless_equals_int (gst_element_set_state (element, GST_STATE_PLAYING),
      GST_STATE_CHANGE_SUCCESS);
  fail_unless (gst_element_query (element, query));
  gst_query_parse_latency (query, &live, &min, NULL);
  fail_if (live);
  fail_unless_equals_uint64 (min, 0);

  gst_query_unref (query);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_object_unref (element);
}

GST_END_TEST;

static Suite *
generic_suite (void)
{
  Suite *s = suite_create ("generic");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_factory, 0, G_N_ELEMENTS (elements));
  tcase_add_loop_test (tc, test_properties, 0, G_N_ELEMENTS (elements));
  tcase_add_test (tc, test_bin_forwards_properties);
  tcase_add_loop_test (tc, test_states, 0, G_N_ELEMENTS (elements));
  tcase_add_loop_test (tc, test_latency, 0, N_CLIP_ELEMENTS);

  return s;
}

GST_CHECK_MAIN (generic);
