/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of vidinterp share. */
#pragma once

#include "elementtest.h"

#define CAPS(format, rate) \
    "video/x-raw,format=" format ",width=64,height=48,framerate=" rate

/* A playing element with caps on both sides; out may be NULL: any. */
static inline GstHarness *
new_harness (const gchar * line, const gchar * in, const gchar * out)
{
  GstHarness *h = test_harness_new (line);

  gst_harness_set_src_caps_str (h, in);
  if (out != NULL)
    gst_harness_set_sink_caps_str (h, out);
  return h;
}
