/* Measured scans through the whole chain: both forms of one scan give one image, upright, at the place it was measured.
 */
#include "kvox/io.h"
#include "kvox/io_mri.h"
#include "mri/support.h"

typedef struct picture {
  int64_t shape[5];
  kvox_grid grid;
  float *pixels;
} picture;

/* False where there is none. */
static bool reconstruct(kvox_context *context, const char *name, const kvox_mri_recon_options *o, picture *p) {
  const char *folder = getenv("KVOX_DATA");
  char path[600];
  kvox_io_mri *file = NULL;
  kvox_mri_protocol protocol;
  kvox_mri_recon *recon = NULL;
  kvox_array images;
  if (folder == NULL) {
    printf("skipped: %s, because KVOX_DATA is not set\n", name);
    return false;
  }
  snprintf(path, sizeof path, "%s/mri/%s", folder, name);
  const kvox_status status = kvox_io_mri_open(context, path, &file);
  if (status == KVOX_ERROR_UNSUPPORTED) {
    printf("skipped: %s, because %s\n", name, kvox_last_error());
    return false;
  }
  assert_ok(status);
  assert_ok(kvox_io_mri_protocol(file, &protocol));
  assert_ok(kvox_mri_recon_create(context, &protocol, o, &recon));
  for (int64_t i = 0; i < kvox_io_mri_readouts(file); i++) {
    kvox_mri_readout r;
    assert_ok(kvox_io_mri_read(file, i, &r));
    assert_ok(kvox_mri_recon_push(recon, &r));
  }
  int64_t lines = 0, expected = 0;
  kvox_mri_recon_progress(recon, &lines, &expected);
  assert_int_equal(lines, expected);
  assert_ok(kvox_mri_recon_shape(recon, p->shape));
  assert_ok(kvox_mri_recon_grid(recon, &p->grid, NULL));
  p->pixels = malloc((size_t)(p->shape[0] * p->shape[1] * p->shape[2] * p->shape[3] * p->shape[4]) * sizeof *p->pixels);
  assert_non_null(p->pixels);
  assert_ok(kvox_array_init(&images, p->pixels, KVOX_F32, 5, p->shape));
  assert_ok(kvox_mri_recon_image(recon, NULL, &images));
  kvox_mri_recon_destroy(recon);
  kvox_io_mri_close(file);
  return true;
}

/* The mean within so many pixels of a place. */
static double mean_at(const picture *p, double x_mm, double y_mm, double radius_mm) {
  const double pixel = p->grid.spacing_mm[0];
  const int64_t nx = p->shape[4], ny = p->shape[3];
  double sum = 0, count = 0;
  for (int64_t y = 0; y < ny; y++) {
    for (int64_t x = 0; x < nx; x++) {
      const double dx = (double)(x - nx / 2) * pixel - x_mm, dy = (double)(y - ny / 2) * pixel - y_mm;
      if (dx * dx + dy * dy <= radius_mm * radius_mm) {
        sum += (double)p->pixels[y * nx + x];
        count++;
      }
    }
  }
  return sum / count;
}

/* One scan in two files. */
static void check_pair(kvox_context *context, const char *raw, const char *ismrmrd) {
  picture a = {.pixels = NULL}, b = {.pixels = NULL};
  if (reconstruct(context, raw, NULL, &a) && reconstruct(context, ismrmrd, NULL, &b)) {
    float most = 0;
    assert_memory_equal(a.shape, b.shape, sizeof a.shape);
    for (int64_t i = 0; i < a.shape[3] * a.shape[4]; i++) {
      most = fmaxf(most, b.pixels[i]);
    }
    for (int64_t i = 0; i < a.shape[3] * a.shape[4]; i++) {
      assert_close((double)a.pixels[i], (double)b.pixels[i], 1e-6 * (double)most);
    }
  }
  free(a.pixels);
  free(b.pixels);
}

static void test_pairs(void **state) {
  check_pair(*state, "siemens_ve_gre.dat", "gre_phantom_2ch.h5");
  check_pair(*state, "siemens_ve_epi.dat", "epi_phantom_2ch.h5");
}

