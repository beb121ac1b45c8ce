/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "elementtest.h"

#define ENCODE "svdencode width=64 height=64 seed=1"

static const gchar *formats[] = {
  "RGBx", "RGBA", "RGB", "BGRx", "BGRA", "BGR", "xRGB", "ARGB", "xBGR", "ABGR"
};

static gchar *
picture_caps (const gchar * format, guint width, guint height)
{
  return g_strdup_printf ("video/x-raw,format=%s,width=%u,height=%u,"
      "framerate=0/1", format, width, height);
}

static GstBuffer *
encode (GstHarness * h, const gchar * caps)
{
  gst_harness_set_src_caps_str (h, caps);
  fail_unless_equals_int (gst_harness_push (h, test_picture (caps)),
      GST_FLOW_OK);
  return gst_harness_pull (h);
}

/* All layouts of the same picture give the same conditioning. */
GST_START_TEST (test_formats)
{
  GstHarness *h = test_harness_new (ENCODE);
  gchar *expected = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    gchar *caps = picture_caps (formats[i], 70, 50);
    GstBuffer *buffer = encode (h, caps);
    gchar *sum = test_checksum (buffer);

    if (expected == NULL)
      expected = g_strdup (sum);
    fail_unless (g_str_equal (sum, expected), "%s differs", formats[i]);

    g_free (sum);
    gst_buffer_unref (buffer);
    g_free (caps);
  }

  g_free (expected);
  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_gray)
{
  GstHarness *h = test_harness_new (ENCODE);
  gchar *caps = picture_caps ("GRAY8", 33, 47);
  GstBuffer *buffer = encode (h, caps);

  fail_unless_equals_uint64 (gst_buffer_get_size (buffer),
      test_conditioning_size ());

  gst_buffer_unref (buffer);
  g_free (caps);
  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_one_pixel)
{
  GstHarness *h = test_harness_new (ENCODE);
  gchar *caps = picture_caps ("RGB", 1, 1);
  GstBuffer *buffer = encode (h, caps);

  fail_unless_equals_uint64 (gst_buffer_get_size (buffer),
      test_conditioning_size ());

  gst_buffer_unref (buffer);
  g_free (caps);
  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_strides)
{
  GstHarness *h = test_harness_new (ENCODE);
  gchar *caps = picture_caps ("RGBx", 70, 50);
  GstBuffer *plain = encode (h, caps);
  gchar *expected = test_checksum (plain);
  GstBuffer *in = test_picture (caps);
  gint stride[GST_VIDEO_MAX_PLANES] = { 512 };
  gsize offset[GST_VIDEO_MAX_PLANES] = { 16 };
  GstBuffer *wide = gst_buffer_new_allocate (NULL, 16 + 50 * 512, NULL);
  GstBuffer *out;
  GstMapInfo from, to;
  gchar *sum;

  gst_buffer_map (in, &from, GST_MAP_READ);
  gst_buffer_map (wide, &to, GST_MAP_WRITE);
  for (guint y = 0; y < 50; y++)
    memcpy (to.data + 16 + y * 512, from.data + y * 280, 280);
  gst_buffer_unmap (wide, &to);
  gst_buffer_unmap (in, &from);
  gst_buffer_add_video_meta_full (wide, GST_VIDEO_FRAME_FLAG_NONE,
      GST_VIDEO_FORMAT_RGBx, 70, 50, 1, offset, stride);

  out = gst_harness_push_and_pull (h, wide);
  sum = test_checksum (out);
  assert_equals_string (sum, expected);

  g_free (sum);
  g_free (expected);
  g_free (caps);
  gst_buffer_unref (out);
  gst_buffer_unref (in);
  gst_buffer_unref (plain);
  test_harness_free (h);
}

GST_END_TEST;

