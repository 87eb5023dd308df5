/* Fourier transforms on a device: VkFFT 1.2 (Tolmachev 2023), which writes OpenCL programs for each layout. */
#include "fft/vkfft_calls.h"
/* That header is first: it renames what other headers may declare. */
#include <inttypes.h>

#include "core/size.h"
#include "fft/fft_ocl.h"
#include "fft/layout.h"

/* Work-items of a group along a row. */
enum { ROW_GROUP = 64 };

/* Two kernels that stand before and behind a complex transform of real rows, and the rows between them. */
typedef struct wide_rows {
  kvox_buffer *rows;
  kvox_ocl_kernel *before, *after;
} wide_rows;

struct kvox_fft_ocl {
  vkfft_host host;
  kvox_fft_layout layout;
  kvox_fft_extent extent;
  bool in_place;
  /* Real rows of one sample, and those too long for one kernel, are made complex. */
  bool is_wide;
  bool one_by_one; /* members are transformed each by itself */
  bool backward;
  wide_rows wide;
  VkFFTApplication application;       /* of nothing where a member is one sample */
  uint64_t sizes[KVOX_FFT_MOST_RANK]; /* fastest first, those of 1 left out */
  int32_t rank;
  /* What VkFFT has pointers to. */
  cl_device_id device;
  cl_context context; /* really the host */
  cl_mem in, out, temporary;
  uint64_t in_bytes, out_bytes, temporary_bytes;
  kvox_buffer *temporary_buffer;
};

const char *kvox_fft_ocl_provider(void) { return "vkfft " KVOX_VKFFT_VERSION; }

/* ---- The layout in VkFFT's words ---- */

/* VkFFT's tables have as many entries, and four times as many of a prime: beyond this they are gigabytes. */
static const int64_t most_axis_size = (int64_t)1 << 24;

/* Below this VkFFT counts samples in 32 bits: it looks at the arrays, and not at the temporary one, which may have four
 * times as many. */
static const uint64_t most_32_bit_bytes = (uint64_t)1 << 32;

/* Samples from one row (rank 1) or member to the next. */
static void set_strides(const kvox_fft_ocl *fft, int64_t step, uint64_t strides[3]) {
  if (fft->rank == 1) { /* members are the rows of an image */
    strides[0] = (uint64_t)step;
    strides[1] = strides[2] = (uint64_t)step * (uint64_t)fft->layout.batch;
  } else {
    strides[0] = fft->sizes[0];
    strides[1] = fft->sizes[0] * fft->sizes[1];
    strides[2] = (uint64_t)step;
  }
}

static VkFFTConfiguration configure(kvox_fft_ocl *fft) {
  const kvox_fft_layout *layout = &fft->layout;
  const bool real = kvox_fft_is_real(layout->kind) && !fft->is_wide, out_of_place = !fft->in_place && !fft->is_wide;
  VkFFTConfiguration c = {
      .FFTdim = (uint64_t)fft->rank,
      .device = &fft->device,
      .context = &fft->context,
      .userTempBuffer = 1,
      .tempBuffer = &fft->temporary,
      .tempBufferSize = &fft->temporary_bytes,
      .numberBatches = fft->one_by_one ? 1 : (uint64_t)layout->batch,
      .specifyOffsetsAtLaunch = fft->one_by_one,
      .useUint64 = fft->temporary_bytes > most_32_bit_bytes,
      .performR2C = real,
      .disableMergeSequencesR2C = 1, /* a row's bits would depend on its neighbour */
      .useLUT = 1,                   /* sines of the host, the same on every device */
      .makeForwardPlanOnly = !fft->backward,
      .makeInversePlanOnly = fft->backward,
  };
  int64_t complex_step = fft->is_wide ? layout->sizes[layout->rank - 1] : layout->complex_step;
  for (int32_t d = 0; d < fft->rank; d++) {
    c.size[d] = fft->sizes[d];
  }
  set_strides(fft, complex_step, c.bufferStride);
  c.buffer = layout->kind == KVOX_FFT_C2R && out_of_place ? &fft->in : &fft->out;
  c.bufferSize = c.buffer == &fft->in ? &fft->in_bytes : &fft->out_bytes;
  if (layout->kind == KVOX_FFT_C2R && out_of_place) {
    c.isOutputFormatted = 1;
    c.outputBuffer = &fft->out;
    c.outputBufferSize = &fft->out_bytes;
    set_strides(fft, layout->real_step, c.outputBufferStride);
  } else if (out_of_place) {
    c.isInputFormatted = 1;
    c.inputBuffer = &fft->in;
    c.inputBufferSize = &fft->in_bytes;
    set_strides(fft, real ? layout->real_step : complex_step, c.inputBufferStride);
  }
  return c;
}

