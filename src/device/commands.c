/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "private.h"

#include <string.h>

#define SETS_PER_POOL 256
#define MAX_TIMINGS 4096
/* Of a copy between host and device, to tell how long it takes. */
#define FLOPS_A_BYTE 10.0
/* So many pieces may be on the device: one while the host prepares the
 * next. A software device is the host, and its first use of a shader
 * compiles it: there the second would only delay cancelling. */
#define PIECES_IN_FLIGHT 2

struct _KilnCommands
{
  KilnDevice *device;
  VkCommandPool pool;
  GArray *pieces;               /* VkCommandBuffer */
  GArray *descriptor_pools;     /* VkDescriptorPool */
  GPtrArray *buffers;           /* KilnBuffer: kept alive */
  GArray *views;                /* VkBufferView */
  VkFence fences[PIECES_IN_FLIGHT];

  VkQueryPool queries;          /* only when profiling */
  GPtrArray *labels;            /* char * */
  GArray *timings;              /* KilnTiming */
};

/* What was recorded of a shader. */
typedef struct {
  const char *shader;           /* interned */
  double flops;
} ShaderWork;

struct _KilnRecorder
{
  KilnCommands *commands;
  GPtrArray *survey;            /* KilnPipeline, only these are wanted; or NULL */
  GHashTable *seen;             /* set of the buffers kept, or of pipelines */
  VkCommandBuffer piece;        /* being recorded, or NULL */
  double piece_flops;
  guint sets_left;
  GArray *work;                 /* ShaderWork */
  GError *error;
};

/* ---- Commands */

void
kiln_commands_free (KilnCommands *self)
{
  VkDevice device = self->device->device;

  for (guint i = 0; i < PIECES_IN_FLIGHT; i++)
    vkDestroyFence (device, self->fences[i], NULL);
  for (guint i = 0; i < self->descriptor_pools->len; i++)
    vkDestroyDescriptorPool (device,
        g_array_index (self->descriptor_pools, VkDescriptorPool, i), NULL);
  for (guint i = 0; i < self->views->len; i++)
    vkDestroyBufferView (device,
        g_array_index (self->views, VkBufferView, i), NULL);
  vkDestroyQueryPool (device, self->queries, NULL);
  vkDestroyCommandPool (device, self->pool, NULL);
  g_array_unref (self->descriptor_pools);
  g_array_unref (self->pieces);
  g_array_unref (self->views);
  g_array_unref (self->timings);
  g_ptr_array_unref (self->labels);
  g_ptr_array_unref (self->buffers);
  kiln_device_unref (self->device);
  g_free (self);
}

static gboolean
wait_piece (KilnCommands *self, guint piece, GError **error)
{
  VkResult result = vkWaitForFences (self->device->device, 1,
      &self->fences[piece % PIECES_IN_FLIGHT], VK_TRUE, G_MAXUINT64);

  if (result == VK_SUCCESS)
    return TRUE;
  kiln_set_vk_error (error, result, "waiting for the device");
  return FALSE;
}

static gboolean
submit_piece (KilnCommands *self, guint piece, GError **error)
{
  VkSubmitInfo info = {
    .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
    .commandBufferCount = 1,
    .pCommandBuffers = &g_array_index (self->pieces, VkCommandBuffer, piece),
  };
  VkFence fence = self->fences[piece % PIECES_IN_FLIGHT];
  VkResult result = vkResetFences (self->device->device, 1, &fence);

  if (result == VK_SUCCESS) {
    g_mutex_lock (&self->device->queue_lock);
    result = vkQueueSubmit (self->device->queue, 1, &info, fence);
    g_mutex_unlock (&self->device->queue_lock);
  }
  if (result == VK_SUCCESS)
    return TRUE;
  kiln_set_vk_error (error, result, "submitting work");
  return FALSE;
}

