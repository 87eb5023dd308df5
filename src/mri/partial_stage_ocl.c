/* The steps of partial Fourier on a device, on volumes that lie there: see kernels/mri_partial.cl. */
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "mri/partial_ocl.h"

/* Of sums: work-items of a group, where the device has so many, and samples of each. */
enum { GROUP = 128, PARTS = 4 };

enum { COMPLEX = 2 * sizeof(float) };

static const char *const kernel_names[KVOX_PARTIAL_KERNELS] = {"load",       "store", "scale",  "normalise",
                                                               "onto_phase", "blend", "energy", "restore"};

/* ---- Making it ---- */

static kvox_partial_ocl_axes axes_of(const kvox_mri_partial *p, int64_t *table) {
  kvox_partial_ocl_axes a;
  *table = 0;
  for (int d = 0; d < 3; d++) {
    const kvox_partial_axis *from = &p->axes[d];
    a.along[d] = (kvox_partial_ocl_axis){from->size,     from->first, from->last, from->known[0],
                                         from->known[1], from->low,   from->high, *table};
    *table += from->size;
  }
  return a;
}

static uint64_t volume_bytes(const kvox_mri_partial *p, int64_t items) {
  return (uint64_t)kvox_work(kvox_work(p->samples, items), COMPLEX);
}

static uint64_t table_bytes(const kvox_mri_partial *p) {
  return (uint64_t)(p->axes[0].size + p->axes[1].size + p->axes[2].size) * KVOX_PARTIAL_FACTORS * sizeof(float);
}

static uint64_t sums_bytes(const kvox_mri_partial *p, int64_t items, int64_t group) {
  return (uint64_t)(kvox_divide_up(p->samples, group * PARTS) * items) * COMPLEX;
}

static int64_t group_of(const kvox_mri_partial *p) {
  const uint64_t largest = kvox_ocl_info(p->context->ocl)->largest_group;
  int64_t group = GROUP;
  while (group > 1 && (uint64_t)group > largest) {
    group /= 2;
  }
  return group;
}

uint64_t kvox_partial_stage_bytes(const kvox_mri_partial *p, int64_t items) {
  return 3 * volume_bytes(p, items) + table_bytes(p) + sums_bytes(p, items, group_of(p)) + sizeof(uint32_t);
}

