/* Partial Fourier: options, plans, and volumes one after the other. */
#include "mri/partial_ocl.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/number.h"
#include "core/options.h"
#include "cpu/level.h"
#include "fft/fft.h"
#include "mri/fourier.h"

static const double half_turn = 3.141592653589793;
enum { USUAL_ITERATIONS = 50, MOST_ITERATIONS = 100000 };
static const double usual_tolerance = 1e-4;
static const char axis_names[] = "xyz";

const kvox_partial_row_kernels *kvox_partial_row_kernels_of(int32_t cpu_level) {
  return KVOX_KERNELS(kvox_partial_row, cpu_level);
}

void kvox_mri_partial_options_init_sized(kvox_mri_partial_options *options, size_t struct_size) {
  kvox_options_clear(options, struct_size);
}

/* ---- Options ---- */

static kvox_status check_choice(const char *member, int64_t value, int64_t most) {
  if (value < 0 || value > most) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_partial_create: options: %s is %" PRId64 ", must be from 0 to %" PRId64, member, value,
                     most);
  }
  return KVOX_OK;
}

static kvox_status check_options(kvox_mri_partial_options *o) {
  char number[KVOX_NUMBER_BYTES];
  KVOX_TRY(check_choice("method", o->method, KVOX_MRI_POCS));
  KVOX_TRY(check_choice("axes", o->axes, KVOX_MRI_X | KVOX_MRI_Y | KVOX_MRI_Z));
  KVOX_TRY(check_choice("weighting", o->weighting, KVOX_MRI_WEIGHTS_RAMP));
  KVOX_TRY(check_choice("iterations", o->iterations, MOST_ITERATIONS));
  KVOX_TRY(check_choice("transition", o->transition, KVOX_FFT_MOST_SIZE));
  if (!(o->tolerance >= 0 && o->tolerance < 1)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_partial_create: options: tolerance is %s, must be below 1, or 0 for the usual",
                     kvox_number(o->tolerance, number));
  }
  o->iterations = o->iterations > 0 ? o->iterations : USUAL_ITERATIONS;
  o->tolerance = o->tolerance > 0 ? o->tolerance : usual_tolerance;
  return KVOX_OK;
}

/* Which samples of an axis were measured, on both sides, and are found. */
static kvox_status lay_out_axis(const kvox_mri_partial_options *o, int a, kvox_partial_axis *axis) {
  const int64_t size = o->size[a], middle = size / 2, first = o->first[a];
  if (size < 1 || size > KVOX_FFT_MOST_SIZE) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_mri_partial_create: options: size[%d] is %" PRId64 ", must be from 1",
                     a, size);
  }
  const int64_t last = o->last[a] == 0 ? size - 1 : o->last[a];
  if (first < 0 || first > middle || last < middle || last >= size) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_partial_create: options: samples %" PRId64 " to %" PRId64
                     " along %c, must be among the %" PRId64 " that there are and hold the middle, %" PRId64,
                     first, last, axis_names[a], size, middle);
  }
  const int64_t before = middle - first, after = last - middle;
  const bool without_partner = size % 2 == 0 && first == 0; /* sample 0 is its own mirror image */
  const int64_t far = kvox_max_i64(before, after);
  *axis = (kvox_partial_axis){.size = size,
                              .first = first,
                              .last = last,
                              .low = kvox_max_i64(middle - far, 0),
                              .high = kvox_min_i64(middle + far, size - 1),
                              .both = kvox_min_i64(before, after),
                              .longer = after > before ? 1 : -1};
  axis->partial = o->method != KVOX_MRI_ZERO_FILL && before != after && !(without_partner && last == size - 1);
  axis->low = axis->partial ? axis->low : 0;
  axis->high = axis->partial ? axis->high : size - 1;
  axis->known[0] = axis->partial ? first : 0;
  axis->known[1] = axis->partial ? last : size - 1;
  return KVOX_OK;
}

static bool is_kspace(const kvox_mri_partial_options *o, int a) {
  return o->axes == 0 ? o->size[a] > 1 : (o->axes >> a & 1) != 0;
}

