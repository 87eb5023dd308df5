/* The centred transform on a device: placed, transformed by VkFFT, taken; several coils or planes at once. */
#include "mri/fourier_ocl.h"
#include "context/pool.h"
#include "core/array.h"
#include "core/fail.h"
#include "core/size.h"
#include "fft/fft_ocl.h"
#include "mri/pieces.h"
#include "mri/tiles.h"

/* Items are transformed in batches of one size: about so many bytes keep a GPU busy and stay in its last cache; a CPU
 * gains nothing by more than one of its caches. */
static const int64_t batch_bytes = (int64_t)8 << 20, cpu_batch_bytes = (int64_t)512 << 10;

/* Most items of a batch, which is transformed whole even where fewer are wanted. */
enum { MOST_ITEMS = 16 };

/* Work-items of a group. */
enum { GROUP = 256 };

/* Batches between two looks at their flags, for which the host waits. Two for each: of samples, of results. */
enum { BATCHES = 128, FLAGS = 2 * BATCHES };

enum { COMPLEX = 2 * sizeof(float) };

/* As in kernels/mri_fourier.cl. */
typedef struct axis {
  int64_t size, first, used, low, length, step, weights;
} axis;

typedef struct axes {
  axis along[3]; /* x, y, z */
} axes;

/* How a batch lies in the device's memory. */
typedef struct kvox_fourier_device {
  axes kspace, image;        /* of z one element where items are planes */
  int64_t item_step;         /* elements */
  int64_t planes;            /* of a volume that are items; 1: volumes are */
  int64_t items;             /* of a batch */
  kvox_fft_layout layout;    /* of either transform */
  int64_t weights;           /* of all axes */
  int64_t most_item_samples; /* of k-space or image */
  kvox_pool pool;
  uint64_t bytes; /* on the device, of one execution */
} kvox_fourier_device;

typedef struct fourier_state {
  kvox_pooled pooled;
  kvox_fft_ocl *forward, *backward;
  kvox_ocl_kernel *place, *take, *add_squares;
  kvox_buffer *work, *weights, *flags;
  kvox_buffer *from, *to; /* of the host's arrays */
} fourier_state;

/* ---- Plan ---- */

static bool is_transformed(const kvox_mri_fourier *f, int d) { return (f->options.axes >> d & 1) != 0; }

/* Elements lie transformed axes innermost, x first, and then the others. */
static void lay_out(const kvox_mri_fourier *f, kvox_fourier_device *device) {
  const kvox_fourier_part *parts[2] = {&f->to_image.in, &f->to_image.out};
  axes *sides[2] = {&device->kspace, &device->image};
  kvox_fft_layout *layout = &device->layout;
  const bool planar = !is_transformed(f, 2);
  int64_t samples = 1, steps[3] = {0};
  for (int d = 0; d < 3; d++) {
    if (is_transformed(f, d)) {
      steps[d] = samples;
      samples *= f->options.transform_size[d];
      layout->rank++;
    }
  }
  for (int d = 0, at = layout->rank; d < 3; d++) {
    if (is_transformed(f, d)) {
      layout->sizes[--at] = f->options.transform_size[d];
    }
  }
  layout->complex_step = kvox_round_up(samples, 8); /* what kvox_fft_layout wants */
  layout->batch = 1;
  device->item_step = layout->complex_step;
  device->planes = planar ? f->options.kspace_size[2] : 1;
  for (int d = 0; d < 2; d++) {
    if (!is_transformed(f, d)) {
      steps[d] = device->item_step;
      device->item_step *= f->options.kspace_size[d];
      layout->batch *= f->options.kspace_size[d];
    }
  }
  for (int side = 0; side < 2; side++) {
    for (int d = 0; d < 3; d++) {
      const bool single = d == 2 && planar;
      axis *a = &sides[side]->along[d];
      a->size = single ? 1 : parts[side]->size[d];
      a->used = single ? 1 : parts[side]->used[d];
      a->first = parts[side]->first[d];
      a->low = is_transformed(f, d) ? a->used / 2 : 0;
      a->length = is_transformed(f, d) ? f->options.transform_size[d] : a->used;
      a->step = steps[d];
    }
  }
  for (int d = 0; d < 3; d++) {
    device->kspace.along[d].weights = device->weights;
    device->weights += device->kspace.along[d].used;
  }
}

