/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole pipelines: picture in, clip out, by way of files too. */

#include <glib/gstdio.h>

#include "elementtest.h"

#define PICTURES "videotestsrc num-buffers=%u pattern=smpte ! " \
    "video/x-raw,format=RGB,width=80,height=60,framerate=1/1 ! "
#define SMALL "num-frames=2 steps=1 width=64 height=64"
#define LONG "num-frames=14 steps=1000 width=64 height=64"

typedef struct
{
  GstElement *pipeline;
  GstBus *bus;
  GChecksum *sum;               /* of all frames */
  guint frames;
  GstClockTime next;            /* where the next frame must start */
  guint64 seeds[8];             /* as they were reported */
  guint n_seeds;
} Clip;

static void
count_frame (GstElement * sink, GstBuffer * buffer, GstPad * pad, Clip * clip)
{
  GstMapInfo map;

  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), clip->next);
  clip->next += GST_BUFFER_DURATION (buffer);
  clip->frames++;

  gst_buffer_map (buffer, &map, GST_MAP_READ);
  g_checksum_update (clip->sum, map.data, map.size);
  gst_buffer_unmap (buffer, &map);
}

static void
clip_init (Clip * clip, const gchar * launch_line)
{
  GError *error = NULL;
  GstElement *sink;

  *clip = (Clip) { 0, };
  clip->pipeline = gst_parse_launch (launch_line, &error);
  fail_unless (error == NULL, "%s", error != NULL ? error->message : "");
  clip->bus = gst_element_get_bus (clip->pipeline);
  clip->sum = g_checksum_new (G_CHECKSUM_SHA256);

  sink = gst_bin_get_by_name (GST_BIN (clip->pipeline), "sink");
  if (sink != NULL) {
    g_signal_connect (sink, "handoff", G_CALLBACK (count_frame), clip);
    gst_object_unref (sink);
  }
}

static void
clip_clear (Clip * clip)
{
  gst_element_set_state (clip->pipeline, GST_STATE_NULL);
  gst_object_unref (clip->bus);
  gst_object_unref (clip->pipeline);
  g_checksum_free (clip->sum);
}

static void
note_seed (Clip * clip, GstMessage * message)
{
  const GstStructure *s = gst_message_get_structure (message);

  if (gst_message_has_name (message, "svd-seed")
      && clip->n_seeds < G_N_ELEMENTS (clip->seeds))
    fail_unless (gst_structure_get_uint64 (s, "seed",
            &clip->seeds[clip->n_seeds++]));
}

static void
clip_wait (Clip * clip)
{
  for (;;) {
    GstMessage *message = gst_bus_timed_pop_filtered (clip->bus,
        100 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR
        | GST_MESSAGE_ELEMENT);
    gboolean done;

    fail_unless (message != NULL, "no end");
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
      GError *error = NULL;

      gst_message_parse_error (message, &error, NULL);
      fail ("%s", error->message);
    }
    done = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
    if (!done)
      note_seed (clip, message);
    gst_message_unref (message);
    if (done)
      return;
  }
}

/* Runs the pipeline to its end. */
static void
clip_run (Clip * clip)
{
  gst_element_set_state (clip->pipeline, GST_STATE_PLAYING);
  clip_wait (clip);
}

#define SINK " ! video/x-raw,format=RGBx ! fakesink name=sink sync=false " \
    "signal-handoffs=true"

static gchar *
bin_line (guint pictures, const gchar * properties)
{
  return g_strdup_printf (PICTURES "svdbin name=svd %s" SINK, pictures,
      properties);
}

GST_START_TEST (test_pictures)
{
  gchar *line = bin_line (2, SMALL);
  Clip clip;

  clip_init (&clip, line);
  clip_run (&clip);
  fail_unless_equals_int (clip.frames, 4);

  /* One seed for both stages, another for each clip. */
  fail_unless_equals_int (clip.n_seeds, 4);
  fail_unless_equals_uint64 (clip.seeds[0], clip.seeds[1]);
  fail_unless_equals_uint64 (clip.seeds[2], clip.seeds[3]);
  fail_if (clip.seeds[0] == clip.seeds[2]);

  clip_clear (&clip);
  g_free (line);
}

GST_END_TEST;

