/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bad input: each time one clear error with what to do, and no crash. */

#include <glib/gstdio.h>
#include <unistd.h>

#include "elementtest.h"

/* Starting fails with the one error. */
static void
check_start_fails (const gchar * launch_line, GQuark domain, gint code,
    const gchar * text)
{
  GstElement *element = gst_parse_launch (launch_line, NULL);
  GstBus *bus = gst_bus_new ();

  fail_unless (element != NULL);
  gst_element_set_bus (element, bus);
  fail_unless_equals_int (gst_element_set_state (element, GST_STATE_PAUSED),
      GST_STATE_CHANGE_FAILURE);
  test_assert_one_error (bus, domain, code, text);

  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  ASSERT_OBJECT_REFCOUNT (element, launch_line, 1);
  gst_object_unref (element);
}

static const gchar *elements[] = { "svdencode", "svdsample", "svddecode" };

static gchar *
launch_line (const gchar * element, const gchar * properties)
{
  return g_strdup_printf ("%s %s", element, properties);
}

GST_START_TEST (test_missing_model)
{
  gchar *line = launch_line (elements[__i__], "model=/no/such/folder");

  check_start_fails (line, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
      "/no/such/folder");
  g_free (line);
}

GST_END_TEST;

/* Not downloaded: how to get it, and where it was looked for. */
GST_START_TEST (test_model_not_downloaded)
{
  check_start_fails ("svdsample model=stabilityai/no-such-model",
      GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
      "hf download stabilityai/no-such-model");
  check_start_fails ("svdbin model=no-such-model", GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_NOT_FOUND, "svd-xt-1-1");
}

GST_END_TEST;

GST_START_TEST (test_folder_without_model)
{
  gchar *folder = g_dir_make_tmp ("svdtest-XXXXXX", NULL);
  gchar *properties = g_strdup_printf ("model=%s", folder);
  gchar *line = launch_line (elements[__i__], properties);

  check_start_fails (line, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ,
      folder);

  g_rmdir (folder);
  g_free (folder);
  g_free (properties);
  g_free (line);
}

GST_END_TEST;

/* Links what the embedded model has at that path into the folder. */
static void
link_file (const gchar * folder, const gchar * path)
{
  gchar *from = g_build_filename (g_getenv ("SVD_MODEL_PATH"), "svd-tiny",
      path, NULL);
  gchar *to = g_build_filename (folder, path, NULL);
  gchar *parent = g_path_get_dirname (to);

  fail_unless_equals_int (g_mkdir_with_parents (parent, 0700), 0);
  fail_unless_equals_int (symlink (from, to), 0);
  g_free (parent);
  g_free (to);
  g_free (from);
}

/* Configurations alone are a model that can be planned, not run: that is said
 * when the element starts. */
GST_START_TEST (test_model_without_weights)
{
  static const gchar *configs[] = {
    "model_index.json", "unet/config.json", "vae/config.json",
    "image_encoder/config.json", "scheduler/scheduler_config.json"
  };
  gchar *folder = g_dir_make_tmp ("svdtest-XXXXXX", NULL);
  gchar *properties = g_strdup_printf ("model=%s", folder);
  gchar *line = launch_line (elements[__i__], properties);

  for (guint i = 0; i < G_N_ELEMENTS (configs); i++)
    link_file (folder, configs[i]);
  check_start_fails (line, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ,
      "no weights are there");

  for (guint i = G_N_ELEMENTS (configs); i-- > 0;) {
    gchar *path = g_build_filename (folder, configs[i], NULL);
    gchar *parent = g_path_get_dirname (path);

    g_unlink (path);
    g_rmdir (parent);
    g_free (parent);
    g_free (path);
  }
  g_free (folder);
  g_free (properties);
  g_free (line);
}

GST_END_TEST;

GST_START_TEST (test_unknown_device)
{
  gchar *line = launch_line (elements[__i__], "device=ace-of-base");

  check_start_fails (line, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
      "ace-of-base");
  g_free (line);
}

GST_END_TEST;