static int64_t samples_of(const axes *a) {
  return kvox_work(kvox_work(a->along[0].size, a->along[1].size), a->along[2].size);
}

static uint64_t staging_bytes(const kvox_fourier_device *device) {
  return (uint64_t)kvox_work(kvox_work(device->most_item_samples, device->items), COMPLEX);
}

static uint64_t work_bytes(const kvox_fourier_device *device) {
  return (uint64_t)kvox_work(kvox_work(device->item_step, device->items), COMPLEX);
}

static kvox_fft_layout layout_of(const kvox_fourier_device *device, kvox_fft_kind kind) {
  kvox_fft_layout layout = device->layout;
  layout.kind = kind;
  layout.batch *= device->items;
  return layout;
}

static kvox_status count_bytes(const kvox_mri_fourier *f, kvox_fourier_device *device) {
  const kvox_fft_layout forward = layout_of(device, KVOX_FFT_FORWARD), backward = layout_of(device, KVOX_FFT_BACKWARD);
  uint64_t there = 0, back = 0;
  KVOX_TRY(kvox_fft_ocl_need(f->context->ocl, &forward, &there));
  KVOX_TRY(kvox_fft_ocl_need(f->context->ocl, &backward, &back));
  device->bytes = there + back + work_bytes(device) + 2 * staging_bytes(device) + (uint64_t)device->weights * COMPLEX +
                  FLAGS * sizeof(uint32_t);
  return KVOX_OK;
}

static kvox_status choose_items(const kvox_mri_fourier *f, kvox_fourier_device *device) {
  const kvox_device_info *info = kvox_ocl_info(f->context->ocl);
  const uint64_t allowed = f->limit != 0 ? f->limit : kvox_ocl_usual_memory(f->context->ocl);
  const int64_t batch = info->type == KVOX_DEVICE_CPU ? cpu_batch_bytes : batch_bytes;
  device->items = kvox_max_i64(1, kvox_min_i64(MOST_ITEMS, batch / kvox_work(device->item_step, COMPLEX)));
  for (;; device->items = (device->items + 1) / 2) {
    const bool fits = kvox_work(device->items, device->most_item_samples) < UINT32_MAX &&
                      kvox_work(device->items, device->kspace.along[2].length) < INT32_MAX &&
                      work_bytes(device) <= info->largest_buffer_bytes &&
                      staging_bytes(device) <= info->largest_buffer_bytes;
    if (fits) {
      KVOX_TRY(count_bytes(f, device));
    }
    if (fits && device->bytes <= allowed) {
      return KVOX_OK;
    }
    if (device->items > 1) {
      continue;
    }
    if (!fits) {
      return kvox_fail(KVOX_ERROR_DEVICE, "kvox_mri_fourier_create: an image is beyond a buffer of %s", info->name);
    }
    return f->limit != 0 ? kvox_fail_limit("kvox_mri_fourier_create", f->limit, device->bytes) : KVOX_OK;
  }
}

/* ---- State ---- */

static void drop_state(kvox_context *context, fourier_state *state) {
  kvox_fft_ocl_destroy(state->forward);
  kvox_fft_ocl_destroy(state->backward);
  kvox_ocl_kernel_destroy(state->place);
  kvox_ocl_kernel_destroy(state->take);
  kvox_ocl_kernel_destroy(state->add_squares);
  kvox_buffer_destroy(state->work);
  kvox_buffer_destroy(state->weights);
  kvox_buffer_destroy(state->flags);
  kvox_buffer_destroy(state->from);
  kvox_buffer_destroy(state->to);
  kvox_release(context->heap, state);
}

/* As complex numbers, 1 where there are none. */
static void write_weights(const kvox_fourier_weights *w, int64_t count, float *table) {
  for (int64_t n = 0; n < count; n++) {
    table[2 * n] = w != NULL && w->same != NULL ? w->same[2 * n] : 1;
    table[2 * n + 1] = w != NULL && w->cross != NULL ? -w->cross[2 * n] : 0;
  }
}

