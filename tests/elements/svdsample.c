/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "elementtest.h"

#define SAMPLE "svdsample num-frames=2 steps=1 seed=1"

/* Takes a minute or more, unless it is cancelled. */
#define LONG_SAMPLE "svdsample num-frames=14 steps=1000 seed=1"

static GstHarness *
harness (const gchar * launch_line)
{
  GstHarness *h = test_harness_new (launch_line);
  gchar *caps = test_conditioning_caps ();

  gst_harness_set_src_caps_str (h, caps);
  g_free (caps);
  return h;
}

static GstBuffer *
conditioning (void)
{
  return test_noise (test_conditioning_size ());
}

/* A memory for each tensor, as svdencode makes it. */
static GstBuffer *
split_conditioning (void)
{
  GstBuffer *all = conditioning ();
  gsize first = test_latents_size (1);
  gsize second = gst_buffer_get_size (all) - first - sizeof (gfloat);
  GstBuffer *split = gst_buffer_copy_region (all, GST_BUFFER_COPY_MEMORY, 0,
      first);

  gst_buffer_copy_into (split, all, GST_BUFFER_COPY_MEMORY, first, second);
  gst_buffer_copy_into (split, all, GST_BUFFER_COPY_MEMORY, first + second,
      sizeof (gfloat));
  fail_unless_equals_int (gst_buffer_n_memory (split), 3);

  gst_buffer_unref (all);
  return split;
}

/* Of the clips here, with all weights on the device. */
static guint64
planned_peak (void)
{
  SvdStageOptions options = { SVD_PRECISION_FP32 };
  SvdModel *model = svd_model_open (NULL, NULL);
  SvdPlan plan;

  fail_unless (svd_sampler_plan (model, &options, TEST_SIZE, TEST_SIZE,
          TEST_FRAMES, &plan, NULL));
  svd_model_unref (model);
  return svd_plan_get_peak (&plan);
}

/* Half of the memory: the clip is the same, and one warning says that
 * weights are in the host's. They are loaded when the clip's size is known. */
GST_START_TEST (test_memory_budget)
{
  GstHarness *h = harness (SAMPLE " precision=fp32");
  gchar *line = g_strdup_printf (SAMPLE " precision=fp32 memory-budget=%"
      G_GUINT64_FORMAT, planned_peak () / 2);
  GstHarness *small = harness (line);
  GstBuffer *expected = gst_harness_push_and_pull (h, conditioning ());
  GstBus *bus = test_harness_get_bus (small);
  GstBuffer *clips[2];
  GstMapInfo map;

  for (guint i = 0; i < 2; i++)
    clips[i] = gst_harness_push_and_pull (small, conditioning ());
  gst_buffer_map (expected, &map, GST_MAP_READ);
  for (guint i = 0; i < 2; i++)
    gst_check_buffer_data (clips[i], map.data, map.size);
  gst_buffer_unmap (expected, &map);

  gst_message_unref (test_wait_for_progress (bus, "load",
          GST_PROGRESS_TYPE_COMPLETE));
  gst_message_unref (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING));
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING) == NULL);
  fail_unless (gst_bus_pop_filtered (test_harness_get_bus (h),
          GST_MESSAGE_WARNING) == NULL);

  for (guint i = 0; i < 2; i++)
    gst_buffer_unref (clips[i]);
  gst_buffer_unref (expected);
  test_harness_free (small);
  test_harness_free (h);
  g_free (line);
}

GST_END_TEST;

GST_START_TEST (test_latents)
{
  GstHarness *h = harness (SAMPLE " fps=10");
  gchar *latents = test_latents_caps (TEST_FRAMES, 10);
  GstCaps *caps, *expected = gst_caps_from_string (latents);
  GstBuffer *in = conditioning (), *out;

  GST_BUFFER_PTS (in) = GST_SECOND;
  out = gst_harness_push_and_pull (h, in);
  caps = gst_pad_get_current_caps (h->sinkpad);
  gst_check_caps_equal (caps, expected);
  fail_unless_equals_int (gst_buffer_n_memory (out), 1);
  fail_unless_equals_uint64 (gst_buffer_get_size (out),
      test_latents_size (TEST_FRAMES));
  fail_unless_equals_uint64 (GST_BUFFER_PTS (out), GST_SECOND);

  gst_caps_unref (caps);
  gst_caps_unref (expected);
  gst_buffer_unref (out);
  g_free (latents);
  test_harness_free (h);
}

