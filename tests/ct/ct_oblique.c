/* Views given one by one to volumes: circles as views, C-arms that sag, detectors on their side and mirrored. */
#include <string.h>

#include "cpu/level.h"
#include "ct/scan.h"
#include "ct/vectors.h"
#include "phantom/phantom.h"

static const double water = 0.02, pi = 3.14159265358979323846;

/* A scan, circular or not; what is measured is exact. */
typedef struct arm {
  kvox_context *context;
  kvox_ct_geometry *geometry;
  kvox_array projections;
  float *samples;
  int64_t shape[3];
} arm;

static void arm_begin(arm *a, kvox_ct_geometry *geometry) {
  a->geometry = geometry;
  assert_ok(kvox_ct_geometry_shape(geometry, a->shape));
  a->samples = calloc((size_t)(a->shape[0] * a->shape[1] * a->shape[2]), sizeof *a->samples);
  assert_non_null(a->samples);
  assert_ok(kvox_array_init(&a->projections, a->samples, KVOX_F32, 3, a->shape));
}

static void arm_simulate(arm *a, const char *name, double radius_mm, double density) {
  kvox_phantom *phantom = NULL;
  assert_ok(kvox_phantom_create(a->context, name, radius_mm, density, &phantom));
  assert_ok(kvox_ct_simulate(a->context, a->geometry, phantom, &a->projections));
  kvox_phantom_destroy(phantom);
}

static void arm_end(arm *a) {
  free(a->samples);
  kvox_ct_geometry_destroy(a->geometry);
}

static kvox_volume *reconstruct(kvox_context *context, const kvox_ct_geometry *geometry, const kvox_array *projections,
                                const kvox_ct_fbp_options *options) {
  kvox_ct_fbp_plan *plan = NULL;
  kvox_volume *volume = NULL;
  kvox_grid grid;
  kvox_memory_use memory;
  assert_ok(kvox_ct_fbp_plan_create(context, geometry, options, &plan));
  assert_ok(kvox_ct_fbp_plan_memory(plan, &memory));
  if (options != NULL && options->memory_limit != 0) {
    assert_true(memory.workspace <= options->memory_limit);
  }
  assert_ok(kvox_ct_fbp_plan_grid(plan, &grid));
  assert_ok(kvox_volume_create(context, KVOX_F32, &grid, &volume));
  assert_ok(kvox_ct_fbp_execute(plan, NULL, projections, volume));
  kvox_ct_fbp_plan_destroy(plan);
  return volume;
}

static kvox_ct_fbp_options options_of(kvox_grid *grid, int64_t across, int64_t slices, double spacing_mm) {
  kvox_ct_fbp_options o;
  const int64_t size[3] = {across, across, slices};
  const double spacing[3] = {spacing_mm, spacing_mm, spacing_mm};
  kvox_ct_fbp_options_init(&o);
  assert_ok(kvox_grid_init(grid, size, spacing, NULL));
  o.grid = grid;
  return o;
}

/* Sources at 500 mm, a detector at 750 mm whose pixels are 1 mm at the axis. */
static kvox_ct_cone_options circle_of(int64_t views, int64_t rows, int64_t columns, double step_deg) {
  kvox_ct_cone_options o;
  kvox_ct_cone_options_init(&o);
  o.views = views;
  o.rows = rows;
  o.columns = columns;
  o.source_to_axis_mm = 500;
  o.source_to_detector_mm = 750;
  o.column_pitch_mm = 1.5;
  o.angle_step_deg = step_deg;
  return o;
}

static kvox_ct_view *views_of(const kvox_ct_geometry *geometry) {
  int64_t shape[3];
  assert_ok(kvox_ct_geometry_shape(geometry, shape));
  kvox_ct_view *views = calloc((size_t)shape[0], sizeof *views);
  assert_non_null(views);
  for (int64_t v = 0; v < shape[0]; v++) {
    assert_ok(kvox_ct_geometry_view(geometry, v, &views[v]));
  }
  return views;
}