static void
read_timings (KilnCommands *self)
{
  guint n = self->timings->len;
  g_autofree guint64 *ticks = g_new0 (guint64, n + 1);

  if (self->queries == VK_NULL_HANDLE || n == 0)
    return;
  vkGetQueryPoolResults (self->device->device, self->queries, 0, n + 1,
      (n + 1) * sizeof *ticks, ticks, sizeof *ticks,
      VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
  for (guint i = 0; i < n; i++)
    g_array_index (self->timings, KilnTiming, i).nanoseconds =
        (ticks[i + 1] - ticks[i]) * self->device->info.timestamp_period;
}

gboolean
kiln_commands_run (KilnCommands *self, GCancellable *cancellable,
    GError **error)
{
  guint at_once = kiln_device_is_cpu (self->device) ? 1 : PIECES_IN_FLIGHT;
  guint n = self->pieces->len, submitted = 0, done = 0;
  gboolean ok = TRUE;

  while (ok && submitted < n) {
    if (submitted - done == at_once)
      ok = wait_piece (self, done++, error);
    ok = ok && !g_cancellable_set_error_if_cancelled (cancellable, error)
        && submit_piece (self, submitted, error);
    if (ok)
      submitted++;
  }
  while (done < submitted)
    if (!wait_piece (self, done++, ok ? error : NULL))
      ok = FALSE;
  if (ok)
    read_timings (self);
  return ok;
}

const KilnTiming *
kiln_commands_get_timings (KilnCommands *self, guint *n)
{
  *n = self->timings->len;
  return (const KilnTiming *) self->timings->data;
}

/* ---- Recorder */

static gboolean
ok (KilnRecorder *self, VkResult result, const char *what)
{
  if (result == VK_SUCCESS)
    return TRUE;
  if (self->error == NULL)
    kiln_set_vk_error (&self->error, result, what);
  return FALSE;
}

static void
create_objects (KilnRecorder *self)
{
  KilnCommands *commands = self->commands;
  VkDevice device = commands->device->device;
  VkCommandPoolCreateInfo pool = {
    .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
    .queueFamilyIndex = commands->device->queue_family,
  };
  VkFenceCreateInfo fence = {
    .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
  };
  VkQueryPoolCreateInfo queries = {
    .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
    .queryType = VK_QUERY_TYPE_TIMESTAMP,
    .queryCount = MAX_TIMINGS + 1,
  };

  if (!ok (self, vkCreateCommandPool (device, &pool, NULL, &commands->pool),
          "creating a command pool"))
    return;
  for (guint i = 0; i < PIECES_IN_FLIGHT; i++)
    if (!ok (self, vkCreateFence (device, &fence, NULL,
                &commands->fences[i]), "creating a fence"))
      return;
  if (g_getenv ("KILN_PROFILE") != NULL
      && commands->device->info.timestamp_period > 0)
    ok (self, vkCreateQueryPool (device, &queries, NULL, &commands->queries),
        "creating queries");
}

static KilnRecorder *
new_empty (KilnDevice *device)
{
  KilnRecorder *self = g_new0 (KilnRecorder, 1);
  KilnCommands *commands = g_new0 (KilnCommands, 1);

  commands->device = kiln_device_ref (device);
  commands->pieces = g_array_new (FALSE, FALSE, sizeof (VkCommandBuffer));
  commands->descriptor_pools =
      g_array_new (FALSE, FALSE, sizeof (VkDescriptorPool));
  commands->buffers =
      g_ptr_array_new_with_free_func ((GDestroyNotify) kiln_buffer_unref);
  commands->views = g_array_new (FALSE, FALSE, sizeof (VkBufferView));
  commands->labels = g_ptr_array_new_with_free_func (g_free);
  commands->timings = g_array_new (FALSE, TRUE, sizeof (KilnTiming));
  self->commands = commands;
  self->seen = g_hash_table_new (NULL, NULL);
  self->work = g_array_new (FALSE, FALSE, sizeof (ShaderWork));
  return self;
}

KilnRecorder *
kiln_recorder_new (KilnDevice *device)
{
  KilnRecorder *self = new_empty (device);

  create_objects (self);
  return self;
}

KilnRecorder *
kiln_recorder_new_survey (KilnDevice *device)
{
  KilnRecorder *self = new_empty (device);

  self->survey = g_ptr_array_new ();
  return self;
}

KilnDevice *
kiln_recorder_get_device (KilnRecorder *self)
{
  return self->commands->device;
}

const char *
kiln_recorder_get_main_shader (KilnRecorder *self)
{
  const ShaderWork *most = NULL;

  for (guint i = 0; i < self->work->len; i++) {
    const ShaderWork *work = &g_array_index (self->work, ShaderWork, i);

    if (most == NULL || work->flops > most->flops)
      most = work;
  }
  return most != NULL ? most->shader : NULL;
}

void
kiln_recorder_take_error (KilnRecorder *self, GError *error)
{
  if (self->error == NULL)
    self->error = error;
  else
    g_error_free (error);
}

/* The command buffer to record into; NULL after an error or for a survey. */
static VkCommandBuffer
get_piece (KilnRecorder *self)
{
  VkCommandBufferAllocateInfo info = {
    .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
    .commandPool = self->commands->pool,
    .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
    .commandBufferCount = 1,
  };
  VkCommandBufferBeginInfo begin = {
    .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
  };

  if (self->error != NULL || self->survey != NULL)
    return NULL;
  if (self->piece != NULL)
    return self->piece;
  if (!ok (self, vkAllocateCommandBuffers (self->commands->device->device,
              &info, &self->piece), "allocating a command buffer"))
    return NULL;
  g_array_append_val (self->commands->pieces, self->piece);
  self->piece_flops = 0;
  if (!ok (self, vkBeginCommandBuffer (self->piece, &begin), "recording"))
    return NULL;
  if (self->commands->pieces->len == 1
      && self->commands->queries != VK_NULL_HANDLE)
    vkCmdResetQueryPool (self->piece, self->commands->queries, 0,
        MAX_TIMINGS + 1);
  return self->piece;
}

static void
end_piece (KilnRecorder *self)
{
  if (self->piece == NULL)
    return;
  ok (self, vkEndCommandBuffer (self->piece), "recording");
  self->piece = NULL;
}

static void
keep_buffer (KilnRecorder *self, KilnBuffer *buffer)
{
  if (g_hash_table_add (self->seen, buffer))
    g_ptr_array_add (self->commands->buffers, kiln_buffer_ref (buffer));
}

static void
write_timestamp (KilnRecorder *self)
{
  VkCommandBuffer piece = get_piece (self);

  if (piece != NULL && self->commands->queries != VK_NULL_HANDLE)
    vkCmdWriteTimestamp (piece, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT,
        self->commands->queries, self->commands->timings->len);
}

void
kiln_recorder_label (KilnRecorder *self, const char *label)
{
  KilnTiming timing = { 0 };

  if (self->commands->queries == VK_NULL_HANDLE
      || self->commands->timings->len == MAX_TIMINGS)
    return;
  write_timestamp (self);
  timing.label = g_strdup (label);
  g_ptr_array_add (self->commands->labels, (gpointer) timing.label);
  g_array_append_val (self->commands->timings, timing);
}

static VkDescriptorSet
new_descriptor_set (KilnRecorder *self)
{
  VkDevice device = self->commands->device->device;
  VkDescriptorPoolSize sizes[] = {
    { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, SETS_PER_POOL * KILN_MAX_BINDINGS },
    { VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER,
        SETS_PER_POOL * KILN_MAX_BINDINGS },
  };
  VkDescriptorPoolCreateInfo pool_info = {
    .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
    .maxSets = SETS_PER_POOL,
    .poolSizeCount = G_N_ELEMENTS (sizes),
    .pPoolSizes = sizes,
  };
  VkDescriptorSetAllocateInfo info = {
    .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
    .descriptorSetCount = 1,
    .pSetLayouts = &self->commands->device->set_layout,
  };
  VkDescriptorPool pool;
  VkDescriptorSet set = VK_NULL_HANDLE;

  if (self->sets_left == 0) {
    if (!ok (self, vkCreateDescriptorPool (device, &pool_info, NULL, &pool),
            "creating a descriptor pool"))
      return VK_NULL_HANDLE;
    g_array_append_val (self->commands->descriptor_pools, pool);
    self->sets_left = SETS_PER_POOL;
  }
  self->sets_left--;
  info.descriptorPool = g_array_index (self->commands->descriptor_pools,
      VkDescriptorPool, self->commands->descriptor_pools->len - 1);
  ok (self, vkAllocateDescriptorSets (device, &info, &set),
      "allocating descriptors");
  return set;
}

/* llvmpipe takes bits 8 to 15 of a texel view's length for a number of mip
 * levels (both are in one union), and compiles a shader once for none and
 * once for some. So there are always some; buffers have bytes to spare. */
static guint64
view_range (const KilnBinding *binding)
{
  guint64 whole_texels = (binding->size + 15) & ~(guint64) 15;

  return (whole_texels & 0xff00) != 0 ? whole_texels : whole_texels + 256;
}

static VkBufferView
new_view (KilnRecorder *self, const KilnBinding *binding)
{
  VkBufferViewCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
    .buffer = kiln_buffer_get_handle (binding->buffer),
    .format = binding->format,
    .offset = binding->offset,
    .range = view_range (binding),
  };
  VkBufferView view = VK_NULL_HANDLE;

  if (ok (self, vkCreateBufferView (self->commands->device->device, &info,
              NULL, &view), "creating a buffer view"))
    g_array_append_val (self->commands->views, view);
  return view;
}