/* A reported seed makes the same clip again. */
GST_START_TEST (test_repeat)
{
  gchar *line = bin_line (1, SMALL);
  Clip clips[2];
  gchar *properties;

  clip_init (&clips[0], line);
  clip_run (&clips[0]);
  g_free (line);

  properties = g_strdup_printf ("%s seed=%" G_GUINT64_FORMAT, SMALL,
      clips[0].seeds[0]);
  line = bin_line (1, properties);
  clip_init (&clips[1], line);
  clip_run (&clips[1]);
  assert_equals_string (g_checksum_get_string (clips[0].sum),
      g_checksum_get_string (clips[1].sum));

  clip_clear (&clips[0]);
  clip_clear (&clips[1]);
  g_free (properties);
  g_free (line);
}

GST_END_TEST;

/* The most that one stage of a SMALL clip takes on the default device. */
static guint64
largest_peak (void)
{
  SvdStageOptions options = { SVD_PRECISION_FP32 };
  SvdModel *model = svd_model_open (NULL, NULL);
  SvdPlan plans[3];
  guint64 most = 0;

  fail_unless (svd_encoder_plan (model, &options, 64, 64, &plans[0], NULL));
  fail_unless (svd_sampler_plan (model, &options, 64, 64, 2, &plans[1], NULL));
  fail_unless (svd_decoder_plan (model, &options, 64, 64, 2, 0, &plans[2],
          NULL));
  for (guint i = 0; i < G_N_ELEMENTS (plans); i++)
    most = MAX (most, svd_plan_get_peak (&plans[i]));
  svd_model_unref (model);
  return most;
}

/* With no more memory than its largest stage takes alone, each clip is as
 * without a budget. */
GST_START_TEST (test_memory_budget)
{
  gchar *properties[2], *line;
  Clip clips[2];

  properties[0] = g_strdup (SMALL " seed=3");
  properties[1] = g_strdup_printf (SMALL " seed=3 memory-budget=%"
      G_GUINT64_FORMAT, largest_peak ());
  for (guint i = 0; i < 2; i++) {
    line = bin_line (2, properties[i]);
    clip_init (&clips[i], line);
    clip_run (&clips[i]);
    fail_unless_equals_int (clips[i].frames, 4);
    g_free (properties[i]);
    g_free (line);
  }
  assert_equals_string (g_checksum_get_string (clips[0].sum),
      g_checksum_get_string (clips[1].sum));
  clip_clear (&clips[0]);
  clip_clear (&clips[1]);
}

GST_END_TEST;

/* From NULL to PLAYING twice. */
GST_START_TEST (test_again)
{
  gchar *line = bin_line (1, SMALL " seed=3");
  Clip clip;

  clip_init (&clip, line);
  clip_run (&clip);
  fail_unless_equals_int (clip.frames, 2);
  gst_element_set_state (clip.pipeline, GST_STATE_NULL);
  clip.next = 0;
  clip_run (&clip);
  fail_unless_equals_int (clip.frames, 4);
  gst_element_set_state (clip.pipeline, GST_STATE_READY);
  clip.next = 0;
  clip_run (&clip);
  fail_unless_equals_int (clip.frames, 6);

  clip_clear (&clip);
  g_free (line);
}

GST_END_TEST;

/* Threads between the stages change nothing. */
GST_START_TEST (test_queues)
{
  gchar *line = g_strdup_printf (PICTURES
      "svdencode width=64 height=64 ! queue ! svdsample num-frames=2 steps=1 ! "
      "queue ! svddecode" SINK, 3);
  Clip clip;

  clip_init (&clip, line);
  clip_run (&clip);
  fail_unless_equals_int (clip.frames, 6);

  clip_clear (&clip);
  g_free (line);
}

GST_END_TEST;

static void
wait_for_step (Clip * clip)
{
  gst_message_unref (test_wait_for_progress (clip->bus, "sample",
          GST_PROGRESS_TYPE_CONTINUE));
  g_usleep (20 * 1000);
}

GST_START_TEST (test_null_in_mid_step)
{
  gchar *line = bin_line (1, LONG);
  Clip clip;
  TestTime start;

  clip_init (&clip, line);
  gst_element_set_state (clip.pipeline, GST_STATE_PLAYING);
  wait_for_step (&clip);

  start = test_time_now ();
  gst_element_set_state (clip.pipeline, GST_STATE_NULL);
  test_assert_quick (start);
  test_assert_no_error (clip.bus);
  fail_unless_equals_int (clip.frames, 0);

  clip_clear (&clip);
  g_free (line);
}

GST_END_TEST;

/* A flushing seek ends the work on one picture and begins another, whose clip
 * starts at its time. */