static kvox_status check_axes(kvox_mri_partial *p) {
  int partial = 0;
  for (int a = 0; a < 3; a++) {
    kvox_partial_axis *axis = &p->axes[a];
    KVOX_TRY(lay_out_axis(&p->options, a, axis));
    const bool whole = axis->first == 0 && axis->last == axis->size - 1;
    if (!is_kspace(&p->options, a) && !whole) {
      return kvox_fail(KVOX_ERROR_ARGUMENT,
                       "kvox_mri_partial_create: options: samples %" PRId64 " to %" PRId64
                       " along %c, which is an image already: it must be whole",
                       axis->first, axis->last, axis_names[a]);
    }
    partial += axis->partial;
  }
  if (partial > 1 && p->options.method == KVOX_MRI_HOMODYNE) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                     "kvox_mri_partial_create: homodyne finds samples along one axis, %d are partial: use POCS",
                     partial);
  }
  if (!kvox_multiply(p->axes[0].size, p->axes[1].size, &p->samples) ||
      !kvox_multiply(p->samples, p->axes[2].size, &p->samples) || p->samples > INT64_MAX / 64) {
    return kvox_fail(KVOX_ERROR_SIZE, "kvox_mri_partial_create: options: the product of size does not fit 64 bits");
  }
  return KVOX_OK;
}

/* ---- Plans ---- */

/* Sample i of a partial axis: k counts from the middle, positive on the longer side. */
static void fill_factors(const kvox_mri_partial_options *o, kvox_partial_axis *a, int64_t i) {
  const int64_t k = a->longer * (i - a->size / 2), distance = k < 0 ? -k : k;
  const double reach = (double)a->both + 1;
  a->smooth[i] = distance > a->both ? 0 : (float)(0.5 + 0.5 * cos(half_turn * (double)distance / reach));
  const bool mirrored = a->size % 2 == 0 && i == 0;
  double weight = k > 0 ? 2 : 0;
  if (distance <= a->both || mirrored) {
    const double ramp = 1 + (double)k / ((double)a->both + 0.5);
    weight = o->weighting == KVOX_MRI_WEIGHTS_STEP || mirrored ? 1 : ramp;
  }
  a->weights[i] = (float)weight;
  const int64_t from_border = a->longer > 0 ? i - a->first + 1 : a->last - i + 1;
  const double trust = (double)from_border / ((double)o->transition + 1);
  a->trust[i] = i < a->first || i > a->last ? 0 : (float)fmin(trust, 1);
}

static kvox_status make_factors(kvox_mri_partial *p) {
  for (int a = 0; a < 3; a++) {
    kvox_partial_axis *axis = &p->axes[a];
    axis->smooth = kvox_allocate_array(p->context->heap, 3 * axis->size, sizeof *axis->smooth);
    if (axis->smooth == NULL) {
      return KVOX_ERROR_MEMORY;
    }
    axis->weights = axis->smooth + axis->size;
    axis->trust = axis->weights + axis->size;
    for (int64_t i = 0; i < axis->size; i++) {
      axis->smooth[i] = axis->weights[i] = axis->trust[i] = 1;
      if (axis->partial) {
        fill_factors(&p->options, axis, i);
      }
    }
    p->plan_bytes += (uint64_t)(3 * axis->size) * sizeof *axis->smooth;
  }
  return KVOX_OK;
}

static int32_t axes_of(const kvox_mri_partial *p, bool partial) {
  int32_t axes = 0;
  for (int a = 0; a < 3; a++) {
    axes |= is_kspace(&p->options, a) && p->axes[a].partial == partial ? 1 << a : 0;
  }
  return axes;
}

