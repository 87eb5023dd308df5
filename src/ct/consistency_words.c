#include <inttypes.h>
#include <math.h>

#include "core/number.h"
#include "core/text.h"
#include "ct/consistency.h"

/* Three digits are what such numbers are worth. */
static const char *rounded(double value, char text[KVOX_NUMBER_BYTES]) {
  return kvox_format_number(value, 3, text, KVOX_NUMBER_BYTES);
}

static void say_offset(kvox_text *text, const kvox_ct_geometry *g, double columns) {
  char number[KVOX_NUMBER_BYTES], at[KVOX_NUMBER_BYTES];
  const double offset = g->center_column_px - 0.5 * (double)(g->columns - 1);
  kvox_text_add(text, "the axis projected %s columns more to the %s, to column %s", rounded(fabs(columns), number),
                columns < 0 ? "left" : "right", kvox_number(g->center_column_px + columns, at));
  if (fabs(offset) >= 1 && fabs(columns + 2 * offset) < 0.5 + 0.05 * fabs(offset)) {
    kvox_text_add(text, " (column_offset_px with the other sign, or the columns flipped)");
  }
}

void kvox_ct_change_say(kvox_text *text, const kvox_ct_geometry *g, kvox_ct_change change) {
  char number[KVOX_NUMBER_BYTES], other[KVOX_NUMBER_BYTES];
  const bool centered = fabs(g->center_column_px - 0.5 * (double)(g->columns - 1)) <= 0.25;
  switch (change.what) {
    case KVOX_CT_DIRECTION:
      kvox_text_add(text, "the angles ran in the other direction (negative steps)%s",
                    centered ? " or the columns were flipped, which the data cannot tell apart" : "");
      return;
    case KVOX_CT_COLUMNS_FLIPPED: kvox_text_add(text, "the columns were flipped"); return;
    case KVOX_CT_ROWS_FLIPPED: kvox_text_add(text, "the rows were flipped"); return;
    case KVOX_CT_COLUMN_OFFSET: say_offset(text, g, change.amount); return;
    case KVOX_CT_SOURCE_DISTANCE:
      kvox_text_add(text, "source_to_detector_mm were %s (or column_pitch_mm %s)",
                    rounded(change.amount * g->source_to_detector_mm, number),
                    rounded(g->column_pitch_mm / change.amount, other));
      return;
    case KVOX_CT_ANGLE_STEP:
      kvox_text_add(text, "the steps between the views were %s times as wide", rounded(change.amount, number));
      return;
    default: kvox_text_add(text, "all were as given"); return;
  }
}

/* A search that ends where it began, within a hundredth. */
static bool is_as_given(const kvox_ct_findings *f, kvox_ct_change change) {
  return (change.what == KVOX_CT_COLUMN_OFFSET && fabs(change.amount) < 0.01 * (double)f->geometry->columns) ||
         (change.what == KVOX_CT_SOURCE_DISTANCE && fabs(change.amount - 1) < 0.01);
}

static void say_tried(kvox_text *text, const kvox_ct_findings *f, const kvox_ct_tried *t) {
  char number[KVOX_NUMBER_BYTES];
  if (!t->judged) {
    return;
  }
  kvox_text_add(text, "If ");
  kvox_ct_change_say(text, f->geometry, t->change);
  const char *by = t->by_moments ? "the moments" : "opposite rays";
  if (t->ratio > 1.05) {
    kvox_text_add(text, ", %s would fit %s times better.\n", by, rounded(t->ratio, number));
  } else if (t->ratio < 0.95) {
    kvox_text_add(text, ", %s would fit %s times worse.\n", by, rounded(1 / t->ratio, number));
  } else if (is_as_given(f, t->change)) {
    kvox_text_add(text, ", %s would fit no better.\n", by);
  } else {
    kvox_text_add(text, ", %s would fit as well: it cannot be told.\n", by);
  }
}

static void say_pairs(kvox_text *text, const kvox_ct_findings *f) {
  char part[KVOX_NUMBER_BYTES], misfit[KVOX_NUMBER_BYTES];
  if (!f->middle_seen) {
    kvox_text_add(text, "The plane of the source projects beside the rows: opposite rays cannot be compared.\n");
    return;
  }
  if (f->given.energy < KVOX_CT_LEAST_ENERGY) {
    kvox_text_add(text, "The views hold too few opposite rays to compare: %s %% of the data.\n",
                  rounded(100 * f->given.energy, part));
    return;
  }
  kvox_text_add(text,
                "Opposite rays were compared in %s %% of the data: they differ by %s of what unrelated rays do.\n",
                rounded(100 * fmin(f->given.energy, 1), part), rounded(f->given.misfit, misfit));
}

static void say_moments(kvox_text *text, const kvox_ct_findings *f) {
  char number[KVOX_NUMBER_BYTES];
  if (f->geometry->beam != KVOX_CT_PARALLEL) {
    return;
  }
  if (f->moments.known) {
    kvox_text_add(text, "The centers of mass keep within %s columns of the sinusoid that they must follow.\n",
                  rounded(f->moments.distance, number));
  } else if (!f->truncated) {
    kvox_text_add(text, "The sum of a view changes by %s %%, or the arc is too short: centers of mass tell nothing.\n",
                  rounded(100 * f->moments.mass_part, number));
  }
}

static void say_edges(kvox_text *text, const kvox_ct_findings *f) {
  char number[KVOX_NUMBER_BYTES];
  if (f->truncated) {
    kvox_text_add(text,
                  "The object reaches beyond the detector, whose edges have %s of the data's root mean square: "
                  "reconstructed values are wrong, most of all near the edge of what every view sees.\n",
                  rounded(f->edges, number));
  }
}

static void say_verdict(kvox_text *text, const kvox_ct_findings *f) {
  static const char *const verdicts[] = {
      "The data fit the geometry.\n",
      "The data fit another geometry clearly better.\n",
      "The data fit the geometry badly, and nothing that was tried fits clearly better.\n",
      "Whether the geometry is right cannot be judged from these data.\n",
  };
  kvox_text_add(text, "%s", verdicts[f->result.verdict]);
}

void kvox_ct_findings_say(kvox_text *text, const kvox_ct_findings *f) {
  say_verdict(text, f);
  say_edges(text, f);
  if (f->geometry->described != NULL) {
    kvox_text_add(text, "The views were given one by one; only views on a circle are compared.\n");
    return;
  }
  if (f->rows_used == 0) {
    kvox_text_add(text, "There are too few views or columns.\n");
    return;
  }
  if (f->out_of_order) {
    kvox_text_add(text, "Views next to each other by angle are less alike than those measured one after the other.\n");
  }
  say_pairs(text, f);
  say_moments(text, f);
  for (int32_t i = 0; i < f->count; i++) {
    say_tried(text, f, &f->tried[i]);
  }
  kvox_text_add(text,
                f->geometry->beam == KVOX_CT_PARALLEL
                    ? "Of a parallel beam a mirrored picture fits as well: the direction of the angles and flipped "
                      "columns or rows cannot be told.\n"
                    : "A mirrored picture fits as well: angles in the other direction together with flipped "
                      "columns, a start angle and source_to_axis_mm cannot be told.\n");
}