/* The same scan, described view by view, as matrices or as vectors. */
static kvox_ct_geometry *described(kvox_context *context, const kvox_ct_geometry *geometry, bool as_matrices) {
  int64_t shape[3];
  double pitch[2];
  kvox_ct_geometry *made = NULL;
  assert_ok(kvox_ct_geometry_shape(geometry, shape));
  assert_ok(kvox_ct_geometry_pitch(geometry, pitch));
  if (as_matrices) {
    double *matrices = calloc((size_t)shape[0], 12 * sizeof *matrices);
    assert_non_null(matrices);
    for (int64_t v = 0; v < shape[0]; v++) {
      assert_ok(kvox_ct_geometry_matrix(geometry, v, matrices + 12 * v));
    }
    assert_ok(kvox_ct_geometry_create_matrices(context, shape[1], shape[2], pitch[0], matrices, shape[0], &made));
    free(matrices);
    return made;
  }
  kvox_ct_view *views = views_of(geometry);
  assert_ok(kvox_ct_geometry_create_views(context, kvox_ct_geometry_beam(geometry), shape[1], shape[2], views, shape[0],
                                          &made));
  free(views);
  return made;
}

static double largest_of(const float *a, int64_t count) {
  double largest = 0;
  for (int64_t i = 0; i < count; i++) {
    largest = fmax(largest, fabs((double)a[i]));
  }
  return largest;
}

static double largest_difference(const float *a, const float *b, int64_t count) {
  double largest = 0;
  for (int64_t i = 0; i < count; i++) {
    largest = fmax(largest, fabs((double)a[i] - (double)b[i]));
  }
  return largest;
}

/*
 * A circle given as views is the circle: full turns, over-scans, short scans from just enough on, both directions, an
 * offset detector, uneven steps. Of noise, each voxel a sum of hundreds of numbers: coordinates are rounded otherwise,
 * by up to 2e-6 of a row.
 */
static void a_circle_as_views_is_the_circle(void **state) {
  static const struct {
    const char *name;
    int64_t views, columns;
    double start, step, offset, row_offset;
  } scans[] = {
      {"full turn", 120, 65, 0, 3, 0, 0},          {"descending, offsets", 133, 64, 10, -2.7, 0.31, 0.4},
      {"two turns", 180, 65, 5, 4, 0.5, 0},        {"golden angle", 144, 65, 0, 222.492235954, 0.25, 0},
      {"short scan", 215, 65, 33, 1, 0.25, 1.5},   {"short scan, descending, over 0", 215, 65, 33, -1, -0.25, 0},
      {"offset detector", 180, 51, 0, 2, 11.3, 0}, {"offset detector, other side", 180, 51, 0, -2, -11.3, 0},
  };
  for (size_t i = 0; i < sizeof scans / sizeof scans[0]; i++) {
    kvox_ct_cone_options co = circle_of(scans[i].views, 37, scans[i].columns, scans[i].step);
    co.angle_start_deg = scans[i].start;
    co.column_offset_px = scans[i].offset;
    co.row_offset_px = scans[i].row_offset;
    arm a = {.context = *state};
    kvox_ct_geometry *g = NULL;
    kvox_grid grid;
    assert_ok(kvox_ct_geometry_create_cone(*state, &co, &g));
    arm_begin(&a, g);
    fill_noise(a.samples, a.shape[0] * a.shape[1] * a.shape[2], 3);
    const kvox_ct_fbp_options o = options_of(&grid, 53, 31, 1.1);
    const int64_t count = 53 * 53 * 31;
    kvox_volume *fast = reconstruct(*state, a.geometry, &a.projections, &o);
    const double range = largest_of(volume_samples(fast), count);
    for (int form = 0; form < 2; form++) {
      kvox_ct_geometry *general = described(*state, a.geometry, form == 1);
      kvox_volume *other = reconstruct(*state, general, &a.projections, &o);
      const double difference = largest_difference(volume_samples(other), volume_samples(fast), count);
      printf("%s, as %s: %.2g of the range\n", scans[i].name, form == 1 ? "matrices" : "views", difference / range);
      assert_true(difference <= 2e-5 * range);
      assert_non_null(strstr(kvox_volume_provenance(other), "each view by itself"));
      kvox_volume_destroy(other);
      kvox_ct_geometry_destroy(general);
    }
    kvox_volume_destroy(fast);
    arm_end(&a);
  }
}

