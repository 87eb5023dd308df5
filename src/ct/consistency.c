/* Tries what could be wrong, one thing at a time, and says what fits. */
#include "ct/consistency.h"

#include <inttypes.h>
#include <math.h>

#include "core/array.h"
#include "core/fail.h"
#include "core/number.h"
#include "core/options.h"
#include "core/size.h"
#include "core/text.h"
#include "ct/orbit.h"

/* Another geometry fits clearly better where its misfit is this many times smaller, ... */
static const double clearly = 2;
/* ... and would move the axis by so many columns or the distance by so much: less is adjusting, no mistake. */
static const double least_columns = 1, least_factor = 1.03;

/* The data fit badly where opposite rays differ by so much of what unrelated ones do, beyond the noise, or centers of
 * mass are this part of the columns from their sinusoid. */
static const double badly = 0.2, badly_columns = 0.02;

/* What is not measured by the data at all: a thousandth of unrelated rays; a tenth of a column. */
static const double least_misfit = 1e-3, least_distance_px = 0.1;

/* Another change must leave this part of what is compared as given. */
static const double like_energy = 0.25;

/* A flip about the middle and one about the axis are the same within this. */
static const double same_axis_px = 0.25, same_row_px = 1;

/* A change named by itself is preferred to one that was searched for where it fits nearly as well. */
static const double preferred = 1.5;

/* Views by angle jump so many times more than as they were measured, and by so much of the data's deviation. */
static const double out_of_order = 2, least_disorder = 0.1;

/* So much of the variance is noise where there is nothing else. */
static const double only_noise = 0.5;

enum { MOST_ROWS = 8, MOST_VIEWS = 360, SEARCH_VIEWS = 60, LEAST_VIEWS = 8, LEAST_COLUMNS = 32 };

/* Steps of a search by golden sections: 0.618^16 is below a thousandth. */
enum { SECTIONS = 16, FACTORS = 25 };

void kvox_ct_consistency_init_sized(kvox_ct_consistency *result, size_t struct_size) {
  kvox_options_clear(result, struct_size);
}

/* ---- Opposite rays ---- */

static double ratio_of(double given, double other, double unseen) {
  return hypot(given, unseen) / hypot(other, unseen);
}

static double unseen_misfit(const kvox_ct_findings *f) { return fmax(f->given.of_blending, least_misfit); }

static kvox_ct_tried *add_tried(kvox_ct_findings *f, kvox_ct_change change) {
  f->tried[f->count] = (kvox_ct_tried){.change = change};
  return &f->tried[f->count++];
}

/* Another arc may hold far fewer opposite rays. */
static double least_energy_of(const kvox_ct_findings *f, kvox_ct_change change) {
  return change.what == KVOX_CT_ANGLE_STEP ? KVOX_CT_LEAST_ENERGY
                                           : fmax(KVOX_CT_LEAST_ENERGY, like_energy * f->given.energy);
}

static void judge_pairs(const kvox_ct_findings *f, const kvox_ct_pairs *pairs, kvox_ct_tried *tried) {
  tried->judged = pairs->energy >= least_energy_of(f, tried->change);
  tried->misfit = pairs->misfit;
  tried->ratio = tried->judged ? ratio_of(f->given.misfit, pairs->misfit, unseen_misfit(f)) : 0;
}

static kvox_status try_pairs(kvox_ct_findings *f, const kvox_ct_sinogram *s, kvox_ct_change change) {
  kvox_ct_pairs pairs;
  KVOX_TRY(kvox_ct_pairs_compare(s, change, MOST_VIEWS, &pairs));
  judge_pairs(f, &pairs, add_tried(f, change));
  return KVOX_OK;
}

/* The misfit of what may be compared, more than any where it may not. */
static kvox_status cost_of(const kvox_ct_findings *f, const kvox_ct_sinogram *s, kvox_ct_change change,
                           int64_t most_views, double *cost) {
  kvox_ct_pairs pairs;
  KVOX_TRY(kvox_ct_pairs_compare(s, change, most_views, &pairs));
  *cost = pairs.energy >= least_energy_of(f, change) ? pairs.misfit : HUGE_VAL;
  return KVOX_OK;
}

