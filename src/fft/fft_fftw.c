/* FFTW 3 (Frigo, Johnson 2005), single precision, or a library with its interface. */
#include <fftw3.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"
#include "fft/layout.h"

struct kvox_fft_plan {
  kvox_heap *heap;
  fftwf_plan plan;
  kvox_fft_kind kind;
};

/*
 * FFTW's planner is one state for the whole process: Kvox makes and destroys its plans under this lock. It does not
 * call fftwf_make_planner_thread_safe: that puts hooks into everybody's planner, and done while another thread of the
 * host is planning, it leaves FFTW's own lock broken (released once more than taken). A host that plans with the same
 * libfftw3f beside Kvox calls it at its start. Execution needs no lock. fftwf_cleanup is never called: it would pull
 * the wisdom and the plans from under the host.
 */
static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

static char provider[32];
static pthread_once_t provider_once = PTHREAD_ONCE_INIT;

/* "fftw-3.3.10-sse2-avx" to "fftw 3.3.10"; another library's text is kept as it is. */
static void find_provider(void) {
  static const char prefix[] = "fftw-";
  const size_t skip = sizeof prefix - 1;
  if (strncmp(fftwf_version, prefix, skip) == 0) {
    const int digits = (int)strspn(fftwf_version + skip, "0123456789.");
    snprintf(provider, sizeof provider, "fftw %.*s", digits, fftwf_version + skip);
  } else {
    snprintf(provider, sizeof provider, "%s", fftwf_version);
  }
}

const char *kvox_fft_provider(void) {
  pthread_once(&provider_once, find_provider);
  return provider;
}

static fftwf_plan make_plan(const kvox_fft_layout *layout, unsigned flags, void *in, void *out) {
  fftwf_iodim64 dims[KVOX_FFT_MOST_RANK];
  ptrdiff_t stride = 1;
  for (int d = layout->rank - 1; d >= 0; d--) {
    dims[d] = (fftwf_iodim64){.n = layout->sizes[d], .is = stride, .os = stride};
    stride *= layout->sizes[d];
  }
  fftwf_iodim64 batch = {.n = layout->batch, .is = layout->complex_step, .os = layout->complex_step};
  switch (layout->kind) {
    case KVOX_FFT_R2C:
      batch.is = layout->real_step;
      return fftwf_plan_guru64_dft_r2c(layout->rank, dims, 1, &batch, in, out, flags);
    case KVOX_FFT_C2R:
      batch.os = layout->real_step;
      return fftwf_plan_guru64_dft_c2r(layout->rank, dims, 1, &batch, in, out, flags | FFTW_DESTROY_INPUT);
    default:
      return fftwf_plan_guru64_dft(layout->rank, dims, 1, &batch, in, out,
                                   layout->kind == KVOX_FFT_FORWARD ? FFTW_FORWARD : FFTW_BACKWARD, flags);
  }
}

kvox_status kvox_fft_plan_create(kvox_heap *heap, const kvox_fft_layout *layout, int32_t effort, kvox_fft_plan **plan) {
  kvox_fft_extent extent = {0};
  KVOX_REQUIRE(plan);
  KVOX_TRY(kvox_fft_check(layout, effort, &extent));
  /* MEASURE writes to the arrays that it plans on; execution may use others of the same alignment. */
  void *in = kvox_allocate(heap, (uint64_t)extent.in_bytes);
  void *out = in != NULL ? kvox_allocate(heap, (uint64_t)extent.out_bytes) : NULL;
  kvox_fft_plan *made = out != NULL ? kvox_allocate(heap, sizeof *made) : NULL;
  kvox_status status = KVOX_ERROR_MEMORY;
  if (made == NULL) {
    goto cleanup;
  }
  pthread_mutex_lock(&planner);
  *made = (kvox_fft_plan){
      .plan = make_plan(layout, effort == KVOX_FFT_MEASURE ? FFTW_MEASURE : FFTW_ESTIMATE, in, out),
      .kind = layout->kind,
  };
  pthread_mutex_unlock(&planner);
  if (made->plan == NULL) {
    status = kvox_fail(KVOX_ERROR_INTERNAL, "fft: %s has no plan for this transform", kvox_fft_provider());
    goto cleanup;
  }
  made->heap = kvox_heap_hold(heap);
  *plan = made;
  made = NULL;
  status = KVOX_OK;

cleanup:
  kvox_release(heap, made);
  kvox_release(heap, out);
  kvox_release(heap, in);
  return status;
}

void kvox_fft_plan_destroy(kvox_fft_plan *plan) {
  if (plan == NULL) {
    return;
  }
  pthread_mutex_lock(&planner);
  fftwf_destroy_plan(plan->plan);
  pthread_mutex_unlock(&planner);
  kvox_heap *heap = plan->heap;
  kvox_release(heap, plan);
  kvox_heap_drop(heap);
}

uint64_t kvox_fft_scratch_bytes(const kvox_fft_plan *plan) {
  (void)plan;
  return 0;
}

uint64_t kvox_fft_plan_bytes(const kvox_fft_plan *plan) { return sizeof *plan; }

void kvox_fft_execute(const kvox_fft_plan *plan, void *in, void *out, void *scratch) {
  (void)scratch;
  switch (plan->kind) {
    case KVOX_FFT_R2C: fftwf_execute_dft_r2c(plan->plan, in, out); break;
    case KVOX_FFT_C2R: fftwf_execute_dft_c2r(plan->plan, in, out); break;
    default: fftwf_execute_dft(plan->plan, in, out); break;
  }
}