static kvox_status make_transform(kvox_mri_partial *p, int32_t axes, uint64_t limit, kvox_mri_fourier **fourier) {
  kvox_mri_fourier_options options;
  kvox_memory_use memory;
  if (axes == 0) {
    return KVOX_OK;
  }
  kvox_mri_fourier_options_init(&options);
  options.axes = axes;
  options.memory_limit = limit;
  for (int a = 0; a < 3; a++) {
    options.kspace_size[a] = p->axes[a].size;
  }
  KVOX_TRY(kvox_mri_fourier_create(p->context, &options, fourier));
  KVOX_TRY(kvox_mri_fourier_memory(*fourier, &memory));
  p->plan_bytes += memory.plan;
  p->device_bytes += memory.device;
  p->transform_bytes = memory.workspace > p->transform_bytes ? memory.workspace : p->transform_bytes;
  return KVOX_OK;
}

static kvox_status make_transforms(kvox_mri_partial *p) {
  const int32_t others = axes_of(p, false), along = axes_of(p, true);
  uint64_t limit = 0;
  if (p->context->ocl != NULL) {
    KVOX_TRY(kvox_partial_ocl_leave(p, others != 0 && along != 0 ? 2 : 1, &limit));
  }
  KVOX_TRY(make_transform(p, others, limit, &p->others));
  return make_transform(p, along, limit, &p->along);
}

/* Where the transforms are: one of them may have fallen back. */
static kvox_status make_on_device(kvox_mri_partial *p) {
  const bool there = (p->others == NULL || p->others->device != NULL) && (p->along == NULL || p->along->device != NULL);
  if (p->context->ocl == NULL || !there) {
    return KVOX_OK;
  }
  const kvox_sentence before = kvox_sentence_keep();
  const kvox_status status = kvox_partial_ocl_make(p);
  if (status == KVOX_OK || !kvox_context_falls_back(p->context, status, "kvox_mri_partial_create", &before)) {
    return status;
  }
  kvox_partial_ocl_drop(p);
  return KVOX_OK;
}

static kvox_status make(kvox_mri_partial *p) {
  KVOX_TRY(check_options(&p->options));
  KVOX_TRY(check_axes(p));
  KVOX_TRY(make_factors(p));
  KVOX_TRY(make_transforms(p));
  return make_on_device(p);
}

kvox_status kvox_mri_partial_create(kvox_context *context, const kvox_mri_partial_options *options,
                                    kvox_mri_partial **partial) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(options);
  KVOX_REQUIRE(partial);
  kvox_mri_partial_options known;
  kvox_mri_partial_options_init(&known);
  KVOX_TRY(kvox_options_load(&known, sizeof known, options, "kvox_mri_partial_create: options"));
  kvox_mri_partial *made = kvox_allocate_zeros(context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(context);
  made->options = known;
  made->kernels = kvox_partial_row_kernels_of(context->cpu_level);
  made->plan_bytes = sizeof *made;
  const kvox_status status = make(made);
  if (status != KVOX_OK) {
    kvox_mri_partial_destroy(made);
    return status;
  }
  *partial = made;
  return KVOX_OK;
}

void kvox_mri_partial_destroy(kvox_mri_partial *partial) {
  if (partial == NULL) {
    return;
  }
  kvox_context *context = partial->context;
  kvox_partial_ocl_drop(partial);
  kvox_mri_fourier_destroy(partial->along);
  kvox_mri_fourier_destroy(partial->others);
  for (int a = 0; a < 3; a++) {
    kvox_release(context->heap, partial->axes[a].smooth);
  }
  kvox_release(context->heap, partial);
  kvox_context_destroy(context);
}

static int64_t rows_of(const kvox_mri_partial *p) { return p->axes[1].size * p->axes[2].size; }

static uint64_t volume_bytes(const kvox_mri_partial *p) {
  return kvox_aligned((uint64_t)p->samples * 2 * sizeof(float));
}

/* Three volumes, the sums of rows, and the transform's. */
static uint64_t transform_at(const kvox_mri_partial *p) {
  return 3 * volume_bytes(p) + (uint64_t)kvox_round_up(rows_of(p), KVOX_ALIGNMENT) * sizeof(double);
}

kvox_status kvox_mri_partial_memory(const kvox_mri_partial *partial, kvox_memory_use *memory) {
  KVOX_REQUIRE(partial);
  KVOX_REQUIRE(memory);
  *memory = (kvox_memory_use){.plan = partial->plan_bytes, .device = partial->device_bytes};
  if (partial->device != NULL) {
    kvox_partial_ocl_memory(partial, memory);
  } else {
    memory->workspace = transform_at(partial) + partial->transform_bytes;
  }
  return KVOX_OK;
}