static kvox_status make_weights(const kvox_mri_fourier *f, fourier_state *state) {
  const kvox_fourier_device *device = f->device;
  const kvox_fourier_way *way = &f->to_image;
  float *table = kvox_allocate_array(f->context->heap, 2 * device->weights, sizeof *table);
  if (table == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int d = 0; d < 3; d++) {
    const kvox_fourier_weights *w = d == 2 && way->has_z ? &way->z.in.weights : NULL;
    for (int32_t i = 0; i < way->plane_legs; i++) {
      w = way->plane[i].axis == d ? &way->plane[i].in.weights : w;
    }
    write_weights(w, device->kspace.along[d].used, table + 2 * device->kspace.along[d].weights);
  }
  const kvox_status status = kvox_ocl_buffer_from(f->context->ocl, "weights of k-space", table,
                                                  (uint64_t)device->weights * COMPLEX, &state->weights);
  kvox_release(f->context->heap, table);
  return status;
}

static kvox_status fill_state(const kvox_mri_fourier *f, fourier_state *state) {
  kvox_ocl *ocl = f->context->ocl;
  const kvox_fourier_device *device = f->device;
  const kvox_fft_layout forward = layout_of(device, KVOX_FFT_FORWARD), backward = layout_of(device, KVOX_FFT_BACKWARD);
  KVOX_TRY(kvox_ocl_kernel_get(ocl, "mri_fourier", "", "place", &state->place));
  KVOX_TRY(kvox_ocl_kernel_get(ocl, "mri_fourier", "", "take", &state->take));
  KVOX_TRY(kvox_ocl_kernel_get(ocl, "mri_fourier", "", "add_squares", &state->add_squares));
  KVOX_TRY(kvox_fft_ocl_create(ocl, &forward, true, &state->forward));
  KVOX_TRY(kvox_fft_ocl_create(ocl, &backward, true, &state->backward));
  KVOX_TRY(make_weights(f, state));
  KVOX_TRY(kvox_ocl_buffer_create(ocl, work_bytes(device), "samples to transform", &state->work));
  KVOX_TRY(kvox_ocl_buffer_create(ocl, staging_bytes(device), "samples", &state->from));
  KVOX_TRY(kvox_ocl_buffer_create(ocl, staging_bytes(device), "transformed samples", &state->to));
  return kvox_ocl_buffer_create(ocl, FLAGS * sizeof(uint32_t), "flags", &state->flags);
}