GST_END_TEST;

/* The same seed repeats the bytes; one memory is as good as three. */
GST_START_TEST (test_repeat)
{
  GstHarness *h = harness (SAMPLE);
  GstBuffer *outs[3];
  gchar *sums[3];

  outs[0] = gst_harness_push_and_pull (h, conditioning ());
  outs[1] = gst_harness_push_and_pull (h, split_conditioning ());
  g_object_set (h->element, "seed", (gint64) 2, NULL);
  outs[2] = gst_harness_push_and_pull (h, conditioning ());

  for (guint i = 0; i < 3; i++) {
    sums[i] = test_checksum (outs[i]);
    gst_buffer_unref (outs[i]);
  }
  assert_equals_string (sums[0], sums[1]);
  fail_if (g_str_equal (sums[0], sums[2]));

  for (guint i = 0; i < 3; i++)
    g_free (sums[i]);
  test_harness_free (h);
}

GST_END_TEST;

static const gchar *dimensions[] = {
  "%1$u:%1$u:%2$u,%3$u,1",
  "%1$u:%1$u:%2$u.%3$u.1",
  "%1$u:%1$u:%2$u:1:1:1:1:1, %3$u:1:1:1:1:1:1:1, 1:1:1:1:1:1:1:1",
  "%1$u:%1$u:%2$u:1,1:%3$u,1:1",
};

/* All that NNStreamer writes is understood. */
GST_START_TEST (test_caps_syntax)
{
  GstHarness *h = test_harness_new (SAMPLE);
  const SvdModelInfo *info = test_model_info ();
  gchar *text = g_strdup_printf (dimensions[__i__], TEST_SIZE / info->factor,
      info->latent_channels, info->embedding_size);
  GstCaps *caps = gst_caps_new_simple ("other/tensors",
      "format", G_TYPE_STRING, "static",
      "num_tensors", G_TYPE_INT, 3,
      "types", G_TYPE_STRING, __i__ % 2 ? "float32.float32.float32"
      : "float32,float32,float32",
      "dimensions", G_TYPE_STRING, text, NULL);

  gst_harness_set_src_caps (h, caps);
  gst_buffer_unref (gst_harness_push_and_pull (h, conditioning ()));

  g_free (text);
  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_num_frames)
{
  GstHarness *h = harness (SAMPLE);
  GstBuffer *out;

  g_object_set (h->element, "num-frames", 1, NULL);
  out = gst_harness_push_and_pull (h, conditioning ());
  fail_unless_equals_uint64 (gst_buffer_get_size (out), test_latents_size (1));
  gst_buffer_unref (out);

  g_object_set (h->element, "num-frames", 0, NULL);
  out = gst_harness_push_and_pull (h, conditioning ());
  fail_unless_equals_uint64 (gst_buffer_get_size (out),
      test_latents_size (test_model_info ()->num_frames));
  gst_buffer_unref (out);

  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_progress)
{
  GstHarness *h = harness (SAMPLE);
  GstBus *bus = test_harness_get_bus (h);

  g_object_set (h->element, "steps", 3, NULL);
  gst_buffer_unref (gst_harness_push_and_pull (h, conditioning ()));

  test_assert_step (test_wait_for_progress (bus, "sample", GST_PROGRESS_TYPE_START),
      0, 3);
  for (gint i = 1; i <= 3; i++)
    test_assert_step (test_wait_for_progress (bus, "sample",
            GST_PROGRESS_TYPE_CONTINUE), i, 3);
  gst_message_unref (test_wait_for_progress (bus, "sample",
          GST_PROGRESS_TYPE_COMPLETE));

  test_harness_free (h);
}

GST_END_TEST;

