/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of this room know of each other's objects. */

#include "commands.h"

struct _KilnDevice
{
  gatomicrefcount refs;
  VkInstance instance;
  VkDebugUtilsMessengerEXT messenger;
  VkPhysicalDevice physical;
  VkDevice device;
  guint32 queue_family;
  VkQueue queue;
  GMutex queue_lock;            /* vkQueueSubmit wants one caller at a time */
  VkPhysicalDeviceMemoryProperties memory;
  guint32 max_groups_x;
  KilnDeviceInfo info;

  /* pipelines.c */
  VkDescriptorSetLayout set_layout;     /* storage buffers, then texel buffers */
  VkPipelineLayout pipeline_layout;
  VkPipelineCache pipeline_cache;
  char *cache_path;

  /* compile.c */
  GMutex pipelines_lock;
  GCond pipeline_compiled;
  GHashTable *pipelines;        /* "shader constants…" → KilnPipeline */
  gboolean cache_is_new;

  /* choices.c */
  char *choices_path;
  GMutex choices_lock;
  GHashTable *choices;          /* key → interned name */

  /* memory.c */
  GMutex memory_lock;
  guint64 allocated, peak;
};

/* Sets error from a failed call: what was tried, and what the code means. */
void kiln_set_vk_error (GError ** error, VkResult result, const char *what);

/* Fills in info's features, the sizes of subgroups and matrices, and
 * memory_budget. */
void kiln_features_query (VkInstance instance, VkPhysicalDevice physical,
    KilnDeviceInfo *info);
/* Creates a device with all of those that shaders may use. */
VkResult kiln_features_create_device (VkPhysicalDevice physical,
    const KilnDeviceInfo *info, VkDeviceCreateInfo *create, VkDevice *device);

/* A file of the user's cache for this device and its driver build. */
char *kiln_device_cache_path (KilnDevice * device, const char *what,
    const char *extension);

void kiln_choices_init (KilnDevice * device);
void kiln_choices_clear (KilnDevice * device);

gboolean kiln_pipelines_init (KilnDevice * device, GError ** error);
void kiln_pipelines_clear (KilnDevice * device);

static inline guint32
kiln_dispatch_group_size (KilnDevice *device, const KilnDispatch *dispatch)
{
  return dispatch->group_size ? dispatch->group_size
      : device->info.group_size;
}

/* ---- Pipelines by what a dispatch tells of them. The device keeps them. */

typedef struct _KilnPipeline KilnPipeline;

void kiln_compiler_init (KilnDevice * device);
void kiln_compiler_clear (KilnDevice * device);

/* The dispatch's pipeline, which may not be compiled yet; NULL with error
 * set. */
KilnPipeline *kiln_device_find_pipeline (KilnDevice * device,
    const KilnDispatch * dispatch, GError ** error);

/* Begins to compile those that are not. */
KilnCompilation *kiln_device_compile (KilnDevice * device,
    const GPtrArray * pipelines, GCancellable * cancellable);

/* The dispatch's pipeline, compiled if it is not; *is_new is TRUE the first
 * time. VK_NULL_HANDLE with error set. */
VkPipeline kiln_device_get_pipeline (KilnDevice * device,
    const KilnDispatch * dispatch, gboolean * is_new, GError ** error);

VkBuffer kiln_buffer_get_handle (KilnBuffer * buffer);
