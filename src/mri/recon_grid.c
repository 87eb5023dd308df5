/* Where voxels are: slices in the order of their positions, and the frame in LPS. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/fail.h"
#include "mri/recon.h"

/* Files keep directions as floats. */
static const double same_direction = 1e-4, unit_length = 1e-2;

static double dot(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static bool is_unit(const double *axis) { return fabs(sqrt(dot(axis, axis)) - 1) <= unit_length; }

/* Of axes that are no frame a grid could not be made. */
static bool is_frame(const double *const axes[3]) {
  for (int a = 0; a < 3; a++) {
    if (!is_unit(axes[a]) || !(fabs(dot(axes[a], axes[(a + 1) % 3])) <= unit_length)) {
      return false;
    }
  }
  return true;
}

void kvox_mri_recon_note_place(kvox_mri_recon *r, int64_t slice, const kvox_mri_readout *readout) {
  kvox_mri_recon_place *p = &r->places[slice];
  const double *axes[3] = {readout->read_axis, readout->phase_axis, readout->slice_axis};
  const double sum = readout->position_mm[0] + readout->position_mm[1] + readout->position_mm[2];
  if (p->known || !isfinite(sum) || !is_frame(axes)) {
    return;
  }
  p->known = true;
  memcpy(p->position_mm, readout->position_mm, sizeof p->position_mm);
  for (int a = 0; a < 3; a++) {
    const double length = sqrt(dot(axes[a], axes[a]));
    for (int d = 0; d < 3; d++) {
      p->axes[a][d] = axes[a][d] / length;
    }
  }
  kvox_mri_recon_sort_slices(r);
}

/* The first slice that is known; -1: none. */
static int64_t first_known(const kvox_mri_recon *r) {
  for (int64_t s = 0; s < r->layout.slices; s++) {
    if (r->places[s].known) {
      return s;
    }
  }
  return -1;
}

/* Slices that lie in different directions have no order of positions. */
static bool are_parallel(const kvox_mri_recon *r) {
  const int64_t first = first_known(r);
  for (int64_t s = 0; s < r->layout.slices && first >= 0; s++) {
    for (int a = 0; a < 3 && r->places[s].known; a++) {
      if (!(dot(r->places[s].axes[a], r->places[first].axes[a]) >= 1 - same_direction)) {
        return false;
      }
    }
  }
  return true;
}

/* Insertion keeps the order of numbers where positions are equal. Slices that did not come follow the others. */
void kvox_mri_recon_sort_slices(kvox_mri_recon *r) {
  const int64_t slices = r->layout.slices, first = first_known(r);
  const bool sorted = first >= 0 && are_parallel(r);
  for (int64_t s = 0; s < slices; s++) {
    int64_t at = s;
    const kvox_mri_recon_place *p = &r->places[s];
    while (sorted && p->known && at > 0) {
      const kvox_mri_recon_place *before = &r->places[r->order[at - 1]];
      const double *axis = r->places[first].axes[2];
      if (before->known && dot(before->position_mm, axis) <= dot(p->position_mm, axis)) {
        break;
      }
      r->order[at] = r->order[at - 1];
      at--;
    }
    r->order[at] = s;
  }
}

/* ---- The grid ---- */

/*
 * From slice to slice: the mean over those that are known, which need not be along the slice axis (a sheared stack).
 * One slice, or slices that all lie at one place: along the slice axis by its thickness. Returns the length, gives the
 * direction.
 */
static double slice_step(const kvox_mri_recon *r, double direction[3]) {
  int64_t low = -1, high = -1;
  for (int64_t i = 0; i < r->layout.slices; i++) {
    if (r->places[r->order[i]].known) {
      low = low < 0 ? i : low;
      high = i;
    }
  }
  double length = 0;
  for (int d = 0; d < 3 && high > low; d++) {
    direction[d] =
        (r->places[r->order[high]].position_mm[d] - r->places[r->order[low]].position_mm[d]) / (double)(high - low);
    length += direction[d] * direction[d];
  }
  length = sqrt(length);
  for (int d = 0; d < 3; d++) {
    direction[d] = length > 0 ? direction[d] / length : low >= 0 ? r->places[r->order[low]].axes[2][d] : (d == 2);
  }
  return length > 0 ? length : r->layout.spacing_mm[2];
}

/* The middle of a slice, or of a slab, lies at voxel size / 2; a shift moves what is seen there. */
static void origin_of(const kvox_mri_recon *r, const kvox_grid *grid, const double *middle_mm, int64_t partition,
                      double spacing_z, double *origin) {
  const kvox_mri_recon_layout *l = &r->layout;
  const double index[3] = {r->options.shift_px[0] - (double)(l->image[0] / 2),
                           r->options.shift_px[1] - (double)(l->image[1] / 2),
                           (l->encoded[2] > 1 ? r->options.shift_px[2] : 0) + (double)(partition - l->image[2] / 2)};
  const double spacing[3] = {grid->spacing_mm[0], grid->spacing_mm[1], spacing_z};
  for (int d = 0; d < 3; d++) {
    origin[d] = middle_mm[d];
    for (int a = 0; a < 3; a++) {
      origin[d] += grid->axes[a][d] * spacing[a] * index[a];
    }
  }
}

/* The middle of slice `place` of the order; of one that is not known so many steps from one that is. */
static void middle_of(const kvox_mri_recon *r, int64_t place, double step, const double direction[3], double *middle) {
  const kvox_mri_recon_place *p = &r->places[r->order[place]];
  const int64_t known = first_known(r);
  int64_t steps = 0;
  if (!p->known) {
    int64_t at = 0;
    while (known >= 0 && r->order[at] != known) {
      at++;
    }
    steps = place - (known >= 0 ? at : r->layout.slices / 2);
    p = known >= 0 ? &r->places[known] : p;
  }
  for (int d = 0; d < 3; d++) {
    middle[d] = p->position_mm[d] + direction[d] * step * (double)steps;
  }
}

kvox_status kvox_mri_recon_grid(const kvox_mri_recon *recon, kvox_grid *grid, double *origins_mm) {
  KVOX_REQUIRE(recon);
  KVOX_REQUIRE(grid);
  const kvox_mri_recon_layout *l = &recon->layout;
  if (!are_parallel(recon)) {
    return kvox_fail(KVOX_ERROR_GEOMETRY,
                     "kvox_mri_recon_grid: its slices are not parallel: no one frame holds them all");
  }
  kvox_grid made = {.size = {l->image[0], l->image[1], l->slices * l->image[2]}};
  const int64_t first = first_known(recon);
  for (int a = 0; a < 3; a++) {
    made.axes[a][a] = 1;
    if (first >= 0) {
      memcpy(made.axes[a], recon->places[first].axes[a], sizeof made.axes[a]);
    }
  }
  double direction[3];
  const double step = slice_step(recon, direction);
  memcpy(made.spacing_mm, l->spacing_mm, sizeof made.spacing_mm);
  if (l->encoded[2] == 1) {
    made.spacing_mm[2] = step;
    memcpy(made.axes[2], direction, sizeof direction);
  }
  for (int64_t z = 0; z < made.size[2]; z++) {
    double middle[3], origin[3];
    middle_of(recon, z / l->image[2], step, direction, middle);
    origin_of(recon, &made, middle, z % l->image[2], made.spacing_mm[2], origin);
    memcpy(z == 0 ? made.origin_mm : origin, origin, sizeof origin);
    if (origins_mm != NULL) {
      memcpy(origins_mm + 3 * z, origin, sizeof origin);
    }
  }
  *grid = made;
  return KVOX_OK;
}