/* ---- Calls into VkFFT ---- */

static VkFFTResult initialize(kvox_fft_ocl *fft) { return initializeVkFFT(&fft->application, configure(fft)); }

static VkFFTResult append(kvox_fft_ocl *fft) {
  VkFFTLaunchParams launch = {.commandQueue = &(cl_command_queue){NULL}};
  VkFFTResult result = VKFFT_SUCCESS;
  const int64_t launches = fft->one_by_one ? fft->layout.batch : 1;
  for (int64_t m = 0; m < launches && result == VKFFT_SUCCESS; m++) {
    launch.bufferOffset = (uint64_t)(m * fft->layout.complex_step) * 2 * sizeof(float);
    launch.inputBufferOffset = launch.bufferOffset;
    result = VkFFTAppend(&fft->application, fft->backward ? 1 : -1, &launch);
  }
  return result;
}

/* KVOX_OK where VkFFT came to a result: none of the calls that it made failed. */
static kvox_status enter(kvox_fft_ocl *fft, VkFFTResult (*work)(kvox_fft_ocl *), VkFFTResult *result) {
  if (setjmp(fft->host.failed) != 0) {
    return fft->host.status;
  }
  *result = work(fft);
  return KVOX_OK;
}

/* ---- Making one ---- */

static bool has_transform(const kvox_fft_ocl *fft) { return fft->rank > 0; }

static kvox_status refuse(const kvox_fft_ocl *fft, VkFFTResult result) {
  const kvox_fft_layout *layout = &fft->layout;
  char sizes[96] = "";
  int used = 0;
  for (int32_t d = 0; d < layout->rank; d++) {
    used += snprintf(sizes + used, sizeof sizes - (size_t)used, "%s%" PRId64, d > 0 ? " x " : "", layout->sizes[d]);
  }
  return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                   "fft: %s has no transform of %s samples, batch %" PRId64
                   ", on %s (its result %d); take another size",
                   kvox_fft_ocl_provider(), sizes, layout->batch, fft->host.ocl->info.name, (int)result);
}

/* Sizes of 1 change nothing. What no member is stepped to by is made up. */
static void take_layout(kvox_fft_ocl *fft, const kvox_fft_layout *layout) {
  fft->layout = *layout;
  fft->backward = kvox_fft_is_backward(layout->kind);
  int64_t samples = 1;
  for (int32_t d = layout->rank - 1; d >= 0; d--) {
    samples *= layout->sizes[d];
    if (layout->sizes[d] > 1) {
      fft->sizes[fft->rank++] = (uint64_t)layout->sizes[d];
    }
  }
  if (layout->batch == 1) {
    const bool real = kvox_fft_is_real(layout->kind);
    fft->layout.complex_step = real ? samples / 2 + 1 : samples;
    fft->layout.real_step = samples + samples % 2; /* VkFFT halves it */
  }
  fft->in_bytes = (uint64_t)fft->extent.in_bytes;
  fft->out_bytes = (uint64_t)fft->extent.out_bytes;
}

