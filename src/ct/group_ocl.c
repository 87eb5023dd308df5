#include "core/fail.h"
#include "ct/ocl.h"

kvox_status kvox_ct_ocl_fit_group(kvox_ocl *ocl, int32_t items[2], kvox_ct_ocl_build build, void *stage) {
  for (uint64_t largest = kvox_ocl_info(ocl)->largest_group;;) {
    while ((uint64_t)items[0] * (uint64_t)items[1] > largest && items[0] > 1) {
      items[items[1] > 1 ? 1 : 0] /= 2;
    }
    KVOX_TRY(build(stage, &largest));
    if ((uint64_t)items[0] * (uint64_t)items[1] <= largest || items[0] == 1) {
      return KVOX_OK;
    }
  }
}
