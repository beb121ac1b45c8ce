/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a checkpoint's layout fills in: model-folder.c and single-file.c. */

#include "made-up-weights.h"
#include "model-files.h"
#include "tensor-source.h"

G_BEGIN_DECLS

#define SVD_N_PARTS 3

struct _SvdModelFiles {
  gatomicrefcount ref_count;
  char *path;

  gboolean has_clip, has_vae, has_unet, has_scheduler;
  SvdClipConfig clip;
  SvdVaeConfig vae;
  SvdUnetConfig unet;
  SvdSchedulerConfig scheduler;
  SvdPreprocessorConfig preprocessor;
  SvdRecommended recommended;

  /* Maps one part's weights; called once a part and choice, under lock. */
  KilnTensorSource *(*open_source) (SvdModelFiles *files, SvdPart part,
      gboolean prefer_fp16, GError **error);
  KilnSafetensors *single_file; /* that layout's, or NULL */

  KilnWeightSource *made_up;    /* instead of the sources, or NULL */

  GMutex lock;                  /* guards sources */
  KilnTensorSource *sources[SVD_N_PARTS][2];       /* [prefer_fp16] */
};

/* Each fills files from files->path. */
gboolean svd_model_folder_read (SvdModelFiles *files, GError **error);
gboolean svd_single_file_read (SvdModelFiles *files, GError **error);

G_END_DECLS
