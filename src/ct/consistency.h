/*
 * Stage "consistency": whether the data fit the geometry. One sinogram is enough: a row, the mean of a few, or of a
 * cone the row of the source's plane. It is read under hypotheses, each the geometry with one thing changed.
 */
#ifndef KVOX_CT_CONSISTENCY_H
#define KVOX_CT_CONSISTENCY_H

#include "core/text.h"
#include "ct/geometry.h"
#include "ct/rows.h"

/* What the data look like for a hypothesis. */
typedef struct kvox_ct_change {
  int32_t what;  /* KVOX_CT_AS_GIVEN, ... */
  double amount; /* columns, or a factor */
} kvox_ct_change;

/* Columns are averaged down to so many bins: less noise, and quick. */
enum { KVOX_CT_MOST_BINS = 256 };

/* A sinogram of averaged columns. Bin k stands at column k bin_columns + (bin_columns - 1) / 2. */
typedef struct kvox_ct_sinogram {
  const kvox_ct_geometry *geometry;
  kvox_context *context;
  int64_t views, columns, bins, bin_columns;
  float *samples; /* [view, bin] */
  /* Parallel: sums over the levelled columns of p, p t and p t^2, t from the axis as given. */
  double *mass, *moment, *second;
  double mean, variance;              /* of the samples */
  double noise_part;                  /* of the variance of what was read: at most so much is noise */
  double noise[KVOX_CT_MOST_BINS];    /* of each bin: the variance of its noise, at most */
  double blending[KVOX_CT_MOST_BINS]; /* and the mean square error of reading between samples */
  double disorder;    /* root mean square second difference from view to view by angle, over the deviation, ... */
  double order_ratio; /* ... and over that in the order of measuring */
  double edges;       /* root mean square at the detector's edges, but for noise, over that of the whole */
} kvox_ct_sinogram;

/* Edges above this are those of an object beyond the detector. */
#define KVOX_CT_TRUNCATED_FROM 0.1

/* Opposite rays are judged from this part of the variance on. */
#define KVOX_CT_LEAST_ENERGY 0.05

/* Which rows: `count` spread over all, or one place. */
typedef struct kvox_ct_rows_used {
  int64_t count;
  double only; /* count 1: this one */
} kvox_ct_rows_used;

/* Reads it; release it whatever comes back. */
kvox_status kvox_ct_sinogram_read(const kvox_ct_geometry *geometry, kvox_context *context, const kvox_ct_rows *rows,
                                  kvox_ct_rows_used used, kvox_ct_sinogram *sinogram);
void kvox_ct_sinogram_release(kvox_ct_sinogram *sinogram);

/*
 * Opposite rays. `misfit` is the root mean square of their differences over that of samples without relation, `energy`
 * the part of the whole variance that was compared: 0 where there are none. Of the misfit, what noise alone and what
 * reading between samples alone would make.
 */
typedef struct kvox_ct_pairs {
  double misfit, energy;
  double of_noise, of_blending;
} kvox_ct_pairs;
kvox_status kvox_ct_pairs_compare(const kvox_ct_sinogram *sinogram, kvox_ct_change change, int64_t most_views,
                                  kvox_ct_pairs *pairs);

/*
 * Moments of a parallel beam (Helgason 1965, Ludwig 1966): the centre of mass follows a cos b + b sin b, the square of
 * the width c + d cos 2b + e sin 2b. Root mean square distances from those, in columns.
 */
typedef struct kvox_ct_moments {
  bool known;       /* false: the object reaches beyond the detector, or its mass changes */
  double mass_part; /* the standard deviation of the mass over its mean */
  double distance;  /* the centre's */
  double width;     /* the width's */
  double offset_px; /* added to the axis's column makes the distance least, which is then ... */
  double distance_with_offset;
} kvox_ct_moments;
kvox_status kvox_ct_moments_fit(const kvox_ct_sinogram *sinogram, double angle_factor, kvox_ct_moments *moments);

/* ---- What comes of it ---- */

enum { KVOX_CT_MOST_TRIED = 12 };

typedef struct kvox_ct_tried {
  kvox_ct_change change;
  bool by_moments;
  bool judged;   /* false: too few rays to compare, or no moments */
  double misfit; /* opposite rays: a part; moments: columns */
  double ratio;  /* misfit as given over this one, what cannot be seen added to both: above 1 it fits better */
} kvox_ct_tried;

typedef struct kvox_ct_findings {
  const kvox_ct_geometry *geometry;
  int64_t rows_used;
  double edges;     /* of the sinogram */
  bool middle_seen; /* of a cone: the plane of the source projects onto the rows */
  kvox_ct_pairs given;
  kvox_ct_moments moments;
  bool truncated, out_of_order;
  kvox_ct_tried tried[KVOX_CT_MOST_TRIED];
  int32_t count;
  int32_t best; /* of `tried`: fits clearly better; -1: none */
  kvox_ct_consistency result;
} kvox_ct_findings;

/* `change` in words, as what would be so ("the angles ran in the other direction"). */
void kvox_ct_change_say(kvox_text *text, const kvox_ct_geometry *geometry, kvox_ct_change change);

/* All of it in words. */
void kvox_ct_findings_say(kvox_text *text, const kvox_ct_findings *findings);

#endif