/* The temporary array has the strides of the members; VkFFT raises it where it pads them. */
static kvox_status begin_temporary(kvox_fft_ocl *fft) {
  const int64_t n = fft->layout.sizes[fft->layout.rank - 1], sample = 2 * (int64_t)sizeof(float);
  int64_t bytes = kvox_max_i64(fft->extent.in_bytes, fft->extent.out_bytes);
  if (fft->one_by_one) {
    bytes = fft->layout.complex_step * sample;
  }
  if (fft->is_wide) {
    if (!kvox_multiply(n, fft->layout.batch, &bytes) || !kvox_multiply(bytes, sample, &bytes)) {
      return kvox_fail(KVOX_ERROR_SIZE, "fft: the batch has more than 2^63 - 1 bytes");
    }
    fft->out_bytes = (uint64_t)bytes;
  }
  fft->temporary_bytes = (uint64_t)bytes;
  return KVOX_OK;
}

static kvox_status make_transform(kvox_fft_ocl *fft, VkFFTResult *result) {
  const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (plain == (locale_t)0) {
    return kvox_fail(KVOX_ERROR_MEMORY, "fft: out of memory");
  }
  const locale_t before = uselocale(plain);
  kvox_status status = enter(fft, initialize, result);
  uselocale(before);
  freelocale(plain);
  if (fft->host.queue != NULL) { /* its tables are there before another queue reads them */
    const kvox_status finished = kvox_ocl_finish(fft->host.queue);
    kvox_ocl_queue_give_back(fft->host.queue);
    fft->host.queue = NULL;
    status = status != KVOX_OK ? status : finished;
  }
  return status;
}

static const VkFFTPlan *plan_of(const kvox_fft_ocl *fft) {
  return fft->backward ? fft->application.localFFTPlan_inverse : fft->application.localFFTPlan;
}

static bool takes_several_kernels(const kvox_fft_ocl *fft) {
  const VkFFTPlan *plan = plan_of(fft);
  bool several = plan->multiUploadR2C != 0;
  for (int32_t d = 0; d < fft->rank; d++) {
    several = several || plan->numAxisUploads[d] > 1;
  }
  return several;
}

/* Counted alone in a rehearsal. */
static kvox_status make_buffer(kvox_fft_ocl *fft, uint64_t bytes, const char *what, kvox_buffer **buffer) {
  fft->host.bytes += bytes;
  fft->host.most_bytes = fft->host.bytes > fft->host.most_bytes ? fft->host.bytes : fft->host.most_bytes;
  return fft->host.rehearsal ? KVOX_OK : kvox_ocl_buffer_create(fft->host.ocl, bytes, what, buffer);
}

static kvox_status make_wide_rows(kvox_fft_ocl *fft) {
  const bool forward = fft->layout.kind == KVOX_FFT_R2C;
  KVOX_TRY(make_buffer(fft, fft->temporary_bytes, "complex rows of a real transform", &fft->wide.rows));
  if (fft->host.rehearsal) {
    return KVOX_OK;
  }
  KVOX_TRY(kvox_ocl_kernel_get(fft->host.ocl, "fft", "", forward ? "widen" : "complete", &fft->wide.before));
  return kvox_ocl_kernel_get(fft->host.ocl, "fft", "", forward ? "keep_half" : "keep_real", &fft->wide.after);
}

/*
 * Plans of VkFFT 1.2.26 that are not used. Real rows that take several kernels: those of odd size it does not have, of
 * those of even size in a batch it writes beyond the arrays. Padded (Bluestein's) transforms along the slowest of three
 * axes that take several kernels: members of a batch would share one place in the temporary array.
 */
static kvox_status avoid_faults(kvox_fft_ocl *fft) {
  const bool real = kvox_fft_is_real(fft->layout.kind), rehearsal = fft->host.rehearsal;
  VkFFTResult result = VKFFT_SUCCESS;
  if (!real && (fft->rank < 3 || fft->layout.batch == 1)) {
    return KVOX_OK;
  }
  fft->host.rehearsal = true;
  KVOX_TRY(begin_temporary(fft));
  KVOX_TRY(make_transform(fft, &result));
  if (real) {
    fft->is_wide =
        result == VKFFT_ERROR_UNSUPPORTED_FFT_LENGTH_R2C || (result == VKFFT_SUCCESS && takes_several_kernels(fft));
  } else if (result == VKFFT_SUCCESS) {
    fft->one_by_one = fft->application.useBluesteinFFT[2] && plan_of(fft)->numAxisUploads[2] > 1;
  }
  drop_pieces(&fft->host);
  fft->application = (VkFFTApplication){0};
  fft->host.rehearsal = rehearsal;
  fft->host.most_bytes = 0;
  return KVOX_OK;
}