/* Percents rise to 100. */
GST_START_TEST (test_load_progress)
{
  GstHarness *h = harness (SAMPLE);
  GstBus *bus = test_harness_get_bus (h);
  gint percent = 0, before = 0;

  gst_buffer_unref (gst_harness_push_and_pull (h, conditioning ()));

  gst_message_unref (test_wait_for_progress (bus, "load",
          GST_PROGRESS_TYPE_START));
  while (percent < 100) {
    GstMessage *message = test_wait_for_progress (bus, "load",
        GST_PROGRESS_TYPE_CONTINUE);

    fail_unless (gst_structure_get_int (gst_message_get_structure (message),
            "percent", &percent));
    fail_unless (percent > before);
    before = percent;
    gst_message_unref (message);
  }
  fail_unless_equals_int (percent, 100);
  gst_message_unref (test_wait_for_progress (bus, "load",
          GST_PROGRESS_TYPE_COMPLETE));

  test_harness_free (h);
}

GST_END_TEST;

/* As gst-launch-1.0 reads them; steps do not count then. */
GST_START_TEST (test_sigmas)
{
  GstHarness *h = harness (SAMPLE " steps=9 sigmas=<80,5.5,0.5>");
  GstBus *bus = test_harness_get_bus (h);
  GValue value = G_VALUE_INIT;
  gchar *sums[2];

  for (gint i = 0; i < 2; i++) {
    GstBuffer *out = gst_harness_push_and_pull (h, conditioning ());

    sums[i] = test_checksum (out);
    gst_buffer_unref (out);
    test_assert_step (test_wait_for_progress (bus, "sample",
            GST_PROGRESS_TYPE_START), 0, 2 - i);
    gst_util_set_object_arg (G_OBJECT (h->element), "sigmas", "<80, 0>");
  }
  fail_if (g_str_equal (sums[0], sums[1]));

  g_value_init (&value, GST_TYPE_ARRAY);
  g_object_get_property (G_OBJECT (h->element), "sigmas", &value);
  fail_unless_equals_int (gst_value_array_get_size (&value), 2);
  fail_unless_equals_float (g_value_get_double (gst_value_array_get_value
          (&value, 0)), 80.0);

  /* Empty, the model's own are back. */
  g_value_unset (&value);
  g_value_init (&value, GST_TYPE_ARRAY);
  g_object_set_property (G_OBJECT (h->element), "sigmas", &value);
  g_object_set (h->element, "steps", 1, NULL);
  gst_buffer_unref (gst_harness_push_and_pull (h, conditioning ()));
  test_assert_step (test_wait_for_progress (bus, "sample", GST_PROGRESS_TYPE_START),
      0, 1);

  g_value_unset (&value);
  g_free (sums[0]);
  g_free (sums[1]);
  test_harness_free (h);
}

GST_END_TEST;

/* Two frames have no middle: both ends are at the smallest scale, 1, which is
 * no guidance. */
GST_START_TEST (test_guidance)
{
  GstHarness *h = harness (SAMPLE " min-guidance-scale=1 max-guidance-scale=3");
  gchar *sums[4];

  for (guint i = 0; i < 4; i++) {
    static const gchar *curves[] = {
      "linear", "constant", "triangular", "linear"
    };
    GstBuffer *out;

    gst_util_set_object_arg (G_OBJECT (h->element), "guidance", curves[i]);
    if (i == 3)
      g_object_set (h->element, "max-guidance-scale", 1.0, NULL);
    out = gst_harness_push_and_pull (h, conditioning ());
    sums[i] = test_checksum (out);
    gst_buffer_unref (out);
  }
  fail_if (g_str_equal (sums[0], sums[1]));
  fail_if (g_str_equal (sums[0], sums[2]));
  fail_if (g_str_equal (sums[1], sums[2]));
  assert_equals_string (sums[2], sums[3]);

  for (guint i = 0; i < 4; i++)
    g_free (sums[i]);
  test_harness_free (h);
}

GST_END_TEST;

/* Starts a clip and returns in the middle of a step: with 0 while the first
 * is being prepared, else after that many. */
static TestPush *
start_long_clip (GstHarness * h, guint steps)
{
  GstBus *bus = test_harness_get_bus (h);
  TestPush *push = test_push_start (h, conditioning ());

  gst_message_unref (test_wait_for_progress (bus, "sample",
          GST_PROGRESS_TYPE_START));
  for (guint i = 0; i < steps; i++)
    gst_message_unref (test_wait_for_progress (bus, "sample",
            GST_PROGRESS_TYPE_CONTINUE));

  g_usleep (20 * 1000);
  return push;
}

