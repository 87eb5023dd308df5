/*
 * Lines in whole-number arithmetic, in units of 2^-32 columns: where the tiles of the grid meet a view, the same on
 * every CPU and every device. kernels/backproject.cl does the same.
 */
#ifndef KVOX_CT_FIXED_H
#define KVOX_CT_FIXED_H

#include <stdbool.h>

#include "ct/backproject.h"
#include "ct/geometry.h"

#define KVOX_FIXED_BITS 32

/* Columns that a line may be away from column 0: sums and differences of a few such places fit 64 bits. */
#define KVOX_FIXED_COLUMNS ((int64_t)1 << 28)

/* s = a x + b y + c. */
typedef struct kvox_fixed_line {
  int64_t a, b, c;
} kvox_fixed_line;

/* s at a tile's pixels counts from `column`, the whole one below its least: base + a x + b y, base >= 0. */
typedef struct kvox_fixed_place {
  int64_t column;
  int64_t lowest, highest; /* of s on the tile's pixels */
  float base;
} kvox_fixed_place;

/* False where the line leaves KVOX_FIXED_COLUMNS on the tiles from pixel (0, 0) to before `end`. One that is farther
 * away than that everywhere becomes one that meets nothing. */
bool kvox_fixed_line_make(const kvox_ct_line *line, const int64_t end[2], kvox_fixed_line *fixed);

/* KVOX_ERROR_GEOMETRY, for the view whose line does; `name` opens the sentence. */
kvox_status kvox_fixed_line_fail(const char *name, int64_t view);

/* `corner`: the tile's pixel (0, 0). */
kvox_fixed_place kvox_fixed_line_place(const kvox_fixed_line *line, const int64_t corner[2]);

/* False where none of the tile's pixels takes anything from the view's columns, in float arithmetic too. */
bool kvox_fixed_place_meets(const kvox_fixed_place *place, int64_t columns);

#endif