/* The same of a parallel beam. Its own way takes a slice from one row; here rows and slices are alike. */
static void a_parallel_beam_as_views_is_the_beam(void **state) {
  static const double steps[] = {2, -3, 222.492235954};
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    kvox_ct_parallel_options po;
    kvox_ct_parallel_options_init(&po);
    po.views = 121;
    po.rows = 19;
    po.columns = 60;
    po.column_pitch_mm = 0.8;
    po.column_offset_px = 2.3;
    po.angle_step_deg = steps[i];
    arm a = {.context = *state};
    kvox_ct_geometry *g = NULL;
    assert_ok(kvox_ct_geometry_create_parallel(*state, &po, &g));
    arm_begin(&a, g);
    fill_noise(a.samples, a.shape[0] * a.shape[1] * a.shape[2], 3);
    kvox_volume *fast = reconstruct(*state, a.geometry, &a.projections, NULL);
    const int64_t count = 60 * 60 * 19;
    for (int form = 0; form < 2; form++) {
      kvox_ct_geometry *general = described(*state, a.geometry, form == 1);
      kvox_volume *other = reconstruct(*state, general, &a.projections, NULL);
      const double difference = largest_difference(volume_samples(other), volume_samples(fast), count) /
                                largest_of(volume_samples(fast), count);
      printf("parallel, step %g: %.2g of the range\n", steps[i], difference);
      assert_true(difference <= 2e-5);
      kvox_volume_destroy(other);
      kvox_ct_geometry_destroy(general);
    }
    kvox_volume_destroy(fast);
    arm_end(&a);
  }
}

/* ---- A C-arm that sags ---- */

static double length_of(const double v[3]) { return sqrt(kvox_ct_dot(v, v)); }

/* Turns a vector about an axis by so many degrees. */
static void turn(double v[3], const double axis[3], double degrees) {
  const double c = cos(degrees * pi / 180), s = sin(degrees * pi / 180), length = length_of(axis);
  const double n[3] = {axis[0] / length, axis[1] / length, axis[2] / length}, along = kvox_ct_dot(n, v);
  double across[3];
  kvox_ct_cross(n, v, across);
  for (int i = 0; i < 3; i++) {
    v[i] = v[i] * c + across[i] * s + n[i] * along * (1 - c);
  }
}

/* Source and detector displaced by 3 to 5 mm along the ray, across it and along z, the detector turned by 1 to 2
 * degrees about all its axes, as functions of the angle. */
static void sag(kvox_ct_view *view) {
  const double b = view->angle_deg * pi / 180, c = cos(b), s = sin(b);
  const double across[3] = {c, s, 0}, ahead[3] = {-s, c, 0}, up[3] = {0, 0, 1};
  for (int i = 0; i < 3; i++) {
    view->source_mm[i] += 3 * c * ahead[i] + 2.5 * sin(b + 0.3) * across[i] + 4 * c * up[i];
    view->detector_mm[i] += -4 * c * ahead[i] + 3 * s * across[i] - 5 * cos(b + 0.2) * up[i];
  }
  double *steps[2] = {view->column_step_mm, view->row_step_mm};
  for (int i = 0; i < 2; i++) {
    turn(steps[i], ahead, 1.5 * s);
    turn(steps[i], across, 2 * cos(b + 1));
    turn(steps[i], up, 1.3 * c);
  }
}