/* ---- Volumes ---- */

kvox_status kvox_partial_transform(kvox_partial_work *work, const kvox_mri_fourier *fourier, bool to_image,
                                   float *volume) {
  if (fourier == NULL) {
    return KVOX_OK;
  }
  const kvox_mri_partial *p = work->plan;
  kvox_array array;
  kvox_workspace part;
  KVOX_TRY(
      kvox_array_init(&array, volume, KVOX_C64, 3, (int64_t[]){p->axes[2].size, p->axes[1].size, p->axes[0].size}));
  work->progress = fmin(work->progress + work->step, 1);
  kvox_progress_next(&work->workspace->progress, work->progress);
  kvox_workspace_enter(work->workspace, work->transform_at, p->transform_bytes, &part);
  const kvox_status status = to_image ? kvox_mri_fourier_to_image(fourier, &part, &array, &array)
                                      : kvox_mri_fourier_to_kspace(fourier, &part, &array, &array);
  kvox_workspace_leave(&part);
  return status;
}

kvox_status kvox_partial_rows(kvox_partial_work *work, kvox_body body) {
  const double begin = kvox_now();
  const kvox_status status = kvox_parallel(&work->plan->context->threads, rows_of(work->plan),
                                           kvox_work(work->plan->samples, 2), body, work, NULL);
  kvox_workspace_add(work->workspace, "partial", kvox_now() - begin);
  return status;
}

/* Measured samples of a volume, zeros elsewhere. */
static kvox_status read_volume(kvox_partial_work *work, const kvox_array *kspace, int64_t volume) {
  const kvox_partial_axis *x = &work->plan->axes[0], *y = &work->plan->axes[1], *z = &work->plan->axes[2];
  const int64_t count = x->last - x->first + 1;
  memset(work->measured, 0, (size_t)(2 * work->plan->samples) * sizeof *work->measured);
  for (int64_t k = z->first; k <= z->last; k++) {
    for (int64_t j = y->first; j <= y->last; j++) {
      const int64_t begin = (k * y->size + j) * x->size + x->first;
      float *row = work->measured + 2 * begin;
      kvox_mri_read(kspace, volume, begin, count, row);
      for (int64_t i = 0; i < count; i++) {
        if (!isfinite(row[2 * i]) || !isfinite(row[2 * i + 1])) {
          return kvox_mri_not_finite("kvox_mri_partial: kspace", kspace, volume, 0, begin + i);
        }
      }
    }
  }
  return KVOX_OK;
}

static kvox_status find(kvox_partial_work *work, bool keep_kspace) {
  const kvox_mri_partial *p = work->plan;
  KVOX_TRY(kvox_partial_transform(work, p->others, true, work->measured));
  if (p->along == NULL) {
    memcpy(work->image, work->measured, (size_t)(2 * p->samples) * sizeof *work->image);
  } else if (p->options.method == KVOX_MRI_POCS) {
    KVOX_TRY(kvox_partial_pocs(work, keep_kspace));
  } else {
    KVOX_TRY(kvox_partial_homodyne(work));
    KVOX_TRY(keep_kspace ? kvox_partial_transform(work, p->along, false, work->image) : KVOX_OK);
  }
  return keep_kspace ? kvox_partial_transform(work, p->others, false, work->image) : KVOX_OK;
}

int64_t kvox_partial_transforms(const kvox_mri_partial *p) {
  enum { OTHERS = 5 };
  return p->along != NULL && p->options.method == KVOX_MRI_POCS ? 2 * p->options.iterations + OTHERS : OTHERS;
}

