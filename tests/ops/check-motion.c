/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"
#include "reference.h"
#include "ops/motion.h"

static const KilnShape sizes[] = {
  { KILN_F32, 1, 1, 1, 4 }, { KILN_F32, 1, 2, 3, 4 },
  { KILN_F32, 1, 17, 31, 4 }, { KILN_F32, 1, 64, 9, 4 },
  { KILN_F32, 1, 40, 55, 4 },
};

static CheckInput
picture (const KilnShape *size)
{
  return check_tensor (*size, 0.5, 0.15);
}

static void
check_luma (Check *check, const KilnShape *size, guint32 shrink)
{
  KilnLuma luma = { shrink };
  CheckJob job = {
    .what = "luma", .klass = &kiln_luma_class, .params = &luma,
    .type = KILN_F32, .n_inputs = 2, .reference = reference_luma,
    .bound = 1e-6,
  };

  job.inputs[0] = picture (size);
  job.inputs[1] = picture (size);
  check_run (check, &job);
}

/* Operations from a field (or quads) of both frames to another. */
static void
check_field (Check *check, const char *what, const KilnOpClass *klass,
    gconstpointer params, CheckReference reference, const KilnShape *size)
{
  KilnShape shape = *size;
  CheckJob job = {
    .what = what, .klass = klass, .params = params, .type = KILN_F32,
    .n_inputs = 1, .reference = reference, .bound = 1e-5,
  };

  if (!check_wants (check, what, KILN_F32))
    return;
  shape.frames = 2;
  job.inputs[0] = check_tensor (shape, 0.6, 0.5);
  check_run (check, &job);
}

/* One motion for all, or nearly: what is chosen elsewhere is tested with
 * the network. */
static CheckInput
smooth_motion (const KilnShape *size, guint32 cell)
{
  KilnShape shape = {
    KILN_F32, 1, (size->height + cell - 1) / cell,
    (size->width + cell - 1) / cell, 4
  };
  CheckInput input = check_tensor (shape, 1.7, 0.05);

  for (guint64 i = 0; i < kiln_shape_rows (&shape); i++)
    input.data[4 * i + 2] = input.data[4 * i + 3] = 1;
  return input;
}

static void
check_blend (Check *check, const KilnShape *size)
{
  static const float t = 0.3;
  KilnFlowProject project = { 4 };
  CheckJob job = {
    .what = "flow blend", .klass = &kiln_flow_blend_class,
    .params = &project, .type = KILN_F32, .n_inputs = 4,
    .reference = reference_flow_blend, .bound = 3e-5,
  };

  job.inputs[0] = picture (size);
  job.inputs[1] = picture (size);
  job.inputs[2] = smooth_motion (size, project.cell);
  job.inputs[3] = check_numbers (&t, 1);
  check_run (check, &job);
}

static void
check_refusals (Check *check)
{
  KilnLuma luma = { 1 };
  KilnFlowSearch search = { 0, 1 };
  KilnFlowProject project = { 4 };
  KilnShape shapes[4] = {
    { KILN_F32, 1, 8, 8, 4 }, { KILN_F32, 1, 8, 9, 4 },
    { KILN_F32, 2, 2, 2, 4 }, { KILN_F32, 1, 1, 1, 1 },
  };
  KilnShape levels[2] = { { KILN_F32, 2, 8, 8, 4 }, { KILN_F32, 2, 3, 2, 4 } };

  check_refuses (check, "luma of two sizes", &kiln_luma_class, &luma, shapes,
      2);
  check_refuses (check, "flow search from another level",
      &kiln_flow_search_class, &search, levels, 2);
  shapes[1].width = 8;
  shapes[2].width = 3;
  check_refuses (check, "flow project of other cells",
      &kiln_flow_project_class, &project, shapes, 4);
  shapes[2].width = 2;
  shapes[3].channels = 2;
  check_refuses (check, "flow project with two times",
      &kiln_flow_project_class, &project, shapes, 4);
}

void
check_motion (Check *check)
{
  static const KilnFlowFill fill = { 2 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    if (check_wants (check, "luma", KILN_F32))
      for (guint shrink = 1; shrink <= 4; shrink *= 2)
        check_luma (check, &sizes[i], shrink);
    check_field (check, "luma half", &kiln_luma_half_class, NULL,
        reference_luma_half, &sizes[i]);
    check_field (check, "flow check", &kiln_flow_check_class, NULL,
        reference_flow_check, &sizes[i]);
    check_field (check, "flow fill", &kiln_flow_fill_class, &fill,
        reference_flow_fill, &sizes[i]);
    if (check_wants (check, "flow blend", KILN_F32))
      check_blend (check, &sizes[i]);
  }
  check_refusals (check);
}
