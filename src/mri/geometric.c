/*
 * Geometric-decomposition coil compression (Zhang, Pauly, Vasanawala, Lustig 2013, "Coil compression for accelerated
 * imaging with Cartesian sampling"): a compression at each position along the readout, and neighbours' virtual coils
 * turned towards each other.
 */
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "mri/compress.h"
#include "mri/gram.h"
#include "mri/maps.h"

/* Positions that are summed at once. */
enum { CHUNK = 32 };

typedef struct geometric_job {
  kvox_mri_loader hybrid;
  kvox_mri_compression *compression;
  int64_t pairs, rows, radius; /* rows: of all volumes */
  float *load;                 /* for each worker */
  double *z;                   /* for each worker */
  double *grams;               /* [position] packed */
  kvox_complex *full;          /* for each worker: a matrix, its eigenvectors */
  double *values;              /* for each worker: the sum over the window, eigenvalues */
  double *kept, *whole;        /* [position]: energies */
} geometric_job;

static kvox_status sum_positions(void *data, int64_t chunk, int32_t worker) {
  const geometric_job *job = data;
  const int64_t size = job->compression->positions, coils = job->hybrid.coils;
  const int64_t *shape = job->hybrid.array->shape + job->hybrid.array->rank - 3;
  const int64_t rows = shape[0] * shape[1], x0 = chunk * CHUNK, count = kvox_min_i64(CHUNK, size - x0);
  float *load = job->load + worker * kvox_mri_loader_floats(&job->hybrid), *tile = NULL;
  double *z = job->z + worker * 2 * coils;
  for (int64_t row = 0; row < job->rows; row++) {
    const kvox_mri_tile at = {.volume = row / rows,
                              .begin = row % rows * size + x0,
                              .count = count,
                              .padded = kvox_round_up(count, KVOX_MRI_STEP)};
    KVOX_TRY(kvox_mri_load(&job->hybrid, &at, load, &tile));
    for (int64_t n = 0; n < count; n++) {
      kvox_mri_gather(tile, coils, n, z);
      kvox_mri_add_outer(coils, z, job->grams + (x0 + n) * 2 * job->pairs);
    }
  }
  return KVOX_OK;
}

static kvox_status decompose_position(void *data, int64_t x, int32_t worker) {
  const geometric_job *job = data;
  kvox_mri_compression *c = job->compression;
  const int64_t n = c->coils, elements = 2 * job->pairs;
  kvox_complex *full = job->full + worker * 2 * n * n, *vectors = full + n * n;
  double *sum = job->values + worker * (elements + n), *values = sum + elements;
  memset(sum, 0, (size_t)elements * sizeof *sum);
  for (int64_t i = kvox_max_i64(x - job->radius, 0); i <= kvox_min_i64(x + job->radius, c->positions - 1); i++) {
    for (int64_t k = 0; k < elements; k++) {
      sum[k] += job->grams[i * elements + k];
    }
  }
  kvox_mri_unpack(n, sum, full);
  KVOX_TRY(kvox_eigen(n, full, values, vectors));
  for (int64_t i = 0; i < n; i++) {
    job->whole[x] += fmax(values[i], 0);
  }
  job->kept[x] =
      kvox_mri_compression_rows(n, c->virtual_coils, values, vectors, c->matrices + x * c->virtual_coils * n);
  return KVOX_OK;
}

/* What turning takes, v x v each but the last: v x coils. */
typedef struct turn_scratch {
  kvox_complex *product, *square, *right, *left, *turn, *turned;
  double *values;
} turn_scratch;

/* out = a b^H; a and b are [v][m]. */
static void multiply_by_conjugate(int64_t v, int64_t m, const kvox_complex *a, const kvox_complex *b,
                                  kvox_complex *out) {
  for (int64_t i = 0; i < v * v; i++) {
    kvox_complex sum = 0;
    for (int64_t k = 0; k < m; k++) {
      sum += a[i / v * m + k] * conj(b[i % v * m + k]);
    }
    out[i] = sum;
  }
}