/* Narrows a search down between two amounts, by golden sections. */
static kvox_status narrow(const kvox_ct_findings *f, const kvox_ct_sinogram *s, int32_t what, double low, double high,
                          double *amount) {
  const double golden = 0.6180339887498949;
  double x[2] = {high - golden * (high - low), low + golden * (high - low)}, cost[2];
  for (int i = 0; i < 2; i++) {
    KVOX_TRY(cost_of(f, s, (kvox_ct_change){what, x[i]}, MOST_VIEWS, &cost[i]));
  }
  for (int i = 0; i < SECTIONS; i++) {
    const int kept = cost[0] <= cost[1] ? 0 : 1;
    *(kept == 0 ? &high : &low) = x[1 - kept];
    x[1 - kept] = x[kept];
    cost[1 - kept] = cost[kept];
    x[kept] = kept == 0 ? high - golden * (high - low) : low + golden * (high - low);
    KVOX_TRY(cost_of(f, s, (kvox_ct_change){what, x[kept]}, MOST_VIEWS, &cost[kept]));
  }
  *amount = 0.5 * (low + high);
  return KVOX_OK;
}

/* The best of low + step i, made finer. */
static kvox_status search(kvox_ct_findings *f, const kvox_ct_sinogram *s, int32_t what, double low, double step,
                          int64_t count) {
  double best = HUGE_VAL, at = low, amount = 0;
  for (int64_t i = 0; i < count; i++) {
    const double x = low + step * (double)i;
    double cost;
    KVOX_TRY(cost_of(f, s, (kvox_ct_change){what, x}, SEARCH_VIEWS, &cost));
    if (cost < best) {
      best = cost;
      at = x;
    }
  }
  KVOX_TRY(narrow(f, s, what, at - step, at + step, &amount));
  return try_pairs(f, s, (kvox_ct_change){what, amount});
}

static kvox_status search_offset(kvox_ct_findings *f, const kvox_ct_sinogram *s) {
  const double step = (double)s->bin_columns;
  const int64_t each_way = s->bins / 4;
  return search(f, s, KVOX_CT_COLUMN_OFFSET, -step * (double)each_way, step, 2 * each_way + 1);
}

static const double step_factors[] = {0.5, 2};
enum { STEP_FACTORS = 2 };

static kvox_status try_all_pairs(kvox_ct_findings *f, const kvox_ct_sinogram *s) {
  const kvox_ct_geometry *g = f->geometry;
  if (g->beam != KVOX_CT_PARALLEL) {
    KVOX_TRY(try_pairs(f, s, (kvox_ct_change){KVOX_CT_DIRECTION, -1}));
    if (fabs(g->center_column_px - 0.5 * (double)(g->columns - 1)) > same_axis_px) {
      KVOX_TRY(try_pairs(f, s, (kvox_ct_change){KVOX_CT_COLUMNS_FLIPPED, 0}));
    }
    KVOX_TRY(search(f, s, KVOX_CT_SOURCE_DISTANCE, 0.5, 1.5 / (FACTORS - 1), FACTORS));
  }
  KVOX_TRY(search_offset(f, s));
  for (int i = 0; i < STEP_FACTORS; i++) {
    KVOX_TRY(try_pairs(f, s, (kvox_ct_change){KVOX_CT_ANGLE_STEP, step_factors[i]}));
  }
  return KVOX_OK;
}

/* ---- Moments ---- */

static kvox_status try_moments(kvox_ct_findings *f, const kvox_ct_sinogram *s) {
  KVOX_TRY(kvox_ct_moments_fit(s, 1, &f->moments));
  const kvox_ct_moments *as_given = &f->moments;
  if (!as_given->known) {
    return KVOX_OK;
  }
  kvox_ct_tried *shifted = add_tried(f, (kvox_ct_change){KVOX_CT_COLUMN_OFFSET, as_given->offset_px});
  shifted->by_moments = shifted->judged = true;
  shifted->misfit = as_given->distance_with_offset;
  shifted->ratio = ratio_of(as_given->distance, as_given->distance_with_offset, least_distance_px);
  for (int i = 0; i < STEP_FACTORS; i++) {
    kvox_ct_moments m;
    KVOX_TRY(kvox_ct_moments_fit(s, step_factors[i], &m));
    kvox_ct_tried *t = add_tried(f, (kvox_ct_change){KVOX_CT_ANGLE_STEP, step_factors[i]});
    t->by_moments = true;
    t->judged = m.known;
    t->misfit = hypot(m.distance, m.width);
    t->ratio = m.known ? ratio_of(hypot(as_given->distance, as_given->width), t->misfit, least_distance_px) : 0;
  }
  return KVOX_OK;
}

/* ---- The verdict ---- */

static bool is_searched(const kvox_ct_tried *t) {
  return t->change.what == KVOX_CT_COLUMN_OFFSET || t->change.what == KVOX_CT_SOURCE_DISTANCE;
}

static bool is_mistake(const kvox_ct_tried *t) {
  const double amount = t->change.amount;
  return t->judged && t->ratio >= clearly &&
         (t->change.what != KVOX_CT_COLUMN_OFFSET || fabs(amount) >= least_columns) &&
         (t->change.what != KVOX_CT_SOURCE_DISTANCE || fmax(amount, 1 / amount) >= least_factor);
}

