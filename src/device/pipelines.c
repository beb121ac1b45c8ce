/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"

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

/* ---- The cache on disk */

char *
kiln_device_cache_path (KilnDevice *self, const char *what,
    const char *extension)
{
  VkPhysicalDeviceProperties properties;
  GString *name = g_string_new (what);

  vkGetPhysicalDeviceProperties (self->physical, &properties);
  g_string_append_c (name, '-');
  for (guint i = 0; i < VK_UUID_SIZE; i++)
    g_string_append_printf (name, "%02x", properties.pipelineCacheUUID[i]);
  g_string_append_printf (name, "-%x-%x.%s", properties.deviceID,
      properties.driverVersion, extension);
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

  self->cache_path = kiln_device_cache_path (self, "pipelines", "bin");
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
  kiln_compiler_init (self);
  return TRUE;
}

void
kiln_pipelines_clear (KilnDevice *self)
{
  if (self->pipelines != NULL) {
    save_cache (self);
    kiln_compiler_clear (self);
  }
  vkDestroyPipelineCache (self->device, self->pipeline_cache, NULL);
  vkDestroyPipelineLayout (self->device, self->pipeline_layout, NULL);
  vkDestroyDescriptorSetLayout (self->device, self->set_layout, NULL);
  g_free (self->cache_path);
}