static kvox_status make_state(const kvox_mri_fourier *f, fourier_state **state) {
  fourier_state *made = kvox_allocate_zeros(f->context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  const kvox_status status = fill_state(f, made);
  if (status != KVOX_OK) {
    drop_state(f->context, made);
    return status;
  }
  *state = made;
  return KVOX_OK;
}

kvox_status kvox_fourier_ocl_make(kvox_mri_fourier *f) {
  fourier_state *first = NULL;
  kvox_fourier_device *device = kvox_allocate_zeros(f->context->heap, sizeof *device);
  if (device == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  f->device = device;
  kvox_pool_open(&device->pool);
  lay_out(f, device);
  device->most_item_samples = kvox_max_i64(samples_of(&device->kspace), samples_of(&device->image));
  KVOX_TRY(choose_items(f, device));
  KVOX_TRY(make_state(f, &first));
  kvox_pool_give(&device->pool, &first->pooled);
  return KVOX_OK;
}

void kvox_fourier_ocl_drop(kvox_mri_fourier *f) {
  kvox_fourier_device *device = f->device;
  if (device == NULL) {
    return;
  }
  for (kvox_pooled *state; (state = kvox_pool_take(&device->pool)) != NULL;) {
    drop_state(f->context, (fourier_state *)state);
  }
  kvox_pool_close(&device->pool);
  kvox_release(f->context->heap, device);
  f->device = NULL;
}

void kvox_fourier_ocl_memory(const kvox_mri_fourier *f, kvox_memory_use *memory) {
  memory->plan += sizeof *f->device + sizeof(fourier_state);
  memory->device = f->device->bytes;
}

/* ---- Execution ---- */

typedef struct fourier_run {
  const kvox_mri_fourier *f;
  fourier_state *state;
  kvox_ocl_queue *queue;
  kvox_progress *progress;
  const char *name;
  bool to_image;
  const kvox_array *in, *out;
  int64_t squares; /* coils whose sum of squares it is; 0: each is an image */
  int64_t volumes; /* [coil, z, y, x] */
  int64_t coils, coils_at_once, planes_at_once;
} fourier_run;

typedef struct batch {
  int64_t volume, coil, coils, plane, planes;
} batch;

/* Batches of a volume: coils innermost, so that their squares add up. */
static int64_t coil_batches(const fourier_run *r) { return kvox_divide_up(r->coils, r->coils_at_once); }
static int64_t batches_of_volume(const fourier_run *r) {
  return coil_batches(r) * kvox_divide_up(r->f->device->planes, r->planes_at_once);
}

static batch batch_at(const fourier_run *r, int64_t index) {
  const int64_t of_volume = index % batches_of_volume(r), planes = r->f->device->planes;
  batch b = {.volume = index / batches_of_volume(r),
             .coil = of_volume % coil_batches(r) * r->coils_at_once,
             .plane = of_volume / coil_batches(r) * r->planes_at_once};
  b.coils = kvox_min_i64(r->coils_at_once, r->coils - b.coil);
  b.planes = kvox_min_i64(r->planes_at_once, planes - b.plane);
  return b;
}

/* The batch's part of an array, [coil, z, y, x]; without coils where squares were added. */
static kvox_array part_of(const fourier_run *r, const batch *b, const kvox_array *a) {
  const bool has_coils = a->rank > 3 && !(r->squares > 0 && a == r->out);
  const int32_t first = a->rank - 3, outer = has_coils ? first - 1 : first;
  kvox_array part = {.type = a->type, .rank = 4, .shape = {has_coils ? b->coils : 1}, .buffer = a->buffer};
  int64_t volume = b->volume, offset = b->plane * a->strides[first];
  for (int32_t d = outer - 1; d >= 0; d--) {
    offset += volume % a->shape[d] * a->strides[d];
    volume /= a->shape[d];
  }
  part.strides[0] = has_coils ? a->strides[outer] : (int64_t)kvox_type_size(a->type);
  offset += has_coils ? b->coil * part.strides[0] : 0;
  for (int d = 0; d < 3; d++) {
    part.shape[1 + d] = a->shape[first + d];
    part.strides[1 + d] = a->strides[first + d];
  }
  part.shape[1] = r->f->device->planes > 1 ? b->planes : part.shape[1];
  part.data = kvox_array_shifted(a, offset);
  return part;
}

static kvox_ocl_range range_of(int64_t x, int64_t y, int64_t z, const kvox_ocl_kernel *kernel) {
  const kvox_mri_ocl_box box = {x, y, z};
  return kvox_mri_ocl_range(&box, kernel);
}

static kvox_status place(const fourier_run *r, const batch *b, const kvox_array *from, int64_t flag) {
  fourier_state *state = r->state;
  const kvox_fourier_device *device = r->f->device;
  const axes *a = r->to_image ? &device->kspace : &device->image;
  const kvox_mri_ocl_samples at = kvox_mri_ocl_samples_of(from);
  const int32_t planes = (int32_t)b->planes, items = (int32_t)(b->planes * b->coils), weigh = r->to_image;
  const kvox_ocl_range range =
      range_of(a->along[0].length, a->along[1].length, items * a->along[2].length, state->place);
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(from->buffer),
                                         KVOX_OCL_VALUE(at),
                                         KVOX_OCL_VALUE(*a),
                                         KVOX_OCL_VALUE(planes),
                                         KVOX_OCL_VALUE(items),
                                         KVOX_OCL_BUFFER(state->work),
                                         KVOX_OCL_VALUE(device->item_step),
                                         KVOX_OCL_BUFFER(state->weights),
                                         KVOX_OCL_VALUE(weigh),
                                         KVOX_OCL_BUFFER(state->flags),
                                         KVOX_OCL_VALUE(flag)};
  KVOX_TRY(kvox_ocl_run(r->queue, state->place, &range, arguments, sizeof arguments / sizeof *arguments));
  if (items == device->items) {
    return KVOX_OK;
  }
  /* Transformed all the same: of zeros nothing grows from batch to batch. */
  const uint64_t item_bytes = (uint64_t)device->item_step * COMPLEX;
  return kvox_ocl_fill(r->queue, state->work, (uint64_t)items * item_bytes,
                       (uint64_t)(device->items - items) * item_bytes, 0);
}

static kvox_status take(const fourier_run *r, const batch *b, const kvox_array *to, int64_t flag) {
  fourier_state *state = r->state;
  const kvox_fourier_device *device = r->f->device;
  const axes *a = r->to_image ? &device->image : &device->kspace;
  const kvox_mri_ocl_samples at = kvox_mri_ocl_samples_of(to);
  const int32_t planes = (int32_t)b->planes, coils = (int32_t)b->coils, items = planes * coils, weigh = !r->to_image;
  if (r->squares == 0) {
    const kvox_ocl_range range = range_of(a->along[0].size, a->along[1].size, items * a->along[2].size, state->take);
    const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(state->work), KVOX_OCL_VALUE(device->item_step),
                                           KVOX_OCL_VALUE(*a),           KVOX_OCL_VALUE(planes),
                                           KVOX_OCL_VALUE(items),        KVOX_OCL_BUFFER(state->weights),
                                           KVOX_OCL_VALUE(weigh),        KVOX_OCL_BUFFER(to->buffer),
                                           KVOX_OCL_VALUE(at),           KVOX_OCL_BUFFER(state->flags),
                                           KVOX_OCL_VALUE(flag)};
    return kvox_ocl_run(r->queue, state->take, &range, arguments, sizeof arguments / sizeof *arguments);
  }
  const int32_t is_first = b->coil == 0, is_last = b->coil + b->coils == r->coils;
  const kvox_ocl_range range =
      range_of(a->along[0].size, a->along[1].size, planes * a->along[2].size, state->add_squares);
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(state->work), KVOX_OCL_VALUE(device->item_step),
                                         KVOX_OCL_VALUE(*a),           KVOX_OCL_VALUE(planes),
                                         KVOX_OCL_VALUE(coils),        KVOX_OCL_VALUE(is_first),
                                         KVOX_OCL_VALUE(is_last),      KVOX_OCL_BUFFER(to->buffer),
                                         KVOX_OCL_VALUE(at),           KVOX_OCL_BUFFER(state->flags),
                                         KVOX_OCL_VALUE(flag)};
  return kvox_ocl_run(r->queue, state->add_squares, &range, arguments, sizeof arguments / sizeof *arguments);
}

