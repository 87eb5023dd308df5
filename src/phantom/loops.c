/* Loop coils around a head: the field of each, fitted by exponentials. */
#include <inttypes.h>
#include <math.h>

#include "core/fail.h"
#include "core/number.h"
#include "linalg/linalg.h"
#include "phantom/coils.h"

static const double two_pi = 6.283185307179586;

/* Lengths are shares of the object's radius. */
static const double ring = 1.4;     /* from the axis to a loop's middle */
static const double overlap = 1.15; /* a loop's radius over half the way to its neighbour */
static const double widest = 0.8;   /* a loop's radius, where few share a ring */
static const double ring_step = 1;  /* between rings */
static const double period = 3.6;   /* of the lowest frequency: the field need not repeat within the object */
static const double ridge = 1e-6;   /* share of the normal equations' diagonal: keeps weights from growing outside */

/* Frequencies are i, j, k over the period, i^2 + j^2 at most as here for |k|. */
enum { ORDER_XY = 3, ORDER_Z = 2, TERMS = 37 + 2 * (25 + 9) };
static const int most_squared[ORDER_Z + 1] = {10, 8, 2};

/* The field is fitted on a lattice of points in the ball, and summed over the sides of a polygon. */
enum { POINTS_XY = 17, POINTS_Z = 7, SEGMENTS = 48 };

typedef struct loop_coil {
  double middle[3], along[3]; /* the third axis of the loop is z */
  double radius;
} loop_coil;

/* Bx - i By of a unit current, up to a constant (Biot and Savart), the loop taken as a polygon's midpoints. */
static kvox_complex field(const loop_coil *loop, const double at[3]) {
  double b[2] = {0, 0};
  for (int s = 0; s < SEGMENTS; s++) {
    const double angle = two_pi * (s + 0.5) / SEGMENTS, c = cos(angle), d = sin(angle);
    double from[3], step[3];
    for (int a = 0; a < 3; a++) {
      const double up = a == 2;
      from[a] = at[a] - loop->middle[a] - loop->radius * (c * loop->along[a] + d * up);
      step[a] = loop->radius * (c * up - d * loop->along[a]);
    }
    const double distance = sqrt(from[0] * from[0] + from[1] * from[1] + from[2] * from[2]);
    const double weight = 1 / (distance * distance * distance);
    b[0] += weight * (step[1] * from[2] - step[2] * from[1]);
    b[1] += weight * (step[2] * from[0] - step[0] * from[2]);
  }
  return (kvox_complex)b[0] - (kvox_complex)b[1] * _Complex_I;
}

static loop_coil loop_at(int64_t index, int64_t coils_of_ring, int64_t rings) {
  const double angle = two_pi * (double)(index % coils_of_ring) / (double)coils_of_ring;
  const double height = ring_step * ((double)(index / coils_of_ring) - 0.5 * (double)(rings - 1));
  const double touching = coils_of_ring > 2 ? ring * sin(0.5 * two_pi / (double)coils_of_ring) : widest;
  return (loop_coil){.middle = {ring * cos(angle), ring * sin(angle), height},
                     .along = {-sin(angle), cos(angle), 0},
                     .radius = fmin(widest, overlap * touching)};
}

static void list_frequencies(double *frequencies) {
  for (int k = -ORDER_Z; k <= ORDER_Z; k++) {
    for (int j = -ORDER_XY; j <= ORDER_XY; j++) {
      for (int i = -ORDER_XY; i <= ORDER_XY; i++) {
        if (i * i + j * j <= most_squared[k < 0 ? -k : k]) {
          frequencies[0] = i / period;
          frequencies[1] = j / period;
          frequencies[2] = k / period;
          frequencies += 3;
        }
      }
    }
  }
}

/* The lattice in [-1, 1]^3; false outside the ball. */
static bool point_of(int index, double at[3]) {
  at[0] = 2.0 * (index % POINTS_XY) / (POINTS_XY - 1) - 1;
  at[1] = 2.0 * (index / POINTS_XY % POINTS_XY) / (POINTS_XY - 1) - 1;
  at[2] = 2.0 * (index / (POINTS_XY * POINTS_XY)) / (POINTS_Z - 1) - 1;
  return at[0] * at[0] + at[1] * at[1] + at[2] * at[2] <= 1;
}

static void exponentials(const double *frequencies, const double at[3], kvox_complex *values) {
  for (int t = 0; t < TERMS; t++) {
    const double *f = frequencies + 3 * t;
    const double angle = two_pi * (f[0] * at[0] + f[1] * at[1] + f[2] * at[2]);
    values[t] = cos(angle) + sin(angle) * _Complex_I;
  }
}

/* What a fit needs: the inverse of the normal equations' Cholesky factor, the right side, the exponentials. */
typedef struct fit {
  double frequencies[3 * TERMS];
  kvox_complex inverse[TERMS * TERMS], sides[TERMS], values[TERMS];
} fit;