static kvox_status make_factors(const kvox_mri_partial *p, kvox_buffer **buffer) {
  float *table = kvox_allocate(p->context->heap, table_bytes(p)), *at = table;
  if (table == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (kvox_partial_factor factor = KVOX_PARTIAL_SMOOTH; factor < KVOX_PARTIAL_FACTORS; factor++) {
    for (int d = 0; d < 3; d++) {
      memcpy(at, kvox_partial_factors_of(&p->axes[d], factor), (size_t)p->axes[d].size * sizeof *at);
      at += p->axes[d].size;
    }
  }
  const kvox_status status =
      kvox_ocl_buffer_from(p->context->ocl, "factors of partial Fourier", table, table_bytes(p), buffer);
  kvox_release(p->context->heap, table);
  return status;
}

uint64_t kvox_partial_stage_host_bytes(const kvox_mri_partial *p, int64_t items) {
  return sums_bytes(p, items, group_of(p));
}

kvox_status kvox_partial_stage_make(const kvox_mri_partial *p, int64_t items, kvox_partial_stage *stage) {
  kvox_ocl *ocl = p->context->ocl;
  const int64_t group = group_of(p);
  const uint64_t volumes = volume_bytes(p, items), sums = sums_bytes(p, items, group);
  char options[64];
  *stage = (kvox_partial_stage){.heap = p->context->heap,
                                .samples = p->samples,
                                .group = group,
                                .sums = kvox_divide_up(p->samples, group * PARTS)};
  stage->axes = axes_of(p, &stage->table);
  snprintf(options, sizeof options, "-D GROUP=%d -D PARTS=%d", (int)group, PARTS);
  for (int i = 0; i < KVOX_PARTIAL_KERNELS; i++) {
    KVOX_TRY(kvox_ocl_kernel_get(ocl, "mri_partial", options, kernel_names[i], &stage->kernels[i]));
  }
  stage->found = kvox_allocate(stage->heap, sums);
  if (stage->found == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  KVOX_TRY(make_factors(p, &stage->factors));
  KVOX_TRY(kvox_ocl_buffer_create(ocl, volumes, "measured samples", &stage->measured));
  KVOX_TRY(kvox_ocl_buffer_create(ocl, volumes, "samples found", &stage->image));
  KVOX_TRY(kvox_ocl_buffer_create(ocl, volumes, "phases", &stage->phasor));
  KVOX_TRY(kvox_ocl_buffer_create(ocl, sums, "sums", &stage->totals));
  return kvox_ocl_buffer_create(ocl, sizeof(uint32_t), "a flag", &stage->flag);
}

void kvox_partial_stage_drop(kvox_partial_stage *stage) {
  kvox_buffer *const buffers[] = {stage->measured, stage->image,  stage->phasor,
                                  stage->factors,  stage->totals, stage->flag};
  for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
    kvox_buffer_destroy(buffers[i]);
  }
  for (int i = 0; i < KVOX_PARTIAL_KERNELS; i++) {
    kvox_ocl_kernel_destroy(stage->kernels[i]);
  }
  kvox_release(stage->heap, stage->found);
}

kvox_array kvox_partial_volumes(const kvox_partial_stage *stage, kvox_buffer *buffer) {
  const kvox_partial_ocl_axis *a = stage->axes.along;
  const int64_t size[3] = {a[2].size, a[1].size, a[0].size};
  return kvox_mri_ocl_dense(buffer, KVOX_C64, stage->count, size);
}

/* ---- Kernels ---- */

static kvox_partial_ocl_axes axes_for(const kvox_partial_stage *s, kvox_partial_factor factor) {
  kvox_partial_ocl_axes a = s->axes;
  for (int d = 0; d < 3; d++) {
    a.along[d].table += (int64_t)factor * s->table;
  }
  return a;
}

/* A work-item for each sample. */
static kvox_status run_kernel(const kvox_partial_stage *s, int kernel, const kvox_ocl_argument *arguments,
                              int32_t count) {
  const kvox_partial_ocl_axis *a = s->axes.along;
  const kvox_mri_ocl_box box = {a[0].size, a[1].size, a[2].size * s->count};
  const kvox_ocl_range range = kvox_mri_ocl_range(&box, s->kernels[kernel]);
  return kvox_ocl_run(s->queue, s->kernels[kernel], &range, arguments, count);
}

/* The same, wherever it is. */
static kvox_status run_flat(const kvox_partial_stage *s, int kernel, const kvox_ocl_argument *arguments,
                            int32_t count) {
  const kvox_mri_ocl_box box = {s->samples * s->count, 1, 1};
  const kvox_ocl_range range = kvox_mri_ocl_range(&box, s->kernels[kernel]);
  return kvox_ocl_run(s->queue, s->kernels[kernel], &range, arguments, count);
}

/* Sums, one for each group of samples. */
static kvox_status run_sums(const kvox_partial_stage *s, int kernel, const kvox_ocl_argument *arguments,
                            int32_t count) {
  const kvox_ocl_range range = {.items = {(uint64_t)(s->sums * s->group), (uint64_t)s->count},
                                .group = {(uint64_t)s->group, 1}};
  return kvox_ocl_run(s->queue, s->kernels[kernel], &range, arguments, count);
}

kvox_status kvox_partial_load_there(const kvox_partial_stage *s, const kvox_array *from) {
  const kvox_partial_ocl_axes a = axes_for(s, KVOX_PARTIAL_SMOOTH);
  const kvox_mri_ocl_samples at = kvox_mri_ocl_samples_of(from);
  const kvox_ocl_argument arguments[] = {
      KVOX_OCL_BUFFER(from->buffer), KVOX_OCL_VALUE(at),           KVOX_OCL_VALUE(a),
      KVOX_OCL_VALUE(s->count),      KVOX_OCL_BUFFER(s->measured), KVOX_OCL_BUFFER(s->flag)};
  KVOX_TRY(kvox_ocl_fill(s->queue, s->flag, 0, sizeof(uint32_t), UINT32_MAX));
  return run_kernel(s, KVOX_PARTIAL_RUN_LOAD, arguments, sizeof arguments / sizeof *arguments);
}

kvox_status kvox_partial_store_there(const kvox_partial_stage *s, const kvox_array *to) {
  const kvox_partial_ocl_axes a = axes_for(s, KVOX_PARTIAL_SMOOTH);
  const kvox_mri_ocl_samples at = kvox_mri_ocl_samples_of(to);
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(s->image), KVOX_OCL_VALUE(a), KVOX_OCL_VALUE(s->count),
                                         KVOX_OCL_BUFFER(to->buffer), KVOX_OCL_VALUE(at)};
  return run_kernel(s, KVOX_PARTIAL_RUN_STORE, arguments, sizeof arguments / sizeof *arguments);
}

