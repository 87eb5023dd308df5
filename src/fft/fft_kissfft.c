/*
 * KissFFT, whose licence (BSD) suits closed products. Only its complex transform of sizes with the factors 2, 3, 4 and
 * 5 is used: that one touches no memory but its arguments, where its real transform keeps scratch in the plan and its
 * transforms of other factors call malloc and print when there is none. Real transforms are complex ones of half the
 * length; other sizes go through Bluestein's convolution (1970).
 */
#include <inttypes.h>
#include <kiss_fft.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/fail.h"
#include "core/size.h"
#include "fft/layout.h"

static const double two_pi = 6.283185307179586476925286766559;

/* One complex transform of contiguous samples. */
typedef struct line {
  int64_t size;
  bool backward;
  kiss_fft_cfg kiss;  /* of `size`; NULL: size 1, or Bluestein */
  int64_t padded;     /* Bluestein: length of the convolution; 0: none */
  kiss_fft_cfg there; /* Bluestein: forward and backward transforms of that length */
  kiss_fft_cfg back;
  kiss_fft_cpx *chirp;  /* exp(-+i pi k^2 / size) */
  kiss_fft_cpx *kernel; /* the transform of its conjugate, wrapped round, over the length */
} line;

struct kvox_fft_plan {
  kvox_heap *heap;
  kvox_fft_layout layout;
  int64_t samples;                /* of one member */
  line lines[KVOX_FFT_MOST_RANK]; /* one for each axis */
  kiss_fft_cpx *twiddles;         /* real transforms of even length: exp(-i 2 pi k / n), k = 0 ... n/4 */
  int64_t line_scratch;           /* complex numbers: for Bluestein, and for copies of a line */
  int64_t copy_scratch;
  uint64_t bytes;
};

const char *kvox_fft_provider(void) { return "kissfft"; }

static kiss_fft_cpx multiply(kiss_fft_cpx a, kiss_fft_cpx b) {
  return (kiss_fft_cpx){a.r * b.r - a.i * b.i, a.r * b.i + a.i * b.r};
}

static kiss_fft_cpx turn(double angle) { return (kiss_fft_cpx){(float)cos(angle), (float)sin(angle)}; }

static void *allocate(kvox_fft_plan *plan, uint64_t bytes) {
  plan->bytes += bytes;
  return kvox_allocate(plan->heap, bytes);
}