static void find_best(kvox_ct_findings *f) {
  double best = 0;
  f->best = -1;
  for (int32_t i = 0; i < f->count && !f->out_of_order; i++) {
    const double worth = f->tried[i].ratio * (is_searched(&f->tried[i]) ? 1 : preferred);
    if (is_mistake(&f->tried[i]) && worth > best) {
      best = worth;
      f->best = i;
    }
  }
}

static bool fits_badly(const kvox_ct_findings *f) {
  const double noise = f->given.of_noise, unseen = unseen_misfit(f);
  const double beyond = f->given.misfit * f->given.misfit - noise * noise - unseen * unseen;
  return f->out_of_order || (f->given.energy >= KVOX_CT_LEAST_ENERGY && beyond > badly * badly) ||
         (f->moments.known && f->moments.distance_with_offset > badly_columns * (double)f->geometry->columns);
}

/* Whether the data depend on what matters most: the direction of a diverging beam, the angles of a parallel one. */
static bool is_told(const kvox_ct_findings *f) {
  const int32_t what = f->geometry->beam == KVOX_CT_PARALLEL ? KVOX_CT_ANGLE_STEP : KVOX_CT_DIRECTION;
  for (int32_t i = 0; i < f->count; i++) {
    if (f->tried[i].change.what == what && f->tried[i].judged && f->tried[i].ratio * clearly <= 1) {
      return true;
    }
  }
  return false;
}

static void conclude(kvox_ct_findings *f) {
  find_best(f);
  f->result = (kvox_ct_consistency){.struct_size = sizeof f->result,
                                    .compared = fmin(f->given.energy, 1),
                                    .misfit = f->given.misfit,
                                    .center_misfit_px = f->moments.known ? f->moments.distance : -1,
                                    .beyond = f->truncated ? f->edges : 0};
  if (f->best >= 0) {
    const kvox_ct_tried *best = &f->tried[f->best];
    f->result.verdict = KVOX_CT_DATA_FIT_ANOTHER;
    f->result.change = best->change.what;
    f->result.amount = best->change.amount;
    f->result.better = best->ratio;
    return;
  }
  f->result.verdict = fits_badly(f) ? KVOX_CT_DATA_FIT_NONE : is_told(f) ? KVOX_CT_DATA_FIT : KVOX_CT_DATA_CANNOT_TELL;
}

static kvox_status refuse(const kvox_ct_findings *f, kvox_heap *heap) {
  char number[KVOX_NUMBER_BYTES];
  if (f->result.verdict == KVOX_CT_DATA_FIT_NONE && f->out_of_order) {
    return kvox_fail(KVOX_ERROR_GEOMETRY,
                     "data check: views that were measured one after the other are alike, those "
                     "next to each other by angle are not; the angles are not those of the views");
  }
  if (f->result.verdict == KVOX_CT_DATA_FIT_NONE) {
    return kvox_fail(KVOX_ERROR_GEOMETRY,
                     "data check: the data fit the geometry badly (opposite rays differ by %s of what unrelated rays "
                     "do), and no single change that was tried fits better; are the angles those of the views?",
                     kvox_format_number(f->given.misfit, 3, number, sizeof number));
  }
  if (f->result.verdict != KVOX_CT_DATA_FIT_ANOTHER) {
    return KVOX_OK;
  }
  const kvox_ct_tried *best = &f->tried[f->best];
  kvox_text change;
  kvox_text_start(&change, heap);
  kvox_ct_change_say(&change, f->geometry, best->change);
  kvox_status status = change.status;
  if (status == KVOX_OK) {
    status = kvox_fail(KVOX_ERROR_GEOMETRY, "data check: %s fit %s times better if %s",
                       best->by_moments ? "the centers of mass of the projections" : "opposite rays",
                       kvox_format_number(best->ratio, 3, number, sizeof number), change.bytes);
  }
  kvox_text_release(&change);
  return status;
}

/* ---- Reading, and the call ---- */

static kvox_status check_object(const kvox_ct_sinogram *s) {
  if (s->noise_part > only_noise) {
    return kvox_fail(KVOX_ERROR_DATA, "data check: neighboring samples have nothing in common; is there only noise?");
  }
  return KVOX_OK;
}