static VkDescriptorSet
bind_buffers (KilnRecorder *self, const KilnDispatch *dispatch)
{
  VkDescriptorBufferInfo infos[KILN_MAX_BINDINGS];
  VkBufferView views[KILN_MAX_BINDINGS];
  VkWriteDescriptorSet writes[KILN_MAX_BINDINGS];
  VkDescriptorSet set = new_descriptor_set (self);

  if (set == VK_NULL_HANDLE)
    return set;
  for (guint i = 0; i < dispatch->n_bindings; i++) {
    const KilnBinding *binding = &dispatch->bindings[i];
    gboolean texels = dispatch->texels & (1u << i);

    keep_buffer (self, binding->buffer);
    writes[i] = (VkWriteDescriptorSet) {
      .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
      .dstSet = set,
      .dstBinding = texels ? KILN_TEXEL_BINDINGS + i : i,
      .descriptorCount = 1,
      .descriptorType = texels ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER
          : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
      .pBufferInfo = &infos[i],
      .pTexelBufferView = &views[i],
    };
    if (texels)
      views[i] = new_view (self, binding);
    else
      infos[i] = (VkDescriptorBufferInfo) {
        kiln_buffer_get_handle (binding->buffer), binding->offset,
        binding->size
      };
  }
  if (self->error == NULL)
    vkUpdateDescriptorSets (self->commands->device->device,
        dispatch->n_bindings, writes, 0, NULL);
  return set;
}

