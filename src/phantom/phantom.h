/* A phantom is a list of shapes whose values add. */
#ifndef KVOX_PHANTOM_PHANTOM_H
#define KVOX_PHANTOM_PHANTOM_H

#include <stdbool.h>

#include "context/context.h"
#include "kvox/phantom.h"
#include "phantom/shape.h"

struct kvox_phantom {
  kvox_context *context;
  double scale_mm; /* one unit of the definition */
  double density;  /* multiplies every shape's */
  kvox_shape *shapes;
  kvox_plane *planes;
  kvox_bound *bounds;
  int32_t shape_count, shape_room;
  int32_t plane_count, plane_room;
  int32_t bound_count, bound_room;
};

static inline kvox_cuts kvox_phantom_cuts(const kvox_phantom *phantom) {
  return (kvox_cuts){phantom->planes, phantom->bounds};
}

/* An empty phantom for the builders below. */
kvox_status kvox_phantom_start(kvox_context *context, double scale_mm, double density, kvox_phantom **phantom);

/* Adds a shape, in units of the definition: rows of `axes` are its unit principal axes, a semi-axis may be INFINITY. */
kvox_status kvox_phantom_add(kvox_phantom *phantom, double density, const double center[3], const double axes[3][3],
                             const double semi_axes[3]);

/* The same turned about z alone: the first semi-axis lies `turn_deg` counter-clockwise of +x (+y is up in the
 * definition). */
kvox_status kvox_phantom_add_turned(kvox_phantom *phantom, double density, const double center[3],
                                    const double semi_axes[3], double turn_deg);

/* Cuts the last shape: what stays has normal . (x - center) < offset. */
kvox_status kvox_phantom_cut(kvox_phantom *phantom, const double normal[3], double offset);

/* Cuts the last shape by another quadric, given as a shape is; what stays of the shape must lie in both. */
kvox_status kvox_phantom_bound(kvox_phantom *phantom, const double center[3], const double axes[3][3],
                               const double semi_axes[3]);

/* Cuts the last shape by a cone about an axis (of length 1, away from the apex), its radius `slope` times the distance
 * from the apex. */
kvox_status kvox_phantom_bound_cone(kvox_phantom *phantom, const double apex[3], const double axis[3], double slope);

/* Nothing changes along z: every ray and voxel of one (x, y) is like those above and below it. */
bool kvox_phantom_endless_in_z(const kvox_phantom *phantom);

/*
 * Line integrals of `count` parallel lines, the first through first_mm, each step_mm beside the one before; infinite
 * where a line never leaves a shape. The same as kvox_phantom_line_integral but for rounding.
 */
void kvox_phantom_line_row(const kvox_phantom *phantom, const double first_mm[3], const double step_mm[3],
                           const double direction[3], int64_t count, double *integrals);

/* The same of `count` rays that begin at source_mm, the first one through first_mm, each step_mm beside the one before:
 * what lies behind the source is not met. */
void kvox_phantom_ray_row(const kvox_phantom *phantom, const double source_mm[3], const double first_mm[3],
                          const double step_mm[3], int64_t count, double *integrals);

/* ---- The definitions ---- */

typedef struct kvox_phantom_entry {
  const char *name;
  const char *description;
  double extent; /* what radius_mm stands for, in units of the definition */
  kvox_status (*build)(kvox_phantom *phantom);
  bool face_up; /* published with the face towards +y, which in the world is posterior: to be mirrored in y */
} kvox_phantom_entry;

/* NULL beyond the last. */
const kvox_phantom_entry *kvox_phantom_entry_at(int32_t index);

kvox_status kvox_phantom_build_forbild_head(kvox_phantom *phantom);
kvox_status kvox_phantom_build_forbild_head_plain(kvox_phantom *phantom);
kvox_status kvox_phantom_build_forbild_head_3d(kvox_phantom *phantom);
kvox_status kvox_phantom_build_forbild_head_3d_plain(kvox_phantom *phantom);

#endif