GST_START_TEST (test_no_vulkan)
{
  gchar *line = launch_line (elements[__i__], "");

  g_setenv ("VK_DRIVER_FILES", "/nonexistent", TRUE);
  g_setenv ("VK_ICD_FILENAMES", "/nonexistent", TRUE);
  check_start_fails (line, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
      "Vulkan");
  g_unsetenv ("VK_DRIVER_FILES");
  g_unsetenv ("VK_ICD_FILENAMES");
  g_free (line);
}

GST_END_TEST;

/* Names the nearest that work. */
GST_START_TEST (test_bad_width)
{
  check_start_fails ("svdencode width=100", GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_SETTINGS, "104x");
  check_start_fails ("svdencode height=100", GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_SETTINGS, "x104");
  check_start_fails ("svdencode width=1", GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_SETTINGS, "8");
}

GST_END_TEST;

GST_START_TEST (test_bad_memory_budget)
{
  static const gchar *values[] = { "4XB", "lots", "-1GB", "0", "101%", "GB" };

  for (guint i = 0; i < G_N_ELEMENTS (values); i++) {
    gchar *properties = g_strdup_printf ("memory-budget=%s", values[i]);
    gchar *line = launch_line (elements[__i__], properties);

    check_start_fails (line, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        values[i]);
    g_free (properties);
    g_free (line);
  }
}

GST_END_TEST;

/* Less than the weights take: both figures are told. */
GST_START_TEST (test_small_memory_budget)
{
  GstHarness *h = test_harness_new ("svdencode memory-budget=700kB");

  gst_harness_set_src_caps_str (h, TEST_PICTURE_CAPS);
  fail_unless_equals_int (gst_harness_push (h,
          test_picture (TEST_PICTURE_CAPS)), GST_FLOW_ERROR);
  test_assert_one_error (test_harness_get_bus (h), GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_NO_SPACE_LEFT, "the memory budget leaves 700.0");

  test_harness_free (h);
}

GST_END_TEST;

/* Before the model is loaded. */
GST_START_TEST (test_bad_sigmas)
{
  check_start_fails ("svdsample sigmas=<80>", GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_SETTINGS, "at least two sigmas");
  check_start_fails ("svdsample sigmas=<1,2,0>", GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_SETTINGS, "must descend");
  check_start_fails ("svdsample sigmas=<5,0,0>", GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_SETTINGS, "must descend");
}

GST_END_TEST;

GST_START_TEST (test_bad_width_while_playing)
{
  GstHarness *h = test_harness_new ("svdencode width=64 height=64");

  gst_harness_set_src_caps_str (h, TEST_PICTURE_CAPS);
  g_object_set (h->element, "width", 100, NULL);
  fail_unless_equals_int (gst_harness_push (h,
          test_picture (TEST_PICTURE_CAPS)), GST_FLOW_ERROR);
  test_assert_one_error (test_harness_get_bus (h), GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_SETTINGS, "104x");

  test_harness_free (h);
}

GST_END_TEST;

/* No memory on earth: it is said before anything is allocated. */
GST_START_TEST (test_gigantic_clip)
{
  GstHarness *h = test_harness_new ("svdencode width=16384 height=16384");
  GstFlowReturn flow;

  gst_harness_set_src_caps_str (h, TEST_PICTURE_CAPS);
  flow = gst_harness_push (h, test_picture (TEST_PICTURE_CAPS));
  fail_unless_equals_int (flow, GST_FLOW_ERROR);
  test_assert_one_error (test_harness_get_bus (h), GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_NO_SPACE_LEFT, "");

  test_harness_free (h);
}

GST_END_TEST;

/* Pushes caps that are refused, and some data, as most sources do. */
static void
push_bad_caps (GstHarness * h, GstCaps * caps)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_stream_start ("test"));
  gst_harness_push_event (h, gst_event_new_caps (caps));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  for (guint i = 0; i < 2; i++)
    fail_unless_equals_int (gst_harness_push (h, gst_buffer_new ()),
        GST_FLOW_NOT_NEGOTIATED);

  gst_caps_unref (caps);
}

static void
push_bad_caps_string (GstHarness * h, const gchar * text)
{
  GstCaps *caps = gst_caps_from_string (text);

  fail_unless (caps != NULL, "%s", text);
  push_bad_caps (h, caps);
}