kvox_status kvox_partial_scale_there(const kvox_partial_stage *s, kvox_partial_factor factor, kvox_buffer *out) {
  const kvox_partial_ocl_axes a = axes_for(s, factor);
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(s->measured), KVOX_OCL_VALUE(a), KVOX_OCL_VALUE(s->count),
                                         KVOX_OCL_BUFFER(s->factors), KVOX_OCL_BUFFER(out)};
  return run_kernel(s, KVOX_PARTIAL_RUN_SCALE, arguments, sizeof arguments / sizeof *arguments);
}

kvox_status kvox_partial_normalise_there(const kvox_partial_stage *s) {
  const int64_t samples = s->samples * s->count;
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(s->phasor), KVOX_OCL_VALUE(samples)};
  return run_flat(s, KVOX_PARTIAL_RUN_NORMALISE, arguments, sizeof arguments / sizeof *arguments);
}

kvox_status kvox_partial_onto_phase_there(const kvox_partial_stage *s) {
  const int64_t samples = s->samples * s->count;
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(s->phasor), KVOX_OCL_BUFFER(s->image),
                                         KVOX_OCL_VALUE(samples)};
  return run_flat(s, KVOX_PARTIAL_RUN_ONTO_PHASE, arguments, sizeof arguments / sizeof *arguments);
}

kvox_status kvox_partial_blend_there(const kvox_partial_stage *s) {
  const kvox_partial_ocl_axes a = axes_for(s, KVOX_PARTIAL_TRUST);
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(s->measured), KVOX_OCL_VALUE(a), KVOX_OCL_VALUE(s->count),
                                         KVOX_OCL_BUFFER(s->factors), KVOX_OCL_BUFFER(s->image)};
  return run_kernel(s, KVOX_PARTIAL_RUN_BLEND, arguments, sizeof arguments / sizeof *arguments);
}

kvox_status kvox_partial_energy_there(const kvox_partial_stage *s) {
  const uint32_t samples = (uint32_t)s->samples;
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(s->measured), KVOX_OCL_VALUE(samples),
                                         KVOX_OCL_BUFFER(s->totals), KVOX_OCL_LOCAL((size_t)s->group * sizeof(float))};
  return run_sums(s, KVOX_PARTIAL_RUN_ENERGY, arguments, sizeof arguments / sizeof *arguments);
}

kvox_status kvox_partial_restore_there(const kvox_partial_stage *s, uint32_t done) {
  const kvox_partial_ocl_axes a = axes_for(s, KVOX_PARTIAL_SMOOTH);
  const uint32_t samples = (uint32_t)s->samples;
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(s->image),
                                         KVOX_OCL_BUFFER(s->measured),
                                         KVOX_OCL_VALUE(a),
                                         KVOX_OCL_VALUE(samples),
                                         KVOX_OCL_VALUE(done),
                                         KVOX_OCL_BUFFER(s->totals),
                                         KVOX_OCL_LOCAL((size_t)s->group * sizeof(float))};
  return run_sums(s, KVOX_PARTIAL_RUN_RESTORE, arguments, sizeof arguments / sizeof *arguments);
}

/* What the last sums of each volume come to. */
kvox_status kvox_partial_read_sums_there(const kvox_partial_stage *s, double sums[KVOX_PARTIAL_MOST_ITEMS]) {
  const int64_t each = s->sums;
  const float *found = s->found;
  KVOX_TRY(kvox_ocl_read(s->queue, s->totals, 0, s->found, (uint64_t)(each * s->count) * COMPLEX));
  for (int64_t i = 0; i < s->count; i++) {
    sums[i] = 0;
    for (int64_t n = 0; n < each; n++, found += 2) {
      const double factor = found[1];
      sums[i] += found[0] / (factor * factor);
    }
  }
  return KVOX_OK;
}
