/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packing is tested for its exact layout here; that products come out right
 * is check-matmul.c's business. */
#include "check.h"
#include "half.h"

#include <string.h>

void
check_pack (Check *check)
{
}