GST_START_TEST (test_gigantic_picture)
{
  GstHarness *h = test_harness_new ("svdencode");

  push_bad_caps_string (h, "video/x-raw,format=RGB,width=20000,height=20000,"
      "framerate=0/1");
  test_assert_one_error (test_harness_get_bus (h), GST_STREAM_ERROR,
      GST_STREAM_ERROR_FORMAT, "20000");

  test_harness_free (h);
}

GST_END_TEST;

/* No such caps get past the pad, so that the source says so. */
GST_START_TEST (test_empty_picture)
{
  GstHarness *h = test_harness_new ("svdencode");

  push_bad_caps_string (h, "video/x-raw,format=RGB,width=0,height=0,"
      "framerate=0/1");
  test_assert_no_error (test_harness_get_bus (h));

  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_short_picture)
{
  GstHarness *h = test_harness_new ("svdencode width=64 height=64");

  gst_harness_set_src_caps_str (h, TEST_PICTURE_CAPS);
  fail_unless_equals_int (gst_harness_push (h, gst_buffer_new_allocate (NULL,
              100, NULL)), GST_FLOW_ERROR);
  test_assert_one_error (test_harness_get_bus (h), GST_STREAM_ERROR,
      GST_STREAM_ERROR_FORMAT, "100");

  test_harness_free (h);
}

GST_END_TEST;

static const struct
{
  const gchar *name, *value, *text;
  gint code;
} tensor_mistakes[] = {
  /* *INDENT-OFF* */
  {"types", "uint8", "float32", GST_STREAM_ERROR_WRONG_TYPE},
  {"types", NULL, "float32", GST_STREAM_ERROR_WRONG_TYPE},
  {"types", "float32,float32", "float32", GST_STREAM_ERROR_WRONG_TYPE},
  {"dimensions", NULL, "dimensions", GST_STREAM_ERROR_FORMAT},
  {"dimensions", "", "dimensions", GST_STREAM_ERROR_FORMAT},
  {"dimensions", "8:8:16:2,1", "dimensions", GST_STREAM_ERROR_FORMAT},
  {"dimensions", "8:8:x:2", "8:8:x:2", GST_STREAM_ERROR_FORMAT},
  {"dimensions", "8:8:0:2", "8:8:0:2", GST_STREAM_ERROR_FORMAT},
  {"dimensions", "8:8:-1:2", "8:8:-1:2", GST_STREAM_ERROR_FORMAT},
  {"dimensions", "8:8:16:2:2", "8:8:16:2:2", GST_STREAM_ERROR_FORMAT},
  {"dimensions", "8:8::2", "8:8::2", GST_STREAM_ERROR_FORMAT},
  {"dimensions", "9999999999:8:16:2", "9999999999", GST_STREAM_ERROR_FORMAT},
  {"dimensions", "2000000000:2000000000:2000000000:2000000000", "2000000000", GST_STREAM_ERROR_FORMAT},
  {"dimensions", "8:8:5:2", "5", GST_STREAM_ERROR_FORMAT},
  {"dimensions", "100000:8:16:1", "100000", GST_STREAM_ERROR_FORMAT},
  /* *INDENT-ON* */
};

GST_START_TEST (test_bad_latents_caps)
{
  GstHarness *h = test_harness_new ("svddecode");
  gchar *text = test_latents_caps (TEST_FRAMES, 7);
  GstCaps *caps = gst_caps_from_string (text);
  GstStructure *s = gst_caps_get_structure (caps, 0);

  if (tensor_mistakes[__i__].value != NULL)
    gst_structure_set (s, tensor_mistakes[__i__].name, G_TYPE_STRING,
        tensor_mistakes[__i__].value, NULL);
  else
    gst_structure_remove_field (s, tensor_mistakes[__i__].name);

  push_bad_caps (h, caps);
  test_assert_one_error (test_harness_get_bus (h), GST_STREAM_ERROR,
      tensor_mistakes[__i__].code, tensor_mistakes[__i__].text);

  g_free (text);
  test_harness_free (h);
}

GST_END_TEST;

/* Another model's conditioning. */
GST_START_TEST (test_bad_conditioning_caps)
{
  GstHarness *h = test_harness_new ("svdsample");

  push_bad_caps_string (h, "other/tensors,format=static,num_tensors=3,"
      "types=(string)float32.float32.float32,"
      "dimensions=(string)8:8:7.1024.1");
  test_assert_one_error (test_harness_get_bus (h), GST_STREAM_ERROR,
      GST_STREAM_ERROR_FORMAT, "8:8:7:1");

  test_harness_free (h);
}