/* `sagged` of the same views, else the circle that they stand for. */
static kvox_ct_geometry *c_arm(kvox_context *context, const kvox_ct_cone_options *options, bool sagged) {
  kvox_ct_geometry *circle = NULL, *made = NULL;
  assert_ok(kvox_ct_geometry_create_cone(context, options, &circle));
  if (!sagged) {
    return circle;
  }
  kvox_ct_view *views = views_of(circle);
  for (int64_t v = 0; v < options->views; v++) {
    sag(&views[v]);
  }
  assert_ok(kvox_ct_geometry_create_views(context, KVOX_CT_CONE, options->rows, options->columns, views, options->views,
                                          &made));
  free(views);
  kvox_ct_geometry_destroy(circle);
  return made;
}

typedef struct disc_values {
  double mean, highest, lowest; /* of 5 x 5 means */
} disc_values;

static disc_values look_at(const float *slice, int64_t n, double radius) {
  const double middle = 0.5 * (double)(n - 1);
  double sum = 0, count = 0;
  disc_values v = {0, -1e30, 1e30};
  for (int64_t j = 2; j < n - 2; j++) {
    for (int64_t i = 2; i < n - 2; i++) {
      if (hypot((double)i - middle, (double)j - middle) >= radius) {
        continue;
      }
      double block = 0;
      for (int64_t y = -2; y <= 2; y++) {
        for (int64_t x = -2; x <= 2; x++) {
          block += (double)slice[(j + y) * n + i + x] / 25;
        }
      }
      v.highest = fmax(v.highest, block);
      v.lowest = fmin(v.lowest, block);
      sum += (double)slice[j * n + i];
      count++;
    }
  }
  v.mean = sum / count;
  return v;
}

/* The bar for every complete geometry: a long, noise-free water cylinder, r < 0.9 R: mean within 0.5 %, 5 x 5 means
 * within 1 % of it. */
static void water_is_water_although_it_sags(void **state) {
  static const struct {
    const char *name;
    int64_t views, columns;
    double start, step, offset;
  } scans[] = {{"full turn", 360, 193, 0, 1, 0},
               {"descending", 400, 193, 10, -0.9, 0.31},
               {"400 degrees", 400, 193, 0, 1, 0},
               {"short scan", 440, 193, 33, 0.5, 0},
               {"short scan, descending, over 0", 440, 193, 33, -0.5, 0},
               {"300 degrees", 600, 193, -100, 0.5, 0.25},
               {"offset detector", 720, 151, 0, 0.5, 40.3},
               {"offset detector, other side", 720, 151, 0, -0.5, -40.3}};
  for (size_t i = 0; i < sizeof scans / sizeof scans[0]; i++) {
    kvox_ct_cone_options co = circle_of(scans[i].views, 27, scans[i].columns, scans[i].step);
    co.angle_start_deg = scans[i].start;
    co.column_offset_px = scans[i].offset;
    arm a = {.context = *state};
    kvox_grid grid;
    arm_begin(&a, c_arm(*state, &co, true));
    arm_simulate(&a, "cylinder", 100, water);
    const kvox_ct_fbp_options o = options_of(&grid, 193, 1, 1);
    kvox_volume *volume = reconstruct(*state, a.geometry, &a.projections, &o);
    const disc_values v = look_at(volume_samples(volume), 193, 0.9 * 80);
    printf("%s: mean %.5f, lowest %.5f, highest %.5f of water\n", scans[i].name, v.mean / water, v.lowest / water,
           v.highest / water);
    assert_close(v.mean / water, 1, 0.005);
    assert_true(v.highest <= 1.01 * v.mean && v.lowest >= 0.99 * v.mean);
    kvox_volume_destroy(volume);
    arm_end(&a);
  }
}

enum { SPHERES = 5 };
static const double sphere_mm[SPHERES][3] = {{0, 0, 0}, {25, 4, 10}, {-14, 22, -9}, {-20, -17, 12}, {8, -27, -13}};
static const double sphere_radius_mm = 3;

