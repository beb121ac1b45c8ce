/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#define SVD_API __attribute__ ((visibility ("default"))) extern

/**
 * SvdError:
 * @SVD_ERROR_NO_DEVICE: no Vulkan device, or none of the asked name
 * @SVD_ERROR_DEVICE_LOST: the driver gave up
 * @SVD_ERROR_OUT_OF_MEMORY: does not fit; the message has the figures
 * @SVD_ERROR_UNSUPPORTED: the device or the model lacks what is needed
 * @SVD_ERROR_SHAPE: tensors or pictures of sizes that do not fit
 * @SVD_ERROR_MODEL: a model file is missing, damaged or contradictory
 * @SVD_ERROR_ARGUMENT: a parameter is out of its range
 *
 * Every message is one sentence that says what happened and what to do.
 */
typedef enum {
  SVD_ERROR_NO_DEVICE,
  SVD_ERROR_DEVICE_LOST,
  SVD_ERROR_OUT_OF_MEMORY,
  SVD_ERROR_UNSUPPORTED,
  SVD_ERROR_SHAPE,
  SVD_ERROR_MODEL,
  SVD_ERROR_ARGUMENT,
} SvdError;

#define SVD_ERROR (svd_error_quark ())
SVD_API GQuark svd_error_quark (void);

/**
 * SvdPrecision:
 * @SVD_PRECISION_AUTO: fp32 on software devices, fp16 storage elsewhere
 * @SVD_PRECISION_FP32: activations and weights in fp32
 * @SVD_PRECISION_FP16: both stored in fp16, all sums in fp32
 */
typedef enum {
  SVD_PRECISION_AUTO,
  SVD_PRECISION_FP32,
  SVD_PRECISION_FP16,
} SvdPrecision;

/**
 * SvdStageOptions: how a stage uses its device; all zero: the defaults.
 * @precision: of weights and activations
 * @memory_budget: bytes that all stages of one device may hold there
 *     together when this one takes some, see svd_memory_budget_parse();
 *     0: what the driver says is free (VK_EXT_memory_budget), else all
 */
typedef struct {
  SvdPrecision precision;
  guint64 memory_budget;
} SvdStageOptions;

/**
 * SvdProgress:
 * @phase: what is going on, untranslated: "load" or "sample"
 * @done: how much of it is done: bytes of weights, or steps
 * @total: how much there is
 * @user_data: as given with the function
 *
 * Called from the thread that called the library.
 */
typedef void (*SvdProgress) (const char *phase, guint64 done, guint64 total,
    gpointer user_data);