static void
end_flush (GstHarness * h)
{
  GstSegment segment;

  fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
}

GST_START_TEST (test_flush_in_mid_step)
{
  GstHarness *h = harness (LONG_SAMPLE);
  GstBus *bus = test_harness_get_bus (h);
  TestPush *push = start_long_clip (h, __i__);
  TestTime start = test_time_now ();

  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  fail_unless_equals_int (test_push_finish (push), GST_FLOW_FLUSHING);
  test_assert_quick (start);
  gst_message_unref (test_wait_for_progress (bus, "sample",
          GST_PROGRESS_TYPE_CANCELED));
  test_assert_no_error (bus);
  fail_unless_equals_int (gst_harness_buffers_received (h), 0);

  /* And it goes on afterwards. */
  end_flush (h);
  g_object_set (h->element, "steps", 1, "num-frames", 1, NULL);
  fail_unless_equals_int (gst_harness_push (h, conditioning ()), GST_FLOW_OK);
  fail_unless_equals_int (gst_harness_buffers_received (h), 1);

  test_harness_free (h);
}

GST_END_TEST;

/* At any moment, and again and again. */
GST_START_TEST (test_many_flushes)
{
  GstHarness *h = harness (LONG_SAMPLE);

  for (guint i = 0; i < 12; i++) {
    TestPush *push = test_push_start (h, conditioning ());
    TestTime start;

    g_usleep (i * i * 1000);
    start = test_time_now ();
    gst_harness_push_event (h, gst_event_new_flush_start ());
    fail_unless_equals_int (test_push_finish (push), GST_FLOW_FLUSHING);
    test_assert_quick (start);
    end_flush (h);
  }

  test_assert_no_error (test_harness_get_bus (h));
  test_harness_free (h);
}

GST_END_TEST;

GST_START_TEST (test_null_in_mid_step)
{
  GstHarness *h = harness (LONG_SAMPLE);
  TestPush *push = start_long_clip (h, __i__);
  TestTime start = test_time_now ();

  fail_unless_equals_int (gst_element_set_state (h->element, GST_STATE_NULL),
      GST_STATE_CHANGE_SUCCESS);
  test_assert_quick (start);
  fail_unless_equals_int (test_push_finish (push), GST_FLOW_FLUSHING);
  fail_unless_equals_int (gst_harness_buffers_received (h), 0);

  test_harness_free (h);
}

GST_END_TEST;

/* The largest clip either does not fit, which is said, or can be cancelled. */
GST_START_TEST (test_very_long_clip)
{
  GstHarness *h = harness ("svdsample num-frames=1000 steps=1000 seed=1");
  GstBus *bus = test_harness_get_bus (h);
  TestPush *push = test_push_start (h, conditioning ());
  TestTime start;
  GstFlowReturn flow;

  g_usleep (G_USEC_PER_SEC);
  start = test_time_now ();
  gst_harness_push_event (h, gst_event_new_flush_start ());
  flow = test_push_finish (push);
  test_assert_quick (start);

  if (flow == GST_FLOW_ERROR)
    test_assert_one_error (bus, GST_RESOURCE_ERROR,
        GST_RESOURCE_ERROR_NO_SPACE_LEFT, "");
  else
    fail_unless_equals_int (flow, GST_FLOW_FLUSHING);
  test_assert_no_error (bus);

  test_harness_free (h);
}

GST_END_TEST;

static Suite *
svdsample_suite (void)
{
  Suite *s = suite_create ("svdsample");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_latents);
  tcase_add_test (tc, test_memory_budget);
  tcase_add_test (tc, test_repeat);
  tcase_add_loop_test (tc, test_caps_syntax, 0, G_N_ELEMENTS (dimensions));
  tcase_add_test (tc, test_num_frames);
  tcase_add_test (tc, test_progress);
  tcase_add_test (tc, test_load_progress);
  tcase_add_test (tc, test_sigmas);
  tcase_add_test (tc, test_guidance);
  tcase_add_loop_test (tc, test_flush_in_mid_step, 0, 3);
  tcase_add_test (tc, test_many_flushes);
  tcase_add_loop_test (tc, test_null_in_mid_step, 0, 3);
  tcase_add_test (tc, test_very_long_clip);

  return s;
}

GST_CHECK_MAIN (svdsample);