static void simulate_spheres(arm *a) {
  static const double axes[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
  const double semi_axes[3] = {sphere_radius_mm, sphere_radius_mm, sphere_radius_mm};
  kvox_phantom *phantom = NULL;
  assert_ok(kvox_phantom_start(a->context, 1, 1, &phantom));
  for (int i = 0; i < SPHERES; i++) {
    assert_ok(kvox_phantom_add(phantom, 1, sphere_mm[i], axes, semi_axes));
  }
  assert_ok(kvox_ct_simulate(a->context, a->geometry, phantom, &a->projections));
  kvox_phantom_destroy(phantom);
}

/* How far from where it is the center of mass of what is bright of a sphere lies, in voxels of 1 mm; the worst of all,
 * and the least share of the mass within its radius. */
static double worst_place(const kvox_volume *volume, double *least_mass) {
  const float *samples = volume_samples(volume);
  kvox_grid grid;
  double worst = 0;
  *least_mass = INFINITY;
  assert_ok(kvox_volume_grid(volume, &grid));
  for (int s = 0; s < SPHERES; s++) {
    double center[3] = {0}, mass = 0, inside = 0;
    for (int64_t i = 0; i < grid.size[0] * grid.size[1] * grid.size[2]; i++) {
      const int64_t index[3] = {i % grid.size[0], i / grid.size[0] % grid.size[1], i / grid.size[0] / grid.size[1]};
      double from[3];
      for (int c = 0; c < 3; c++) {
        from[c] = grid.origin_mm[c] + (double)index[c] - sphere_mm[s][c];
      }
      const double value = (double)samples[i], far = length_of(from);
      inside += far < sphere_radius_mm ? value : 0;
      for (int c = 0; far < 3 * sphere_radius_mm && value > 0.25 && c < 3; c++) {
        center[c] += value * from[c];
        mass += value / 3;
      }
    }
    for (int c = 0; c < 3; c++) {
      center[c] /= fmax(mass, 1e-9);
    }
    worst = fmax(worst, mass > 0 ? length_of(center) : INFINITY);
    *least_mass = fmin(*least_mass, inside / (4.0 / 3 * pi * pow(sphere_radius_mm, 3)));
  }
  return worst;
}

/* Beside a circle that does not sag, and to the ignorant of the sag. */
static void spheres_are_where_they_are(void **state) {
  static const double steps[] = {1.5, -0.9};
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    const kvox_ct_cone_options co = circle_of(240, 71, 91, steps[i]);
    arm a = {.context = *state}, straight = {.context = *state};
    kvox_grid grid;
    arm_begin(&a, c_arm(*state, &co, true));
    arm_begin(&straight, c_arm(*state, &co, false));
    simulate_spheres(&a);
    simulate_spheres(&straight);
    const kvox_ct_fbp_options o = options_of(&grid, 71, 41, 1);
    kvox_volume *volumes[3] = {reconstruct(*state, a.geometry, &a.projections, &o),
                               reconstruct(*state, straight.geometry, &straight.projections, &o),
                               reconstruct(*state, straight.geometry, &a.projections, &o)};
    double place[3], mass[3];
    for (int n = 0; n < 3; n++) {
      place[n] = worst_place(volumes[n], &mass[n]);
      kvox_volume_destroy(volumes[n]);
    }
    printf(
        "%g degrees: spheres within %.3f voxels, %.3f of their mass; without sag %.3f, %.3f; ignoring it %.3f, "
        "%.3f\n",
        240 * steps[i], place[0], mass[0], place[1], mass[1], place[2], mass[2]);
    assert_true(place[0] < 0.1);
    assert_true(mass[0] > 0.97 * mass[1]);
    assert_true(place[2] > 10 * place[0]);
    assert_true(mass[2] < 0.8 * mass[0]);
    arm_end(&straight);
    arm_end(&a);
  }
}

/* ---- Mirrored detectors, and those that stand on their side ---- */

static void swap_vectors(double a[3], double b[3]) {
  for (int i = 0; i < 3; i++) {
    const double t = a[i];
    a[i] = b[i];
    b[i] = t;
  }
}

