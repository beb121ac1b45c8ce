/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which frames vidinterp makes others between: not across cuts, and from
 * twos to ones. */

#include "vidinterptest.h"

/* A pattern over some levels, moved along; a scene is of one phase. */
static GstBuffer *
pattern (const gchar * caps, guint phase, guint shift, GstClockTime pts,
    GstClockTime duration)
{
  GstBuffer *buffer = test_filled (caps, 0, pts, duration);
  GstMapInfo map;

  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_WRITE));
  for (gsize y = 0; y < 48; y++)
    for (gsize x = 0; x < 64; x++)
      memset (map.data + (y * 64 + x) * 3, phase == 0
          ? ((x + shift) / 8 + y / 8) % 2 * 120 + 20
          : (x * x + y * y * 3 + shift) % 50 + 190, 3);
  gst_buffer_unmap (buffer, &map);
  return buffer;
}

#define PATTERN_CAPS CAPS ("RGB", "24/1")
#define PATTERN_FRAME (GST_SECOND / 24)

/* Pushes frames like "AAbC": letters with the same shift repeat the one
 * before, small letters are of another scene. */
static void
push_patterns (GstHarness * h, const gchar * frames)
{
  for (guint i = 0; frames[i] != 0; i++)
    fail_unless_equals_int (gst_harness_push (h, pattern (PATTERN_CAPS,
                g_ascii_islower (frames[i]), 2 * (frames[i] & 31),
                i * PATTERN_FRAME, PATTERN_FRAME)), GST_FLOW_OK);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
}

static gboolean
is_pattern (GstBuffer * buffer, gchar letter)
{
  GstBuffer *wanted = pattern (PATTERN_CAPS, g_ascii_islower (letter),
      2 * (letter & 31), 0, 0);
  gchar *a = test_checksum (buffer), *b = test_checksum (wanted);
  gboolean is = g_str_equal (a, b);

  g_free (a);
  g_free (b);
  gst_buffer_unref (wanted);
  return is;
}

/* What comes out: letters, and '~' for what is none of the frames. */
static void
pull_patterns (GstHarness * h, const gchar * expected)
{
  GString *got = g_string_new (NULL);
  GstBuffer *buffer;

  while ((buffer = gst_harness_try_pull (h)) != NULL) {
    gchar letter = '~';

    for (const gchar * c = "ABCDEFabcdef"; *c != 0; c++)
      if (is_pattern (buffer, *c))
        letter = *c;
    g_string_append_c (got, letter);
    gst_buffer_unref (buffer);
  }
  assert_equals_string (got->str, expected);
  g_string_free (got, TRUE);
}

static const struct
{
  const gchar *line, *out, *frames, *result;
  gboolean live;
} judgements[] = {
  /* A cut: the last frame before it again. */
  {"vidinterp method=blend", "48/1", "ABcd", "A~BBc~dd", FALSE},
  {"vidinterp method=blend scene-threshold=1", "48/1", "ABcd", "A~B~c~dd",
      FALSE},
  /* Animation on twos: motion is spread, at the same rate too. */
  {"vidinterp method=blend", "48/1", "AABBCC", "A~~~B~~~CCCC", FALSE},
  {"vidinterp method=blend", "24/1", "AABBCC", "A~B~CC", FALSE},
  {"vidinterp method=blend", "24/1", "AAABBBC", "A~~B~~C", FALSE},
  {"vidinterp method=blend duplicate-threshold=0", "24/1", "AABBCC",
      "AABBCC", FALSE},
  {"vidinterp method=duplicate", "24/1", "AABBCC", "AABBCC", FALSE},
  /* A cut after frames that repeat. */
  {"vidinterp method=blend", "24/1", "AAbb", "AAbb", FALSE},
  /* There is no time to wait. */
  {"vidinterp method=blend", "48/1", "AABB", "AAA~BBBB", TRUE},
  {"vidinterp method=blend", "24/1", "AABB", "AABB", TRUE},
  /* What stands still goes through. */
  {"vidinterp method=blend", "48/1", "AAAAAAB", "AAAAAAAAAAA~BB", FALSE},
  {"vidinterp method=blend", "24/1", "AAAAAAB", "AAAAAAB", FALSE},
};

GST_START_TEST (test_judgement)
{
  gchar *out = g_strdup_printf (CAPS ("RGB", "%s"),
      judgements[__i__].out);
  GstHarness *h = test_harness_new (judgements[__i__].line);

  gst_harness_set_live (h, judgements[__i__].live);
  gst_harness_set_src_caps_str (h, PATTERN_CAPS);
  gst_harness_set_sink_caps_str (h, out);
  push_patterns (h, judgements[__i__].frames);
  pull_patterns (h, judgements[__i__].result);
  g_free (out);
  test_harness_free (h);
}

GST_END_TEST;

/* Frames of a fade differ a lot, and are of one scene. */
GST_START_TEST (test_fade)
{
  GstHarness *h = new_harness ("vidinterp method=blend", PATTERN_CAPS,
      CAPS ("RGB", "48/1"));

  for (guint i = 0; i < 6; i++) {
    GstBuffer *buffer = pattern (PATTERN_CAPS, 0, 0, i * PATTERN_FRAME,
        PATTERN_FRAME);
    GstMapInfo map;

    fail_unless (gst_buffer_map (buffer, &map, GST_MAP_WRITE));
    for (gsize k = 0; k < map.size; k++)
      map.data[k] = map.data[k] * (6 - i) / 6;
    gst_buffer_unmap (buffer, &map);
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  }
  for (guint i = 0; i < 11; i++) {
    GstBuffer *buffer = gst_harness_pull (h);
    GstMapInfo map;

    fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
    fail_unless (ABS (map.data[8 * 3] - 140.0 * (12 - i) / 12) < 2.0);
    gst_buffer_unmap (buffer, &map);
    gst_buffer_unref (buffer);
  }
  test_harness_free (h);
}

GST_END_TEST;

static Suite *
vidinterp_scenes_suite (void)
{
  Suite *s = suite_create ("vidinterp-scenes");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_judgement, 0, G_N_ELEMENTS (judgements));
  tcase_add_test (tc, test_fade);

  return s;
}

GST_CHECK_MAIN (vidinterp_scenes);