/* All but the struct. */
static kvox_status make(kvox_fft_ocl *fft) {
  fft->is_wide = kvox_fft_is_real(fft->layout.kind) && !has_transform(fft);
  if (has_transform(fft)) {
    KVOX_TRY(avoid_faults(fft));
  }
  KVOX_TRY(begin_temporary(fft));
  if (has_transform(fft)) {
    VkFFTResult result = VKFFT_SUCCESS;
    KVOX_TRY(make_transform(fft, &result));
    if (result != VKFFT_SUCCESS) {
      return refuse(fft, result);
    }
  }
  if (fft->is_wide) {
    KVOX_TRY(make_wide_rows(fft));
  }
  if (has_transform(fft) && takes_several_kernels(fft)) {
    KVOX_TRY(make_buffer(fft, fft->temporary_bytes, "temporary array of a Fourier transform", &fft->temporary_buffer));
    fft->temporary = fft->host.rehearsal ? NULL : kvox_ocl_memory(fft->temporary_buffer);
  }
  return KVOX_OK;
}

static kvox_status create(kvox_ocl *ocl, const kvox_fft_layout *layout, bool in_place, bool rehearsal,
                          kvox_fft_ocl **fft) {
  kvox_fft_extent extent = {0};
  KVOX_REQUIRE(ocl);
  KVOX_TRY(kvox_fft_check(layout, KVOX_FFT_ESTIMATE, &extent));
  if (in_place && kvox_fft_is_real(layout->kind)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "fft: a real transform cannot be made in place");
  }
  for (int32_t d = 0; d < layout->rank; d++) {
    if (layout->sizes[d] > most_axis_size) {
      return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                       "fft: sizes[%" PRId32 "] is %" PRId64 ", must be at most %" PRId64 " on a device", d,
                       layout->sizes[d], most_axis_size);
    }
  }
  kvox_fft_ocl *made = kvox_allocate_zeros(ocl->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->host.ocl = kvox_ocl_hold(ocl);
  made->host.rehearsal = rehearsal;
  made->extent = extent;
  made->in_place = in_place;
  made->device = ocl->device;
  made->context = (cl_context)(void *)&made->host;
  take_layout(made, layout);
  const kvox_status status = make(made);
  if (status != KVOX_OK) {
    kvox_fft_ocl_destroy(made);
    return status;
  }
  *fft = made;
  return KVOX_OK;
}

kvox_status kvox_fft_ocl_create(kvox_ocl *ocl, const kvox_fft_layout *layout, bool in_place, kvox_fft_ocl **fft) {
  KVOX_REQUIRE(fft);
  return create(ocl, layout, in_place, false, fft);
}

void kvox_fft_ocl_destroy(kvox_fft_ocl *fft) {
  if (fft == NULL) {
    return;
  }
  kvox_ocl *ocl = fft->host.ocl;
  drop_pieces(&fft->host);
  kvox_ocl_kernel_destroy(fft->wide.before);
  kvox_ocl_kernel_destroy(fft->wide.after);
  kvox_buffer_destroy(fft->wide.rows);
  kvox_buffer_destroy(fft->temporary_buffer);
  kvox_release(ocl->heap, fft);
  kvox_ocl_drop(ocl);
}

kvox_status kvox_fft_ocl_need(kvox_ocl *ocl, const kvox_fft_layout *layout, uint64_t *bytes) {
  kvox_fft_ocl *fft = NULL;
  KVOX_REQUIRE(bytes);
  KVOX_TRY(create(ocl, layout, false, true, &fft));
  *bytes = fft->host.most_bytes;
  kvox_fft_ocl_destroy(fft);
  return KVOX_OK;
}

/* ---- Running it ---- */

