/* Shapes that other quadrics cut, and the head that is made of them. */
#include "phantom/phantom.h"
#include "support.h"

static const double upright[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};

static kvox_phantom *empty(kvox_context *context) {
  kvox_phantom *phantom = NULL;
  assert_ok(kvox_phantom_start(context, 1, 1, &phantom));
  return phantom;
}

/* Two balls of radius 5, centers 6 apart: their lens is 4 thick on its axis, 8 wide across it. */
static void test_lens(void **state) {
  kvox_phantom *lens = empty(*state);
  const double left[3] = {-3, 1, 2}, right[3] = {3, 1, 2}, radius[3] = {5, 5, 5};
  assert_ok(kvox_phantom_add(lens, 0.5, left, upright, radius));
  assert_ok(kvox_phantom_bound(lens, right, upright, radius));
  const double x[3] = {1, 0, 0}, y[3] = {0, -2, 0}, middle[3] = {0, 1, 2}, off[3] = {-40, 1, 5};
  assert_true(fabs(kvox_phantom_line_integral(lens, middle, x) - 2) < 1e-14);
  assert_true(fabs(kvox_phantom_line_integral(lens, middle, y) - 4) < 1e-14);
  assert_true(fabs(kvox_phantom_line_integral(lens, off, x) - (4 - 3)) < 1e-13); /* 2 (sqrt(25 - 9) - 3) / 2 */
  const double in_one[3] = {-7, 1, 2}, inside[3] = {1.9, 1, 2};
  assert_true(kvox_phantom_value(lens, in_one) == 0 && kvox_phantom_value(lens, inside) == 0.5);
  kvox_phantom_destroy(lens);
}

/* A cone of slope 1/2 downwards from (1, 2, 3), in a ball: along lines from every side, closed forms. */
static void test_cone(void **state) {
  kvox_phantom *phantom = empty(*state);
  const double apex[3] = {1, 2, 3}, down[3] = {0, 0, -1}, radius[3] = {10, 10, 10};
  assert_ok(kvox_phantom_add(phantom, 1, apex, upright, radius));
  assert_ok(kvox_phantom_bound_cone(phantom, apex, down, 0.5));
  for (int i = 1; i <= 8; i++) {
    const double depth = i, half = 0.5 * depth;
    const double across[3] = {0.6, 0.8, 0}, point[3] = {1 - 60, 2 - 80, 3 - depth};
    /* A disc's diameter, and a chord at 0.6 of its radius. */
    assert_true(fabs(kvox_phantom_line_integral(phantom, point, across) - 2 * half) < 1e-12);
    const double beside[3] = {point[0] - 0.8 * 0.6 * half, point[1] + 0.6 * 0.6 * half, point[2]};
    assert_true(fabs(kvox_phantom_line_integral(phantom, beside, across) - 1.6 * half) < 1e-12);
    const double above[3] = {point[0], point[1], 3 + depth}; /* the other half of the double cone is not there */
    assert_true(kvox_phantom_line_integral(phantom, above, across) == 0);
    /* Along the axis from the apex to the ball; beside it from the cone's side to the ball. */
    const double along[3] = {0, 0, 3}, axial[3] = {1 + 0.25 * i, 2, 100}, r = 0.25 * i;
    assert_true(fabs(kvox_phantom_line_integral(phantom, axial, along) - (sqrt(100 - r * r) - 2 * r)) < 1e-11);
  }
  /* Along the side, 2 to the right of it: a == 0 of the quadratic; enters nowhere. 1 to the left: from the axis on. */
  const double side[3] = {1 / sqrt(5), 0, -2 / sqrt(5)}, right[3] = {3, 2, 3}, left[3] = {0, 2, 3};
  assert_true(kvox_phantom_line_integral(phantom, right, side) == 0);
  /* x = -1 + t / sqrt(5) reaches -depth / 2 at t = sqrt(5) / 2; the ball where t^2 - 2 t / sqrt(5) + 1 = 100. */
  const double leave = 1 / sqrt(5) + sqrt(0.2 + 99);
  assert_true(fabs(kvox_phantom_line_integral(phantom, left, side) - (leave - sqrt(5) / 2)) < 1e-10);
  kvox_phantom_destroy(phantom);
}

