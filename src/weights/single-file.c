/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "model-files-private.h"

#include "../device/error.h"

gboolean
svd_single_file_read (SvdModelFiles *files, GError **error)
{
  g_set_error (error, KILN_ERROR, KILN_ERROR_MODEL, "%s: single files are "
      "not read yet; give a folder in diffusers' layout", files->path);
  return FALSE;
}