/* The rows of a cone the other way: its plane of the source is then elsewhere. */
static kvox_status try_flipped_rows(kvox_ct_findings *f, kvox_context *context, const kvox_ct_rows *rows,
                                    const kvox_ct_sinogram *as_given) {
  const kvox_ct_geometry *g = f->geometry;
  const double flipped = (double)(g->rows - 1) - g->center_row_px;
  if (g->beam != KVOX_CT_CONE || fabs(flipped - g->center_row_px) < same_row_px) {
    return KVOX_OK;
  }
  kvox_ct_sinogram other;
  kvox_ct_pairs pairs;
  kvox_status status = kvox_ct_sinogram_read(g, context, rows, (kvox_ct_rows_used){1, flipped}, &other);
  if (status == KVOX_OK && other.variance > like_energy * as_given->variance) {
    status = kvox_ct_pairs_compare(&other, (kvox_ct_change){KVOX_CT_AS_GIVEN, 0}, MOST_VIEWS, &pairs);
    if (status == KVOX_OK) {
      judge_pairs(f, &pairs, add_tried(f, (kvox_ct_change){KVOX_CT_ROWS_FLIPPED, 0}));
    }
  }
  kvox_ct_sinogram_release(&other);
  return status;
}

static kvox_status find_out(kvox_ct_findings *f, kvox_context *context, const kvox_ct_rows *rows) {
  const kvox_ct_geometry *g = f->geometry;
  const bool cone = g->beam == KVOX_CT_CONE;
  f->rows_used = cone ? 1 : kvox_min_i64(g->rows, MOST_ROWS);
  f->middle_seen = !cone || (g->center_row_px >= -0.5 && g->center_row_px <= (double)g->rows - 0.5);
  const kvox_ct_rows_used used = {f->rows_used, cone ? g->center_row_px : 0.5 * (double)(g->rows - 1)};
  kvox_ct_sinogram s;
  kvox_status status = KVOX_OK;
  KVOX_TRY_CLEANUP(kvox_ct_sinogram_read(g, context, rows, used, &s));
  KVOX_TRY_CLEANUP(check_object(&s));
  f->edges = s.edges;
  f->truncated = s.edges > KVOX_CT_TRUNCATED_FROM;
  if (g->described != NULL) {
    goto cleanup; /* opposite rays and moments are those of a circle */
  }
  f->out_of_order = s.order_ratio > out_of_order && s.disorder > least_disorder;
  if (f->middle_seen) {
    KVOX_TRY_CLEANUP(kvox_ct_pairs_compare(&s, (kvox_ct_change){KVOX_CT_AS_GIVEN, 0}, MOST_VIEWS, &f->given));
  }
  if (f->given.energy >= KVOX_CT_LEAST_ENERGY) {
    KVOX_TRY_CLEANUP(try_all_pairs(f, &s));
    KVOX_TRY_CLEANUP(try_flipped_rows(f, context, rows, &s));
  }
  KVOX_TRY_CLEANUP(try_moments(f, &s));
cleanup:
  kvox_ct_sinogram_release(&s);
  return status;
}

static kvox_status tell(const kvox_ct_findings *f, kvox_heap *heap, char *text, size_t size, size_t *length) {
  kvox_text words;
  kvox_text_start(&words, heap);
  kvox_ct_findings_say(&words, f);
  const kvox_status status = words.status;
  const size_t whole = kvox_text_copy(status == KVOX_OK ? words.bytes : "", text, size);
  if (length != NULL) {
    *length = whole;
  }
  kvox_text_release(&words);
  return status;
}

kvox_status kvox_ct_data_check(kvox_context *context, const kvox_ct_geometry *geometry,
                               const kvox_ct_correction *correction, const kvox_array *projections, char *text,
                               size_t size, size_t *length, kvox_ct_consistency *result) {
  int64_t shape[3];
  KVOX_REQUIRE(context);
  KVOX_REQUIRE(geometry);
  if (text == NULL && size > 0) {
    return kvox_fail(KVOX_ERROR_ARGUMENT, "kvox_ct_data_check: text is NULL, size is not 0");
  }
  KVOX_TRY(kvox_ct_geometry_shape(geometry, shape));
  KVOX_TRY(kvox_array_check_shape(projections, "projections", KVOX_REAL_TYPES, 3, shape));
  KVOX_TRY(kvox_ct_correction_check(correction, shape[1], shape[2]));
  kvox_ct_findings f = {.geometry = geometry, .best = -1};
  const kvox_ct_rows rows = {.projections = projections, .correction = correction, .cpu_level = context->cpu_level};
  /* Columns of a detector on its side run along the axis. */
  const bool turned = geometry->described != NULL && kvox_ct_view_is_turned(&geometry->described[0]);
  if (!turned && shape[0] >= LEAST_VIEWS && shape[2] >= LEAST_COLUMNS) {
    KVOX_TRY(find_out(&f, context, &rows));
  }
  conclude(&f);
  KVOX_TRY(tell(&f, context->heap, text, size, length));
  if (result != NULL) {
    KVOX_TRY(kvox_options_store(&f.result, sizeof f.result, result, "kvox_ct_consistency"));
  }
  return refuse(&f, context->heap);
}