/* A cone of any axis, line by line: the midpoint rule over the values, and rays row by row as one by one. */
static void test_turned_cones(void **state) {
  enum { STEPS = 4000, RAYS = 8, COLUMNS = 60 };
  uint64_t seed = 11;
  for (int i = 0; i < 40; i++) {
    kvox_phantom *phantom = empty(*state);
    double axis[3], apex[3], center[3], start[3], n[3], row[COLUMNS];
    random_direction(&seed, axis);
    random_direction(&seed, apex);
    random_direction(&seed, center);
    const double semi_axes[3] = {2, 3, 2.5};
    assert_ok(kvox_phantom_add(phantom, 1, center, upright, semi_axes));
    assert_ok(kvox_phantom_bound_cone(phantom, apex, axis, 0.3 + 0.25 * i / 10));
    for (int ray = 0; ray < RAYS; ray++) {
      random_direction(&seed, n);
      double sum = 0;
      for (int c = 0; c < 3; c++) {
        start[c] = 2 * random_signed(&seed) - 8 * n[c];
      }
      for (int s = 0; s < STEPS; s++) {
        const double t = 16 * (s + 0.5) / STEPS;
        const double point[3] = {start[0] + t * n[0], start[1] + t * n[1], start[2] + t * n[2]};
        sum += kvox_phantom_value(phantom, point) * 16 / STEPS;
      }
      assert_true(fabs(kvox_phantom_line_integral(phantom, start, n) - sum) < 1.01 * 16 / STEPS);
    }
    const double step[3] = {0.1 * axis[1], -0.1 * axis[0], 0.02};
    const double first[3] = {-30 * step[0] - start[0], -30 * step[1] - start[1], -30 * step[2] - start[2]};
    kvox_phantom_ray_row(phantom, start, first, step, COLUMNS, row);
    for (int k = 0; k < COLUMNS; k++) {
      for (int c = 0; c < 3; c++) {
        n[c] = first[c] + k * step[c] - start[c];
      }
      const double one = kvox_shape_ray_chord(phantom->shapes, kvox_phantom_cuts(phantom), start, n);
      assert_true(fabs(row[k] - one) < 1e-12);
    }
    kvox_phantom_destroy(phantom);
  }
}

/* Where parts were added wrongly a value would be of no material. */
static void test_materials(void **state) {
  static const double materials[] = {0, 1.045, 1.0475, 1.05, 1.0525, 1.055, 1.06, 1.8};
  static const double boxes[][6] = {{-10, 10, -12.5, 12.5, -13, 13},
                                    {-7, 7, 2, 12, -4, 4},
                                    {-1, 1, -12, -10, -1, 1},
                                    {5, 9.7, -2, 2, -2, 2},
                                    {-7.1, -6.7, -1.1, 0.7, -0.3, 3.4}};
  uint64_t seed = 12;
  kvox_phantom *head = phantom_of(*state, "forbild-head-3d", 12.8);
  for (int i = 0; i < 100000; i++) {
    const double *box = boxes[i % 5];
    double point[3];
    for (int c = 0; c < 3; c++) {
      point[c] = 0.5 * (box[2 * c] + box[2 * c + 1]) + 0.5 * (box[2 * c + 1] - box[2 * c]) * random_signed(&seed);
    }
    point[1] = -point[1];
    const double value = kvox_phantom_value(head, point);
    double nearest = 9;
    for (int m = 0; m < 8; m++) {
      nearest = fmin(nearest, fabs(value - materials[m]));
    }
    if (!(nearest < 1e-12)) {
      fail_msg("%.17g at %g, %g, %g", value, point[0], point[1], point[2]);
    }
  }
  kvox_phantom_destroy(head);
}

/* The central section is the paper's of 2012, but where that has straight ends, symmetric bones and clipped ellipses.
 */
static void test_section(void **state) {
  uint64_t seed = 13;
  for (int ears = 0; ears < 2; ears++) {
    kvox_phantom *head = phantom_of(*state, ears ? "forbild-head-3d" : "forbild-head-3d-plain", 12.8);
    kvox_phantom *section = phantom_of(*state, ears ? "forbild-head" : "forbild-head-plain", 12.8);
    int differ = 0;
    for (int i = 0; i < 60000; i++) {
      const double x = 10 * random_signed(&seed), y = 12.5 * random_signed(&seed), at[3] = {x, -y, 0};
      if (fabs(kvox_phantom_value(head, at) - kvox_phantom_value(section, at)) < 1e-12) {
        continue;
      }
      differ++;
      const bool protuberance = fabs(x) < 0.5 && y < -10.3, septum = fabs(x) < 0.21 && fabs(y - 9.6) < 0.62;
      const bool bar =
          fabs(fabs(x) - 1.2) < 0.001 && fabs(y - 3.6)<0.28, lean = x> 1.2 && x < 2.7 && y < 6.5 && y > 4.3;
      if (!protuberance && !septum && !bar && !lean) {
        fail_msg("sections differ at %g, %g", x, y);
      }
    }
    assert_true(differ < 20); /* 0.15 cm^2 of 500 */
    kvox_phantom_destroy(head);
    kvox_phantom_destroy(section);
  }
}

