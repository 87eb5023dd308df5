/*
 * A scanner's readouts to an image, as they come: mri_recon [RAW IMAGE.npy]
 *
 * With a raw file (ISMRMRD .h5, Siemens .dat) its readouts are pushed one by one; without, a simulated scanner measures
 * the k-space of a phantom with four coils. Half-way an image is made of what came so far.
 */
#include <kvox/io.h>
#include <kvox/io_mri.h>
#include <kvox/kvox.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 128, COILS = 4 };

#define TRY(call)            \
  do {                       \
    status = (call);         \
    if (status != KVOX_OK) { \
      goto cleanup;          \
    }                        \
  } while (0)

/* ---- The scanner: a file, or a phantom ---- */

typedef struct scanner {
  kvox_io_mri *file; /* NULL: the phantom */
  float *kspace;     /* of the phantom: [coil][line][sample][real, imaginary] */
  float line[COILS][SIZE][2];
  kvox_mri_protocol protocol;
  int64_t readouts;
} scanner;

static kvox_status start_phantom(kvox_context *context, scanner *s) {
  const int64_t size[3] = {SIZE, SIZE, 1}, shape[4] = {COILS, 1, SIZE, SIZE};
  const double spacing_mm[3] = {1.5, 1.5, 5};
  kvox_phantom *phantom = NULL;
  kvox_phantom_coils *coils = NULL;
  kvox_grid grid;
  kvox_array kspace;
  kvox_status status = KVOX_OK;
  s->kspace = calloc((size_t)COILS * SIZE * SIZE, 2 * sizeof(float));
  if (s->kspace == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  TRY(kvox_grid_init(&grid, size, spacing_mm, NULL));
  TRY(kvox_array_init(&kspace, s->kspace, KVOX_C64, 4, shape));
  TRY(kvox_phantom_create(context, "shepp-logan", 90, 1, &phantom));
  TRY(kvox_phantom_coils_create_loops(context, COILS, 1, 90, &coils));
  TRY(kvox_phantom_kspace(phantom, coils, &grid, &kspace));
  for (int a = 0; a < 3; a++) {
    s->protocol.encoded_size[a] = s->protocol.image_size[a] = size[a];
    s->protocol.encoded_mm[a] = s->protocol.image_mm[a] = spacing_mm[a] * (double)size[a];
  }
  s->protocol.limits[KVOX_MRI_STEP_1].last = SIZE - 1;
  s->protocol.limits[KVOX_MRI_STEP_1].center = SIZE / 2;
  s->readouts = SIZE;

cleanup:
  kvox_phantom_destroy(phantom);
  kvox_phantom_coils_destroy(coils);
  return status;
}

static kvox_status measure(scanner *s, int64_t n, kvox_mri_readout *readout) {
  if (s->file != NULL) {
    return kvox_io_mri_read(s->file, n, readout);
  }
  memset(readout, 0, sizeof *readout);
  for (int64_t c = 0; c < COILS; c++) {
    memcpy(s->line[c], s->kspace + 2 * SIZE * (c * SIZE + n), sizeof s->line[c]);
  }
  readout->counters[KVOX_MRI_STEP_1] = (int32_t)n;
  readout->coils = COILS;
  readout->samples = SIZE;
  readout->center_sample = SIZE / 2;
  readout->data = &s->line[0][0][0]; /* is copied by the push */
  return KVOX_OK;
}

/* ---- The reconstruction ---- */

/* The magnitude of what came so far, [frame, z, y, x]. */
static kvox_status make_image(kvox_mri_recon *recon, kvox_workspace *workspace, float **samples, kvox_array *image) {
  int64_t shape[5];
  kvox_status status = KVOX_OK;
  TRY(kvox_mri_recon_shape(recon, shape)); /* frames, coils (combined: 1), z, y, x */
  if (*samples == NULL) {
    *samples = calloc((size_t)(shape[0] * shape[2]) * (size_t)(shape[3] * shape[4]), sizeof(float));
    if (*samples == NULL) {
      return KVOX_ERROR_MEMORY;
    }
  }
  shape[1] = shape[0];
  TRY(kvox_array_init(image, *samples, KVOX_F32, 4, shape + 1));
  TRY(kvox_mri_recon_image(recon, workspace, image));

cleanup:
  return status;
}

static kvox_status run(const char *raw, const char *output) {
  static scanner s;
  kvox_context *context = NULL;
  kvox_workspace *workspace = NULL;
  kvox_mri_recon *recon = NULL;
  float *samples = NULL;
  kvox_array image;
  kvox_mri_readout readout;
  int64_t lines = 0, announced = 0;
  kvox_status status = KVOX_OK;

  TRY(kvox_context_create(NULL, &context));
  TRY(kvox_workspace_create(context, &workspace));
  if (raw != NULL) {
    TRY(kvox_io_mri_open(context, raw, &s.file));
    TRY(kvox_io_mri_protocol(s.file, &s.protocol));
    s.readouts = kvox_io_mri_readouts(s.file);
  } else {
    TRY(start_phantom(context, &s));
  }
  TRY(kvox_mri_recon_create(context, &s.protocol, NULL, &recon));
  for (int64_t n = 0; n < s.readouts; n++) {
    TRY(measure(&s, n, &readout));
    TRY(kvox_mri_recon_push(recon, &readout));
    kvox_mri_recon_progress(recon, &lines, &announced);
    if (n == s.readouts / 2 && lines > 0) {
      TRY(make_image(recon, workspace, &samples, &image)); /* lines that did not come are zero */
    }
  }
  TRY(make_image(recon, workspace, &samples, &image));

  int64_t middle = 0;
  for (int i = 1; i < 4; i++) {
    middle = middle * image.shape[i] + image.shape[i] / 2;
  }
  printf("%d of %d lines, %d x %d x %d voxels, %.3g in the middle\n", (int)lines, (int)announced, (int)image.shape[3],
         (int)image.shape[2], (int)image.shape[1], (double)samples[middle]);
  if (output != NULL) {
    TRY(kvox_io_write_array(context, output, &image));
  }

cleanup:
  free(samples);
  free(s.kspace);
  kvox_mri_recon_destroy(recon);
  kvox_io_mri_close(s.file);
  kvox_workspace_destroy(workspace);
  kvox_context_destroy(context);
  return status;
}

int main(int argc, char **argv) {
  if (argc != 1 && argc != 3) {
    fprintf(stderr, "usage: mri_recon [RAW IMAGE.npy]\n");
    return 2;
  }
  const kvox_status status = run(argc == 3 ? argv[1] : NULL, argc == 3 ? argv[2] : NULL);
  if (status != KVOX_OK) {
    fprintf(stderr, "mri_recon: %s\n", status == KVOX_ERROR_MEMORY ? "out of memory" : kvox_last_error());
    return 1;
  }
  return 0;
}
