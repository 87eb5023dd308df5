/*
 * Filtered back-projection of fan and cone on the CPU (Feldkamp, Davis, Kress 1984). Rows of a few views are corrected,
 * weighted, filtered and turned over into blocks [view][column][row], from which tiles of the grid take. Along z the
 * grid is cut into slabs, which see only some rows, where a block would else hold few views. No cut changes a bit.
 */
#ifndef KVOX_CT_FDK_H
#define KVOX_CT_FDK_H

#include "context/workspace.h"
#include "ct/cone.h"
#include "ct/filter.h"
#include "ct/oblique.h"
#include "ct/orbit.h"
#include "ct/redundancy.h"
#include "ct/rows.h"
#include "ct/stream_cut.h"
#include "ct/thin.h"

/* What of a plan this way needs; held by it. */
typedef struct kvox_ct_fdk_request {
  kvox_context *context;
  const kvox_ct_geometry *geometry;
  const kvox_ct_correction *correction;
  const kvox_ct_filter_options *filter;
  const kvox_grid *grid;
  const int64_t *begin, *size; /* the region */
  uint64_t memory_limit;
  int64_t stream_window; /* 0: the projections are there whole */
  float scale, offset;
  const char *name; /* opens sentences */
} kvox_ct_fdk_request;

typedef struct kvox_ct_fdk {
  kvox_context *context;
  const kvox_ct_geometry *geometry;
  const kvox_ct_correction *correction;
  const kvox_cone_kernels *kernels;
  kvox_ct_filter *filter;
  kvox_ct_redundancy redundancy;
  kvox_cone_view *views;   /* without samples */
  kvox_oblique_view *seen; /* instead, where each view was given by itself; NULL: they follow from their angles */
  kvox_ct_orbit_radius radius;
  kvox_ct_geometry *turned; /* such a detector that stands on its side, laid down; NULL: none */
  double *fan_rad;          /* the fan angle of each column of the detector */
  int64_t columns; /* stored: the detector's, and as many zeros beside them as make both sides of the axis alike */
  int64_t before;  /* of those zeros, before the first column */
  int64_t begin[3], size[3];
  float scale, offset;
  double least_depth, most_depth; /* of the region's voxels */
  double slope;                   /* the most rows between voxels */
  bool thin;                      /* few slices: stage "thin", all at once; else stage "cone" */
  int64_t thin_rows;              /* stored of each view then */
  int64_t slab;                   /* blocks of KVOX_CONE_BLOCK voxels that are reconstructed at once */
  int64_t chunk;                  /* blocks of a slab that a tile takes */
  int64_t step;                   /* floats of a stored column; of a row where the region is thin */
  int64_t block;                  /* views at once; even */
  int64_t row_step;               /* floats of a row of scratch */
  int32_t workers;
  uint64_t block_bytes, worker_bytes;
  kvox_ct_stream_cut stream; /* zeros: none */
} kvox_ct_fdk;

/* Pixels of a tile's side. */
enum { KVOX_FDK_TILE = 32 };

/* The views' samples of one slab and the slab itself, as an execution takes them. */
typedef struct kvox_ct_fdk_part {
  int64_t first_block, blocks; /* along z, counted in the grid */
  int64_t row, rows;           /* of the detector, that the slab sees; one more on either side of a fan's */
  int64_t view, views;
  float *samples;
  int64_t place, places; /* of a ring: where the first view lies, and how many views it holds; zeros: no ring */
} kvox_ct_fdk_part;

/* Where views meet the grid, and the weights of rays, alone: what a device needs of it. */
kvox_status kvox_ct_fdk_scan(const kvox_ct_fdk_request *request, kvox_ct_fdk **fdk);

/* And all else, to be executed on the CPU. */
kvox_status kvox_ct_fdk_make(const kvox_ct_fdk_request *request, kvox_ct_fdk **fdk);
void kvox_ct_fdk_drop(kvox_ct_fdk *fdk); /* takes NULL */
uint64_t kvox_ct_fdk_bytes(const kvox_ct_fdk *fdk);
uint64_t kvox_ct_fdk_workspace(const kvox_ct_fdk *fdk);
kvox_status kvox_ct_fdk_execute(const kvox_ct_fdk *fdk, kvox_workspace *workspace, const kvox_array *projections,
                                const kvox_array *volume);

/* ---- Inside: its stages ---- */

/* How many slabs there are, and each of them in turn, its views and samples the caller's to set. */
int64_t kvox_ct_fdk_slabs(const kvox_ct_fdk *fdk);
kvox_ct_fdk_part kvox_ct_fdk_slab(const kvox_ct_fdk *fdk, int64_t index);

