/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Optical flow on motion whose truth is known: a texture of waves, which can
 * be drawn at any place and time, with a disc of another before it. */
#include <math.h>
#include <string.h>

#include "measure.h"
#include "net.h"
#include "../../src/graph/plan.h"
#include "../../src/models/optical-flow.h"
#include "../../src/ops/motion.h"

static KilnDevice *device;

/* ---- Scenes */

typedef struct {
  guint width, height;
  double dx, dy;                /* of the background, pixels a frame */
  double turn, grow;            /* around the middle: radians, a share */
  double radius, disc_dx, disc_dy;      /* 0: no disc */
  double gain;                  /* of the second frame; 0: 1 */
  guint bars;                   /* black lines above and below */
} Scene;

/* Waves of several lengths, between 0 and 1. */
static double
texture (double x, double y, guint which)
{
  static const double waves[][3] = {
    { 0.31, 0.17, 0.3 }, { -0.23, 0.41, 1.1 }, { 0.87, -0.33, 2.7 },
    { 0.11, 0.71, 0.9 }, { 0.047, -0.063, 4.1 }, { 0.52, 0.58, 5.2 },
  };
  double sum = 0;

  for (guint i = 0; i < G_N_ELEMENTS (waves); i++)
    sum += sin (waves[i][0] * x + waves[i][1] * y + waves[i][2] * (1 + which)
        + 1.7 * sin (0.05 * x + 0.031 * i * y));
  return 0.5 + 0.08 * sum;
}

static double
channel_at (const Scene *scene, double x, double y, double t, guint channel)
{
  double cx = 0.5 * scene->width, cy = 0.5 * scene->height;
  double px = x - cx - scene->disc_dx * (t - 0.5);
  double py = y - cy - scene->disc_dy * (t - 0.5);
  double gain = scene->gain != 0 ? 1 + (scene->gain - 1) * t : 1;
  double zoom = pow (1 + scene->grow, -t), angle = scene->turn * t;
  double u = x - cx - scene->dx * t, v = y - cy - scene->dy * t;

  if (y < scene->bars || y >= scene->height - scene->bars)
    return 0;
  if (px * px + py * py < scene->radius * scene->radius)
    return gain * texture (1.3 * px + 400, 1.3 * py, 3 + channel);
  return gain * texture (zoom * (cos (angle) * u + sin (angle) * v),
      zoom * (cos (angle) * v - sin (angle) * u), channel);
}

/* Planes of RGBA. */
static float *
draw (const Scene *scene, double t)
{
  gsize n = (gsize) scene->width * scene->height;
  float *planes = g_new (float, 4 * n);

  for (gsize i = 0; i < n; i++) {
    for (guint c = 0; c < 3; c++)
      planes[c * n + i] = channel_at (scene, i % scene->width,
          i / scene->width, t, c);
    planes[3 * n + i] = 1;
  }
  return planes;
}

/* ---- Running */

typedef struct {
  float *motion, *frame;
  float *first, *second, *truth;
  gsize n;                      /* numbers of a frame */
} Result;

static void
result_clear (Result *self)
{
  g_free (self->motion);
  g_free (self->frame);
  g_free (self->first);
  g_free (self->second);
  g_free (self->truth);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Result, result_clear)

static Result
run (const Scene *scene, float t)
{
  g_autoptr (Net) net = net_new (device, KILN_F32);
  Result result = {
    .first = draw (scene, 0), .second = draw (scene, 1),
    .truth = draw (scene, t), .n = (gsize) 4 * scene->width * scene->height
  };
  KilnTensor *first = net_planes (net, "first", 1, scene->height,
      scene->width, 4, result.first);
  KilnTensor *second = net_planes (net, "second", 1, scene->height,
      scene->width, 4, result.second);
  KilnTensor *motion = kiln_optical_flow (net->graph, first, second);

  net_output (net, "motion", motion);
  net_output (net, "frame", kiln_flow_interpolate (net->graph, first, second,
          motion, net_vector (net, "t", 1, &t)));
  net_run (net);
  result.motion = net_read_planes (net, "motion");
  result.frame = net_read_planes (net, "frame");
  return result;
}

static double
blend_psnr (const Result *result, float t)
{
  g_autofree float *blend = g_new (float, result->n);

  for (gsize i = 0; i < result->n; i++)
    blend[i] = (1 - t) * result->first[i] + t * result->second[i];
  return psnr_floats (blend, result->truth, result->n);
}