/* Folds a long 1-D grid into x and y. */
static void
fold_grid (KilnDevice *device, const KilnDispatch *dispatch, guint32 *x,
    guint32 *y)
{
  guint64 size = kiln_dispatch_group_size (device, dispatch);
  guint64 groups = (dispatch->invocations + size - 1) / size;
  guint64 rows = (groups + device->max_groups_x - 1) / device->max_groups_x;

  *y = rows;
  *x = (groups + rows - 1) / rows;
}

/* Tells the profile of a dispatch. */
static void
add_to_timing (KilnRecorder *self, const KilnDispatch *dispatch)
{
  guint n = self->commands->timings->len;
  KilnTiming *timing;

  if (n == 0)
    return;
  timing = &g_array_index (self->commands->timings, KilnTiming, n - 1);
  timing->flops += dispatch->flops;
  if (dispatch->variant != NULL)
    timing->variant = dispatch->variant;
}

/* Closes the piece when this work would make it too long to cancel. */
static void
account_work (KilnRecorder *self, double flops)
{
  double most = kiln_device_get_dispatch_flops (self->commands->device);

  if (self->piece != NULL && self->piece_flops + flops > most)
    end_piece (self);
  if (get_piece (self) != NULL)
    self->piece_flops += flops;
}

static void
account_flops (KilnRecorder *self, const KilnDispatch *dispatch,
    gboolean first_use)
{
  /* Software devices compile when a shader first runs: a piece's worth. */
  if (first_use && kiln_device_is_cpu (self->commands->device))
    account_work (self,
        kiln_device_get_dispatch_flops (self->commands->device));
  else
    account_work (self, MAX (dispatch->flops, 64.0 * dispatch->invocations));
}

