/* Which transforms and what of partial Fourier a reconstruction takes. */
#include "core/fail.h"
#include "mri/fourier_ocl.h"
#include "mri/recon.h"

void kvox_mri_recon_drop_transforms(kvox_mri_recon *r) {
  kvox_mri_fourier_destroy(r->along_x);
  kvox_mri_fourier_destroy(r->across);
  kvox_mri_partial_destroy(r->partial);
  r->along_x = r->across = NULL;
  r->partial = NULL;
}

/* Whether more was measured on one side of k = 0 than on the other; sample 0 of an even size has no partner. */
static bool is_partial(const kvox_mri_recon_layout *l, int axis) {
  const int64_t size = l->encoded[axis], middle = size / 2, before = middle - l->first[axis],
                after = l->end[axis] - 1 - middle;
  const bool whole = before == middle && after == size - 1 - middle;
  return !whole && before != after;
}

/* Axis `a` of a plan that transforms it, or of one that leaves its `size` samples as they are. */
static void set_axis(const kvox_mri_recon *r, int a, bool transformed, int64_t size, kvox_mri_fourier_options *o) {
  const kvox_mri_recon_layout *l = &r->layout;
  o->kspace_size[a] = transformed ? l->encoded[a] : size;
  o->transform_size[a] = transformed ? l->transform[a] : size;
  o->image_size[a] = transformed ? l->image[a] : size;
  if (transformed && l->encoded[a] > 1) {
    o->axes |= 1 << a;
    o->shift_px[a] = r->options.shift_px[a];
    o->window[a] = r->options.window[a];
  } else if (transformed) {
    o->image_size[a] = o->transform_size[a] = o->kspace_size[a];
  }
}

static kvox_status plan_partial(kvox_mri_recon *r) {
  const kvox_mri_recon_layout *l = &r->layout;
  kvox_mri_partial_options o;
  int partial = 0;
  kvox_mri_partial_options_init(&o);
  o.method = r->options.partial;
  for (int a = 0; a < 3; a++) {
    const bool is_kspace = (a > 0 && l->encoded[a] > 1) || (a == 0 && r->store.raw);
    o.size[a] = a > 0 ? l->encoded[a] : r->store.x;
    o.first[a] = is_kspace ? l->first[a] : 0;
    o.last[a] = is_kspace ? l->end[a] - 1 : o.size[a] - 1;
    o.axes |= is_kspace ? 1 << a : 0;
    partial += is_kspace && is_partial(l, a);
  }
  if (partial > 0 && r->options.snr_units != 0 && o.method == KVOX_MRI_POCS) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                     "kvox_mri_recon: snr_units: what POCS makes of the noise is not known in closed form: take "
                     "homodyne, zero-fill, or pseudo-replicas (kvox_mri_replica_snr)");
  }
  return partial > 0 && o.method != KVOX_MRI_ZERO_FILL ? kvox_mri_partial_create(r->context, &o, &r->partial) : KVOX_OK;
}

kvox_status kvox_mri_recon_plan_transforms(kvox_mri_recon *r, int64_t first, int64_t end) {
  kvox_mri_fourier_options x, across;
  kvox_mri_recon_drop_transforms(r);
  r->layout.first[0] = first;
  r->layout.end[0] = end;
  r->store.raw =
      r->options.partial != KVOX_MRI_ZERO_FILL && r->protocol.trajectory != KVOX_MRI_EPI && is_partial(&r->layout, 0);
  r->store.x = r->store.raw ? r->layout.encoded[0] : r->layout.image[0];
  kvox_mri_fourier_options_init(&x);
  kvox_mri_fourier_options_init(&across);
  for (int a = 0; a < 3; a++) {
    set_axis(r, a, a == 0, 1, &x);
    set_axis(r, a, a > 0 || r->store.raw, r->store.x, &across);
  }
  for (int i = 0; i < 2; i++) {
    x.window_parameter[i] = across.window_parameter[i] = r->options.window_parameter[i];
  }
  /* Of one sample there is nothing to transform, but an axis must be named: its transform is the sample. */
  x.axes = x.axes != 0 ? x.axes : KVOX_MRI_X;
  across.axes = across.axes != 0 ? across.axes : KVOX_MRI_Y;
  /* On the CPU what they take is held against the limit with all the rest (kvox_mri_recon_check_memory). */
  x.memory_limit = UINT64_MAX;
  across.memory_limit = r->context->ocl == NULL ? UINT64_MAX : 0;
  if (!r->store.raw) { /* one readout at a time is too little to be sent to a device */
    KVOX_TRY(kvox_fourier_create_on_cpu(r->context, &x, &r->along_x));
  }
  KVOX_TRY(kvox_mri_fourier_create(r->context, &across, &r->across));
  return plan_partial(r);
}
