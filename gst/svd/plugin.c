/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * plugin-svd:
 *
 * Turns a picture into a moving clip with Stable Video Diffusion, on any
 * Vulkan device. #svdbin does it all; #svdencode, #svdsample and #svddecode
 * are its three stages, between which the data can be stored in files.
 * #vidinterp makes frames between frames, of these clips or any video.
 */

#include "gstsvdbin.h"
#include "gstsvddecode.h"
#include "gstsvdencode.h"
#include "gstsvdsample.h"
#include "gstsvdseed.h"
#include "gstvidinterp.h"

static gboolean
plugin_init (GstPlugin * plugin)
{
  gboolean ok = FALSE;

  gst_svd_seed_register ();

  ok |= GST_ELEMENT_REGISTER (svdencode, plugin);
  ok |= GST_ELEMENT_REGISTER (svdsample, plugin);
  ok |= GST_ELEMENT_REGISTER (svddecode, plugin);
  ok |= GST_ELEMENT_REGISTER (svdbin, plugin);
  ok |= GST_ELEMENT_REGISTER (vidinterp, plugin);

  return ok;
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, svd,
    "Pictures to clips with Stable Video Diffusion, and frames between "
    "frames, on Vulkan",
    plugin_init, PACKAGE_VERSION, GST_LICENSE, GST_PACKAGE_NAME,
    GST_PACKAGE_ORIGIN)