/* Named points off the central section. y as published, the face up. */
static void test_points(void **state) {
  static const struct {
    double x, y, z, value;
    const char *what;
  } points[] = {
      {0, 0, 12.4, 1.8, "skull, top"},
      {0, 0, 12.6, 0, "above it"},
      {0, 0, -11.8, 1.05, "brain, bottom"},
      {0, -3.6, 3.5, 1.045, "ventricle"},
      {0, -3.6, 3.7, 1.05, "above it"},
      {0, 8.4, 2.9, 0, "sinus"},
      {4.7, 4.3, 2.8, 1.06, "eye, top"},
      {4.7, 4.3, -1.2, 1.05, "it stands higher than the middle"},
      {4.3, 6.8, -2.9, 1.8, "plate behind the eye, bottom"},
      {4.3, 6.8, 1.1, 1.05, "its top is at 1"},
      {0, 3.6 + 0.5 * 3.9, 0.8660254037844386 * 3.9, 1.8, "bar between the eyes, leaning back upwards"},
      {0, 3.6 - 0.5 * 3.9, -0.8660254037844386 * 3.9, 1.8, "its other end"},
      {0, 3.6 + 0.5 * 3.9, -0.8660254037844386 * 3.9, 1.05, "not the mirror image"},
      {0, 9.6 - 0.5 * 1.6, 0.8660254037844386 * 1.6, 1.8, "septum, leaning the other way"},
      {0, 9.6 + 0.5 * 1.6, 0.8660254037844386 * 1.6, 0, "not the mirror image"},
      {-1.9 + 2.5 * 0.25881904510252076, 5.4, 2.5 * 0.9659258262890683, 1.8, "bone that leans inward at the top"},
      {1.9 - 2.5 * 0.25881904510252076, 5.4, 2.5 * 0.9659258262890683, 1.8, "and at +x"},
      {1.9 + 2.5 * 0.25881904510252076, 5.4, 2.5 * 0.9659258262890683, 1.05, "not outward"},
      {0, -10.5, 0.2, 1.8, "tip of a cone"},
      {0.21, -10.41, 0.2, 1.05, "beside it"},
      {0, -11, 0.5, 1.8, "a cone's side"},
      {0, -11, 0.6, 1.05, "beside it"},
      {8.0, 1.2, 1.2, 1.8, "bone of the ear"},
      {8.4, 0.34641016151377546, 0.34641016151377546, 0, "air cell"},
      {7.0, 0, -1.0392304845413265, 0, "in the lowest layer"},
      {7.0, 1.0392304845413265, -1.0392304845413265, 1.8, "whose outer rows are short"},
      {-7, -1, 4 * 4 * 0.2, 1.8, "last of the pattern upwards"},
      {-7, -1, -4 * 0.2, 1.05, "none downwards"},
      {-6.76, 0.44, 4 * 0.025, 1.8, "the finest"},
  };
  kvox_phantom *head = phantom_of(*state, "forbild-head-3d", 12.8);
  for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
    const double at[3] = {points[i].x, -points[i].y, points[i].z}, value = kvox_phantom_value(head, at);
    if (!(fabs(value - points[i].value) < 1e-12)) {
      fail_msg("%s: %.17g, must be %.17g", points[i].what, value, points[i].value);
    }
  }
  kvox_phantom_destroy(head);
}

/* The average of what bounds cut is that of its points: a voxel that holds the lens of two balls. */
static void test_fill(void **state) {
  kvox_context *context = *state;
  kvox_phantom *lens = empty(context);
  const double left[3] = {-3, 0, 0}, right[3] = {3, 0, 0}, radius[3] = {5, 5, 5}, spacing[3] = {0.5, 0.5, 0.5};
  const int64_t size[3] = {20, 20, 20};
  kvox_grid grid;
  kvox_volume *volume = NULL;
  kvox_array array;
  assert_ok(kvox_phantom_add(lens, 1, left, upright, radius));
  assert_ok(kvox_phantom_bound(lens, right, upright, radius));
  assert_ok(kvox_grid_init(&grid, size, spacing, NULL));
  assert_ok(kvox_volume_create(context, KVOX_F64, &grid, &volume));
  assert_ok(kvox_phantom_fill(lens, 8, volume));
  assert_ok(kvox_volume_array(volume, &array));
  double sum = 0;
  int whole = 0;
  for (int i = 0; i < 20 * 20 * 20; i++) {
    sum += ((const double *)array.data)[i] / 8;
    whole += ((const double *)array.data)[i] == 1;
  }
  /* Two caps of height 2 of a ball of 5: 2 pi h^2 (R - h / 3); 8^3 points a voxel know it to 0.1 %. */
  const double truth = 2 * pi * 4 * (5 - 2.0 / 3);
  assert_true(fabs(sum - truth) < 1e-3 * truth);
  assert_true(whole > 500);
  kvox_volume_destroy(volume);
  kvox_phantom_destroy(lens);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lens),      cmocka_unit_test(test_cone),    cmocka_unit_test(test_turned_cones),
      cmocka_unit_test(test_materials), cmocka_unit_test(test_section), cmocka_unit_test(test_points),
      cmocka_unit_test(test_fill),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
