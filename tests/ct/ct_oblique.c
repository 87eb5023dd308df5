/* Views given one by one to volumes: circles as views, C-arms that sag, detectors on their side and mirrored. */
#include <string.h>

#include "cpu/level.h"
#include "ct/arm.h"
#include "ct/disc.h"
#include "phantom/phantom.h"

static const double water = 0.02, pi = 3.14159265358979323846;

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
static void spheres_lie_there_although_it_sags(void **state) {
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

/* The level that contexts take where nobody asks for one. */
static int32_t usual_level(void) {
  kvox_context *context = NULL;
  assert_ok(kvox_context_create(NULL, &context));
  const int32_t level = kvox_context_cpu_level(context);
  kvox_context_destroy(context);
  return level;
}

/* 1, 2 and 7 threads, all at once or two views of sixteen slices, every vector level of the CPU: the same bits. */
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
    if (cuts[i].level != 0 && usual_level() == KVOX_CPU_REF) {
      continue; /* the oracle's coordinates are doubles */
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_circle_as_views_is_the_circle), cmocka_unit_test(a_parallel_beam_as_views_is_the_beam),
      cmocka_unit_test(water_is_water_although_it_sags), cmocka_unit_test(spheres_lie_there_although_it_sags),
      cmocka_unit_test(any_order_of_pixels_is_the_same), cmocka_unit_test(every_cut_gives_the_same_bits),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
