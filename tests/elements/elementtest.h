/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <svd/svd.h>

/* A clip of this size and length takes about a second. */
#define TEST_SIZE 64
#define TEST_FRAMES 2
#define TEST_PICTURE_CAPS \
    "video/x-raw,format=RGB,width=80,height=60,framerate=0/1"

/* How long cancelling may take. */
#define TEST_CANCEL_TIME (1 * G_USEC_PER_SEC)

/* Of the embedded model. */
const SvdModelInfo *test_model_info (void);

/* Caps of the conditioning and the latents of a TEST_SIZE clip. The string
 * is freed by the caller. */
gchar *test_conditioning_caps (void);
gchar *test_latents_caps (guint frames, guint fps);

/* Sizes in bytes. */
gsize test_conditioning_size (void);
gsize test_latents_size (guint frames);

/* A harness of one element with its properties, on a bus, playing. */
GstHarness *test_harness_new (const gchar * launch_line);
GstBus *test_harness_get_bus (GstHarness * h);
void test_harness_free (GstHarness * h);

/* Buffers: a picture of the format with colours that differ everywhere, and
 * noise that does not look like an image. */
GstBuffer *test_picture (const gchar * caps);
GstBuffer *test_noise (gsize size);

/* A frame whose bytes are all the same. */
GstBuffer *test_filled (const gchar * caps, guint8 level, GstClockTime pts,
    GstClockTime duration);

/* Checks that there is just one error message, and that it has the text. */
void test_assert_one_error (GstBus * bus, GQuark domain, gint code,
    const gchar * text);
void test_assert_no_error (GstBus * bus);

/* Waits for a progress message of the code and the type; unref it. */
GstMessage *test_wait_for_progress (GstBus * bus, const gchar * code,
    GstProgressType type);

/* Checks the fields of a progress message, and unrefs it. */
void test_assert_step (GstMessage * message, gint step, gint steps);

/* Pushes a buffer from another thread. */
typedef struct _TestPush TestPush;
TestPush *test_push_start (GstHarness * h, GstBuffer * buffer);
GstFlowReturn test_push_finish (TestPush * push);

/* A time in microseconds: the clock's, and the processors' for this process. */
typedef struct {
  gint64 wall, cpu;
} TestTime;

TestTime test_time_now (void);

/* Checks that what began then took no longer than cancelling may. What is under
 * way keeps the processors busy: where others want them too, the processors'
 * time counts, unless nothing happened for long. */
void test_assert_quick (TestTime since);

/* Pushes the buffer, which is much work, and cancels that after a while: by a
 * flush or by going to NULL. */
void test_cancel_in_mid_work (GstHarness * h, GstBuffer * buffer,
    gboolean flush);

/* The seed of the next "svd-seed" message on the bus. */
guint64 test_pop_seed (GstBus * bus, gboolean * drawn);

/* A checksum of the buffer's bytes; free it. */
gchar *test_checksum (GstBuffer * buffer);
