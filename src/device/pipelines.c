/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"
#include "shader-table.h"

#include <stdlib.h>
#include <string.h>

/* All shaders share one layout: set 0 with storage buffers 0…9 and the same
 * ten as texel buffers, and 128 bytes of push constants. What a shader does
 * not use costs nothing. */
static VkResult
create_layouts (KilnDevice *self)
{
  VkDescriptorSetLayoutBinding bindings[2 * KILN_MAX_BINDINGS];
  VkDescriptorSetLayoutCreateInfo set_info = {
    .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
    .bindingCount = 2 * KILN_MAX_BINDINGS,
    .pBindings = bindings,
  };
  VkPushConstantRange push = {
    .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
    .size = KILN_PUSH_BYTES,
  };
  VkPipelineLayoutCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
    .setLayoutCount = 1,
    .pSetLayouts = &self->set_layout,
    .pushConstantRangeCount = 1,
    .pPushConstantRanges = &push,
  };
  VkResult result;

  for (guint i = 0; i < 2 * KILN_MAX_BINDINGS; i++)
    bindings[i] = (VkDescriptorSetLayoutBinding) {
      .binding = i,
      .descriptorType = i < KILN_MAX_BINDINGS
          ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER
          : VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER,
      .descriptorCount = 1,
      .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
    };
  result = vkCreateDescriptorSetLayout (self->device, &set_info, NULL,
      &self->set_layout);
  if (result != VK_SUCCESS)
    return result;
  return vkCreatePipelineLayout (self->device, &info, NULL,
      &self->pipeline_layout);
}

/* ---- The cache on disk: one file a device and driver build. */

static char *
cache_path (KilnDevice *self)
{
  VkPhysicalDeviceProperties properties;
  GString *name = g_string_new ("pipelines-");

  vkGetPhysicalDeviceProperties (self->physical, &properties);
  for (guint i = 0; i < VK_UUID_SIZE; i++)
    g_string_append_printf (name, "%02x", properties.pipelineCacheUUID[i]);
  g_string_append_printf (name, "-%x-%x.bin", properties.deviceID,
      properties.driverVersion);
  {
    g_autofree char *file = g_string_free (name, FALSE);

    return g_build_filename (g_get_user_cache_dir (), "gst-svd", file, NULL);
  }
}

static VkResult
load_cache (KilnDevice *self)
{
  g_autofree char *data = NULL;
  gsize size = 0;
  VkPipelineCacheCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
  };

  self->cache_path = cache_path (self);
  if (g_file_get_contents (self->cache_path, &data, &size, NULL)) {
    info.initialDataSize = size;
    info.pInitialData = data;
  }
  return vkCreatePipelineCache (self->device, &info, NULL,
      &self->pipeline_cache);
}

/* A cache that cannot be written is only a slower next start. */
static void
save_cache (KilnDevice *self)
{
  g_autofree char *directory = g_path_get_dirname (self->cache_path);
  g_autofree char *data = NULL;
  size_t size = 0;

  if (!self->cache_is_new)
    return;
  vkGetPipelineCacheData (self->device, self->pipeline_cache, &size, NULL);
  data = g_malloc (size);
  if (vkGetPipelineCacheData (self->device, self->pipeline_cache, &size,
          data) != VK_SUCCESS)
    return;
  g_mkdir_with_parents (directory, 0700);
  if (!g_file_set_contents (self->cache_path, data, size, NULL))
    g_info ("Could not write the pipeline cache %s", self->cache_path);
}

gboolean
kiln_pipelines_init (KilnDevice *self, GError **error)
{
  VkResult result = create_layouts (self);

  if (result == VK_SUCCESS)
    result = load_cache (self);
  if (result != VK_SUCCESS) {
    kiln_set_vk_error (error, result, "preparing pipelines");
    return FALSE;
  }
  self->pipelines =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return TRUE;
}

