/* Fewer, virtual coils: the first left singular vectors of [coil, sample], from the eigenvectors of its Gram matrix. */
#include "mri/compress.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "mri/gram.h"

kvox_status kvox_mri_compression_make(kvox_heap *heap, int64_t coils, int64_t virtual_coils, int64_t positions,
                                      kvox_mri_compression **compression) {
  kvox_mri_compression *made = kvox_allocate_zeros(heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->heap = kvox_heap_hold(heap);
  made->coils = coils;
  made->virtual_coils = virtual_coils;
  made->positions = positions;
  const int64_t pairs = virtual_coils * coils, row = positions > 0 ? kvox_mri_compression_row(made) : 2;
  int64_t elements = 0;
  const bool fits = kvox_multiply(pairs, row, &elements); /* of the larger of the two */
  made->matrices = fits ? kvox_allocate_array(heap, pairs * kvox_max_i64(positions, 1), sizeof *made->matrices) : NULL;
  made->weights = fits ? kvox_allocate_array(heap, elements, sizeof *made->weights) : NULL;
  if (made->matrices == NULL || made->weights == NULL) {
    kvox_mri_compression_destroy(made);
    return fits ? KVOX_ERROR_MEMORY
                : kvox_fail(KVOX_ERROR_SIZE, "the matrices of a compression have more than 2^63 - 1 elements");
  }
  memset(made->weights, 0, (size_t)elements * sizeof *made->weights);
  *compression = made;
  return KVOX_OK;
}

void kvox_mri_compression_destroy(kvox_mri_compression *compression) {
  if (compression == NULL) {
    return;
  }
  kvox_heap *heap = compression->heap;
  kvox_release(heap, compression->weights);
  kvox_release(heap, compression->matrices);
  kvox_release(heap, compression);
  kvox_heap_drop(heap);
}

kvox_status kvox_mri_compression_check(const char *name, const char *array_name, const kvox_array *kspace,
                                       int64_t virtual_coils) {
  KVOX_TRY(kvox_mri_check_coils(kspace, array_name));
  const int64_t coils = kvox_mri_coils_of(kspace);
  if (coils > KVOX_LINALG_MOST) {
    return kvox_fail(KVOX_ERROR_SIZE, "%s: it has %" PRId64 " coils, may have %d", array_name, coils, KVOX_LINALG_MOST);
  }
  if (virtual_coils < 1 || virtual_coils > coils) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: virtual_coils is %" PRId64 ", must be from 1 to the %" PRId64 " coils",
                     name, virtual_coils, coils);
  }
  return KVOX_OK;
}

kvox_status kvox_mri_compression_no_energy(const char *name) {
  return kvox_fail(KVOX_ERROR_DATA, "%s: all samples are zero", name);
}

double kvox_mri_compression_rows(int64_t coils, int64_t virtual_coils, const double *values,
                                 const kvox_complex *vectors, kvox_complex *matrix) {
  double energy = 0;
  for (int64_t v = 0; v < virtual_coils; v++) {
    energy += fmax(values[v], 0);
    for (int64_t c = 0; c < coils; c++) {
      matrix[v * coils + c] = conj(vectors[c * coils + v]);
    }
  }
  return energy;
}

static void fill_matrix(kvox_mri_compression *c) {
  for (int64_t i = 0; i < c->virtual_coils * c->coils; i++) {
    c->weights[2 * i] = (float)creal(c->matrices[i]);
    c->weights[2 * i + 1] = (float)cimag(c->matrices[i]);
  }
}

/* A matrix, its eigenvectors and values, then the sums. */
static uint64_t eigen_bytes(int64_t coils) {
  return kvox_aligned((uint64_t)(2 * coils * coils) * sizeof(kvox_complex) + (uint64_t)coils * sizeof(double));
}

uint64_t kvox_mri_compression_bytes(const kvox_context *context, const kvox_array *kspace) {
  return eigen_bytes(kvox_mri_coils_of(kspace)) + kvox_mri_gram_bytes(context, kspace);
}

kvox_status kvox_mri_compression_fill(kvox_context *context, const char *array_name, const kvox_array *kspace,
                                      const kvox_mix *mix, void *scratch, kvox_mri_compression *c) {
  const int64_t coils = c->coils;
  kvox_complex *gram = scratch, *vectors = gram + coils * coils;
  double *values = (double *)(void *)(vectors + coils * coils), whole = 0;
  KVOX_TRY(kvox_mri_gram(context, array_name, kspace, mix, (char *)scratch + eigen_bytes(coils), gram));
  KVOX_TRY(kvox_eigen(coils, gram, values, vectors));
  for (int64_t i = 0; i < coils; i++) {
    whole += fmax(values[i], 0);
  }
  if (!(whole > 0)) {
    return kvox_mri_compression_no_energy(array_name);
  }
  c->energy = kvox_mri_compression_rows(coils, c->virtual_coils, values, vectors, c->matrices) / whole;
  fill_matrix(c);
  return KVOX_OK;
}