GST_END_TEST;

/* The message says which blocksize would be right. */
static void
check_wrong_size (const gchar * element, const gchar * caps, gsize size)
{
  gchar *expected = g_strdup_printf ("blocksize=%" G_GSIZE_FORMAT, size);
  const gsize sizes[] = { 0, 4, size - 1, size + 1, 2 * size };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    GstHarness *h = test_harness_new (element);

    gst_harness_set_src_caps_str (h, caps);
    fail_unless_equals_int (gst_harness_push (h, gst_buffer_new_allocate (NULL,
                sizes[i], NULL)), GST_FLOW_ERROR);
    test_assert_one_error (test_harness_get_bus (h), GST_STREAM_ERROR,
        GST_STREAM_ERROR_FORMAT, expected);
    test_harness_free (h);
  }

  g_free (expected);
}

GST_START_TEST (test_wrong_tensor_sizes)
{
  gchar *conditioning = test_conditioning_caps ();
  gchar *latents = test_latents_caps (TEST_FRAMES, 7);

  check_wrong_size ("svdsample", conditioning, test_conditioning_size ());
  check_wrong_size ("svddecode", latents, test_latents_size (TEST_FRAMES));

  g_free (conditioning);
  g_free (latents);
}

GST_END_TEST;

/* A file without a capsfilter after it. */
GST_START_TEST (test_no_caps)
{
  GstHarness *h = test_harness_new (elements[__i__]);
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_BYTES);
  gst_harness_push_event (h, gst_event_new_stream_start ("test"));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  fail_unless_equals_int (gst_harness_push (h, gst_buffer_new_allocate (NULL,
              4096, NULL)), GST_FLOW_ERROR);
  test_assert_one_error (test_harness_get_bus (h), GST_STREAM_ERROR,
      GST_STREAM_ERROR_WRONG_TYPE, "caps");

  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_downstream_refuses)
{
  GstHarness *h = test_harness_new ("svddecode");
  gchar *latents = test_latents_caps (1, 7);

  gst_harness_set_sink_caps_str (h, "video/x-raw,format=RGB,width=32");
  push_bad_caps_string (h, latents);
  test_assert_one_error (test_harness_get_bus (h), GST_CORE_ERROR,
      GST_CORE_ERROR_NEGOTIATION, "videoscale");

  g_free (latents);
  test_harness_free (h);
}

GST_END_TEST;

static Suite *
errors_suite (void)
{
  Suite *s = suite_create ("errors");
  TCase *tc = tcase_create ("general");
  guint n = G_N_ELEMENTS (elements);

  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_missing_model, 0, n);
  tcase_add_loop_test (tc, test_folder_without_model, 0, n);
  tcase_add_loop_test (tc, test_model_without_weights, 0, n);
  tcase_add_loop_test (tc, test_unknown_device, 0, n);
  tcase_add_loop_test (tc, test_no_vulkan, 0, n);
  tcase_add_test (tc, test_model_not_downloaded);
  tcase_add_loop_test (tc, test_bad_memory_budget, 0,
      G_N_ELEMENTS (elements));
  tcase_add_test (tc, test_small_memory_budget);
  tcase_add_test (tc, test_bad_width);
  tcase_add_test (tc, test_bad_sigmas);
  tcase_add_test (tc, test_bad_width_while_playing);
  tcase_add_test (tc, test_gigantic_clip);
  tcase_add_test (tc, test_gigantic_picture);
  tcase_add_test (tc, test_empty_picture);
  tcase_add_test (tc, test_short_picture);
  tcase_add_loop_test (tc, test_bad_latents_caps, 0,
      G_N_ELEMENTS (tensor_mistakes));
  tcase_add_test (tc, test_bad_conditioning_caps);
  tcase_add_test (tc, test_wrong_tensor_sizes);
  tcase_add_loop_test (tc, test_no_caps, 0, n);
  tcase_add_test (tc, test_downstream_refuses);

  return s;
}

GST_CHECK_MAIN (errors);