/* ---- Motion */

static gint
compare_floats (gconstpointer a, gconstpointer b)
{
  float x = *(const float *) a, y = *(const float *) b;

  return x < y ? -1 : x > y;
}

/* The median of a channel of the field of the first frame. */
static double
median (const Result *result, const KilnShape *shape, guint channel,
    guint frame)
{
  gsize n = (gsize) shape->height * shape->width;
  g_autofree float *values = g_memdup2 (result->motion
      + (frame * shape->channels + channel) * n, n * sizeof (float));

  qsort (values, n, sizeof *values, compare_floats);
  return values[n / 2];
}

static void
test_translation (void)
{
  static const double motions[][2] = {
    { 0.25, -0.5 }, { 3.3, 1.75 }, { -17.4, 9.2 }, { 41.5, -22.25 }
  };

  for (guint i = 0; i < G_N_ELEMENTS (motions); i++) {
    const Scene scene = {
      .width = 320, .height = 180, .dx = motions[i][0], .dy = motions[i][1]
    };
    KilnShape shape = kiln_optical_flow_shape (180, 320);
    g_auto (Result) result = run (&scene, 0.5);

    g_test_message ("%g, %g: found %g, %g", scene.dx, scene.dy,
        median (&result, &shape, 0, 0), median (&result, &shape, 1, 0));
    for (guint frame = 0; frame < 2; frame++) {
      double sign = frame == 0 ? 1 : -1;

      g_assert_cmpfloat (fabs (median (&result, &shape, 0, frame)
              - sign * scene.dx), <, 0.05);
      g_assert_cmpfloat (fabs (median (&result, &shape, 1, frame)
              - sign * scene.dy), <, 0.05);
      /* Of the largest much is out of view. */
      if (fabs (scene.dx) < 20)
        g_assert_cmpfloat (median (&result, &shape, 2, frame), >, 0.9);
    }
  }
}

/* What was hidden in one frame is known to be. */
static void
test_occlusion (void)
{
  const Scene scene = {
    .width = 320, .height = 180, .radius = 40, .disc_dx = 24
  };
  const guint columns = 80, row = 22;   /* through the disc's middle */
  g_auto (Result) result = run (&scene, 0.5);
  const float *confidence = result.motion + 2 * columns * 45 + row * columns;

  /* The disc's front goes from column 188 to 212. */
  g_assert_cmpfloat (confidence[50], <, 0.5);
  g_assert_cmpfloat (confidence[40], >, 0.5);
  g_assert_cmpfloat (confidence[10], >, 0.5);
}

/* ---- Frames */

/* A still picture comes out as it went in. */
static void
test_still (void)
{
  const Scene scene = { .width = 322, .height = 181, .bars = 20 };
  g_auto (Result) result = run (&scene, 0.3);

  for (gsize i = 0; i < result.n; i++)
    g_assert_cmpfloat (fabsf (result.frame[i] - result.first[i]), <, 1e-6);
}

/* The bars stay black, their edges straight. */
static void
test_letterbox (void)
{
  const Scene scene = {
    .width = 320, .height = 180, .bars = 23, .dx = 7.4, .dy = 3.7
  };
  g_auto (Result) result = run (&scene, 0.5);
  gsize plane = result.n / 4;

  for (guint y = 0; y < 180; y++)
    for (guint x = 0; x < 320; x++)
      if (y < 22 || y >= 158)
        for (guint c = 0; c < 3; c++)
          g_assert_cmpfloat (result.frame[c * plane + y * 320 + x], <, 0.004);
}

/* At the times of the frames themselves nothing but they come out. */
static void
test_ends (void)
{
  const Scene scene = {
    .width = 160, .height = 90, .dx = 3.4, .radius = 20, .disc_dx = -6
  };

  for (guint end = 0; end < 2; end++) {
    g_auto (Result) result = run (&scene, end);

    g_assert_cmpfloat (psnr_floats (result.frame,
            end ? result.second : result.first, result.n), >, 60);
  }
}