kvox_status kvox_mri_compression_create_svd(kvox_context *context, const kvox_array *kspace, int64_t virtual_coils,
                                            kvox_mri_compression **compression) {
  static const char name[] = "kvox_mri_compression_create_svd",
                    array_name[] = "kvox_mri_compression_create_svd: kspace";
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(compression);
  KVOX_TRY(kvox_mri_compression_check(name, array_name, kspace, virtual_coils));
  kvox_mri_compression *made = NULL;
  KVOX_TRY(kvox_mri_compression_make(context->heap, kvox_mri_coils_of(kspace), virtual_coils, 0, &made));
  void *scratch = kvox_allocate(context->heap, kvox_mri_compression_bytes(context, kspace));
  kvox_status status = KVOX_ERROR_MEMORY;
  if (scratch != NULL) {
    status = kvox_mri_compression_fill(context, array_name, kspace, NULL, scratch, made);
  }
  kvox_release(context->heap, scratch);
  if (status != KVOX_OK) {
    kvox_mri_compression_destroy(made);
    return status;
  }
  *compression = made;
  return KVOX_OK;
}

double kvox_mri_compression_energy(const kvox_mri_compression *compression) {
  return compression != NULL ? compression->energy : 0;
}

kvox_status kvox_mri_compression_matrix(const kvox_mri_compression *compression, int64_t x, double *matrix) {
  KVOX_REQUIRE(compression);
  KVOX_REQUIRE(matrix);
  const int64_t pairs = compression->virtual_coils * compression->coils;
  const int64_t position = compression->positions > 0 ? x : 0;
  if (x < 0 || position >= kvox_max_i64(compression->positions, 1)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_mri_compression_matrix: x is %" PRId64 ", must be from 0 and below %" PRId64, x,
                     compression->positions);
  }
  memcpy(matrix, compression->matrices + position * pairs, (size_t)pairs * sizeof *compression->matrices);
  return KVOX_OK;
}

static kvox_status check_compress(const kvox_ocl *ocl, const kvox_mri_compression *c, const kvox_array *in,
                                  const kvox_array *out) {
  KVOX_TRY(kvox_mri_check_coils_on(ocl, in, "kvox_mri_compress: in"));
  if (kvox_mri_coils_of(in) != c->coils) {
    return kvox_fail(KVOX_ERROR_SIZE, "kvox_mri_compress: in: it has %" PRId64 " coils, the compression %" PRId64,
                     kvox_mri_coils_of(in), c->coils);
  }
  if (c->positions > 0 && in->shape[in->rank - 1] != c->positions) {
    return kvox_fail(KVOX_ERROR_SIZE,
                     "kvox_mri_compress: in: it has %" PRId64 " positions along x, the compression %" PRId64,
                     in->shape[in->rank - 1], c->positions);
  }
  int64_t shape[KVOX_MAX_RANK];
  memcpy(shape, in->shape, sizeof shape);
  shape[in->rank - 4] = c->virtual_coils;
  KVOX_TRY(kvox_array_check_shape(out, "kvox_mri_compress: out", KVOX_TYPE_BIT(KVOX_C64) | KVOX_ON_DEVICE_TOO, in->rank,
                                  shape));
  KVOX_TRY(kvox_ocl_check_place(ocl, out, "kvox_mri_compress: out"));
  KVOX_TRY(kvox_array_check_result(out, "kvox_mri_compress: out"));
  return kvox_array_check_apart(in, "in", out, "out");
}

kvox_status kvox_mri_compress(kvox_context *context, const kvox_mri_compression *compression, kvox_workspace *workspace,
                              const kvox_array *in, const kvox_array *out) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(compression);
  KVOX_TRY(check_compress(context->ocl, compression, in, out));
  if (compression->positions > 0) {
    return kvox_mri_compress_positions(context, compression, workspace, in, out);
  }
  const kvox_mix mix = {
      .outputs = compression->virtual_coils, .inputs = compression->coils, .matrix = compression->weights};
  return kvox_mri_mix(context, "kvox_mri_compress: in", "compress", &mix, workspace, in, out);
}
