/* Ghosts from navigators. */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "mri/epi.h"
#include "mri/tiles.h"

static const char name[] = "kvox_mri_ghost_from_navigators";
enum { ROUNDS = 3 }; /* of fitting what is left: phases that were wrapped at first come right */

/* Lines of few pixels are taken for signal where they agree by this. */
static const double most_noise = 0.7;

typedef struct navigators {
  const kvox_array *array;
  const uint8_t *reversed;
  int64_t sets, lines, coils, size;
  kvox_mri_parity *sums; /* [coil][x] */
  float *rows;           /* of one coil: [line][x], then the mean of neighbours */
} navigators;

static kvox_status read_coil(const navigators *n, int64_t set, int64_t coil) {
  const int32_t rank = n->array->rank;
  const int64_t stride = n->array->strides[rank - 1];
  for (int64_t l = 0; l < n->lines; l++) {
    const char *at = kvox_array_row(n->array, (set * n->lines + l) * n->coils + coil);
    float *row = n->rows + 2 * l * n->size;
    for (int64_t x = 0; x < n->size; x++) {
      memcpy(row + 2 * x, at + x * stride, 2 * sizeof *row);
      if (!isfinite(row[2 * x]) || !isfinite(row[2 * x + 1])) {
        return kvox_fail(KVOX_ERROR_DATA,
                         "%s: navigators: the sample of line %" PRId64 ", coil %" PRId64 " at x %" PRId64
                         " is NaN or infinite",
                         name, l, coil, x);
      }
    }
  }
  return KVOX_OK;
}

static double power(const float *row, int64_t size) {
  double sum = 0;
  for (int64_t i = 0; i < 2 * size; i++) {
    sum += (double)row[i] * row[i];
  }
  return sum;
}

/* One line with the mean of its neighbours of the other direction; false where it has none. */
static bool mean_of_neighbours(const navigators *n, int64_t l, float *mean) {
  const bool before = l > 0 && n->reversed[l - 1] != n->reversed[l];
  const bool after = l + 1 < n->lines && n->reversed[l + 1] != n->reversed[l];
  if (!before && !after) {
    return false;
  }
  const float *a = n->rows + 2 * (before ? l - 1 : l + 1) * n->size;
  const float *b = n->rows + 2 * (after ? l + 1 : l - 1) * n->size;
  const double power_a = power(a, n->size), power_b = power(b, n->size);
  /* Both as bright as each other, so that a decay from line to line has no part in the phase. */
  const double ratio = power_a > 0 && power_b > 0 ? sqrt(sqrt(power_b / power_a)) : 1;
  for (int64_t i = 0; i < 2 * n->size; i++) {
    mean[i] = (float)(0.5 * (a[i] * ratio + b[i] / ratio));
  }
  return true;
}

static void add_pair(int64_t size, const float *forward, const float *reversed, kvox_mri_parity *sums) {
  for (int64_t x = 0; x < size; x++) {
    const double a = forward[2 * x], b = forward[2 * x + 1], c = reversed[2 * x], d = reversed[2 * x + 1];
    sums[x].re += a * c + b * d;
    sums[x].im += a * d - b * c;
    sums[x].forward += a * a + b * b;
    sums[x].reversed += c * c + d * d;
  }
}

static kvox_status add_coil(const navigators *n, int64_t set, int64_t coil) {
  KVOX_TRY(read_coil(n, set, coil));
  float *mean = n->rows + 2 * n->lines * n->size;
  /* A line at an end has a neighbour on one side alone: it is taken only where there is no line between two. */
  const int64_t first = n->lines > 2 ? 1 : 0, last = n->lines > 2 ? n->lines - 2 : 0;
  for (int64_t l = first; l <= last; l++) {
    if (mean_of_neighbours(n, l, mean)) {
      const float *row = n->rows + 2 * l * n->size;
      add_pair(n->size, n->reversed[l] ? mean : row, n->reversed[l] ? row : mean, n->sums + coil * n->size);
    }
  }
  return KVOX_OK;
}

/* The common line to begin with: its slope from products of neighbouring x, which phases of several turns do not
 * disturb (Ahn and Cho 1987). */