/* The part where kernels reach it: where it lies, or in a buffer of the state. */
static kvox_array reachable(const kvox_array *part, kvox_buffer *staging) {
  return kvox_mri_ocl_reaches(part) ? *part : kvox_mri_ocl_dense(staging, part->type, part->shape[0], part->shape + 1);
}

static kvox_status run_batch(const fourier_run *r, const batch *b, int64_t flag) {
  const kvox_array in = part_of(r, b, r->in), out = part_of(r, b, r->out);
  const kvox_array from = reachable(&in, r->state->from), to = reachable(&out, r->state->to);
  if (from.buffer != in.buffer) {
    kvox_ocl_stage(r->queue, "upload");
    KVOX_TRY(kvox_ocl_copy(r->queue, &in, &from, false));
  }
  kvox_ocl_stage(r->queue, "fourier");
  KVOX_TRY(place(r, b, &from, flag));
  KVOX_TRY(
      kvox_fft_ocl_run(r->to_image ? r->state->backward : r->state->forward, r->queue, r->state->work, r->state->work));
  KVOX_TRY(take(r, b, &to, flag + 1));
  if (to.buffer == out.buffer || (r->squares > 0 && b->coil + b->coils < r->coils)) {
    return KVOX_OK;
  }
  kvox_ocl_stage(r->queue, "download");
  return kvox_ocl_copy(r->queue, &to, &out, false);
}