/* out = a^H a. */
static void conjugate_multiply(int64_t v, const kvox_complex *a, kvox_complex *out) {
  for (int64_t i = 0; i < v * v; i++) {
    kvox_complex sum = 0;
    for (int64_t k = 0; k < v; k++) {
      sum += conj(a[k * v + i / v]) * a[k * v + i % v];
    }
    out[i] = sum;
  }
}

/* Left singular vectors of `product` = U S V^H: product v_k / s_k; where s_k is (nearly) 0, those of product product^H.
 */
static void complete_left(int64_t v, turn_scratch *s) {
  static const double least_square = 1e-6; /* rows are orthonormal: s_k <= 1 */
  for (int64_t k = 0; k < v; k++) {
    if (!(s->values[k] > least_square)) {
      continue;
    }
    for (int64_t i = 0; i < v; i++) {
      kvox_complex sum = 0;
      for (int64_t j = 0; j < v; j++) {
        sum += s->product[i * v + j] * s->right[j * v + k];
      }
      s->left[i * v + k] = sum / sqrt(s->values[k]);
    }
  }
}

/* Turns `matrix` (v orthonormal rows of n) to be as near as it can be to `before`: of product = matrix before^H = U S
 * V^H by V U^H, the nearest unitary matrix (Procrustes). */
static kvox_status turn_towards(int64_t v, int64_t n, const kvox_complex *before, kvox_complex *matrix,
                                turn_scratch *s) {
  multiply_by_conjugate(v, n, matrix, before, s->product);
  multiply_by_conjugate(v, v, s->product, s->product, s->square);
  KVOX_TRY(kvox_eigen(v, s->square, s->values, s->left));
  conjugate_multiply(v, s->product, s->square);
  KVOX_TRY(kvox_eigen(v, s->square, s->values, s->right));
  complete_left(v, s);
  multiply_by_conjugate(v, v, s->right, s->left, s->turn);
  for (int64_t i = 0; i < v * n; i++) {
    kvox_complex sum = 0;
    for (int64_t k = 0; k < v; k++) {
      sum += s->turn[i / n * v + k] * matrix[k * n + i % n];
    }
    s->turned[i] = sum;
  }
  memcpy(matrix, s->turned, (size_t)(v * n) * sizeof *matrix);
  return KVOX_OK;
}

/* From the position with most energy outwards. One without any takes over its neighbour's matrix. */
static kvox_status turn_positions(const geometric_job *job, turn_scratch *s) {
  const kvox_mri_compression *c = job->compression;
  const int64_t v = c->virtual_coils, n = c->coils, elements = v * n;
  int64_t first = 0;
  for (int64_t x = 1; x < c->positions; x++) {
    first = job->whole[x] > job->whole[first] ? x : first;
  }
  for (int64_t step = -1; step <= 1; step += 2) {
    for (int64_t x = first + step; x >= 0 && x < c->positions; x += step) {
      const kvox_complex *before = c->matrices + (x - step) * elements;
      kvox_complex *matrix = c->matrices + x * elements;
      if (job->whole[x] > 0) {
        KVOX_TRY(turn_towards(v, n, before, matrix, s));
      } else {
        memcpy(matrix, before, (size_t)elements * sizeof *matrix);
      }
    }
  }
  return KVOX_OK;
}

static kvox_status turn(kvox_heap *heap, const geometric_job *job) {
  const int64_t v = job->compression->virtual_coils, n = job->compression->coils;
  turn_scratch s = {.product = kvox_allocate(heap, (uint64_t)(5 * v * v + v * n) * sizeof *s.product),
                    .values = kvox_allocate(heap, (uint64_t)v * sizeof *s.values)};
  kvox_status status = KVOX_ERROR_MEMORY;
  if (s.product != NULL && s.values != NULL) {
    s.square = s.product + v * v;
    s.right = s.square + v * v;
    s.left = s.right + v * v;
    s.turn = s.left + v * v;
    s.turned = s.turn + v * v;
    status = turn_positions(job, &s);
  }
  kvox_release(heap, s.values);
  kvox_release(heap, s.product);
  return status;
}