static kvox_status run_transform(kvox_fft_ocl *fft, kvox_ocl_queue *queue, cl_mem in, cl_mem out) {
  VkFFTResult result = VKFFT_SUCCESS;
  fft->in = in;
  fft->out = out;
  fft->host.queue = queue;
  const kvox_status status = enter(fft, append, &result);
  fft->host.queue = NULL;
  if (status == KVOX_OK && result != VKFFT_SUCCESS) {
    return kvox_fail(KVOX_ERROR_INTERNAL, "fft: %s stopped with its result %d", kvox_fft_ocl_provider(), (int)result);
  }
  return status;
}

static kvox_status run_rows(kvox_fft_ocl *fft, kvox_ocl_queue *queue, kvox_ocl_kernel *kernel, kvox_buffer *from,
                            kvox_buffer *to) {
  const cl_long n = fft->layout.sizes[fft->layout.rank - 1];
  const cl_long step = kernel == (fft->layout.kind == KVOX_FFT_R2C ? fft->wide.before : fft->wide.after)
                           ? fft->layout.real_step
                           : fft->layout.complex_step;
  const kvox_ocl_range range = {.items = {(uint64_t)n, (uint64_t)fft->layout.batch},
                                .group = {kvox_ocl_kernel_group(kernel, ROW_GROUP)}};
  if (kernel == fft->wide.before) {
    const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(from), KVOX_OCL_VALUE(step), KVOX_OCL_VALUE(n),
                                           KVOX_OCL_BUFFER(to)};
    return kvox_ocl_run(queue, kernel, &range, arguments, 4);
  }
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(from), KVOX_OCL_VALUE(n), KVOX_OCL_BUFFER(to),
                                         KVOX_OCL_VALUE(step)};
  return kvox_ocl_run(queue, kernel, &range, arguments, 4);
}

static kvox_status run_wide(kvox_fft_ocl *fft, kvox_ocl_queue *queue, kvox_buffer *in, kvox_buffer *out) {
  KVOX_TRY(run_rows(fft, queue, fft->wide.before, in, fft->wide.rows));
  if (has_transform(fft)) {
    const cl_mem rows = kvox_ocl_memory(fft->wide.rows);
    KVOX_TRY(run_transform(fft, queue, rows, rows));
  }
  return run_rows(fft, queue, fft->wide.after, fft->wide.rows, out);
}

/* A complex transform of one sample. */
static kvox_status copy_samples(const kvox_fft_ocl *fft, kvox_ocl_queue *queue, kvox_buffer *in, kvox_buffer *out) {
  if (fft->in_place) {
    return KVOX_OK;
  }
  kvox_array from = {.type = KVOX_C64, .rank = 1, .shape = {fft->layout.batch}, .buffer = in};
  from.strides[0] = fft->layout.complex_step * 2 * (int64_t)sizeof(float);
  kvox_array to = from;
  to.buffer = out;
  return kvox_ocl_copy(queue, &from, &to, false);
}

kvox_status kvox_fft_ocl_run(kvox_fft_ocl *fft, kvox_ocl_queue *queue, kvox_buffer *in, kvox_buffer *out) {
  KVOX_REQUIRE(fft);
  KVOX_REQUIRE(queue);
  KVOX_REQUIRE(in);
  KVOX_REQUIRE(out);
  if ((in == out) != fft->in_place) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "fft: in and out are %s buffer, the transform was made to be %s",
                     in == out ? "one" : "not one", fft->in_place ? "in place" : "out of place");
  }
  if (in->bytes < (uint64_t)fft->extent.in_bytes || out->bytes < (uint64_t)fft->extent.out_bytes) {
    return kvox_fail(KVOX_ERROR_SIZE,
                     "fft: in and out have %" PRIu64 " and %" PRIu64 " bytes, must have %" PRId64 " and %" PRId64,
                     in->bytes, out->bytes, fft->extent.in_bytes, fft->extent.out_bytes);
  }
  if (fft->is_wide) {
    return run_wide(fft, queue, in, out);
  }
  if (!has_transform(fft)) {
    return copy_samples(fft, queue, in, out);
  }
  return run_transform(fft, queue, kvox_ocl_memory(in), kvox_ocl_memory(out));
}