/* Three memories of the sizes that the caps say; times go through. */
GST_START_TEST (test_tensors)
{
  GstHarness *h = test_harness_new (ENCODE);
  const SvdModelInfo *info = test_model_info ();
  gchar *conditioning = test_conditioning_caps ();
  GstBuffer *in = test_picture (TEST_PICTURE_CAPS);
  GstCaps *caps, *expected = gst_caps_from_string (conditioning);
  GstBuffer *out;
  gfloat strength;

  gst_harness_set_src_caps_str (h, TEST_PICTURE_CAPS);
  GST_BUFFER_PTS (in) = 3 * GST_SECOND;
  GST_BUFFER_DURATION (in) = GST_SECOND;
  out = gst_harness_push_and_pull (h, in);

  caps = gst_pad_get_current_caps (h->sinkpad);
  gst_check_caps_equal (caps, expected);
  fail_unless_equals_int (gst_buffer_n_memory (out), 3);
  fail_unless_equals_uint64 (gst_buffer_get_sizes_range (out, 0, 1, NULL, NULL),
      test_latents_size (1));
  fail_unless_equals_uint64 (gst_buffer_get_sizes_range (out, 1, 1, NULL, NULL),
      info->embedding_size * sizeof (gfloat));
  fail_unless_equals_uint64 (gst_buffer_get_sizes_range (out, 2, 1, NULL, NULL),
      sizeof (gfloat));
  fail_unless_equals_uint64 (GST_BUFFER_PTS (out), 3 * GST_SECOND);
  fail_unless_equals_uint64 (GST_BUFFER_DURATION (out), GST_SECOND);

  /* Not set by the user, so it is the model's. */
  gst_buffer_extract (out, gst_buffer_get_size (out) - sizeof strength,
      &strength, sizeof strength);
  fail_unless (ABS (strength - info->noise_aug_strength) < 1e-6);

  gst_caps_unref (caps);
  gst_caps_unref (expected);
  gst_buffer_unref (out);
  g_free (conditioning);
  test_harness_free (h);
}

GST_END_TEST;

/* What the user sets wins over the model, even if it is the default. */
GST_START_TEST (test_noise_aug_strength)
{
  GstHarness *h = test_harness_new (ENCODE " noise-aug-strength=0.5");
  GstBuffer *out = encode (h, TEST_PICTURE_CAPS);
  gfloat strength;

  gst_buffer_extract (out, gst_buffer_get_size (out) - sizeof strength,
      &strength, sizeof strength);
  fail_unless_equals_float (strength, 0.5f);

  gst_buffer_unref (out);
  test_harness_free (h);
}

GST_END_TEST;