/* Conjugates, since stage "combine" conjugates its weights. */
static void fill_weights(kvox_mri_compression *c) {
  const int64_t pairs = c->virtual_coils * c->coils, row = kvox_mri_compression_row(c);
  for (int64_t i = 0; i < pairs; i++) {
    for (int64_t x = 0; x < c->positions; x++) {
      c->weights[i * row + 2 * x] = (float)creal(c->matrices[x * pairs + i]);
      c->weights[i * row + 2 * x + 1] = (float)-cimag(c->matrices[x * pairs + i]);
    }
  }
}

static kvox_status decompose(kvox_context *context, geometric_job *job) {
  const kvox_threads *threads = &context->threads;
  kvox_heap *heap = context->heap;
  kvox_mri_compression *c = job->compression;
  const int64_t n = c->coils, positions = c->positions, chunks = kvox_divide_up(positions, CHUNK);
  const int64_t sums_work = kvox_work(kvox_array_elements(job->hybrid.array), 4 * n);
  const int64_t work = kvox_work(positions, 400 * n * n * n); /* some ten sweeps of rotations */
  const int64_t workers =
      kvox_max_i64(kvox_workers(threads, chunks, sums_work), kvox_workers(threads, positions, work));
  job->load = kvox_allocate_array(heap, workers * kvox_mri_loader_floats(&job->hybrid), sizeof *job->load);
  job->z = kvox_allocate_array(heap, workers * 2 * n, sizeof *job->z);
  job->full = kvox_allocate_array(heap, workers * 2 * n * n, sizeof *job->full);
  job->values = kvox_allocate_array(heap, workers * (2 * job->pairs + n), sizeof *job->values);
  if (job->load == NULL || job->z == NULL || job->full == NULL || job->values == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  KVOX_TRY(kvox_parallel(threads, chunks, sums_work, sum_positions, job, NULL));
  KVOX_TRY(kvox_parallel(threads, positions, work, decompose_position, job, NULL));
  double kept = 0, whole = 0;
  for (int64_t x = 0; x < positions; x++) {
    kept += job->kept[x];
    whole += job->whole[x];
  }
  if (!(whole > 0)) {
    return kvox_mri_compression_no_energy(job->hybrid.name);
  }
  c->energy = kept / whole;
  KVOX_TRY(turn(heap, job));
  fill_weights(c);
  return KVOX_OK;
}

kvox_status kvox_mri_compression_create_geometric(kvox_context *context, const kvox_array *hybrid,
                                                  int64_t virtual_coils, int64_t window,
                                                  kvox_mri_compression **compression) {
  static const char name[] = "kvox_mri_compression_create_geometric";
  static const char array_name[] = "kvox_mri_compression_create_geometric: hybrid";
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(compression);
  KVOX_TRY(kvox_mri_compression_check(name, array_name, hybrid, virtual_coils));
  kvox_heap *heap = context->heap;
  const int64_t positions = hybrid->shape[hybrid->rank - 1], coils = kvox_mri_coils_of(hybrid);
  geometric_job job = {.hybrid = kvox_mri_loader_of(context, array_name, hybrid, NULL), .pairs = kvox_mri_pairs(coils)};
  KVOX_TRY(kvox_mri_window_radius("kvox_mri_compression_create_geometric: window", window, positions, &job.radius));
  KVOX_TRY(kvox_mri_compression_make(heap, coils, virtual_coils, positions, &job.compression));
  job.rows = kvox_array_row_count(hybrid) / coils;
  job.grams = kvox_allocate_zeros(heap, (uint64_t)(positions * 2 * job.pairs) * sizeof *job.grams);
  job.kept = kvox_allocate_zeros(heap, (uint64_t)positions * sizeof *job.kept);
  job.whole = kvox_allocate_zeros(heap, (uint64_t)positions * sizeof *job.whole);
  kvox_status status = KVOX_ERROR_MEMORY;
  if (job.grams == NULL || job.kept == NULL || job.whole == NULL) {
    goto cleanup;
  }
  KVOX_TRY_CLEANUP(decompose(context, &job));
  *compression = job.compression;
  job.compression = NULL;
cleanup:
  kvox_release(heap, job.values);
  kvox_release(heap, job.full);
  kvox_release(heap, job.z);
  kvox_release(heap, job.load);
  kvox_release(heap, job.whole);
  kvox_release(heap, job.kept);
  kvox_release(heap, job.grams);
  kvox_mri_compression_destroy(job.compression);
  return status;
}
