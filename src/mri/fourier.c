#include "mri/fourier.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/number.h"
#include "core/options.h"
#include "core/size.h"
#include "mri/fourier_ocl.h"

void kvox_mri_fourier_options_init_sized(kvox_mri_fourier_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

static kvox_status complete_sizes(kvox_mri_fourier_options *o, int32_t d) {
  static const char name[] = "xyz";
  int64_t *kspace = &o->kspace_size[d], *transform = &o->transform_size[d], *image = &o->image_size[d];
  if (*kspace < 1 || *kspace > KVOX_FFT_MOST_SIZE) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_fourier_create: kspace_size along %c is %" PRId64 ", must be from 1 to %" PRId64,
                     name[d], *kspace, KVOX_FFT_MOST_SIZE);
  }
  *transform = *transform != 0 ? *transform : *kspace;
  if (*transform < 1 || *transform > KVOX_FFT_MOST_SIZE) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_fourier_create: transform_size along %c is %" PRId64 ", must be from 1 to %" PRId64
                     ", or 0 for kspace_size",
                     name[d], *transform, KVOX_FFT_MOST_SIZE);
  }
  *image = *image != 0 ? *image : *transform;
  if (*image < 1 || *image > *transform) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_fourier_create: image_size along %c is %" PRId64
                     ", must be from 1 to transform_size, %" PRId64 ", or 0 for that",
                     name[d], *image, *transform);
  }
  const bool transformed = (o->axes >> d & 1) != 0;
  if (!transformed && (*transform != *kspace || *image != *kspace || o->shift_px[d] != 0 || o->window[d] != 0)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_fourier_create: axis %c is not transformed: its three sizes must be equal, without "
                     "shift and window",
                     name[d]);
  }
  return KVOX_OK;
}

static kvox_status check_window(const kvox_mri_fourier_options *o, int32_t d) {
  const int32_t kind = o->window[d];
  const double first = o->window_parameter[0], second = o->window_parameter[1];
  char a[KVOX_NUMBER_BYTES], b[KVOX_NUMBER_BYTES];
  if (kind < KVOX_MRI_NO_WINDOW || kind > KVOX_MRI_FERMI) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_fourier_create: window[%" PRId32 "] is %" PRId32 ", which is no KVOX_MRI_HANN ...", d,
                     kind);
  }
  if (kind == KVOX_MRI_TUKEY && !(first >= 0 && first <= 1)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_fourier_create: window_parameter[0] is %s, Tukey's must be above 0, at most 1",
                     kvox_number(first, a));
  }
  if (kind == KVOX_MRI_FERMI && (!(first >= 0 && second >= 0) || !isfinite(first) || !isfinite(second))) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_fourier_create: window_parameter is %s, %s, Fermi's radius and width must be above 0",
                     kvox_number(first, a), kvox_number(second, b));
  }
  return KVOX_OK;
}

kvox_status kvox_fourier_complete(kvox_mri_fourier_options *o) {
  const int32_t all = KVOX_MRI_X | KVOX_MRI_Y | KVOX_MRI_Z;
  if ((o->axes & ~all) != 0) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_fourier_create: axes is %" PRId32 ", must be a sum of KVOX_MRI_X, _Y and _Z", o->axes);
  }
  if (o->axes == 0) {
    for (int32_t d = 0; d < 3; d++) {
      o->axes |= o->kspace_size[d] != 1 ? 1 << d : 0;
    }
    /* One sample alone. */
    o->axes = o->axes != 0 ? o->axes : KVOX_MRI_X;
  }
  int64_t samples = 1;
  for (int32_t d = 0; d < 3; d++) {
    if (!(fabs(o->shift_px[d]) <= KVOX_MRI_MOST_SHIFT)) {
      return kvox_fail(KVOX_ERROR_ARGUMENT,
                       "kvox_mri_fourier_create: shift_px[%" PRId32 "] is not finite or beyond 1e15", d);
    }
    KVOX_TRY(complete_sizes(o, d));
    KVOX_TRY(check_window(o, d));
    const int64_t larger = kvox_max_i64(o->kspace_size[d], o->transform_size[d]);
    if (!kvox_multiply(samples, larger, &samples) || samples > INT64_MAX / 1024) {
      return kvox_fail(KVOX_ERROR_SIZE, "kvox_mri_fourier_create: the sizes have more than 2^53 samples");
    }
  }
  return KVOX_OK;
}

static void drop_ways(kvox_mri_fourier *f);