static kvox_status each_volume(kvox_partial_work *work, const kvox_array *kspace, const kvox_array *out,
                               bool keep_kspace) {
  const int64_t volumes = kvox_mri_volumes(kspace);
  work->step = 1.0 / ((double)volumes * (double)kvox_partial_transforms(work->plan));
  for (int64_t v = 0; v < volumes; v++) {
    work->progress = (double)v / (double)volumes;
    KVOX_TRY(read_volume(work, kspace, v));
    KVOX_TRY(find(work, keep_kspace));
    kvox_mri_write(out, v, 0, work->plan->samples, work->image);
  }
  return kvox_progress_reach(&work->workspace->progress, 1);
}

static kvox_status check_arrays(const kvox_mri_partial *p, const kvox_array *kspace, const char *kspace_name,
                                const kvox_array *out, const char *out_name) {
  const uint32_t types = KVOX_TYPE_BIT(KVOX_C64) | KVOX_ON_DEVICE_TOO;
  const kvox_ocl *ocl = p->device != NULL ? p->context->ocl : NULL;
  KVOX_TRY(kvox_array_check(kspace, kspace_name, types));
  KVOX_TRY(kvox_ocl_check_place(ocl, kspace, kspace_name));
  int64_t shape[KVOX_MAX_RANK];
  memcpy(shape, kspace->shape, sizeof shape);
  for (int a = 0; a < 3 && kspace->rank >= 3; a++) {
    shape[kspace->rank - 1 - a] = p->axes[a].size;
  }
  if (kspace->rank < 3) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: rank %" PRId32 ", must be at least 3: [.., z, y, x]", kspace_name,
                     kspace->rank);
  }
  KVOX_TRY(kvox_array_check_shape(kspace, kspace_name, types, kspace->rank, shape));
  KVOX_TRY(kvox_array_check_shape(out, out_name, types, kspace->rank, shape));
  KVOX_TRY(kvox_ocl_check_place(ocl, out, out_name));
  KVOX_TRY(kvox_array_check_result(out, out_name));
  return kvox_array_is_same(kspace, out) ? KVOX_OK : kvox_array_check_apart(kspace, kspace_name, out, out_name);
}

static kvox_status run_on_cpu(const kvox_mri_partial *p, kvox_workspace *workspace, const kvox_array *kspace,
                              const kvox_array *out, bool keep_kspace) {
  kvox_partial_work work = {.plan = p, .workspace = workspace, .transform_at = transform_at(p)};
  KVOX_TRY(kvox_workspace_begin(workspace, work.transform_at + p->transform_bytes));
  char *block = workspace->block;
  work.measured = (float *)(void *)block;
  work.image = (float *)(void *)(block + volume_bytes(p));
  work.phasor = (float *)(void *)(block + 2 * volume_bytes(p));
  work.sums = (double *)(void *)(block + 3 * volume_bytes(p));
  return each_volume(&work, kspace, out, keep_kspace);
}

static kvox_status execute(const kvox_mri_partial *p, kvox_workspace *workspace, const kvox_array *kspace,
                           const kvox_array *out, bool keep_kspace) {
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(p->context, workspace, &taken));
  const kvox_status status = p->device != NULL ? kvox_partial_ocl_run(p, taken, kspace, out, keep_kspace)
                                               : run_on_cpu(p, taken, kspace, out, keep_kspace);
  kvox_workspace_give_up(workspace, taken);
  return status;
}

kvox_status kvox_mri_partial_to_image(const kvox_mri_partial *partial, kvox_workspace *workspace,
                                      const kvox_array *kspace, const kvox_array *images) {
  KVOX_REQUIRE(partial);
  KVOX_TRY(
      check_arrays(partial, kspace, "kvox_mri_partial_to_image: kspace", images, "kvox_mri_partial_to_image: images"));
  return execute(partial, workspace, kspace, images, false);
}

kvox_status kvox_mri_partial_to_kspace(const kvox_mri_partial *partial, kvox_workspace *workspace,
                                       const kvox_array *kspace, const kvox_array *completed) {
  KVOX_REQUIRE(partial);
  KVOX_TRY(check_arrays(partial, kspace, "kvox_mri_partial_to_kspace: kspace", completed,
                        "kvox_mri_partial_to_kspace: completed"));
  return execute(partial, workspace, kspace, completed, true);
}