static kvox_status make_kiss(kvox_fft_plan *plan, int64_t size, bool backward, kiss_fft_cfg *made) {
  size_t bytes = 0;
  kiss_fft_alloc((int)size, backward, NULL, &bytes);
  void *memory = allocate(plan, bytes);
  if (memory == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  *made = kiss_fft_alloc((int)size, backward, memory, &bytes);
  return KVOX_OK;
}

static bool is_direct(int64_t size) {
  for (int64_t factor = 2; factor <= 5; factor++) {
    while (size % factor == 0) {
      size /= factor;
    }
  }
  return size == 1;
}

/* exp(-i 2 pi k n / N) = w(k) w(n) conj(w(k - n)) with w(k) = exp(-i pi k^2 / N): a convolution with conj(w). */
static kvox_status make_bluestein(kvox_fft_plan *plan, line *l) {
  const int64_t n = l->size;
  l->padded = kvox_fft_good_size(2 * n - 1);
  if (l->padded == 0) {
    return kvox_fail(KVOX_ERROR_UNSUPPORTED,
                     "fft: kissfft has no transform of size %" PRId64 "; use one with the factors 2, 3, 5", n);
  }
  KVOX_TRY(make_kiss(plan, l->padded, false, &l->there));
  KVOX_TRY(make_kiss(plan, l->padded, true, &l->back));
  l->chirp = allocate(plan, (uint64_t)n * sizeof *l->chirp);
  l->kernel = allocate(plan, (uint64_t)l->padded * sizeof *l->kernel);
  kiss_fft_cpx *wrapped = kvox_allocate(plan->heap, (uint64_t)l->padded * sizeof *wrapped);
  if (l->chirp == NULL || l->kernel == NULL || wrapped == NULL) {
    kvox_release(plan->heap, wrapped);
    return KVOX_ERROR_MEMORY;
  }
  memset(wrapped, 0, (size_t)l->padded * sizeof *wrapped);
  const float scale = 1.0f / (float)l->padded;
  for (int64_t k = 0; k < n; k++) {
    /* k^2 modulo 2 n keeps the angle small and exact. */
    const double angle = two_pi / 2 * (double)(k * k % (2 * n)) / (double)n;
    const kiss_fft_cpx w = turn(l->backward ? angle : -angle);
    const kiss_fft_cpx back = {w.r * scale, -w.i * scale};
    l->chirp[k] = w;
    wrapped[k] = back;
    wrapped[(l->padded - k) % l->padded] = back;
  }
  kiss_fft(l->there, wrapped, l->kernel);
  kvox_release(plan->heap, wrapped);
  return KVOX_OK;
}

static kvox_status make_line(kvox_fft_plan *plan, int64_t size, bool backward, line *l) {
  l->size = size;
  l->backward = backward;
  if (size == 1) {
    return KVOX_OK;
  }
  if (is_direct(size)) {
    return make_kiss(plan, size, backward, &l->kiss);
  }
  KVOX_TRY(make_bluestein(plan, l));
  plan->line_scratch = kvox_max_i64(plan->line_scratch, 2 * l->padded);
  return KVOX_OK;
}

/* `in` and `out` may not overlap. */
static void run_line(const line *l, const kiss_fft_cpx *in, kiss_fft_cpx *out, kiss_fft_cpx *scratch) {
  if (l->size == 1) {
    out[0] = in[0];
    return;
  }
  if (l->kiss != NULL) {
    kiss_fft(l->kiss, in, out);
    return;
  }
  kiss_fft_cpx *a = scratch, *b = scratch + l->padded;
  for (int64_t k = 0; k < l->size; k++) {
    a[k] = multiply(in[k], l->chirp[k]);
  }
  memset(a + l->size, 0, (size_t)(l->padded - l->size) * sizeof *a);
  kiss_fft(l->there, a, b);
  for (int64_t k = 0; k < l->padded; k++) {
    b[k] = multiply(b[k], l->kernel[k]);
  }
  kiss_fft(l->back, b, a);
  for (int64_t k = 0; k < l->size; k++) {
    out[k] = multiply(a[k], l->chirp[k]);
  }
}

/* Complex transforms of any rank: rows from `in` to `out`, then every other axis in place, line by line through
 * scratch. */
static void run_complex(const kvox_fft_plan *plan, const kiss_fft_cpx *in, kiss_fft_cpx *out, kiss_fft_cpx *scratch) {
  const int32_t rank = plan->layout.rank;
  const int64_t row = plan->layout.sizes[rank - 1];
  kiss_fft_cpx *from = scratch + plan->line_scratch, *to = from + plan->copy_scratch / 2;
  for (int64_t at = 0; at < plan->samples; at += row) {
    run_line(&plan->lines[rank - 1], in + at, out + at, scratch);
  }
  int64_t stride = row;
  for (int32_t d = rank - 2; d >= 0; d--) {
    const int64_t size = plan->layout.sizes[d];
    for (int64_t first = 0; first < plan->samples; first += stride * size) {
      for (int64_t at = first; at < first + stride; at++) {
        for (int64_t i = 0; i < size; i++) {
          from[i] = out[at + i * stride];
        }
        run_line(&plan->lines[d], from, to, scratch);
        for (int64_t i = 0; i < size; i++) {
          out[at + i * stride] = to[i];
        }
      }
    }
    stride *= size;
  }
}

/* The spectrum X of n reals from the transform Z of n/2 complex numbers made of even and odd samples, and back:
 * X(k) = (Z(k) + conj Z(n/2 - k)) / 2 - i exp(-i 2 pi k / n) (Z(k) - conj Z(n/2 - k)) / 2. */
static void run_even_r2c(const kvox_fft_plan *plan, const float *in, kiss_fft_cpx *out, kiss_fft_cpx *scratch) {
  const int64_t half = plan->lines[0].size;
  kiss_fft_cpx *z = scratch + plan->line_scratch;
  run_line(&plan->lines[0], (const kiss_fft_cpx *)in, z, scratch);
  out[0] = (kiss_fft_cpx){z[0].r + z[0].i, 0};
  out[half] = (kiss_fft_cpx){z[0].r - z[0].i, 0};
  for (int64_t k = 1; k <= half / 2; k++) {
    const kiss_fft_cpx a = z[k], b = z[half - k];
    const kiss_fft_cpx even = {0.5f * (a.r + b.r), 0.5f * (a.i - b.i)};
    const kiss_fft_cpx odd = multiply((kiss_fft_cpx){0.5f * (a.i + b.i), -0.5f * (a.r - b.r)}, plan->twiddles[k]);
    out[k] = (kiss_fft_cpx){even.r + odd.r, even.i + odd.i};
    out[half - k] = (kiss_fft_cpx){even.r - odd.r, odd.i - even.i};
  }
}

static void run_even_c2r(const kvox_fft_plan *plan, const kiss_fft_cpx *in, float *out, kiss_fft_cpx *scratch) {
  const int64_t half = plan->lines[0].size;
  kiss_fft_cpx *z = scratch + plan->line_scratch;
  z[0] = (kiss_fft_cpx){in[0].r + in[half].r, in[0].r - in[half].r};
  for (int64_t k = 1; k <= half / 2; k++) {
    const kiss_fft_cpx a = in[k], b = in[half - k], w = plan->twiddles[k];
    const kiss_fft_cpx even = {a.r + b.r, a.i - b.i};
    const kiss_fft_cpx odd = multiply((kiss_fft_cpx){a.r - b.r, a.i + b.i}, (kiss_fft_cpx){w.r, -w.i});
    z[k] = (kiss_fft_cpx){even.r - odd.i, even.i + odd.r};
    z[half - k] = (kiss_fft_cpx){even.r + odd.i, odd.r - even.i};
  }
  run_line(&plan->lines[0], z, (kiss_fft_cpx *)out, scratch);
}

static void run_odd_r2c(const kvox_fft_plan *plan, const float *in, kiss_fft_cpx *out, kiss_fft_cpx *scratch) {
  const int64_t n = plan->lines[0].size;
  kiss_fft_cpx *from = scratch + plan->line_scratch, *to = from + plan->copy_scratch / 2;
  for (int64_t i = 0; i < n; i++) {
    from[i] = (kiss_fft_cpx){in[i], 0};
  }
  run_line(&plan->lines[0], from, to, scratch);
  memcpy(out, to, (size_t)(n / 2 + 1) * sizeof *out);
  out[0].i = 0;
}

static void run_odd_c2r(const kvox_fft_plan *plan, const kiss_fft_cpx *in, float *out, kiss_fft_cpx *scratch) {
  const int64_t n = plan->lines[0].size;
  kiss_fft_cpx *from = scratch + plan->line_scratch, *to = from + plan->copy_scratch / 2;
  from[0] = (kiss_fft_cpx){in[0].r, 0};
  for (int64_t k = 1; k <= n / 2; k++) {
    from[k] = in[k];
    from[n - k] = (kiss_fft_cpx){in[k].r, -in[k].i};
  }
  run_line(&plan->lines[0], from, to, scratch);
  for (int64_t i = 0; i < n; i++) {
    out[i] = to[i].r;
  }
}

static kvox_status prepare_real(kvox_fft_plan *plan) {
  const int64_t n = plan->layout.sizes[0];
  const bool backward = kvox_fft_is_backward(plan->layout.kind);
  if (n % 2 != 0) {
    plan->copy_scratch = 2 * n;
    return make_line(plan, n, backward, &plan->lines[0]);
  }
  plan->copy_scratch = n / 2;
  plan->twiddles = allocate(plan, (uint64_t)(n / 4 + 1) * sizeof *plan->twiddles);
  if (plan->twiddles == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t k = 0; k <= n / 4; k++) {
    plan->twiddles[k] = turn(-two_pi * (double)k / (double)n);
  }
  return make_line(plan, n / 2, backward, &plan->lines[0]);
}

static kvox_status prepare_complex(kvox_fft_plan *plan) {
  const kvox_fft_layout *layout = &plan->layout;
  for (int32_t d = 0; d < layout->rank; d++) {
    KVOX_TRY(make_line(plan, layout->sizes[d], kvox_fft_is_backward(layout->kind), &plan->lines[d]));
    if (d < layout->rank - 1) {
      plan->copy_scratch = kvox_max_i64(plan->copy_scratch, 2 * layout->sizes[d]);
    }
  }
  return KVOX_OK;
}

kvox_status kvox_fft_plan_create(kvox_heap *heap, const kvox_fft_layout *layout, int32_t effort, kvox_fft_plan **plan) {
  kvox_fft_extent extent = {0};
  KVOX_REQUIRE(plan);
  KVOX_TRY(kvox_fft_check(layout, effort, &extent));
  kvox_fft_plan *made = kvox_allocate_zeros(heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->heap = kvox_heap_hold(heap);
  made->layout = *layout;
  made->bytes = sizeof *made;
  made->samples = 1;
  for (int32_t d = 0; d < layout->rank; d++) {
    made->samples *= layout->sizes[d];
  }
  const kvox_status status = kvox_fft_is_real(layout->kind) ? prepare_real(made) : prepare_complex(made);
  if (status != KVOX_OK) {
    kvox_fft_plan_destroy(made);
    return status;
  }
  *plan = made;
  return KVOX_OK;
}

void kvox_fft_plan_destroy(kvox_fft_plan *plan) {
  if (plan == NULL) {
    return;
  }
  kvox_heap *heap = plan->heap;
  for (int32_t d = 0; d < KVOX_FFT_MOST_RANK; d++) {
    line *l = &plan->lines[d];
    kvox_release(heap, l->kiss);
    kvox_release(heap, l->there);
    kvox_release(heap, l->back);
    kvox_release(heap, l->chirp);
    kvox_release(heap, l->kernel);
  }
  kvox_release(heap, plan->twiddles);
  kvox_release(heap, plan);
  kvox_heap_drop(heap);
}

uint64_t kvox_fft_scratch_bytes(const kvox_fft_plan *plan) {
  return (uint64_t)(plan->line_scratch + plan->copy_scratch) * sizeof(kiss_fft_cpx);
}

uint64_t kvox_fft_plan_bytes(const kvox_fft_plan *plan) { return plan->bytes; }

void kvox_fft_execute(const kvox_fft_plan *plan, void *in, void *out, void *scratch) {
  const kvox_fft_layout *layout = &plan->layout;
  const bool even = layout->sizes[0] % 2 == 0;
  for (int64_t member = 0; member < layout->batch; member++) {
    const int64_t real = member * layout->real_step, complex = member * layout->complex_step;
    switch (layout->kind) {
      case KVOX_FFT_R2C:
        (even ? run_even_r2c : run_odd_r2c)(plan, (const float *)in + real, (kiss_fft_cpx *)out + complex, scratch);
        break;
      case KVOX_FFT_C2R:
        (even ? run_even_c2r : run_odd_c2r)(plan, (const kiss_fft_cpx *)in + complex, (float *)out + real, scratch);
        break;
      default: run_complex(plan, (const kiss_fft_cpx *)in + complex, (kiss_fft_cpx *)out + complex, scratch); break;
    }
  }
}