static void
survey (KilnRecorder *self, const KilnDispatch *dispatch)
{
  KilnPipeline *pipeline = kiln_device_find_pipeline (self->commands->device,
      dispatch, &self->error);

  if (pipeline != NULL && g_hash_table_add (self->seen, pipeline))
    g_ptr_array_add (self->survey, pipeline);
}

static void
count_work (KilnRecorder *self, const KilnDispatch *dispatch)
{
  ShaderWork work = { g_intern_string (dispatch->shader), dispatch->flops };

  for (guint i = 0; i < self->work->len; i++) {
    ShaderWork *known = &g_array_index (self->work, ShaderWork, i);

    if (known->shader == work.shader) {
      known->flops += work.flops;
      return;
    }
  }
  g_array_append_val (self->work, work);
}

void
kiln_recorder_dispatch (KilnRecorder *self, const KilnDispatch *dispatch)
{
  KilnDevice *device = self->commands->device;
  VkPipelineLayout layout = device->pipeline_layout;
  VkPipeline pipeline;
  VkDescriptorSet set;
  gboolean first_use;
  guint32 x, y;

  if (self->error != NULL || dispatch->invocations == 0)
    return;
  if (self->survey != NULL) {
    survey (self, dispatch);
    return;
  }
  pipeline = kiln_device_get_pipeline (device, dispatch, &first_use,
      &self->error);
  if (pipeline == VK_NULL_HANDLE)
    return;
  account_flops (self, dispatch, first_use);
  add_to_timing (self, dispatch);
  count_work (self, dispatch);
  set = bind_buffers (self, dispatch);
  if (self->error != NULL)
    return;
  vkCmdBindPipeline (self->piece, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
  vkCmdBindDescriptorSets (self->piece, VK_PIPELINE_BIND_POINT_COMPUTE,
      layout, 0, 1, &set, 0, NULL);
  if (dispatch->push_size > 0)
    vkCmdPushConstants (self->piece, layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
        dispatch->push_size, dispatch->push);
  fold_grid (device, dispatch, &x, &y);
  vkCmdDispatch (self->piece, x, y, 1);
}

void
kiln_recorder_copy (KilnRecorder *self, KilnBuffer *src, guint64 src_offset,
    KilnBuffer *dst, guint64 dst_offset, guint64 size)
{
  VkBufferCopy region = { src_offset, dst_offset, size };
  VkCommandBuffer piece;

  if (size == 0)
    return;
  account_work (self, FLOPS_A_BYTE * size);
  piece = get_piece (self);
  if (piece == NULL)
    return;
  keep_buffer (self, src);
  keep_buffer (self, dst);
  vkCmdCopyBuffer (piece, kiln_buffer_get_handle (src),
      kiln_buffer_get_handle (dst), 1, &region);
}

void
kiln_recorder_barrier (KilnRecorder *self)
{
  const VkPipelineStageFlags stages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT
      | VK_PIPELINE_STAGE_TRANSFER_BIT;
  VkMemoryBarrier barrier = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
    .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT
        | VK_ACCESS_TRANSFER_WRITE_BIT,
    .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT
        | VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT
        | VK_ACCESS_HOST_READ_BIT,
  };
  VkCommandBuffer piece = get_piece (self);

  if (piece != NULL)
    vkCmdPipelineBarrier (piece, stages,
        stages | VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, NULL, 0,
        NULL);
}

KilnCommands *
kiln_recorder_finish (KilnRecorder *self, GError **error)
{
  KilnCommands *commands = self->commands;

  if (self->commands->timings->len > 0)
    write_timestamp (self);
  end_piece (self);
  if (self->error != NULL) {
    g_propagate_error (error, self->error);
    g_clear_pointer (&commands, kiln_commands_free);
  }
  g_clear_pointer (&self->survey, g_ptr_array_unref);
  g_hash_table_unref (self->seen);
  g_array_unref (self->work);
  g_free (self);
  return commands;
}

KilnCompilation *
kiln_recorder_compile (KilnRecorder *self, GCancellable *cancellable,
    GError **error)
{
  g_autoptr (GPtrArray) pipelines = g_steal_pointer (&self->survey);
  g_autoptr (KilnCommands) nothing = kiln_recorder_finish (self, error);

  return nothing == NULL ? NULL : kiln_device_compile (nothing->device,
      pipelines, cancellable);
}
