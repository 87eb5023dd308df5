/*
 * The FORBILD head phantom in space (Lauritsch and Bruder, FORBILD project, Institute of Medical Physics, Erlangen
 * 1998-99), centimetres, densities relative to water: air 0, fluid 1.045, brain 1.05, blood 1.055, eyes 1.06, bone 1.8.
 * Its central section is forbild.c's but for three roundings of that paper: bars and septum have straight ends there,
 * the bone at +x is as long as that at -x, and the protuberance is a clipped ellipse instead of two cones.
 *
 * There an object replaces what lies under it; here densities add. An object within one material adds the difference.
 * Where two objects of one material overlap, their common part is taken off once; where one reaches into another that
 * is denser already, it is bounded by the brain.
 */
#include <math.h>

#include "core/fail.h"
#include "phantom/phantom.h"

static const double bone = 1.8;
static const double in_brain = 0.75; /* bone - brain */

static const double upright[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
static const double origin[3] = {0, 0, 0}, brain_axes[3] = {9.0, 11.4, 11.9};

/* cos and sin of 15 degrees; cos 30. */
static const double c15 = 0.96592582628906829, s15 = 0.25881904510252076, c30 = 0.86602540378443865;

static kvox_status add_ellipsoid(kvox_phantom *phantom, double density, double x, double y, double z, double a,
                                 double b, double c) {
  const double center[3] = {x, y, z}, semi_axes[3] = {a, b, c};
  return kvox_phantom_add(phantom, density, center, upright, semi_axes);
}

/* What lies in one material: skull, brain, and what the brain holds. */
static kvox_status add_soft(kvox_phantom *phantom) {
  static const double objects[][7] = {
      {1.8, 0, 0, 0, 9.6, 12, 12.5},         {-0.75, 0, 0, 0, 9.0, 11.4, 11.9}, /* skull, its inside */
      {-0.005, 0, -3.6, 0, 1.8, 3.6, 3.6},                                      /* ventricle */
      {-1.05, 0, 8.4, 0, 1.8, 3, 3},                                            /* frontal sinus */
      {0.010, -4.7, 4.3, 0.872, 2, 2, 2},    {0.010, 4.7, 4.3, 0.872, 2, 2, 2}, /* eyes */
      {0.0025, -1.08, -9, 0, 0.4, 0.4, 0.4}, {-0.0025, 1.08, -9, 0, 0.4, 0.4, 0.4}};
  for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
    const double *o = objects[i];
    KVOX_TRY(add_ellipsoid(phantom, o[0], o[1], o[2], o[3], o[4], o[5], o[6]));
  }
  const double center[3] = {6.393945, -6.393945, 0}, semi_axes[3] = {1.2, 0.42, 1.2};
  return kvox_phantom_add_turned(phantom, 0.005, center, semi_axes, 58.1); /* haematoma */
}

/* ---- Bones about the eyes ---- */

typedef struct bar {
  double center[3], axes[3][3], semi_axes[3], half_length;
} bar;

/* An elliptic cylinder along its third axis. */
static kvox_status add_bar(kvox_phantom *phantom, double density, const bar *b) {
  KVOX_TRY(kvox_phantom_add(phantom, density, b->center, b->axes, b->semi_axes));
  const double back[3] = {-b->axes[2][0], -b->axes[2][1], -b->axes[2][2]};
  KVOX_TRY(kvox_phantom_cut(phantom, b->axes[2], b->half_length));
  return kvox_phantom_cut(phantom, back, b->half_length);
}

/* Cuts the last shape, about `center`, by a bar. */
static kvox_status cut_by_bar(kvox_phantom *phantom, const double center[3], const bar *b) {
  double along = 0;
  for (int c = 0; c < 3; c++) {
    along += b->axes[2][c] * (b->center[c] - center[c]);
  }
  const double back[3] = {-b->axes[2][0], -b->axes[2][1], -b->axes[2][2]};
  KVOX_TRY(kvox_phantom_bound(phantom, b->center, b->axes, b->semi_axes));
  KVOX_TRY(kvox_phantom_cut(phantom, b->axes[2], b->half_length + along));
  return kvox_phantom_cut(phantom, back, b->half_length - along);
}

static kvox_status add_bones(kvox_phantom *phantom) {
  const double endless = (double)INFINITY;
  const bar between = {{0, 3.6, 0}, {{1, 0, 0}, {0, 0.5, c30}, {0, -c30, 0.5}}, {1.2, 4, endless}, 0.25 * c15};
  const bar septum = {{0, 9.6, 0}, {{0, c30, 0.5}, {0, -0.5, c30}, {1, 0, 0}}, {0.525561, 2, endless}, 0.2};
  KVOX_TRY(add_bar(phantom, in_brain, &between));
  KVOX_TRY(add_bar(phantom, bone, &septum)); /* within the sinus */
  for (int side = -1; side <= 1; side += 2) {
    /* An ellipsoid that leans inward towards +z, and a plate behind the eye. */
    const double lean[3] = {1.9 * side, 5.4, 0};
    const double x[3] = {0.5 * c15 * side, c30, 0.5 * s15}, z[3] = {-s15 * side, 0, c15};
    const double axes[3][3] = {{x[0], x[1], x[2]},
                               {z[1] * x[2] - z[2] * x[1], z[2] * x[0] - z[0] * x[2], z[0] * x[1] - z[1] * x[0]},
                               {z[0], z[1], z[2]}};
    const double semi_axes[3] = {side < 0 ? 1.165373088678714 : 1.2 * c15, side < 0 ? 0.4059554425694645 : 0.42 * c15,
                                 3};
    const bar plate = {
        {4.3 * side, 6.8, -1}, {{c30 * side, 0.5, 0}, {-0.5 * side, c30, 0}, {0, 0, 1}}, {1.8, 0.24, endless}, 2};
    KVOX_TRY(kvox_phantom_add(phantom, in_brain, lean, axes, semi_axes));
    KVOX_TRY(add_bar(phantom, in_brain, &plate));
    /* It overlaps with the bar between the eyes and with the plate. */
    KVOX_TRY(kvox_phantom_add(phantom, -in_brain, lean, axes, semi_axes));
    KVOX_TRY(cut_by_bar(phantom, lean, &between));
    KVOX_TRY(kvox_phantom_add(phantom, -in_brain, lean, axes, semi_axes));
    KVOX_TRY(cut_by_bar(phantom, lean, &plate));
  }
  return KVOX_OK;
}