/* Looks at the flags of batches up to `end` - 1. */
static kvox_status look(const fourier_run *r, int64_t end) {
  const int64_t begin = (end - 1) / BATCHES * BATCHES;
  const kvox_array *in = r->in;
  uint32_t found[FLAGS];
  kvox_ocl_stage(r->queue, "fourier");
  KVOX_TRY(kvox_ocl_read(r->queue, r->state->flags, 0, found, sizeof found));
  for (int64_t i = begin; i < end; i++) {
    const batch b = batch_at(r, i);
    const uint32_t sample = found[2 * (i - begin)];
    if (sample != UINT32_MAX) {
      const int64_t plane = in->shape[in->rank - 2] * in->shape[in->rank - 1];
      const int64_t samples = plane * (r->f->device->planes > 1 ? b.planes : in->shape[in->rank - 3]);
      return kvox_mri_not_finite(r->name, in, b.volume, b.coil + sample / samples, b.plane * plane + sample % samples);
    }
    if (found[2 * (i - begin) + 1] != UINT32_MAX) {
      return kvox_fail(KVOX_ERROR_DATA, "%s: a result is out of the range of 32-bit floats", r->name);
    }
  }
  return KVOX_OK;
}

static kvox_status run_all(void *data, kvox_ocl_queue *queue) {
  fourier_run *r = data;
  const int64_t count = r->volumes * batches_of_volume(r);
  r->queue = queue;
  for (int64_t i = 0; i < count; i++) {
    const batch b = batch_at(r, i);
    if (i % BATCHES == 0) {
      kvox_ocl_stage(queue, "fourier");
      KVOX_TRY(kvox_ocl_fill(queue, r->state->flags, 0, FLAGS * sizeof(uint32_t), UINT32_MAX));
    }
    KVOX_TRY(run_batch(r, &b, 2 * (i % BATCHES)));
    KVOX_TRY(kvox_ocl_mark(queue));
    if ((i + 1) % BATCHES == 0 || i + 1 == count) {
      KVOX_TRY(look(r, i + 1));
    }
    if (i + 1 < count && r->progress != NULL) {
      KVOX_TRY(kvox_progress_reach(r->progress, (double)(i + 1) / (double)count));
    }
  }
  return KVOX_OK;
}

static fourier_run run_of(const kvox_mri_fourier *f, bool to_image, const char *name, const kvox_array *in,
                          const kvox_array *out, int64_t squares) {
  const kvox_fourier_device *device = f->device;
  fourier_run run = {.f = f,
                     .name = name,
                     .to_image = to_image,
                     .in = in,
                     .out = out,
                     .squares = squares,
                     .coils = in->rank > 3 ? kvox_mri_coils_of(in) : 1};
  run.volumes = kvox_mri_volumes(in) / run.coils;
  run.planes_at_once = kvox_min_i64(device->planes, device->items);
  run.coils_at_once = kvox_min_i64(run.coils, device->items / run.planes_at_once);
  return run;
}

static kvox_status take_state(const kvox_mri_fourier *f, fourier_state **state) {
  *state = (fourier_state *)kvox_pool_take(&f->device->pool);
  return *state != NULL ? KVOX_OK : make_state(f, state);
}

kvox_status kvox_fourier_ocl_run(const kvox_mri_fourier *f, bool to_image, const char *name, kvox_workspace *workspace,
                                 const kvox_array *in, const kvox_array *out, int64_t coils) {
  fourier_run run = run_of(f, to_image, name, in, out, coils);
  run.progress = &workspace->progress;
  KVOX_TRY(kvox_workspace_begin(workspace, 0));
  kvox_progress_next(&workspace->progress, 1);
  KVOX_TRY(take_state(f, &run.state));
  const kvox_status status = kvox_execute_on_queue(f->context, workspace, run_all, &run);
  kvox_pool_give(&f->device->pool, &run.state->pooled);
  return status;
}

kvox_status kvox_fourier_ocl_enqueue(const kvox_mri_fourier *f, bool to_image, const char *name, kvox_ocl_queue *queue,
                                     const kvox_array *in, const kvox_array *out) {
  fourier_run run = run_of(f, to_image, name, in, out, 0);
  KVOX_TRY(take_state(f, &run.state));
  const kvox_status status = run_all(&run, queue);
  if (status != KVOX_OK) { /* nothing may be under way in the state */
    const kvox_sentence why = kvox_sentence_keep();
    kvox_ocl_finish(queue);
    kvox_sentence_put_back(&why);
  }
  kvox_pool_give(&f->device->pool, &run.state->pooled);
  return status;
}
