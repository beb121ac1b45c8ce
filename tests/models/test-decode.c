/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decoding of several chunks: the device works on one while the caller takes
 * the frames of another. kiln_program_run() is wrapped. */
#include <math.h>
#include <string.h>
#include <svd/svd.h>

#include "../../src/graph/program.h"

#define FRAMES 6
#define CHUNK 2
#define LATENTS 8               /* wide and high */
#define PATIENCE (60 * G_TIME_SPAN_SECOND)

static GMutex lock;
static GCond changed;
static guint n_begun, n_done;
static guint failing;           /* this run, from 1 */

gboolean __real_kiln_program_run (KilnProgram *program,
    GCancellable *cancellable, GError **error);
gboolean __wrap_kiln_program_run (KilnProgram *program,
    GCancellable *cancellable, GError **error);

gboolean
__wrap_kiln_program_run (KilnProgram *program, GCancellable *cancellable,
    GError **error)
{
  gboolean ok;

  if (++n_begun == failing) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_DEVICE_LOST, "lost");
    return FALSE;
  }
  ok = __real_kiln_program_run (program, cancellable, error);
  g_mutex_lock (&lock);
  n_done += ok;
  g_cond_broadcast (&changed);
  g_mutex_unlock (&lock);
  return ok;
}

static gboolean
wait_for_runs (guint n)
{
  gint64 end = g_get_monotonic_time () + PATIENCE;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&lock);

  while (n_done < n)
    if (!g_cond_wait_until (&changed, &lock, end))
      return FALSE;
  return TRUE;
}

/* ---- Decoding */

static SvdDecoder *decoder;
static float *numbers;
static guint channels;

typedef struct {
  GByteArray *pixels;
  guint n_frames;
  gboolean is_slow;             /* waits for the next chunk but one */
  guint enough;                 /* frames; 0: all */
  GCancellable *cancellable;    /* to be cancelled at the first frame */
} Consumer;

static gboolean
consume (guint index, guint width, guint height, const guint8 *pixels,
    gpointer user_data)
{
  Consumer *self = user_data;

  g_assert_cmpuint (index, ==, self->n_frames++);
  if (self->pixels != NULL)
    g_byte_array_append (self->pixels, pixels, 4 * width * height);
  if (self->is_slow && index % CHUNK == 0 && index + CHUNK < FRAMES)
    g_assert_true (wait_for_runs (index / CHUNK + 2));
  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  return self->n_frames != self->enough;
}

static void
reset_counts (void)
{
  n_begun = n_done = failing = 0;
}

static gboolean
decode (guint first, guint n, Consumer *consumer, GError **error)
{
  const SvdLatents latents = {
    LATENTS, LATENTS, channels, n,
    numbers + first * LATENTS * LATENTS * channels
  };

  return svd_decoder_decode (decoder, &latents, CHUNK, consume, consumer,
      consumer->cancellable, error);
}

/* A consumer that waits in each chunk's first frame until the next one is
 * decoded gets what chunks that are decoded by themselves give. */
static void
test_slow_consumer (void)
{
  g_autoptr (GByteArray) expected = g_byte_array_new ();
  g_autoptr (GByteArray) pixels = g_byte_array_new ();
  Consumer consumer = { .pixels = pixels, .is_slow = TRUE };
  g_autoptr (GError) error = NULL;

  for (guint first = 0; first < FRAMES; first += CHUNK) {
    Consumer alone = { .pixels = expected };

    decode (first, CHUNK, &alone, &error);
    g_assert_no_error (error);
  }
  reset_counts ();
  decode (0, FRAMES, &consumer, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (consumer.n_frames, ==, FRAMES);
  g_assert_cmpmem (pixels->data, pixels->len, expected->data, expected->len);
}

/* The last chunk is shorter, and made ready while the one before is used. */
static void
test_short_chunk (void)
{
  g_autoptr (GByteArray) pixels = g_byte_array_new ();
  g_autoptr (GByteArray) last = g_byte_array_new ();
  Consumer consumer = { .pixels = pixels, .is_slow = TRUE };
  Consumer alone = { .pixels = last };
  g_autoptr (GError) error = NULL;

  reset_counts ();
  decode (0, FRAMES - 1, &consumer, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (consumer.n_frames, ==, FRAMES - 1);
  decode (FRAMES - 2, 1, &alone, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (pixels->data + pixels->len - last->len, last->len,
      last->data, last->len);
}

static void
test_enough (void)
{
  Consumer consumer = { .enough = 1 };
  g_autoptr (GError) error = NULL;

  reset_counts ();
  g_assert_true (decode (0, FRAMES, &consumer, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (consumer.n_frames, ==, 1);
  g_assert_cmpuint (n_begun, <=, 2);
}

static void
test_cancel (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Consumer consumer = { .cancellable = cancellable };
  g_autoptr (GError) error = NULL;

  reset_counts ();
  g_assert_false (decode (0, FRAMES, &consumer, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (n_done, <=, 2);
}

/* What was decoded before comes out before the error does. */
static void
test_failure (void)
{
  Consumer consumer = { .is_slow = FALSE };
  g_autoptr (GError) error = NULL;

  reset_counts ();
  failing = 2;
  g_assert_false (decode (0, FRAMES, &consumer, &error));
  g_assert_error (error, KILN_ERROR, KILN_ERROR_DEVICE_LOST);
  g_assert_cmpuint (consumer.n_frames, ==, CHUNK);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SvdDevice) device = NULL;
  g_autoptr (SvdModel) model = NULL;
  guint n;
  int result;

  g_test_init (&argc, &argv, NULL);
  device = svd_device_open (NULL, &error);
  g_assert_no_error (error);
  model = svd_model_open (NULL, &error);
  g_assert_no_error (error);
  decoder = svd_decoder_new (device, model, NULL, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  channels = svd_model_get_info (model)->latent_channels;
  n = FRAMES * LATENTS * LATENTS * channels;
  numbers = g_new (float, n);
  for (guint i = 0; i < n; i++)
    numbers[i] = sin (i);
  g_test_add_func ("/decode/slow-consumer", test_slow_consumer);
  g_test_add_func ("/decode/short-chunk", test_short_chunk);
  g_test_add_func ("/decode/enough", test_enough);
  g_test_add_func ("/decode/cancel", test_cancel);
  g_test_add_func ("/decode/failure", test_failure);
  result = g_test_run ();
  svd_decoder_free (decoder);
  g_free (numbers);
  return result;
}