/* ---- The protuberance at the back of the skull: two cones along y, beside each other in z ---- */

/* The cones' middle and half length, and how the radius falls from 0.5 to 0.2. */
static const double cone_y = -11.15, cone_half = 0.75, cone_slope = 0.2, cone_apex_y = -9.4;

/* A ball of 0.9 about (0, -11.25, z) holds a cone's stump; it is what the cone and the brain cut. */
static kvox_status add_stump(kvox_phantom *phantom, double density, double z) {
  static const double front[3] = {0, 1, 0}, back[3] = {0, -1, 0};
  const double ball_y = -11.25;
  KVOX_TRY(add_ellipsoid(phantom, density, 0, ball_y, z, 0.9, 0.9, 0.9));
  KVOX_TRY(kvox_phantom_cut(phantom, front, cone_y + cone_half - ball_y));
  KVOX_TRY(kvox_phantom_cut(phantom, back, ball_y - cone_y + cone_half));
  return kvox_phantom_bound(phantom, origin, upright, brain_axes);
}

static kvox_status add_protuberance(kvox_phantom *phantom) {
  static const double back[3] = {0, -1, 0}, apices[2][3] = {{0, cone_apex_y, -0.2}, {0, cone_apex_y, 0.2}};
  for (int i = 0; i < 2; i++) {
    KVOX_TRY(add_stump(phantom, in_brain, apices[i][2]));
    KVOX_TRY(kvox_phantom_bound_cone(phantom, apices[i], back, cone_slope));
  }
  KVOX_TRY(add_stump(phantom, -in_brain, 0)); /* what both have */
  KVOX_TRY(kvox_phantom_bound_cone(phantom, apices[0], back, cone_slope));
  return kvox_phantom_bound_cone(phantom, apices[1], back, cone_slope);
}

/* ---- The ears ---- */

/* Right: petrous bone with 317 air cells of a radius of 0.15 in 7 layers of rows, 0.4 apart in each. */
static kvox_status add_right_ear(kvox_phantom *phantom) {
  static const int32_t cells[4][4] = {{9, 8, 8, 6}, {8, 8, 7, 6}, {8, 7, 7, 5}, {6, 6, 5, 4}};
  KVOX_TRY(add_ellipsoid(phantom, in_brain, 9.1, 0, 0, 4.2, 1.8, 1.8));
  KVOX_TRY(kvox_phantom_bound(phantom, origin, upright, brain_axes));
  for (int32_t layer = -3; layer <= 3; layer++) {
    for (int32_t row = -3; row <= 3; row++) {
      const int32_t l = layer < 0 ? -layer : layer, r = row < 0 ? -row : row;
      for (int32_t i = 0; i < cells[l][r]; i++) {
        KVOX_TRY(add_ellipsoid(phantom, -bone, 8.8 - 0.4 * i - 0.2 * ((l + r) % 2), 0.2 * sqrt(3) * row,
                               0.2 * sqrt(3) * layer, 0.15, 0.15, 0.15));
      }
    }
  }
  return KVOX_OK;
}

/* Left: a resolution pattern, 16 groups of nine ellipsoids of bone: five side by side in y, four more above the first;
 * gaps as wide as they are. Columns get finer in the plane, groups along a column finer in z. */
static kvox_status add_left_ear(kvox_phantom *phantom) {
  static const double radius[4] = {0.01785, 0.0156, 0.0139, 0.0125}, height[4] = {0.2, 0.1, 0.05, 0.025};
  for (int32_t column = 0; column < 4; column++) {
    for (int32_t group = 0; group < 4; group++) {
      for (int32_t i = 0; i < 9; i++) {
        const double y = -1.0 + 0.48 * group + 4 * radius[column] * (i < 5 ? i : 0);
        const double z = 4 * height[group] * (i < 5 ? 0 : i - 4);
        KVOX_TRY(add_ellipsoid(phantom, in_brain, -7.0 + 0.08 * column, y, z, radius[column], radius[column],
                               height[group]));
      }
    }
  }
  return KVOX_OK;
}

kvox_status kvox_phantom_build_forbild_head_3d_plain(kvox_phantom *phantom) {
  KVOX_TRY(add_soft(phantom));
  KVOX_TRY(add_bones(phantom));
  return add_protuberance(phantom);
}

kvox_status kvox_phantom_build_forbild_head_3d(kvox_phantom *phantom) {
  KVOX_TRY(kvox_phantom_build_forbild_head_3d_plain(phantom));
  KVOX_TRY(add_left_ear(phantom));
  return add_right_ear(phantom);
}