GST_START_TEST (test_seek_in_mid_step)
{
  gchar *line = bin_line (5, LONG);
  Clip clip;
  GstElement *bin;
  TestTime start;

  clip_init (&clip, line);
  gst_element_set_state (clip.pipeline, GST_STATE_PLAYING);
  wait_for_step (&clip);

  bin = gst_bin_get_by_name (GST_BIN (clip.pipeline), "svd");
  g_object_set (bin, "steps", 1, "num-frames", 1, "width", 64, "height", 64,
      NULL);
  gst_object_unref (bin);
  clip.next = 2 * GST_SECOND;
  start = test_time_now ();
  fail_unless (gst_element_seek_simple (clip.pipeline, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, 2 * GST_SECOND));
  test_assert_quick (start);

  /* The source has given one of its five pictures before. */
  clip_wait (&clip);
  fail_unless_equals_int (clip.frames, 4);

  clip_clear (&clip);
  g_free (line);
}

GST_END_TEST;

/* What goes through files is what goes through pads. */
GST_START_TEST (test_files)
{
  gchar *folder = g_dir_make_tmp ("svdtest-XXXXXX", NULL);
  gchar *c = g_build_filename (folder, "c.bin", NULL);
  gchar *l = g_build_filename (folder, "l.bin", NULL);
  gchar *c_caps = test_conditioning_caps ();
  gchar *l_caps = test_latents_caps (2, 7);
  gchar *lines[] = {
    g_strdup_printf (PICTURES "svdbin seed=9 fps=7 " SMALL SINK, 2),
    g_strdup_printf (PICTURES "svdencode seed=9 width=64 height=64 ! "
        "filesink location=%s", 2, c),
    g_strdup_printf ("filesrc location=%s blocksize=%" G_GSIZE_FORMAT " ! %s ! "
        "svdsample seed=9 fps=7 num-frames=2 steps=1 ! filesink location=%s", c,
        test_conditioning_size (), c_caps, l),
    g_strdup_printf ("filesrc location=%s blocksize=%" G_GSIZE_FORMAT " ! %s ! "
        "svddecode" SINK, l, test_latents_size (2), l_caps),
  };
  Clip clips[G_N_ELEMENTS (lines)];

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++) {
    clip_init (&clips[i], lines[i]);
    clip_run (&clips[i]);
    /* Closes the file. */
    gst_element_set_state (clips[i].pipeline, GST_STATE_NULL);
  }

  fail_unless_equals_int (clips[0].frames, 4);
  fail_unless_equals_int (clips[3].frames, 4);
  assert_equals_string (g_checksum_get_string (clips[0].sum),
      g_checksum_get_string (clips[3].sum));

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++) {
    clip_clear (&clips[i]);
    g_free (lines[i]);
  }
  g_unlink (c);
  g_unlink (l);
  g_rmdir (folder);
  g_free (c);
  g_free (l);
  g_free (c_caps);
  g_free (l_caps);
  g_free (folder);
}

GST_END_TEST;

/* Pictures of two sources, one after the other: their clips follow too. */
GST_START_TEST (test_concat)
{
  Clip clip;

  clip_init (&clip, "concat name=c ! svdbin " SMALL SINK
      " videotestsrc num-buffers=1 ! video/x-raw,width=80,height=60 ! c."
      " videotestsrc num-buffers=1 ! video/x-raw,width=40,height=90 ! c.");
  clip_run (&clip);
  fail_unless_equals_int (clip.frames, 4);

  clip_clear (&clip);
}

GST_END_TEST;

/* An application sees one error from the stage, before any of others. */
GST_START_TEST (test_error_on_bus)
{
  gchar *caps = test_latents_caps (1, 7);
  gchar *line = g_strdup_printf ("fakesrc sizetype=fixed sizemax=100 ! %s ! "
      "svddecode name=decode ! fakesink", caps);
  Clip clip;
  GstMessage *message;

  clip_init (&clip, line);
  gst_element_set_state (clip.pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (clip.bus, 10 * GST_SECOND,
      GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  assert_equals_string (GST_OBJECT_NAME (GST_MESSAGE_SRC (message)), "decode");

  gst_message_unref (message);
  clip_clear (&clip);
  g_free (line);
  g_free (caps);
}

GST_END_TEST;

static Suite *
svdbin_suite (void)
{
  Suite *s = suite_create ("svdbin");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_pictures);
  tcase_add_test (tc, test_repeat);
  tcase_add_test (tc, test_memory_budget);
  tcase_add_test (tc, test_again);
  tcase_add_test (tc, test_queues);
  tcase_add_test (tc, test_null_in_mid_step);
  tcase_add_test (tc, test_seek_in_mid_step);
  tcase_add_test (tc, test_files);
  tcase_add_test (tc, test_concat);
  tcase_add_test (tc, test_error_on_bus);

  return s;
}

GST_CHECK_MAIN (svdbin);