/* The same measurement with columns, rows or both counted from the other end, or rows and columns exchanged. Redundancy
 * is linear over 8 rows counted from the first: not the same ones from the other end. */
static void any_order_of_pixels_is_the_same(void **state) {
  enum { ROWS = 21, COLUMNS = 61, COUNT = ROWS * COLUMNS };
  static const struct { double step, offset; } scans[] = {{3, 7.2}, {1.8, 0.3}, {-1.8, 0}};
  for (size_t i = 0; i < sizeof scans / sizeof scans[0]; i++) {
    kvox_ct_cone_options co = circle_of(120, ROWS, COLUMNS, scans[i].step);
    co.column_offset_px = scans[i].offset;
    co.row_offset_px = 1.3;
    arm a = {.context = *state};
    kvox_grid grid;
    arm_begin(&a, c_arm(*state, &co, true));
    fill_noise(a.samples, 120 * COUNT, 5);
    const kvox_ct_fbp_options o = options_of(&grid, 37, 9, 1);
    kvox_volume *plain = reconstruct(*state, a.geometry, &a.projections, &o);
    const double range = largest_of(volume_samples(plain), 37 * 37 * 9);
    for (int order = 1; order < 8; order++) {
      const bool columns = (order & 1) != 0, rows = (order & 2) != 0, on_side = (order & 4) != 0;
      kvox_ct_view *views = views_of(a.geometry);
      float *samples = calloc(120 * COUNT, sizeof *samples);
      assert_non_null(samples);
      for (int64_t v = 0; v < 120; v++) {
        for (int c = 0; c < 3; c++) {
          views[v].column_step_mm[c] *= columns ? -1 : 1;
          views[v].row_step_mm[c] *= rows ? -1 : 1;
        }
        for (int64_t p = 0; p < COUNT; p++) {
          const int64_t r = rows ? ROWS - 1 - p / COLUMNS : p / COLUMNS;
          const int64_t c = columns ? COLUMNS - 1 - p % COLUMNS : p % COLUMNS;
          samples[v * COUNT + (on_side ? c * ROWS + r : r * COLUMNS + c)] = a.samples[v * COUNT + p];
        }
        if (on_side) {
          swap_vectors(views[v].column_step_mm, views[v].row_step_mm);
        }
      }
      kvox_ct_geometry *g = NULL;
      kvox_array projections;
      const int64_t shape[3] = {120, on_side ? COLUMNS : ROWS, on_side ? ROWS : COLUMNS};
      assert_ok(kvox_ct_geometry_create_views(*state, KVOX_CT_CONE, shape[1], shape[2], views, 120, &g));
      assert_ok(kvox_array_init(&projections, samples, KVOX_F32, 3, shape));
      kvox_volume *other = reconstruct(*state, g, &projections, &o);
      const double difference = largest_difference(volume_samples(other), volume_samples(plain), 37 * 37 * 9);
      printf("order %d: %.2g of the range\n", order, difference / range);
      assert_true(difference <= 2e-5 * range);
      kvox_volume_destroy(other);
      kvox_ct_geometry_destroy(g);
      free(samples);
      free(views);
    }
    kvox_volume_destroy(plain);
    arm_end(&a);
  }
}

/* ---- Bits ---- */

typedef struct cut {
  int32_t threads, level;
  uint64_t limit;
} cut;

enum { CUT_VIEWS = 41, CUT_ROWS = 70, CUT_COLUMNS = 60 };

static kvox_volume *noise_in_cut(cut how, const kvox_ct_fbp_options *given) {
  kvox_context_options context;
  arm a = {0};
  kvox_context_options_init(&context);
  context.threads = how.threads;
  context.cpu_level = how.level;
  assert_ok(kvox_context_create(&context, &a.context));
  kvox_ct_cone_options co = circle_of(CUT_VIEWS, CUT_ROWS, CUT_COLUMNS, 360.0 / CUT_VIEWS);
  co.column_offset_px = 1.7;
  co.row_offset_px = -3.3;
  arm_begin(&a, c_arm(a.context, &co, true));
  fill_noise(a.samples, CUT_VIEWS * CUT_ROWS * CUT_COLUMNS, 9);
  kvox_ct_fbp_options o = *given;
  o.memory_limit = how.limit;
  kvox_volume *volume = reconstruct(a.context, a.geometry, &a.projections, &o);
  arm_end(&a);
  kvox_context_destroy(a.context);
  return volume;
}

