/* The phantoms by name. Sections in the plane are cylinders without end along z. */
#include <math.h>

#include "core/fail.h"
#include "core/size.h"
#include "phantom/phantom.h"

#define COUNT(array) ((int32_t)(sizeof(array) / sizeof *(array)))

typedef struct ellipse {
  double density, a, b, x, y, turn_deg;
} ellipse;

static kvox_status add_ellipses(kvox_phantom *phantom, const ellipse *ellipses, int32_t count,
                                const double *densities) {
  for (int32_t i = 0; i < count; i++) {
    const ellipse *e = ellipses + i;
    const double center[3] = {e->x, e->y, 0}, semi_axes[3] = {e->a, e->b, (double)INFINITY};
    KVOX_TRY(kvox_phantom_add_turned(phantom, densities != NULL ? densities[i] : e->density, center, semi_axes,
                                     e->turn_deg));
  }
  return KVOX_OK;
}

/* ---- Shepp and Logan's head section ---- */

/* Shepp and Logan 1974, table 1, with the densities of Toft 1996, table B.3. The ninth ellipse stands at y = -0.606, as
 * in Toft's table and every common implementation. */
static const ellipse shepp_logan[] = {
    {1, 0.69, 0.92, 0, 0, 0},          {-0.8, 0.6624, 0.874, 0, -0.0184, 0},
    {-0.2, 0.11, 0.31, 0.22, 0, -18},  {-0.2, 0.16, 0.41, -0.22, 0, 18},
    {0.1, 0.21, 0.25, 0, 0.35, 0},     {0.1, 0.046, 0.046, 0, 0.1, 0},
    {0.1, 0.046, 0.046, 0, -0.1, 0},   {0.1, 0.046, 0.023, -0.08, -0.605, 0},
    {0.1, 0.023, 0.023, 0, -0.606, 0}, {0.1, 0.023, 0.046, 0.06, -0.605, 0},
};

static const double shepp_logan_original[] = {2, -0.98, -0.02, -0.02, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01};

static kvox_status build_shepp_logan(kvox_phantom *phantom) {
  return add_ellipses(phantom, shepp_logan, COUNT(shepp_logan), NULL);
}

static kvox_status build_shepp_logan_original(kvox_phantom *phantom) {
  return add_ellipses(phantom, shepp_logan, COUNT(shepp_logan), shepp_logan_original);
}

/* Kak and Slaney 1988, table 3.2 (with its errata): density there, density of Yu, Ye and Wang 2004, semi-axes, centre,
 * turn about z. */
static const struct {
  double original, raised;
  double semi_axes[3], center[3], turn_deg;
} shepp_logan_3d[] = {
    {2, 1, {0.69, 0.92, 0.9}, {0, 0, 0}, 0},
    {-0.98, -0.8, {0.6624, 0.874, 0.88}, {0, 0, 0}, 0},
    {-0.02, -0.2, {0.41, 0.16, 0.21}, {-0.22, 0, -0.25}, 108},
    {-0.02, -0.2, {0.31, 0.11, 0.22}, {0.22, 0, -0.25}, 72},
    {0.02, 0.2, {0.21, 0.25, 0.5}, {0, 0.35, -0.25}, 0},
    {0.02, 0.2, {0.046, 0.046, 0.046}, {0, 0.1, -0.25}, 0},
    {0.01, 0.1, {0.046, 0.023, 0.02}, {-0.08, -0.65, -0.25}, 0},
    {0.01, 0.1, {0.046, 0.023, 0.02}, {0.06, -0.65, -0.25}, 90},
    {0.02, 0.2, {0.056, 0.04, 0.1}, {0.06, -0.105, 0.625}, 90},
    {-0.02, -0.2, {0.056, 0.056, 0.1}, {0, 0.1, 0.625}, 0},
};

static kvox_status build_shepp_logan_3d(kvox_phantom *phantom) {
  for (int32_t i = 0; i < COUNT(shepp_logan_3d); i++) {
    KVOX_TRY(kvox_phantom_add_turned(phantom, shepp_logan_3d[i].raised, shepp_logan_3d[i].center,
                                     shepp_logan_3d[i].semi_axes, shepp_logan_3d[i].turn_deg));
  }
  return KVOX_OK;
}

static kvox_status build_shepp_logan_3d_original(kvox_phantom *phantom) {
  for (int32_t i = 0; i < COUNT(shepp_logan_3d); i++) {
    KVOX_TRY(kvox_phantom_add_turned(phantom, shepp_logan_3d[i].original, shepp_logan_3d[i].center,
                                     shepp_logan_3d[i].semi_axes, shepp_logan_3d[i].turn_deg));
  }
  return KVOX_OK;
}

/* ---- Objects of our own ---- */

static const ellipse cylinder[] = {{1, 0.8, 0.8, 0, 0, 0}};

/* No two discs are images of each other under a flip or a quarter turn. */
static const ellipse discs[] = {
    {1, 0.8, 0.8, 0.05, -0.08, 0},    {0.5, 0.15, 0.15, 0.45, 0.3, 0}, {-0.5, 0.12, 0.12, -0.35, 0.4, 0},
    {0.25, 0.1, 0.1, -0.4, -0.35, 0}, {-1, 0.08, 0.08, 0.25, -0.5, 0}, {1, 0.05, 0.05, 0.1, 0.05, 0},
};

static const ellipse wire[] = {{1, 0.004, 0.004, 0.3, 0.2, 0}};

static const ellipse edge[] = {{1, 0.4, 0.4, 0.2, -0.1, 0}};

static kvox_status build_cylinder(kvox_phantom *phantom) {
  return add_ellipses(phantom, cylinder, COUNT(cylinder), NULL);
}