/*
 * The phantom is a disc of 95 mm. Within it lie the black block with the holes (at -15 to 60 mm, 35 mm before its
 * middle in the order of lines), the bar across, the ring, and at its end the bubble of air: that side must be the
 * anterior.
 */
static void test_gre(void **state) {
  picture p = {.pixels = NULL};
  if (!reconstruct(*state, "siemens_ve_gre.dat", NULL, &p)) {
    return;
  }
  const double object = mean_at(&p, 0, 40, 10), air = mean_at(&p, -90, -90, 8);
  assert_true(p.shape[3] == 160 && p.shape[4] == 160);
  assert_true(air < 0.15 * object);
  assert_true(mean_at(&p, 30, -35, 8) < 0.4 * object);  /* the block */
  assert_true(mean_at(&p, 30, 8, 2) < 0.4 * object);    /* the bar */
  assert_true(mean_at(&p, -45, -35, 2) > 0.8 * object); /* the largest hole */
  const double bubble_y = 92;
  assert_true(mean_at(&p, 0, bubble_y, 2) < 0.3 * object && mean_at(&p, 0, -88, 2) > 0.5 * object);
  /* Air is above: the world's y, posterior, falls towards it. */
  assert_true(p.grid.axes[1][1] < -0.99);
  /* The middle pixel lies where the header has the slice. */
  static const double position[] = {-2.58969998377, 53.9224264395, -53.9994745263};
  for (int d = 0; d < 3; d++) {
    double at = p.grid.origin_mm[d];
    for (int a = 0; a < 2; a++) {
      at += p.grid.axes[a][d] * p.grid.spacing_mm[a] * 80;
    }
    assert_close(at, position[d], 1e-4);
    assert_close(p.grid.spacing_mm[d], d == 2 ? 4 : 1.25, 1e-9);
  }
  free(p.pixels);
}

/* EPI's picture is that of the gradient echo: regridded, its ghost taken off. */
static void test_epi(void **state) {
  picture p = {.pixels = NULL};
  if (!reconstruct(*state, "epi_phantom_2ch.h5", NULL, &p)) {
    return;
  }
  const double object = mean_at(&p, 0, 40, 10);
  assert_true(p.shape[3] == 80 && p.shape[4] == 80);
  assert_true(mean_at(&p, 30, 8, 2) < 0.4 * object);
  /* Corners hold the ghost alone: a few percent of noise are left, where it was 16. */
  assert_true(mean_at(&p, -90, -90, 8) < 0.05 * object && mean_at(&p, 90, -90, 8) < 0.05 * object);
  free(p.pixels);
}

/* 32 coils, or 8 of them: the same sphere; in units of noise, its signal stands far above it. */
static void test_sphere(void **state) {
  kvox_mri_recon_options o;
  picture all = {.pixels = NULL}, few = {.pixels = NULL};
  kvox_mri_recon_options_init(&o);
  o.noise = KVOX_MRI_NOISE_FROM_EDGES;
  o.snr_units = 1;
  if (!reconstruct(*state, "sphere_32ch.h5", &o, &all)) {
    return;
  }
  o.virtual_coils = 8;
  assert_true(reconstruct(*state, "sphere_32ch.h5", &o, &few));
  double difference = 0, sum = 0;
  for (int64_t i = 0; i < 64 * 64; i++) {
    difference += pow((double)all.pixels[i] - (double)few.pixels[i], 2);
    sum += pow((double)all.pixels[i], 2);
  }
  printf("8 of 32 coils differ by %.4f\n", sqrt(difference / sum));
  assert_true(sqrt(difference / sum) < 0.05);
  assert_true(mean_at(&all, 0, 0, 30) > 50);
  free(all.pixels);
  free(few.pixels);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_pairs), cmocka_unit_test(test_gre),
                                     cmocka_unit_test(test_epi), cmocka_unit_test(test_sphere)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