/* 1, 2 and 7 threads, all at once or two views of sixteen slices, every level of the CPU: the same bits. */
static void every_cut_gives_the_same_bits(void **state) {
  (void)state;
  static const cut cuts[] = {{2, 0, 0},
                             {7, 0, 0},
                             {1, 0, 1100000},
                             {2, 0, 1600000},
                             {3, 0, 800000},
                             {2, KVOX_CPU_AVX2, 0},
                             {2, KVOX_CPU_AVX512, 0}};
  kvox_ct_fbp_options o;
  kvox_grid grid;
  const int64_t size[3] = {50, 61, 45};
  const double spacing[3] = {1.2, 1, 1.1}, center[3] = {3, -2, 3};
  kvox_ct_fbp_options_init(&o);
  assert_ok(kvox_grid_init(&grid, size, spacing, center));
  o.grid = &grid;
  kvox_volume *first = noise_in_cut((cut){1, 0, 0}, &o);
  for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
    if (cuts[i].level != 0 && !kvox_cpu_has(cuts[i].level)) {
      printf("skipped: this machine lacks CPU level %d\n", (int)cuts[i].level);
      continue;
    }
    kvox_volume *other = noise_in_cut(cuts[i], &o);
    assert_memory_equal(volume_samples(other), volume_samples(first), 50 * 61 * 45 * sizeof(float));
    kvox_volume_destroy(other);
  }
  const int64_t begin[3] = {7, 11, 13}, region[3] = {41, 37, 22};
  memcpy(o.region_begin, begin, sizeof begin);
  memcpy(o.region_size, region, sizeof region);
  kvox_volume *part = noise_in_cut((cut){2, 0, 900000}, &o);
  for (int64_t k = 0; k < region[2]; k++) {
    for (int64_t j = 0; j < region[1]; j++) {
      const float *row = volume_samples(first) + ((begin[2] + k) * 61 + begin[1] + j) * 50 + begin[0];
      assert_memory_equal(volume_samples(part) + (k * region[1] + j) * region[0], row,
                          (size_t)region[0] * sizeof(float));
    }
  }
  kvox_volume_destroy(part);
  kvox_volume_destroy(first);
}

/* ---- What is refused ---- */

/* Changes view v of a scan; `how` tells which one it is. */
static void spoil(kvox_ct_view *view, int64_t v, int how) {
  const double b = view->angle_deg * pi / 180, ahead[3] = {-sin(b), cos(b), 0};
  const double across[3] = {cos(b), sin(b), 0};
  switch (how) {
    case 0: /* rows lean */
      turn(view->column_step_mm, ahead, 20);
      turn(view->row_step_mm, ahead, 20);
      break;
    case 1: /* the detector lies */ turn(view->row_step_mm, across, 60); break;
    case 2: /* an ellipse */
      for (int c = 0; c < 3; c++) {
        view->source_mm[c] -= 150 * ahead[c] * cos(2 * b);
      }
      break;
    case 3: /* a helix */
    case 4: /* a steep one */
      view->source_mm[2] += (how == 3 ? 0.05 : 0.3) * ((double)v - 120);
      view->detector_mm[2] += (how == 3 ? 0.05 : 0.3) * ((double)v - 120);
      break;
    case 5: /* a view on its side */
      if (v == 7) {
        swap_vectors(view->column_step_mm, view->row_step_mm);
      }
      break;
    case 6: /* beside the detector */
      for (int c = 0; c < 3 && v == 30; c++) {
        view->detector_mm[c] += 60 * across[c];
      }
      break;
    default: /* a slice that one view does not see */ view->detector_mm[2] += v == 30 ? 12 : 0; break;
  }
}