/* A new size counts from the next picture, with new caps. */
GST_START_TEST (test_size_change)
{
  GstHarness *h = test_harness_new (ENCODE);
  GstBuffer *out = encode (h, TEST_PICTURE_CAPS);
  gsize size = gst_buffer_get_size (out);
  GstCaps *caps;
  const gchar *dimensions;

  gst_buffer_unref (out);
  g_object_set (h->element, "width", 32, NULL);
  fail_unless_equals_int (gst_harness_push (h,
          test_picture (TEST_PICTURE_CAPS)), GST_FLOW_OK);
  out = gst_harness_pull (h);
  fail_unless_equals_uint64 (gst_buffer_get_size (out),
      size - test_latents_size (1) / 2);

  caps = gst_pad_get_current_caps (h->sinkpad);
  dimensions = gst_structure_get_string (gst_caps_get_structure (caps, 0),
      "dimensions");
  fail_unless (g_str_has_prefix (dimensions, "4:8:"), "%s", dimensions);

  gst_caps_unref (caps);
  gst_buffer_unref (out);
  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_caps_change)
{
  GstHarness *h = test_harness_new (ENCODE);

  gst_buffer_unref (encode (h, TEST_PICTURE_CAPS));
  gst_buffer_unref (encode (h,
          "video/x-raw,format=BGRA,width=31,height=90,framerate=0/1"));
  gst_buffer_unref (encode (h,
          "video/x-raw,format=GRAY8,width=9,height=9,framerate=5/1"));

  test_assert_no_error (test_harness_get_bus (h));
  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_seed)
{
  GstHarness *h = test_harness_new ("svdencode width=64 height=64");
  GstBus *bus = test_harness_get_bus (h);
  gchar *sums[3];
  guint64 seeds[3];
  gboolean drawn;

  for (guint i = 0; i < 3; i++) {
    GstBuffer *out = encode (h, TEST_PICTURE_CAPS);

    sums[i] = test_checksum (out);
    seeds[i] = test_pop_seed (bus, &drawn);
    fail_unless_equals_int (drawn, i < 2);
    gst_buffer_unref (out);

    /* The last time: the second again. */
    if (i == 1)
      g_object_set (h->element, "seed", (gint64) seeds[1], NULL);
  }

  fail_if (seeds[0] == seeds[1]);
  fail_if (g_str_equal (sums[0], sums[1]));
  fail_unless_equals_uint64 (seeds[2], seeds[1]);
  assert_equals_string (sums[2], sums[1]);

  for (guint i = 0; i < 3; i++)
    g_free (sums[i]);
  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_seed_tag)
{
  GstHarness *h = test_harness_new ("svdencode width=64 height=64 seed=77");
  GstTagList *tags = NULL;
  GstEvent *event;
  guint64 seed = 0;

  gst_buffer_unref (encode (h, TEST_PICTURE_CAPS));
  event = gst_pad_get_sticky_event (h->sinkpad, GST_EVENT_TAG, 0);
  fail_unless (event != NULL);
  gst_event_parse_tag (event, &tags);
  fail_unless (gst_tag_list_get_uint64 (tags, "svd-seed", &seed));
  fail_unless_equals_uint64 (seed, 77);

  gst_event_unref (event);
  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_eos)
{
  GstHarness *h = test_harness_new (ENCODE);
  GstEvent *event;
  gboolean eos = FALSE;

  gst_buffer_unref (encode (h, TEST_PICTURE_CAPS));
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  while ((event = gst_harness_try_pull_event (h)) != NULL) {
    eos |= GST_EVENT_TYPE (event) == GST_EVENT_EOS;
    gst_event_unref (event);
  }
  fail_unless (eos);

  test_harness_free (h);
}

GST_END_TEST;

/* Complete before it is pushed. */
GST_START_TEST (test_progress)
{
  GstHarness *h = test_harness_new (ENCODE);
  GstBus *bus = test_harness_get_bus (h);

  gst_harness_set_src_caps_str (h, TEST_PICTURE_CAPS);
  gst_harness_push (h, test_picture (TEST_PICTURE_CAPS));
  gst_message_unref (test_wait_for_progress (bus, "encode",
          GST_PROGRESS_TYPE_START));
  gst_message_unref (test_wait_for_progress (bus, "encode",
          GST_PROGRESS_TYPE_COMPLETE));

  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_cancel)
{
  GstHarness *h = test_harness_new ("svdencode width=768 height=768");

  gst_harness_set_src_caps_str (h, TEST_PICTURE_CAPS);
  test_cancel_in_mid_work (h, test_picture (TEST_PICTURE_CAPS), __i__ == 0);
  test_assert_no_error (test_harness_get_bus (h));

  test_harness_free (h);
}

GST_END_TEST;

static Suite *
svdencode_suite (void)
{
  Suite *s = suite_create ("svdencode");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_formats);
  tcase_add_test (tc, test_gray);
  tcase_add_test (tc, test_one_pixel);
  tcase_add_test (tc, test_strides);
  tcase_add_test (tc, test_tensors);
  tcase_add_test (tc, test_noise_aug_strength);
  tcase_add_test (tc, test_size_change);
  tcase_add_test (tc, test_caps_change);
  tcase_add_test (tc, test_seed);
  tcase_add_test (tc, test_seed_tag);
  tcase_add_test (tc, test_eos);
  tcase_add_test (tc, test_progress);
  tcase_add_loop_test (tc, test_cancel, 0, 2);

  return s;
}

GST_CHECK_MAIN (svdencode);