static kvox_status create_on_device(kvox_mri_fourier *f) {
  KVOX_TRY(kvox_fourier_prepare(f, true));
  return kvox_fourier_ocl_make(f);
}

static kvox_status create(kvox_mri_fourier *f, const kvox_mri_fourier_options *options, bool on_device) {
  KVOX_TRY(kvox_options_load(&f->options, sizeof f->options, options, "kvox_mri_fourier_create: options"));
  KVOX_TRY(kvox_fourier_complete(&f->options));
  f->limit = f->options.memory_limit != 0 ? f->options.memory_limit : f->context->memory_limit;
  if (on_device) {
    const kvox_sentence before = kvox_sentence_keep();
    const kvox_status status = create_on_device(f);
    if (status == KVOX_OK || !kvox_context_falls_back(f->context, status, "kvox_mri_fourier_create", &before)) {
      return status;
    }
    drop_ways(f);
  }
  KVOX_TRY(kvox_fourier_prepare(f, false));
  kvox_fourier_share share;
  KVOX_TRY(kvox_fourier_share_of(f, &f->to_image, "kvox_mri_fourier_create", false, &share));
  return kvox_fourier_share_of(f, &f->to_kspace, "kvox_mri_fourier_create", false, &share);
}

static kvox_status make(kvox_context *context, const kvox_mri_fourier_options *options, bool on_device,
                        kvox_mri_fourier **fourier) {
  kvox_mri_fourier *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  const kvox_status status = create(made, options, on_device);
  if (status != KVOX_OK) {
    kvox_mri_fourier_destroy(made);
    return status;
  }
  *fourier = made;
  return KVOX_OK;
}

kvox_status kvox_mri_fourier_create(kvox_context *context, const kvox_mri_fourier_options *options,
                                    kvox_mri_fourier **fourier) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(options);
  KVOX_REQUIRE(fourier);
  return make(context, options, context->ocl != NULL, fourier);
}

kvox_status kvox_fourier_create_on_cpu(kvox_context *context, const kvox_mri_fourier_options *options,
                                       kvox_mri_fourier **fourier) {
  return make(context, options, false, fourier);
}

static void destroy_way(kvox_fourier_way *way) {
  kvox_fft_plan_destroy(way->plane[0].fft);
  kvox_fft_plan_destroy(way->plane[1].fft);
  kvox_fft_plan_destroy(way->z.fft);
  *way = (kvox_fourier_way){.plane_legs = 0};
}

static void drop_ways(kvox_mri_fourier *f) {
  kvox_fourier_ocl_drop(f);
  destroy_way(&f->to_image);
  destroy_way(&f->to_kspace);
  kvox_release(f->context->heap, f->tables);
  f->tables = NULL;
}

void kvox_mri_fourier_destroy(kvox_mri_fourier *fourier) {
  if (fourier == NULL) {
    return;
  }
  kvox_context *context = fourier->context;
  drop_ways(fourier);
  kvox_release(context->heap, fourier);
  kvox_context_destroy(context);
}

kvox_status kvox_mri_fourier_memory(const kvox_mri_fourier *fourier, kvox_memory_use *memory) {
  KVOX_REQUIRE(fourier);
  KVOX_REQUIRE(memory);
  *memory = (kvox_memory_use){.plan = fourier->bytes};
  if (fourier->device != NULL) {
    kvox_fourier_ocl_memory(fourier, memory);
    return KVOX_OK;
  }
  for (int i = 0; i < 4; i++) {
    kvox_fourier_share share;
    KVOX_TRY(kvox_fourier_share_of(fourier, i % 2 == 0 ? &fourier->to_image : &fourier->to_kspace,
                                   "kvox_mri_fourier_memory", i < 2, &share));
    memory->workspace = share.bytes > memory->workspace ? share.bytes : memory->workspace;
  }
  return KVOX_OK;
}

/* `array` ends in the part's size; what is before that is `leading` of it. */
static kvox_status check_in(const kvox_mri_fourier *f, const kvox_array *array, const char *name,
                            const kvox_fourier_part *part, int32_t least) {
  KVOX_TRY(kvox_array_check(array, name, KVOX_TYPE_BIT(KVOX_C64) | KVOX_ON_DEVICE_TOO));
  KVOX_TRY(kvox_ocl_check_place(f->device != NULL ? f->context->ocl : NULL, array, name));
  if (array->rank < least) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: rank %" PRId32 ", must be at least %" PRId32 ": [.., %sz, y, x]", name,
                     array->rank, least, least == 4 ? "coil, " : "");
  }
  const int64_t *shape = array->shape + array->rank - 3;
  if (shape[2] != part->size[0] || shape[1] != part->size[1] || shape[0] != part->size[2]) {
    return kvox_fail(KVOX_ERROR_SIZE,
                     "%s: its z, y, x are %" PRId64 " x %" PRId64 " x %" PRId64 ", the plan's %" PRId64 " x %" PRId64
                     " x %" PRId64,
                     name, shape[0], shape[1], shape[2], part->size[2], part->size[1], part->size[0]);
  }
  return KVOX_OK;
}

