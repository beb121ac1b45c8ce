/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "golden.h"
#include "net.h"
#include "../../src/weights/model-files.h"

G_BEGIN_DECLS

/* A golden checkpoint as the networks' tests use it. */
typedef struct {
  Golden *golden;
  SvdModelFiles *files;
  char *column;                 /* "alpha f32" */
  KilnDevice *device;
  KilnType type;
  KilnWeightStore *store;       /* of all its nets */
} Checkpoint;

void checkpoint_init (Checkpoint *checkpoint, const char *name,
    KilnDevice *device, KilnType type);
void checkpoint_clear (Checkpoint *checkpoint);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Checkpoint, checkpoint_clear)

/* The UNet of given inputs: sample [frames][2·channels][h][w], already
 * scaled and with the picture's latents; output "out". */
typedef struct {
  guint32 frames, height, width, channels;
  const float *sample, *timestep, *ids, *context;
} UnetCase;

Net *build_unet (const Checkpoint *checkpoint, const UnetCase *inputs);
/* pixels [3][side][side]; output "embedding". */
Net *build_clip (const Checkpoint *checkpoint, const float *pixels);
/* pixels [3][height][width]; output "moments". */
Net *build_vae_encoder (const Checkpoint *checkpoint, guint32 height,
    guint32 width, const float *pixels);
/* z [frames][channels][height][width]; output "frames". */
Net *build_vae_decoder (const Checkpoint *checkpoint, guint32 frames,
    guint32 height, guint32 width, const float *z);

/* The goldens' own inputs: "unet/case.N", "clip", "vae_encode" and
 * "vae_decode". */
Net *build_golden_unet (const Checkpoint *checkpoint, guint n);
Net *build_golden_clip (const Checkpoint *checkpoint);
Net *build_golden_vae_encoder (const Checkpoint *checkpoint);
Net *build_golden_vae_decoder (const Checkpoint *checkpoint);

G_END_DECLS
