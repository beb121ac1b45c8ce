/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../device/commands.h"

/* Prints what the last run of some commands took, summed by label, slowest
 * first, to standard error. Does nothing unless KILN_PROFILE is set. */
void kiln_profile_print (KilnCommands *commands);
