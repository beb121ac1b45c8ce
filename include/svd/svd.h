/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION: svd
 * @title: libsvd
 * @short_description: Stable Video Diffusion on Vulkan
 *
 * A picture becomes a clip in three steps, each with an object that holds
 * its weights on a device: #SvdEncoder (picture → #SvdConditioning),
 * #SvdSampler (conditioning → #SvdLatents), #SvdDecoder (latents → frames).
 *
 * Objects are made for one device and one model, are reference counted
 * where it says so, and one object is used by one thread at a time; devices
 * and models may be shared by all threads. Every function that may fail
 * takes a #GError: %SVD_ERROR codes below, or %G_IO_ERROR_CANCELLED.
 */

#include <svd/device.h>
#include <svd/model.h>
#include <svd/encoder.h>
#include <svd/sampler.h>
#include <svd/decoder.h>
#include <svd/interpolator.h>
#include <svd/plan.h>