/* Rows that slices `slice` ... of the grid see. */
void kvox_ct_fdk_rows(const kvox_ct_fdk *fdk, int64_t slice, int64_t slices, int64_t *row, int64_t *rows);

/* The row of the detector whose samples a stored row takes. */
int64_t kvox_ct_fdk_detector_row(const kvox_ct_fdk *fdk, int64_t row);

/* Of the columns, at the axis. */
double kvox_ct_fdk_pitch_mm(const kvox_ct_fdk *fdk);

/* The redundancy weights of a view's rays, one for each column of the detector. */
void kvox_ct_fdk_rays(const kvox_ct_fdk *fdk, int64_t view, float *rays);

/* ---- Views given by themselves ---- */

/* A detector on its side is laid down first of all: fdk->geometry is turned then. */
kvox_status kvox_ct_fdk_turn(kvox_ct_fdk *fdk, const char *name);
void kvox_ct_fdk_extend_views(kvox_ct_fdk *fdk);
kvox_status kvox_ct_fdk_meet_views(kvox_ct_fdk *fdk, const kvox_ct_fdk_request *request);
void kvox_ct_fdk_view_rows(const kvox_ct_fdk *fdk, int64_t slice, int64_t slices, int64_t *row, int64_t *rows);

/* The weights of one view's rays before they are filtered, row by row: cosine, redundancy, and the view's own pitch and
 * distances. */
typedef struct kvox_ct_fdk_weigher {
  const kvox_ct_fdk *fdk;
  const kvox_ct_view *view;
  int64_t index;
  double scale;
  double corner[3]; /* from the source to pixel (0, 0) */
  double across[2]; /* times a ray: what a step in angle moves the source across it, over the source's distance */
  int64_t node;     /* the row whose redundancy `low` is */
  float *low, *high;
} kvox_ct_fdk_weigher;

/* `scratch`: 2 fdk->row_step floats. */
void kvox_ct_fdk_weigher_begin(const kvox_ct_fdk *fdk, int64_t view, float *scratch, kvox_ct_fdk_weigher *weigher);
void kvox_ct_fdk_weigh_row(kvox_ct_fdk_weigher *weigher, int64_t row, float *weights);

/* Rows between which redundancy is linear: a detector tilted by two degrees moves the axis by a third of a column
 * there. */
enum { KVOX_FDK_NODE = 8 };

/* Redundancy along one of them, which may lie behind the detector's last row. */
void kvox_ct_fdk_weigh_node(const kvox_ct_fdk_weigher *weigher, int64_t row, float *rays);

/* Of a filtered view: zeros before all, and a column of them on either side. */
static inline int64_t kvox_ct_fdk_view_floats(const kvox_ct_fdk *fdk) {
  return fdk->thin ? KVOX_THIN_BEFORE + fdk->thin_rows * fdk->step + KVOX_THIN_BEHIND
                   : KVOX_CONE_GAP + (fdk->columns + 2) * fdk->step;
}

/* Column 0, first row of the view at `index` of the part. */
static inline float *kvox_ct_fdk_samples(const kvox_ct_fdk *fdk, const kvox_ct_fdk_part *part, int64_t index) {
  const int64_t place = kvox_ct_ring_place(part->place, index, part->places);
  const int64_t before = fdk->thin ? KVOX_THIN_BEFORE : KVOX_CONE_GAP;
  return part->samples + place * kvox_ct_fdk_view_floats(fdk) + before + fdk->step;
}

static inline void *kvox_ct_fdk_scratch(const kvox_ct_fdk *fdk, void *workspace_block, int32_t worker) {
  return (char *)workspace_block + fdk->block_bytes + (uint64_t)worker * fdk->worker_bytes;
}

/* Of one worker. */
uint64_t kvox_ct_fdk_filter_scratch(const kvox_ct_fdk *fdk);
uint64_t kvox_ct_fdk_tile_scratch(const kvox_ct_fdk *fdk);

kvox_status kvox_ct_fdk_filter(const kvox_ct_fdk *fdk, const kvox_ct_fdk_part *part, kvox_workspace *workspace,
                               const kvox_ct_rows *rows);

/* Of a thin region: one slab. */
uint64_t kvox_ct_fdk_thin_scratch(const kvox_ct_fdk *fdk);
kvox_status kvox_ct_fdk_backproject_thin(const kvox_ct_fdk *fdk, const kvox_ct_fdk_part *part,
                                         kvox_workspace *workspace, const kvox_array *volume);

/* Adds the part's views to its slab of `volume`; the last views multiply by the scale and add the offset. */
kvox_status kvox_ct_fdk_backproject(const kvox_ct_fdk *fdk, const kvox_ct_fdk_part *part, kvox_workspace *workspace,
                                    const kvox_array *volume);

#endif
