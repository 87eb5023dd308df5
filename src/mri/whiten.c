#include "core/fail.h"
#include "mri/noise.h"

kvox_status kvox_mri_whiten(kvox_context *context, const kvox_mri_noise *noise, kvox_workspace *workspace,
                            const kvox_array *in, const kvox_array *out) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(noise);
  KVOX_TRY(kvox_mri_check_coils_on(context->ocl, in, "kvox_mri_whiten: in"));
  KVOX_TRY(kvox_mri_noise_check_coils(noise, "kvox_mri_whiten: in", kvox_mri_coils_of(in)));
  KVOX_TRY(kvox_array_check_shape(out, "kvox_mri_whiten: out", KVOX_TYPE_BIT(KVOX_C64) | KVOX_ON_DEVICE_TOO, in->rank,
                                  in->shape));
  KVOX_TRY(kvox_ocl_check_place(context->ocl, out, "kvox_mri_whiten: out"));
  KVOX_TRY(kvox_array_check_result(out, "kvox_mri_whiten: out"));
  if (!kvox_array_is_same(in, out)) {
    KVOX_TRY(kvox_array_check_apart(in, "in", out, "out"));
  }
  const kvox_mix mix = kvox_mri_noise_mix(noise);
  return kvox_mri_mix(context, "kvox_mri_whiten", "whiten", &mix, workspace, in, out);
}