static kvox_status build_discs(kvox_phantom *phantom) { return add_ellipses(phantom, discs, COUNT(discs), NULL); }

static kvox_status build_wire(kvox_phantom *phantom) { return add_ellipses(phantom, wire, COUNT(wire), NULL); }

static kvox_status build_edge(kvox_phantom *phantom) { return add_ellipses(phantom, edge, COUNT(edge), NULL); }

/* x, y, z, radius, density: no mirror image or quarter turn of another. */
static const double spheres[][5] = {
    {0.2, -0.1, 0.15, 0.4, 1},   {-0.4, 0.35, -0.3, 0.2, 0.5}, {0.35, 0.5, 0.45, 0.15, 2},
    {-0.5, -0.4, 0.4, 0.12, -1}, {0.1, -0.55, -0.5, 0.1, 1.5}, {0.25, 0.0, 0.1, 0.08, -0.5},
};

static kvox_status add_spheres(kvox_phantom *phantom, int32_t count) {
  for (int32_t i = 0; i < count; i++) {
    const double *s = spheres[i], semi_axes[3] = {s[3], s[3], s[3]};
    KVOX_TRY(kvox_phantom_add_turned(phantom, s[4], s, semi_axes, 0));
  }
  return KVOX_OK;
}

static kvox_status build_sphere(kvox_phantom *phantom) { return add_spheres(phantom, 1); }

static kvox_status build_spheres(kvox_phantom *phantom) { return add_spheres(phantom, COUNT(spheres)); }

/* A round disc about the axis, cut from a cylinder. */
static kvox_status add_disc(kvox_phantom *phantom, double radius, double z, double half_height) {
  static const double up[3] = {0, 0, 1}, down[3] = {0, 0, -1};
  const double center[3] = {0, 0, z}, semi_axes[3] = {radius, radius, (double)INFINITY};
  KVOX_TRY(kvox_phantom_add_turned(phantom, 1, center, semi_axes, 0));
  KVOX_TRY(kvox_phantom_cut(phantom, up, half_height));
  return kvox_phantom_cut(phantom, down, half_height);
}

static kvox_status build_cylinder_3d(kvox_phantom *phantom) { return add_disc(phantom, 0.8, 0, 0.8); }

/* Faces along the plane of the source, far from it: what a circle of sources cannot measure. */
static kvox_status build_defrise(kvox_phantom *phantom) {
  for (int32_t i = -3; i <= 3; i++) {
    KVOX_TRY(add_disc(phantom, 0.7, 0.25 * i, 0.0625));
  }
  return KVOX_OK;
}

/* The FORBILD head is defined in centimetres and customarily drawn over 25.6 cm. */
static const double forbild_extent = 12.8;

const kvox_phantom_entry *kvox_phantom_entry_at(int32_t index) {
  static const kvox_phantom_entry entries[] = {
      {"shepp-logan", "head section, 10 ellipses, high contrast (Shepp and Logan 1974; densities of Toft 1996)", 1,
       build_shepp_logan, true},
      {"shepp-logan-original", "head section, 10 ellipses, contrasts of 1 % (Shepp and Logan 1974)", 1,
       build_shepp_logan_original, true},
      {"shepp-logan-3d", "head, 10 ellipsoids, high contrast (Kak and Slaney 1988; densities of Yu, Ye and Wang 2004)",
       1, build_shepp_logan_3d, true},
      {"shepp-logan-3d-original", "head, 10 ellipsoids, contrasts of 1 % (Kak and Slaney 1988)", 1,
       build_shepp_logan_3d_original, true},
      {"forbild-head",
       "head section with both ears, water 1, bone 1.8; life-size at radius 128 mm (FORBILD; Yu et al. 2012)",
       forbild_extent, kvox_phantom_build_forbild_head, true},
      {"forbild-head-plain",
       "head section without ears, water 1, bone 1.8; life-size at radius 128 mm (FORBILD; Yu et al. 2012)",
       forbild_extent, kvox_phantom_build_forbild_head_plain, true},
      {"forbild-head-3d",
       "head with both ears, water 1, bone 1.8; life-size at radius 128 mm (FORBILD; Lauritsch and "
       "Bruder)",
       forbild_extent, kvox_phantom_build_forbild_head_3d, true},
      {"forbild-head-3d-plain",
       "head without ears, water 1, bone 1.8; life-size at radius 128 mm (FORBILD; Lauritsch and Bruder)",
       forbild_extent, kvox_phantom_build_forbild_head_3d_plain, true},
      {"cylinder", "uniform disc of density 1, radius 0.8 of the whole (Kvox)", 1, build_cylinder, false},
      {"discs", "six off-centre discs of densities 0 to 2, unlike all their mirror images (Kvox)", 1, build_discs,
       false},
      {"wire", "one wire of density 1 in air at (0.3, 0.2), radius 0.004 of the whole (Kvox)", 1, build_wire, false},
      {"edge", "one off-centre disc of density 1 in air at (0.2, -0.1), radius 0.4 of the whole (Kvox)", 1, build_edge,
       false},
      {"cylinder-3d", "uniform cylinder of density 1, radius and half height 0.8 of the whole (Kvox)", 1,
       build_cylinder_3d, false},
      {"sphere", "one off-centre sphere of density 1 at (0.2, -0.1, 0.15), radius 0.4 of the whole (Kvox)", 1,
       build_sphere, false},
      {"spheres", "six off-centre spheres of densities 0 to 2, unlike all their mirror images (Kvox)", 1, build_spheres,
       false},
      {"defrise",
       "seven discs of density 1 stacked along the axis, radius 0.7 of the whole: a cone beam's artefacts "
       "(Kvox, after Defrise)",
       1, build_defrise, false},
  };
  return index >= 0 && index < COUNT(entries) ? entries + index : NULL;
}
