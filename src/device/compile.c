/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"
#include "shader-table.h"

#include <stdlib.h>
#include <string.h>

struct _KilnPipeline
{
  const KilnShader *shader;
  guint32 subgroup_size;        /* 0: any */
  guint32 values[KILN_MAX_SPECS + 1];   /* the group's size, then constants */
  guint n_values;

  /* Under the device's pipelines_lock. */
  VkPipeline handle;            /* VK_NULL_HANDLE: not compiled */
  gboolean is_compiling;
  gboolean is_used;
};

void
kiln_compiler_init (KilnDevice *self)
{
  self->pipelines =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

void
kiln_compiler_clear (KilnDevice *self)
{
  GHashTableIter iter;
  gpointer pipeline;

  g_hash_table_iter_init (&iter, self->pipelines);
  while (g_hash_table_iter_next (&iter, NULL, &pipeline))
    vkDestroyPipeline (self->device, ((KilnPipeline *) pipeline)->handle,
        NULL);
  g_hash_table_unref (self->pipelines);
}

/* ---- The table */

static int
compare_shader (const void *name, const void *shader)
{
  return strcmp (name, ((const KilnShader *) shader)->name);
}

static char *
key_of (const KilnPipeline *pipeline)
{
  GString *key = g_string_new (pipeline->shader->name);

  g_string_append_printf (key, " %x", pipeline->subgroup_size);
  for (guint i = 0; i < pipeline->n_values; i++)
    g_string_append_printf (key, " %x", pipeline->values[i]);
  return g_string_free (key, FALSE);
}

KilnPipeline *
kiln_device_find_pipeline (KilnDevice *self, const KilnDispatch *dispatch,
    GError **error)
{
  KilnPipeline wanted = {
    .shader = bsearch (dispatch->shader, kiln_shaders, kiln_n_shaders,
        sizeof *kiln_shaders, compare_shader),
    .subgroup_size = dispatch->subgroup_size,
    .values = { kiln_dispatch_group_size (self, dispatch) },
    .n_values = dispatch->n_specs + 1,
  };
  g_autoptr (GMutexLocker) locker = NULL;
  g_autofree char *key = NULL;
  KilnPipeline *pipeline;

  g_return_val_if_fail (dispatch->n_specs <= KILN_MAX_SPECS, NULL);
  if (wanted.shader == NULL) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_UNSUPPORTED,
        "This build has no shader \"%s\"", dispatch->shader);
    return NULL;
  }
  memcpy (wanted.values + 1, dispatch->specs,
      dispatch->n_specs * sizeof *dispatch->specs);
  key = key_of (&wanted);
  locker = g_mutex_locker_new (&self->pipelines_lock);
  pipeline = g_hash_table_lookup (self->pipelines, key);
  if (pipeline == NULL) {
    pipeline = g_memdup2 (&wanted, sizeof wanted);
    g_hash_table_insert (self->pipelines, g_steal_pointer (&key), pipeline);
  }
  return pipeline;
}

/* ---- Compiling one */

static VkPipeline
create (KilnDevice *self, const KilnPipeline *pipeline, GError **error)
{
  const KilnShader *shader = pipeline->shader;
  VkSpecializationMapEntry entries[KILN_MAX_SPECS + 1];
  VkSpecializationInfo specialization = {
    .mapEntryCount = pipeline->n_values,
    .pMapEntries = entries,
    .dataSize = pipeline->n_values * sizeof *pipeline->values,
    .pData = pipeline->values,
  };
  VkShaderModuleCreateInfo module_info = {
    .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
    .codeSize = shader->size,
    .pCode = shader->code,
  };
  VkComputePipelineCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
    .stage = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
      .stage = VK_SHADER_STAGE_COMPUTE_BIT,
      .pName = "main",
      .pSpecializationInfo = &specialization,
    },
    .layout = self->pipeline_layout,
  };
  VkPipelineShaderStageRequiredSubgroupSizeCreateInfoEXT subgroups = {
    .sType =
        VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO_EXT,
    .requiredSubgroupSize = pipeline->subgroup_size,
  };
  VkPipeline handle = VK_NULL_HANDLE;
  VkResult result;

  /* Elsewhere there is only one size. */
  if (pipeline->subgroup_size > 0
      && (self->info.features & KILN_FEATURE_SUBGROUP_SIZE) != 0) {
    info.stage.pNext = &subgroups;
    info.stage.flags =
        VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT;
  }
  for (guint i = 0; i < pipeline->n_values; i++)
    entries[i] = (VkSpecializationMapEntry) { i, i * 4, 4 };
  result = vkCreateShaderModule (self->device, &module_info, NULL,
      &info.stage.module);
  if (result == VK_SUCCESS) {
    /* The cache was made without the flag that would leave its locking to
     * us: any number of threads may use it. */
    result = vkCreateComputePipelines (self->device, self->pipeline_cache, 1,
        &info, NULL, &handle);
    vkDestroyShaderModule (self->device, info.stage.module, NULL);
  }
  if (result != VK_SUCCESS) {
    g_autofree char *what = g_strdup_printf ("compiling %s", shader->name);

    kiln_set_vk_error (error, result, what);
  }
  return handle;
}