static void what_does_not_hold_gets_a_sentence(void **state) {
  static const char *const sentences[] = {
      "lean out of the plane", "tilted out of the axis", "not near a circle",   "a helix",
      "helix is not a circle", "rows run along",         "beside the detector", "in view 30"};
  const kvox_ct_cone_options co = circle_of(240, 21, 61, 1.5);
  kvox_ct_fbp_plan *plan = NULL;
  kvox_grid grid;
  for (int how = 0; how < 8; how++) {
    kvox_ct_geometry *circle = c_arm(*state, &co, false), *g = NULL;
    const kvox_ct_fbp_options o = options_of(&grid, 21, how == 7 ? 19 : 1, 1);
    kvox_ct_view *views = views_of(circle);
    char text[4096];
    for (int64_t v = 0; v < 240; v++) {
      spoil(&views[v], v, how);
    }
    assert_ok(kvox_ct_geometry_create_views(*state, KVOX_CT_CONE, 21, 61, views, 240, &g));
    assert_fails(KVOX_ERROR_GEOMETRY, sentences[how], kvox_ct_fbp_plan_create(*state, g, &o, &plan));
    assert_fails(KVOX_ERROR_GEOMETRY, sentences[how], kvox_ct_geometry_check(g, &grid, text, sizeof text, NULL));
    kvox_ct_geometry_destroy(g);
    kvox_ct_geometry_destroy(circle);
    free(views);
  }
}

static void an_arc_too_short_gets_a_sentence(void **state) {
  kvox_ct_cone_options co = circle_of(180, 21, 61, 1);
  kvox_ct_fbp_plan *plan = NULL;
  kvox_ct_geometry *g = c_arm(*state, &co, true);
  assert_fails(KVOX_ERROR_GEOMETRY, "arc is too short", kvox_ct_fbp_plan_create(*state, g, NULL, &plan));
  kvox_ct_geometry_destroy(g);
  co = circle_of(240, 21, 61, 1);
  co.column_offset_px = 12;
  g = c_arm(*state, &co, true);
  assert_fails(KVOX_ERROR_GEOMETRY, "offset detector needs a full turn",
               kvox_ct_fbp_plan_create(*state, g, NULL, &plan));
  kvox_ct_geometry_destroy(g);
  assert_null(plan);
}

/* Parallel rays that lean on the axis. */
static void parallel_rays_stay_across_the_axis(void **state) {
  kvox_ct_view views[90] = {{0}};
  kvox_ct_fbp_plan *plan = NULL;
  kvox_ct_geometry *g = NULL;
  for (int v = 0; v < 90; v++) {
    const double b = 2 * v * pi / 180, ray[3] = {-sin(b), cos(b), 0.15};
    views[v].column_step_mm[0] = cos(b);
    views[v].column_step_mm[1] = sin(b);
    views[v].row_step_mm[2] = 1;
    memcpy(views[v].source_mm, ray, sizeof ray);
  }
  assert_ok(kvox_ct_geometry_create_views(*state, KVOX_CT_PARALLEL, 9, 31, views, 90, &g));
  assert_fails(KVOX_ERROR_GEOMETRY, "rays run out of the plane", kvox_ct_fbp_plan_create(*state, g, NULL, &plan));
  kvox_ct_geometry_destroy(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_circle_as_views_is_the_circle),    cmocka_unit_test(a_parallel_beam_as_views_is_the_beam),
      cmocka_unit_test(water_is_water_although_it_sags),    cmocka_unit_test(spheres_are_where_they_are),
      cmocka_unit_test(any_order_of_pixels_is_the_same),    cmocka_unit_test(every_cut_gives_the_same_bits),
      cmocka_unit_test(what_does_not_hold_gets_a_sentence), cmocka_unit_test(an_arc_too_short_gets_a_sentence),
      cmocka_unit_test(parallel_rays_stay_across_the_axis),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