void
kiln_pipelines_clear (KilnDevice *self)
{
  GHashTableIter iter;
  gpointer pipeline;

  if (self->pipelines != NULL) {
    save_cache (self);
    g_hash_table_iter_init (&iter, self->pipelines);
    while (g_hash_table_iter_next (&iter, NULL, &pipeline))
      vkDestroyPipeline (self->device, (VkPipeline) pipeline, NULL);
    g_hash_table_unref (self->pipelines);
  }
  vkDestroyPipelineCache (self->device, self->pipeline_cache, NULL);
  vkDestroyPipelineLayout (self->device, self->pipeline_layout, NULL);
  vkDestroyDescriptorSetLayout (self->device, self->set_layout, NULL);
  g_free (self->cache_path);
}

/* ---- Compiling */

static int
compare_shader (const void *name, const void *shader)
{
  return strcmp (name, ((const KilnShader *) shader)->name);
}

static VkPipeline
create_pipeline (KilnDevice *self, const KilnShader *shader,
    const KilnDispatch *dispatch, GError **error)
{
  guint n_specs = dispatch->n_specs;
  guint32 values[KILN_MAX_SPECS + 1] = { kiln_dispatch_group_size (self, dispatch) };
  VkSpecializationMapEntry entries[KILN_MAX_SPECS + 1];
  VkSpecializationInfo specialization = {
    .mapEntryCount = n_specs + 1,
    .pMapEntries = entries,
    .dataSize = (n_specs + 1) * sizeof (guint32),
    .pData = values,
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
    .requiredSubgroupSize = dispatch->subgroup_size,
  };
  VkPipeline pipeline = VK_NULL_HANDLE;
  VkResult result;

  /* Elsewhere there is only one size. */
  if (dispatch->subgroup_size > 0
      && (self->info.features & KILN_FEATURE_SUBGROUP_SIZE) != 0) {
    info.stage.pNext = &subgroups;
    info.stage.flags =
        VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT;
  }
  for (guint i = 0; i <= n_specs; i++)
    entries[i] = (VkSpecializationMapEntry) { i, i * 4, 4 };
  memcpy (values + 1, dispatch->specs, n_specs * sizeof (guint32));
  result = vkCreateShaderModule (self->device, &module_info, NULL,
      &info.stage.module);
  if (result == VK_SUCCESS) {
    result = vkCreateComputePipelines (self->device, self->pipeline_cache, 1,
        &info, NULL, &pipeline);
    vkDestroyShaderModule (self->device, info.stage.module, NULL);
  }
  if (result != VK_SUCCESS) {
    g_autofree char *what = g_strdup_printf ("compiling %s", shader->name);

    kiln_set_vk_error (error, result, what);
  }
  return pipeline;
}

VkPipeline
kiln_device_get_pipeline (KilnDevice *self, const KilnDispatch *dispatch,
    gboolean *is_new, GError **error)
{
  const KilnShader *shader = bsearch (dispatch->shader, kiln_shaders,
      kiln_n_shaders, sizeof *kiln_shaders, compare_shader);
  g_autoptr (GMutexLocker) locker =
      g_mutex_locker_new (&self->pipelines_lock);
  GString *key = g_string_new (dispatch->shader);
  g_autofree char *text = NULL;
  VkPipeline pipeline;

  g_return_val_if_fail (dispatch->n_specs <= KILN_MAX_SPECS, VK_NULL_HANDLE);
  g_string_append_printf (key, " %x", kiln_dispatch_group_size (self, dispatch));
  for (guint i = 0; i < dispatch->n_specs; i++)
    g_string_append_printf (key, " %x", dispatch->specs[i]);
  text = g_string_free (key, FALSE);
  if (shader == NULL) {
    g_set_error (error, KILN_ERROR, KILN_ERROR_UNSUPPORTED,
        "This build has no shader \"%s\"", dispatch->shader);
    return VK_NULL_HANDLE;
  }
  pipeline = (VkPipeline) g_hash_table_lookup (self->pipelines, text);
  *is_new = pipeline == VK_NULL_HANDLE;
  if (!*is_new)
    return pipeline;
  pipeline = create_pipeline (self, shader, dispatch, error);
  if (pipeline == VK_NULL_HANDLE)
    return VK_NULL_HANDLE;
  self->cache_is_new = TRUE;
  g_hash_table_insert (self->pipelines, g_steal_pointer (&text),
      (gpointer) pipeline);
  return pipeline;
}