static kvox_status factorise(fit *f) {
  list_frequencies(f->frequencies);
  for (int i = 0; i < TERMS * TERMS; i++) {
    f->inverse[i] = 0;
  }
  for (int p = 0; p < POINTS_XY * POINTS_XY * POINTS_Z; p++) {
    double at[3];
    if (point_of(p, at)) {
      exponentials(f->frequencies, at, f->values);
      for (int i = 0; i < TERMS; i++) {
        for (int j = 0; j <= i; j++) {
          f->inverse[i * TERMS + j] += conj(f->values[i]) * f->values[j];
        }
      }
    }
  }
  const double added = ridge * creal(f->inverse[0]);
  for (int i = 0; i < TERMS; i++) {
    f->inverse[i * TERMS + i] += added;
  }
  KVOX_TRY(kvox_cholesky(TERMS, f->inverse, f->inverse));
  kvox_invert_lower(TERMS, f->inverse, f->inverse);
  return KVOX_OK;
}

static void fit_loop(fit *f, const loop_coil *loop, double *weights) {
  for (int i = 0; i < TERMS; i++) {
    f->sides[i] = 0;
  }
  for (int p = 0; p < POINTS_XY * POINTS_XY * POINTS_Z; p++) {
    double at[3];
    if (point_of(p, at)) {
      const kvox_complex b = field(loop, at);
      exponentials(f->frequencies, at, f->values);
      for (int i = 0; i < TERMS; i++) {
        f->sides[i] += conj(f->values[i]) * b;
      }
    }
  }
  /* (L L^H)^-1 b. */
  for (int i = TERMS - 1; i >= 0; i--) {
    kvox_complex sum = 0;
    for (int j = 0; j <= i; j++) {
      sum += f->inverse[i * TERMS + j] * f->sides[j];
    }
    f->sides[i] = sum;
  }
  for (int i = 0; i < TERMS; i++) {
    kvox_complex sum = 0;
    for (int j = i; j < TERMS; j++) {
      sum += conj(f->inverse[j * TERMS + i]) * f->sides[j];
    }
    weights[2 * i] = creal(sum);
    weights[2 * i + 1] = cimag(sum);
  }
}

/* The root sum of squares in the middle becomes 1. */
static void normalise(kvox_phantom_coils *coils) {
  double squares = 0;
  for (int64_t c = 0; c < coils->count; c++) {
    double re = 0, im = 0;
    for (int64_t t = 0; t < TERMS; t++) {
      re += coils->weights[2 * (c * TERMS + t)];
      im += coils->weights[2 * (c * TERMS + t) + 1];
    }
    squares += re * re + im * im;
  }
  const double scale = 1 / sqrt(squares);
  for (int64_t i = 0; i < 2 * coils->count * TERMS; i++) {
    coils->weights[i] *= scale;
  }
}

static kvox_status check(int64_t coils_of_ring, int64_t rings, double radius_mm) {
  char number[KVOX_NUMBER_BYTES];
  if (coils_of_ring < 1 || rings < 1 || coils_of_ring > KVOX_PHANTOM_MOST_COILS || rings > KVOX_PHANTOM_MOST_COILS ||
      coils_of_ring * rings > KVOX_PHANTOM_MOST_COILS) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_phantom_coils_create_loops: %" PRId64 " rings of %" PRId64
                     " coils, must be from 1 to %d coils in all",
                     rings, coils_of_ring, KVOX_PHANTOM_MOST_COILS);
  }
  if (!(radius_mm >= 1e-100 && radius_mm <= 1e100)) {
    return kvox_fail(KVOX_ERROR_ARGUMENT,
                     "kvox_phantom_coils_create_loops: radius_mm is %s, must be positive and finite",
                     kvox_number(radius_mm, number));
  }
  return KVOX_OK;
}

kvox_status kvox_phantom_coils_create_loops(kvox_context *context, int64_t coils_of_ring, int64_t rings,
                                            double radius_mm, kvox_phantom_coils **made) {
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(made);
  KVOX_TRY(check(coils_of_ring, rings, radius_mm));
  kvox_phantom_coils *start = NULL;
  KVOX_TRY(kvox_phantom_coils_start(context, coils_of_ring * rings, TERMS, &start));
  fit *f = kvox_allocate(context->heap, sizeof *f);
  kvox_status status = f != NULL ? factorise(f) : KVOX_ERROR_MEMORY;
  if (status == KVOX_OK) {
    for (int i = 0; i < 3 * TERMS; i++) {
      start->frequencies[i] = f->frequencies[i] / radius_mm;
    }
    for (int64_t c = 0; c < start->count; c++) {
      const loop_coil loop = loop_at(c, coils_of_ring, rings);
      fit_loop(f, &loop, start->weights + 2 * c * TERMS);
    }
    normalise(start);
    *made = start;
  } else {
    kvox_phantom_coils_destroy(start);
  }
  kvox_release(context->heap, f);
  return status;
}