static void
test_sizes (void)
{
  static const guint sizes[][2] = {
    { 1, 1 }, { 2, 2 }, { 1, 7 }, { 7, 1 }, { 3, 5 }, { 17, 9 }, { 33, 64 },
    { 101, 47 }, { 500, 3 }
  };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    const Scene scene = {
      .width = sizes[i][0], .height = sizes[i][1], .dx = 0.5
    };
    KilnShape shape = kiln_optical_flow_shape (scene.height, scene.width);
    g_auto (Result) result = run (&scene, 0.5);

    g_assert_cmpuint (shape.width, ==, (scene.width + 3) / 4);
    for (gsize j = 0; j < result.n; j++)
      g_assert_true (result.frame[j] >= 0 && result.frame[j] <= 1);
    for (gsize j = 3 * result.n / 4; j < result.n; j++)
      g_assert_cmpfloat (fabsf (result.frame[j] - 1), <, 1e-5);
  }
}

/* Better than a blend in each of these, and by how much at least. */
static void
test_quality (void)
{
  static const struct
  {
    const char *what;
    Scene scene;
    float t;
    double least, gain;         /* dB: PSNR, and above the blend's */
  } cases[] = {
    { "pan", { 320, 180, 3.3, 1.7 }, 0.5, 50, 20 },
    { "pan, a quarter", { 320, 180, 6.4, 2.2 }, 0.25, 48, 20 },
    { "rotation and zoom", { 320, 180, 1, 0, 0.05, 0.03 }, 0.5, 42, 15 },
    { "disc before a pan", { 320, 180, -5, 1, 0, 0, 35, 9, 3 }, 0.5, 26, 3 },
    { "large motion", { 320, 180, 37, -9, 0, 0, 40, -12, 4 }, 0.5, 22, 2 },
    { "fade", { 320, 180, 3.3, 1.2, .gain = 0.9 }, 0.5, 34, 5 },
    { "letterbox", { 320, 180, 4.3, 2.6, .bars = 21 }, 0.5, 30, 5 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_auto (Result) result = run (&cases[i].scene, cases[i].t);
    double flow = psnr_floats (result.frame, result.truth, result.n);
    double blend = blend_psnr (&result, cases[i].t);

    g_test_message ("%s: %.2f dB, blend %.2f dB", cases[i].what, flow, blend);
    g_assert_cmpfloat (flow, >, cases[i].least);
    g_assert_cmpfloat (flow, >, blend + cases[i].gain);
  }
}

/* Large pictures: the finest level shrinks, and all of it can be bound. */
static void
test_plan (void)
{
  static const guint sizes[][3] = {
    { 1920, 1080, 4 }, { 3840, 2160, 8 }, { 7680, 4320, 16 }
  };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    g_autoptr (KilnGraph) graph = kiln_graph_new (KILN_F32);
    const KilnShape one = { KILN_F32, 1, 1, 1, 1 };
    KilnShape picture = { KILN_F32, 1, sizes[i][1], sizes[i][0], 4 };
    KilnTensor *first = kiln_graph_input (graph, "first", &picture);
    KilnTensor *second = kiln_graph_input (graph, "second", &picture);
    KilnTensor *motion = kiln_optical_flow (graph, first, second);
    KilnShape shape = kiln_optical_flow_shape (sizes[i][1], sizes[i][0]);
    g_autoptr (GError) error = NULL;
    KilnPlan plan;

    kiln_graph_output (graph, kiln_flow_interpolate (graph, first, second,
            motion, kiln_graph_input (graph, "t", &one)), "frame");
    kiln_graph_plan (graph, &plan, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (shape.width, ==, sizes[i][0] / sizes[i][2]);
    g_assert_cmpuint (kiln_tensor_shape (motion)->height, ==, shape.height);
    g_assert_cmpuint (plan.arena_bytes, <, 200 << 20);
  }
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  device = kiln_device_open (NULL, &error);
  g_assert_no_error (error);
  g_test_add_func ("/optical-flow/translation", test_translation);
  g_test_add_func ("/optical-flow/occlusion", test_occlusion);
  g_test_add_func ("/optical-flow/still", test_still);
  g_test_add_func ("/optical-flow/letterbox", test_letterbox);
  g_test_add_func ("/optical-flow/ends", test_ends);
  g_test_add_func ("/optical-flow/sizes", test_sizes);
  g_test_add_func ("/optical-flow/quality", test_quality);
  g_test_add_func ("/optical-flow/plan", test_plan);
  result = g_test_run ();
  kiln_device_unref (device);
  return result;
}