static kvox_mri_ghost first_guess(const navigators *n) {
  double re = 0, im = 0, last_re = 0, last_im = 0;
  for (int64_t x = 0; x < n->size; x++) {
    double z_re = 0, z_im = 0;
    for (int64_t c = 0; c < n->coils; c++) {
      z_re += n->sums[c * n->size + x].re;
      z_im += n->sums[c * n->size + x].im;
    }
    re += z_re * last_re + z_im * last_im;
    im += z_im * last_re - z_re * last_im;
    last_re = z_re;
    last_im = z_im;
  }
  kvox_mri_ghost guess = {.linear_rad_per_px = atan2(im, re)};
  re = im = 0;
  for (int64_t i = 0; i < n->coils * n->size; i++) {
    double log_gain, phase;
    kvox_mri_ghost_at(&guess, i % n->size, n->size, &log_gain, &phase);
    re += n->sums[i].re * cos(phase) + n->sums[i].im * sin(phase);
    im += n->sums[i].im * cos(phase) - n->sums[i].re * sin(phase);
  }
  guess.constant_rad = atan2(im, re);
  return guess;
}

/* What is real of the products once the ghosts are taken off, of what lines of one shape would give: 1. Of n products
 * of noise the best fit makes some 3 / sqrt(n). */
static bool lines_agree(const navigators *n, const kvox_mri_ghost *ghosts, kvox_mri_parity *left) {
  const int64_t products = n->coils * n->size;
  double real = 0, all = 0;
  memcpy(left, n->sums, (size_t)products * sizeof *left);
  kvox_mri_epi_remove(n->coils, n->size, ghosts, left);
  for (int64_t i = 0; i < products; i++) {
    real += left[i].re;
    all += sqrt(left[i].forward * left[i].reversed);
  }
  return real > fmin(4 / sqrt((double)products), most_noise) * all;
}

static kvox_status estimate(const navigators *n, kvox_mri_parity *left, kvox_mri_ghost *expected,
                            kvox_mri_ghost *ghosts) {
  const size_t bytes = (size_t)(n->coils * n->size) * sizeof *n->sums;
  memset(n->sums, 0, bytes);
  for (int64_t set = 0; set < n->sets; set++) {
    for (int64_t c = 0; c < n->coils; c++) {
      KVOX_TRY(add_coil(n, set, c));
    }
  }
  const kvox_mri_ghost guess = first_guess(n);
  for (int64_t c = 0; c < n->coils; c++) {
    ghosts[c] = expected[c] = guess;
  }
  for (int round = 0; round < ROUNDS; round++) {
    memcpy(left, n->sums, bytes);
    kvox_mri_epi_remove(n->coils, n->size, ghosts, left);
    kvox_mri_epi_refine(n->coils, n->size, left, expected, ghosts);
  }
  if (!lines_agree(n, ghosts, left)) {
    memset(ghosts, 0, (size_t)n->coils * sizeof *ghosts);
  }
  return KVOX_OK;
}

static kvox_status check(const kvox_array *array, const uint8_t *reversed) {
  KVOX_TRY(kvox_array_check(array, "kvox_mri_ghost_from_navigators: navigators", KVOX_TYPE_BIT(KVOX_C64)));
  if (array->rank < 3) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "%s: navigators: rank %" PRId32 ", must be at least 3: [.., line, coil, x]",
                     name, array->rank);
  }
  return kvox_mri_epi_check_directions(name, reversed, array->shape[array->rank - 3]);
}

kvox_status kvox_mri_ghost_from_navigators(kvox_context *context, kvox_workspace *workspace, const kvox_array *array,
                                           const uint8_t *reversed, kvox_mri_ghost *ghosts) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(reversed);
  KVOX_REQUIRE(ghosts);
  KVOX_TRY(check(array, reversed));
  const int64_t *shape = array->shape + array->rank - 3;
  navigators n = {.array = array, .reversed = reversed, .lines = shape[0], .coils = shape[1], .size = shape[2]};
  n.sets = kvox_array_row_count(array) / (n.lines * n.coils);
  kvox_workspace *taken = NULL;
  KVOX_TRY(kvox_workspace_take(context, workspace, &taken));
  const uint64_t sums = (uint64_t)(n.coils * n.size), floats = (uint64_t)(2 * (n.lines + 1) * n.size);
  kvox_status status = kvox_workspace_begin(
      taken, 2 * sums * sizeof *n.sums + (uint64_t)n.coils * sizeof *ghosts + floats * sizeof *n.rows);
  if (status == KVOX_OK) {
    const double begin = kvox_now();
    n.sums = taken->block;
    kvox_mri_ghost *expected = (kvox_mri_ghost *)(void *)(n.sums + 2 * sums);
    n.rows = (float *)(void *)(expected + n.coils);
    status = estimate(&n, n.sums + sums, expected, ghosts);
    kvox_workspace_add(taken, "ghost", kvox_now() - begin);
  }
  kvox_workspace_give_up(workspace, taken);
  return status;
}