/* The shape that comes of `in`: `lost` axes before z, y, x are no more. */
static kvox_status check_out(const kvox_mri_fourier *f, const kvox_array *out, const char *name, kvox_type type,
                             const kvox_array *in, int32_t lost, const kvox_fourier_part *part) {
  int64_t shape[KVOX_MAX_RANK] = {0};
  const int32_t leading = in->rank - 3 - lost;
  memcpy(shape, in->shape, (size_t)leading * sizeof *shape);
  for (int32_t d = 0; d < 3; d++) {
    shape[leading + d] = part->size[2 - d];
  }
  KVOX_TRY(kvox_array_check_shape(out, name, KVOX_TYPE_BIT(type) | KVOX_ON_DEVICE_TOO, leading + 3, shape));
  KVOX_TRY(kvox_ocl_check_place(f->device != NULL ? f->context->ocl : NULL, out, name));
  return kvox_array_check_result(out, name);
}

static kvox_status run(const kvox_mri_fourier *fourier, const kvox_fourier_way *way, const char *name,
                       kvox_workspace *workspace, const kvox_array *in, const kvox_array *out, int64_t coils) {
  if (fourier->device == NULL) {
    return kvox_fourier_run(fourier, way, name, workspace, in, out, coils);
  }
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(fourier->context, workspace, &taken));
  const kvox_status status = kvox_fourier_ocl_run(fourier, way == &fourier->to_image, name, taken, in, out, coils);
  kvox_workspace_give_up(workspace, taken);
  return status;
}

static kvox_status transform(const kvox_mri_fourier *fourier, const kvox_fourier_way *way, const char *const names[3],
                             kvox_workspace *workspace, const kvox_array *in, const kvox_array *out) {
  KVOX_TRY(check_in(fourier, in, names[1], &way->in, 3));
  KVOX_TRY(check_out(fourier, out, names[2], KVOX_C64, in, 0, &way->out));
  if (!kvox_array_is_same(in, out)) {
    KVOX_TRY(kvox_array_check_apart(in, names[1], out, names[2]));
  }
  return run(fourier, way, names[0], workspace, in, out, 0);
}

kvox_status kvox_mri_fourier_to_image(const kvox_mri_fourier *fourier, kvox_workspace *workspace,
                                      const kvox_array *kspace, const kvox_array *image) {
  static const char *const names[] = {"kvox_mri_fourier_to_image", "kvox_mri_fourier_to_image: kspace",
                                      "kvox_mri_fourier_to_image: image"};
  KVOX_REQUIRE(fourier);
  return transform(fourier, &fourier->to_image, names, workspace, kspace, image);
}

kvox_status kvox_mri_fourier_to_kspace(const kvox_mri_fourier *fourier, kvox_workspace *workspace,
                                       const kvox_array *image, const kvox_array *kspace) {
  static const char *const names[] = {"kvox_mri_fourier_to_kspace", "kvox_mri_fourier_to_kspace: image",
                                      "kvox_mri_fourier_to_kspace: kspace"};
  KVOX_REQUIRE(fourier);
  return transform(fourier, &fourier->to_kspace, names, workspace, image, kspace);
}

kvox_status kvox_mri_fourier_to_magnitude(const kvox_mri_fourier *fourier, kvox_workspace *workspace,
                                          const kvox_array *kspace, const kvox_array *magnitude) {
  static const char name[] = "kvox_mri_fourier_to_magnitude", in[] = "kvox_mri_fourier_to_magnitude: kspace",
                    out[] = "kvox_mri_fourier_to_magnitude: magnitude";
  KVOX_REQUIRE(fourier);
  const kvox_fourier_way *way = &fourier->to_image;
  KVOX_TRY(check_in(fourier, kspace, in, &way->in, 4));
  KVOX_TRY(check_out(fourier, magnitude, out, KVOX_F32, kspace, 1, &way->out));
  KVOX_TRY(kvox_array_check_apart(kspace, in, magnitude, out));
  return run(fourier, way, name, workspace, kspace, magnitude, kspace->shape[kspace->rank - 4]);
}