/* Called and returns with the lock held, and leaves it while the driver
 * compiles: others may want other pipelines meanwhile. Those that want this
 * one wait for it, and try themselves if it came to nothing. */
static gboolean
compile (KilnDevice *self, KilnPipeline *pipeline, GError **error)
{
  VkPipeline handle;

  while (pipeline->is_compiling)
    g_cond_wait (&self->pipeline_compiled, &self->pipelines_lock);
  if (pipeline->handle != VK_NULL_HANDLE)
    return TRUE;
  pipeline->is_compiling = TRUE;
  g_mutex_unlock (&self->pipelines_lock);
  handle = create (self, pipeline, error);
  g_mutex_lock (&self->pipelines_lock);
  pipeline->is_compiling = FALSE;
  pipeline->handle = handle;
  self->cache_is_new = TRUE;
  g_cond_broadcast (&self->pipeline_compiled);
  return handle != VK_NULL_HANDLE;
}

VkPipeline
kiln_device_get_pipeline (KilnDevice *self, const KilnDispatch *dispatch,
    gboolean *is_new, GError **error)
{
  KilnPipeline *pipeline = kiln_device_find_pipeline (self, dispatch, error);
  g_autoptr (GMutexLocker) locker = NULL;

  if (pipeline == NULL)
    return VK_NULL_HANDLE;
  locker = g_mutex_locker_new (&self->pipelines_lock);
  if (!compile (self, pipeline, error))
    return VK_NULL_HANDLE;
  *is_new = !pipeline->is_used;
  pipeline->is_used = TRUE;
  return pipeline->handle;
}

/* ---- Compiling many */

struct _KilnCompilation
{
  KilnDevice *device;
  GCancellable *cancellable;
  GThreadPool *pool;            /* NULL: ended */
  GError *error;                /* the first; under pipelines_lock */
};

static void
compile_one (gpointer data, gpointer user_data)
{
  KilnCompilation *self = user_data;
  g_autoptr (GMutexLocker) locker =
      g_mutex_locker_new (&self->device->pipelines_lock);
  GError *error = NULL;

  if (self->error != NULL
      || g_cancellable_is_cancelled (self->cancellable)
      || compile (self->device, data, &error))
    return;
  if (self->error == NULL)
    self->error = error;
  else
    g_error_free (error);
}

KilnCompilation *
kiln_device_compile (KilnDevice *device, const GPtrArray *pipelines,
    GCancellable *cancellable)
{
  KilnCompilation *self = g_new0 (KilnCompilation, 1);

  self->device = kiln_device_ref (device);
  if (cancellable != NULL)
    self->cancellable = g_object_ref (cancellable);
  self->pool = g_thread_pool_new (compile_one, self,
      g_get_num_processors (), FALSE, NULL);
  for (guint i = 0; i < pipelines->len; i++)
    g_thread_pool_push (self->pool, pipelines->pdata[i], NULL);
  return self;
}

/* at_once: without those that have not begun */
static void
end (KilnCompilation *self, gboolean at_once)
{
  if (self->pool != NULL)
    g_thread_pool_free (self->pool, at_once, TRUE);
  self->pool = NULL;
}

gboolean
kiln_compilation_finish (KilnCompilation *self, GError **error)
{
  end (self, FALSE);
  if (self->error != NULL) {
    g_propagate_error (error, g_steal_pointer (&self->error));
    return FALSE;
  }
  return !g_cancellable_set_error_if_cancelled (self->cancellable, error);
}

void
kiln_compilation_free (KilnCompilation *self)
{
  end (self, TRUE);
  g_clear_error (&self->error);
  g_clear_object (&self->cancellable);
  kiln_device_unref (self->device);
  g_free (self);
}
